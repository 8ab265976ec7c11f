-- What a rule says, as SQL. Predicate, keys and order are spliced into statements as they stand in the registry: the server itself wrote
-- keys and predicate there (linkage.read_unique_key).

-- The rule of a name.
CREATE OR REPLACE FUNCTION linkage.find_unique_key_rule(wanted text) RETURNS linkage.unique_key_rule
LANGUAGE plpgsql STABLE
AS $$
DECLARE
  rule linkage.unique_key_rule;
BEGIN
  SELECT r.* INTO rule FROM linkage.unique_key_rule r WHERE r.name = wanted;
  IF NOT FOUND THEN
    RAISE EXCEPTION USING
      ERRCODE = 'LK061',
      MESSAGE = format(
        'There is no rule %s.%s', COALESCE(wanted, 'of no name'),
        ' Similar are: ' || linkage.similar_names(wanted, ARRAY(SELECT r.name FROM linkage.unique_key_rule r)) || '.'),
      HINT = 'Get-UniqueKeyRule lists the rules, Register-UniqueKeyRule adds one.';
  END IF;
  RETURN rule;
END
$$;

-- Why a rule can't be applied here: its table is gone, or columns of it are; null where they are there. The order is checked when it is used.
CREATE OR REPLACE FUNCTION linkage.rule_problem(rule linkage.unique_key_rule) RETURNS text
LANGUAGE sql STABLE
AS $$
  SELECT CASE
    WHEN linkage.find_table(($1).relation) IS NULL THEN format('Table %s is absent.', ($1).relation)
    ELSE (
      SELECT format('Table %s has no column %s.', ($1).relation, string_agg(quote_ident(w.name), ', ' ORDER BY w.place))
      FROM unnest(($1).columns) WITH ORDINALITY AS w (name, place)
      WHERE NOT EXISTS (
        SELECT
        FROM pg_catalog.pg_attribute a
        WHERE a.attrelid = linkage.find_table(($1).relation) AND a.attname = w.name AND a.attnum > 0 AND NOT a.attisdropped)
      HAVING count(*) > 0
    )
  END
$$;

-- The table of a rule; an error where it is gone, or columns of it are.
CREATE OR REPLACE FUNCTION linkage.rule_relation(rule linkage.unique_key_rule) RETURNS regclass
LANGUAGE plpgsql STABLE
AS $$
DECLARE
  problem text := linkage.rule_problem(rule);
BEGIN
  IF problem IS NOT NULL THEN
    RAISE EXCEPTION USING
      ERRCODE = 'LK062',
      MESSAGE = format('Rule %s can''t be applied: %s', rule.name, problem),
      HINT = CASE rule.origin
        WHEN 'registered' THEN 'Register-UniqueKeyRule registers what took its place, Unregister-UniqueKeyRule forgets the rule.'
        ELSE 'Register-UniqueKeyRule registers a rule for tables and columns of other names.'
      END;
  END IF;
  RETURN linkage.find_table(rule.relation);
END
$$;

-- Each key as an expression, for statements where the table has that alias and no other relation is in scope; without an alias, columns stand
-- for themselves.
CREATE OR REPLACE FUNCTION linkage.rule_keys_sql(rule linkage.unique_key_rule, alias text DEFAULT NULL) RETURNS text[]
LANGUAGE sql IMMUTABLE
AS $$
  SELECT array_agg(CASE WHEN k.key LIKE '(%' OR $2 IS NULL THEN k.key ELSE format('%I.%s', $2, k.key) END ORDER BY k.place)
  FROM unnest(($1).keys) WITH ORDINALITY AS k (key, place)
$$;

-- The condition for the rows that can be duplicates: those that the index will cover, less those whose nulls are all different.
CREATE OR REPLACE FUNCTION linkage.rule_condition(rule linkage.unique_key_rule) RETURNS text
LANGUAGE sql IMMUTABLE
AS $$
  SELECT concat_ws(
    ' AND ',
    '(' || ($1).predicate || ')',
    CASE WHEN ($1).nulls_distinct THEN (
      SELECT string_agg(format('%s IS NOT NULL', k.key), ' AND ' ORDER BY k.place) FROM unnest(($1).keys) WITH ORDINALITY AS k (key, place)
    ) END,
    CASE WHEN ($1).predicate IS NULL AND NOT ($1).nulls_distinct THEN 'true' END)
$$;

-- The order in which the rows of a group come, who stays first: as the rule says, then the oldest: by the time at which the row came, where the
-- table keeps it, then by its primary key, texts in C collation.
CREATE OR REPLACE FUNCTION linkage.rule_order(rule linkage.unique_key_rule) RETURNS text
LANGUAGE sql STABLE
AS $$
  SELECT array_to_string(
    ($1).keep || linkage.oldest_first(linkage.find_table(($1).relation)), ', ')
$$;

-- The same for a table without a rule: its oldest rows first. The last item tells any two rows apart.
CREATE OR REPLACE FUNCTION linkage.oldest_first(relation regclass) RETURNS text[]
LANGUAGE sql STABLE
AS $$
  SELECT
    ARRAY(
      SELECT format('%I NULLS LAST', a.attname)
      FROM pg_catalog.pg_attribute a
      WHERE a.attrelid = $1 AND a.attname IN ('created_at', 'createdAt') AND NOT a.attisdropped
        AND a.atttypid IN ('timestamptz'::regtype, 'timestamp'::regtype, 'date'::regtype)
      ORDER BY a.attname = 'created_at' DESC
      LIMIT 1
    ) || ARRAY(
      SELECT format('%I%s', a.attname, CASE WHEN a.attcollation <> 0 THEN ' COLLATE "C"' END)
      FROM unnest(linkage.unique_key($1, NULL)) WITH ORDINALITY AS k (name, place)
      JOIN pg_catalog.pg_attribute a ON a.attrelid = $1 AND a.attname = k.name
      ORDER BY k.place
    ) || ARRAY['tableoid', 'ctid']
$$;
