-- The INSERT ... ON CONFLICT that fits a rule's index: its keys, and its predicate, without which a partial index is not found; that of the
-- index which enforces the rule, if one does. Columns that fill themselves in are left out, unless the rule reads them or they are to be
-- set: generated ones, and those with a default.
CREATE OR REPLACE FUNCTION linkage.upsert_statement(rule linkage.unique_key_rule, wanted_set text[], does_nothing boolean) RETURNS text
LANGUAGE plpgsql
AS $$
DECLARE
  relation regclass := linkage.rule_relation(rule);
  inserted text[];
  updated  text[];
  unknown  text;
  -- one with fewer columns would not be found by these
  predicate text := COALESCE(
    (
      SELECT pg_get_expr(i.indpred, i.indrelid)
      FROM linkage.rule_indexes(rule) e
      JOIN pg_index i ON i.indexrelid = e.index_name
      WHERE e.enforces AND e.is_valid AND i.indnkeyatts = cardinality(rule.keys)
      ORDER BY e.is_named DESC
      LIMIT 1
    ),
    rule.predicate);
BEGIN
  SELECT w.name INTO unknown
  FROM unnest(wanted_set) AS w (name)
  WHERE NOT EXISTS (
    SELECT FROM pg_attribute a
    WHERE a.attrelid = relation AND a.attname = w.name AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '' AND a.attidentity <> 'a')
  LIMIT 1;
  IF unknown IS NOT NULL THEN
    RAISE EXCEPTION USING
      ERRCODE = 'LK062',
      MESSAGE = CASE
        WHEN EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = relation AND a.attname = unknown AND NOT a.attisdropped)
          THEN format('Column %I of %s is generated, and can''t be set.', unknown, relation)
        ELSE linkage.no_such_column(relation, unknown, 'update')
      END;
  END IF;

  SELECT
    array_agg(quote_ident(a.attname) ORDER BY a.attnum),
    array_agg(quote_ident(a.attname) ORDER BY a.attnum) FILTER (
      WHERE CASE
        WHEN wanted_set IS NOT NULL THEN a.attname = ANY (wanted_set)
        ELSE NOT a.attname = ANY (rule.columns)
      END)
  INTO inserted, updated
  FROM pg_attribute a
  WHERE a.attrelid = relation AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '' AND a.attidentity <> 'a'
    AND (a.attname = ANY (rule.columns) OR a.attname = ANY (COALESCE(wanted_set, '{}'))
      OR NOT a.atthasdef AND a.attidentity = '');
  -- a primary key that the rule does not read stays that of the row that was there first
  IF wanted_set IS NULL THEN
    updated := ARRAY(
      SELECT u.name
      FROM unnest(updated) WITH ORDINALITY AS u (name, place)
      WHERE NOT u.name = ANY (ARRAY(SELECT quote_ident(k) FROM unnest(COALESCE(linkage.unique_key(relation, NULL), '{}')) AS k))
      ORDER BY u.place);
  END IF;
  IF NOT does_nothing AND cardinality(COALESCE(updated, '{}')) = 0 THEN
    RAISE EXCEPTION USING
      ERRCODE = 'LK062',
      MESSAGE = format('Rule %s leaves no column of %s to update: the key is all that is inserted.', rule.name, relation),
      HINT = 'Use -DoNothing, or name columns with -Set.';
  END IF;

  RETURN format(
    E'INSERT INTO %s (%s)\nVALUES (%s)\nON CONFLICT (%s)%s\n%s;',
    linkage.qualified_name(relation), array_to_string(inserted, ', '),
    (SELECT string_agg('$' || i, ', ' ORDER BY i) FROM generate_series(1, cardinality(inserted)) AS i),
    array_to_string(rule.keys, ', '), ' WHERE ' || predicate,
    CASE
      WHEN does_nothing THEN 'DO NOTHING'
      ELSE 'DO UPDATE SET ' || (SELECT string_agg(format('%1$s = EXCLUDED.%1$s', u.name), ', ' ORDER BY u.place)
                               FROM unnest(updated) WITH ORDINALITY AS u (name, place))
    END);
END
$$;
