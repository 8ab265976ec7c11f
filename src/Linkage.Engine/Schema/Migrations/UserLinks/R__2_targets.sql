-- A target by its name, or by its table in SQL notation.
CREATE OR REPLACE FUNCTION linkage.find_link_target(wanted text) RETURNS linkage.link_target
LANGUAGE plpgsql STABLE
AS $$
DECLARE
  target linkage.link_target;
BEGIN
  -- A name wins over a table of that name in another schema.
  SELECT t.* INTO target FROM linkage.link_target t WHERE t.name = wanted;
  IF NOT FOUND THEN
    BEGIN
      SELECT t.* INTO target
      FROM linkage.link_target t
      WHERE to_regclass(format('%I.%I', t.table_schema, t.table_name)) = to_regclass(wanted);
    EXCEPTION WHEN invalid_name OR syntax_error OR feature_not_supported THEN
      -- Before PostgreSQL 16, what is no name at all is an error.
      target := NULL;
    END;
  END IF;
  IF target.name IS NULL THEN
    RAISE EXCEPTION USING
      ERRCODE = 'LK006',
      MESSAGE = format('%s is no link target of this database.', COALESCE(quote_literal(wanted), 'A null name')),
      HINT = COALESCE(
        (SELECT 'The targets are: ' || string_agg(name, ', ' ORDER BY name) || '.' FROM linkage.link_target), 'None is registered.')
        || ' Register-LinkTarget registers one.';
  END IF;
  RETURN target;
END
$$;

-- Its table, in SQL notation.
CREATE OR REPLACE FUNCTION linkage.target_table(target linkage.link_target) RETURNS text
LANGUAGE sql STABLE
AS $$ SELECT pg_catalog.format('%I.%I', target.table_schema, target.table_name) $$;

-- What is gone of its table since it was registered, or null: what is gone holds up no other target.
CREATE OR REPLACE FUNCTION linkage.target_problem(target linkage.link_target) RETURNS text
LANGUAGE sql STABLE
AS $$
  SELECT CASE
    WHEN to_regclass(linkage.target_table(target)) IS NULL THEN format('There is no table %s.', linkage.target_table(target))
    ELSE (
      SELECT format('Table %s has no column %s.', linkage.target_table(target), string_agg(DISTINCT quote_ident(c.name), ', '))
      FROM unnest(
        target.key_columns || ARRAY[target.phone_column, target.user_column, target.guest_column, target.event_column]) AS c (name)
      WHERE c.name IS NOT NULL AND NOT EXISTS (
        SELECT
        FROM pg_catalog.pg_attribute a
        WHERE a.attrelid = to_regclass(linkage.target_table(target)) AND a.attname = c.name AND NOT a.attisdropped)
      HAVING count(*) > 0
    )
  END
$$;

-- The audit tells guest links apart by this name; both belong to one target.
CREATE OR REPLACE FUNCTION linkage.guest_link_audit_name(target text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT $1 || '_backfill' $$;

-- The same, also by the name that its guest links have in the audit.
CREATE OR REPLACE FUNCTION linkage.find_audited_target(wanted text) RETURNS linkage.link_target
LANGUAGE sql STABLE
AS $$
  SELECT linkage.find_link_target(COALESCE(
    (SELECT t.name FROM linkage.link_target t WHERE $1 = linkage.guest_link_audit_name(t.name)), $1))
$$;

-- The key of an alias as text: of one column its value, of several a jsonb array of them.
CREATE OR REPLACE FUNCTION linkage.record_key_expression(target linkage.link_target, alias text DEFAULT 't') RETURNS text
LANGUAGE sql STABLE
AS $$
  SELECT CASE
    WHEN cardinality(target.key_columns) = 1 THEN pg_catalog.min(c.value)
    ELSE pg_catalog.format('pg_catalog.jsonb_build_array(%s)::text', pg_catalog.string_agg(c.value, ', ' ORDER BY k.i))
  END
  FROM unnest(target.key_columns) WITH ORDINALITY AS k (c, i)
  JOIN pg_catalog.pg_attribute a
    ON a.attrelid = pg_catalog.format('%I.%I', target.table_schema, target.table_name)::regclass AND a.attname = k.c
  CROSS JOIN LATERAL (SELECT linkage.key_text(pg_catalog.format('%s.%I', alias, k.c), a.atttypid)) AS c (value)
$$;

-- The condition that alias t is the row whose key as text is the given expression. Plan: the primary key of t.
CREATE OR REPLACE FUNCTION linkage.record_key_condition(target linkage.link_target, record_key text) RETURNS text
LANGUAGE sql STABLE
AS $$
  SELECT pg_catalog.string_agg(
    pg_catalog.format(
      't.%I = %s::%s',
      k.c,
      CASE WHEN cardinality(target.key_columns) = 1 THEN record_key
        ELSE pg_catalog.format('(%s::jsonb ->> %s)', record_key, k.i - 1) END,
      pg_catalog.format_type(a.atttypid, a.atttypmod)),
    ' AND ' ORDER BY k.i)
  FROM unnest(target.key_columns) WITH ORDINALITY AS k (c, i)
  JOIN pg_catalog.pg_attribute a
    ON a.attrelid = pg_catalog.format('%I.%I', target.table_schema, target.table_name)::regclass AND a.attname = k.c
$$;

-- The key columns of alias t.
CREATE OR REPLACE FUNCTION linkage.target_key_columns(target linkage.link_target) RETURNS text
LANGUAGE sql STABLE
AS $$
  SELECT pg_catalog.string_agg(pg_catalog.format('t.%I', k.c), ', ' ORDER BY k.i)
  FROM unnest(target.key_columns) WITH ORDINALITY AS k (c, i)
$$;

-- Whether the audit can hold the key in record_id.
CREATE OR REPLACE FUNCTION linkage.has_uuid_key(target linkage.link_target) RETURNS boolean
LANGUAGE sql STABLE
AS $$
  SELECT cardinality(target.key_columns) = 1 AND a.atttypid = 'uuid'::regtype
  FROM pg_catalog.pg_attribute a
  WHERE a.attrelid = pg_catalog.format('%I.%I', target.table_schema, target.table_name)::regclass
    AND a.attname = target.key_columns[1]
$$;

-- Whether the target is one table, in which a ctid names a row.
CREATE OR REPLACE FUNCTION linkage.is_plain_table(target linkage.link_target) RETURNS boolean
LANGUAGE sql STABLE
AS $$
  SELECT c.relkind = 'r'
  FROM pg_catalog.pg_class c
  WHERE c.oid = pg_catalog.format('%I.%I', target.table_schema, target.table_name)::regclass
$$;

-- Candidates: rows without a user that have a phone or a guest.
CREATE OR REPLACE FUNCTION linkage.link_candidates(walk jsonb) RETURNS text
LANGUAGE sql STABLE
AS $$
  SELECT pg_catalog.format(
    't.%I IS NULL AND (t.%I IS NOT NULL%s)',
    target.user_column, target.phone_column,
    CASE WHEN target.guest_column IS NOT NULL THEN pg_catalog.format(' OR t.%I IS NOT NULL', target.guest_column) ELSE '' END)
  FROM linkage.link_target target
  WHERE target.name = walk ->> 'target'
$$;

-- What the rule asks of a record, alias t: its key as text (k), guest (g), event (e), phone (p); and the user that it has (u).
CREATE OR REPLACE FUNCTION linkage.record_columns(target linkage.link_target) RETURNS text
LANGUAGE sql STABLE
AS $$
  SELECT pg_catalog.format(
    '%s AS k, %s::{{guest_id}} AS g, %s::{{event_id}} AS e, t.%I::text AS p, t.%I::{{user_id}} AS u',
    linkage.record_key_expression(target),
    COALESCE('t.' || pg_catalog.quote_ident(target.guest_column), 'NULL'),
    COALESCE('t.' || pg_catalog.quote_ident(target.event_column), 'NULL'),
    target.phone_column, target.user_column)
$$;

-- The query of these columns, of the records that meet a condition on alias t.
CREATE OR REPLACE FUNCTION linkage.target_records(target linkage.link_target, condition text) RETURNS text
LANGUAGE sql STABLE
AS $$
  SELECT pg_catalog.format(
    'SELECT %s FROM %I.%I AS t WHERE %s', linkage.record_columns(target), target.table_schema, target.table_name, condition)
$$;

-- A valid index of a table that begins with a column and holds the rows of a predicate, as the server writes that; null where there is
-- none.
CREATE OR REPLACE FUNCTION linkage.find_index(relation regclass, first_column name, predicate text) RETURNS regclass
LANGUAGE sql STABLE
AS $$
  SELECT i.indexrelid::regclass
  FROM pg_catalog.pg_index i
  JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
  WHERE i.indrelid = $1 AND i.indisvalid AND a.attname = $2 AND pg_catalog.pg_get_expr(i.indpred, i.indrelid) = $3
  ORDER BY i.indexrelid
  LIMIT 1
$$;
