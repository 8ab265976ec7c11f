-- How keys are found: nothing outside these functions knows. A walk names a table, its key columns and its candidates; a key
-- set is what a batch works on, opaque to everybody but linkage.key_set_condition.
--
-- This walk goes in key order: after the cursor, up to the bound. It examines a row once however often the row is updated
-- meanwhile, on any kind of table (plain, partitioned), for any ordered key (uuid, bigint, text, composite).

-- 'a', 'b' with alias t: t.a, t.b
CREATE OR REPLACE FUNCTION linkage.key_columns(walk jsonb) RETURNS text
LANGUAGE sql STABLE
AS $$
  SELECT pg_catalog.string_agg(pg_catalog.format('t.%I', k.name), ', ' ORDER BY k.position)
  FROM pg_catalog.jsonb_array_elements_text(walk -> 'key') WITH ORDINALITY AS k (name, position)
$$;

-- A key's values as typed literals: '17'::bigint, 'x'::text
CREATE OR REPLACE FUNCTION linkage.key_literals(walk jsonb, key_values jsonb) RETURNS text
LANGUAGE sql STABLE
AS $$
  SELECT pg_catalog.string_agg(
    pg_catalog.format('%L::%s', v.value, pg_catalog.format_type(a.atttypid, a.atttypmod)), ', ' ORDER BY k.position)
  FROM pg_catalog.jsonb_array_elements_text(walk -> 'key') WITH ORDINALITY AS k (name, position)
  JOIN pg_catalog.jsonb_array_elements_text(key_values) WITH ORDINALITY AS v (value, position) USING (position)
  JOIN pg_catalog.pg_attribute a ON a.attrelid = (walk ->> 'table')::regclass AND a.attname = k.name
$$;

-- The condition on alias t that holds for the candidates' keys of a key set: after (exclusive) to upto (inclusive).
CREATE OR REPLACE FUNCTION linkage.key_set_condition(walk jsonb, key_set jsonb) RETURNS text
LANGUAGE sql STABLE
AS $$
  SELECT pg_catalog.concat_ws(' AND ',
    CASE WHEN pg_catalog.jsonb_typeof(key_set -> 'after') = 'array' THEN
      pg_catalog.format('(%s) > (%s)', linkage.key_columns(walk), linkage.key_literals(walk, key_set -> 'after')) END,
    CASE WHEN pg_catalog.jsonb_typeof(key_set -> 'upto') = 'array' THEN
      pg_catalog.format('(%s) <= (%s)', linkage.key_columns(walk), linkage.key_literals(walk, key_set -> 'upto')) END,
    'true')
$$;

-- The condition on alias t for what the walk examines at all. Literal, never parameters: partial indexes need to see it.
CREATE OR REPLACE FUNCTION linkage.candidates(walk jsonb) RETURNS text
LANGUAGE plpgsql STABLE
AS $$
DECLARE
  condition text;
BEGIN
  EXECUTE format('SELECT %s($1)', linkage.own_function(walk ->> 'candidates')) INTO STRICT condition USING walk;
  RETURN condition;
END
$$;

-- The key of a row as a jsonb array of text.
CREATE OR REPLACE FUNCTION linkage.key_array(walk jsonb) RETURNS text
LANGUAGE sql STABLE
AS $$
  SELECT pg_catalog.format(
    'pg_catalog.jsonb_build_array(%s)',
    pg_catalog.string_agg(pg_catalog.format('t.%I::text', k.name), ', ' ORDER BY k.position))
  FROM pg_catalog.jsonb_array_elements_text(walk -> 'key') WITH ORDINALITY AS k (name, position)
$$;

-- The highest key that is a candidate now; null where there is none.
-- Plan: the key's index, backward.
CREATE OR REPLACE FUNCTION linkage.last_key(walk jsonb) RETURNS jsonb
LANGUAGE plpgsql STABLE
AS $$
DECLARE
  last_key jsonb;
BEGIN
  EXECUTE format(
    'SELECT %s FROM %s AS t WHERE %s ORDER BY %s LIMIT 1',
    linkage.key_array(walk), (walk ->> 'table')::regclass, linkage.candidates(walk),
    replace(linkage.key_columns(walk), ', ', ' DESC, ') || ' DESC')
  INTO last_key;
  RETURN last_key;
END
$$;

-- The next key set: at most size candidates after the cursor, up to the walk's bound; null when nothing is left.
-- {"after": cursor, "upto": last key, "rows": candidates in it}. Plan: the key's index, forward, from the cursor.
CREATE OR REPLACE FUNCTION linkage.next_key_set(walk jsonb, cursor jsonb, size integer) RETURNS jsonb
LANGUAGE plpgsql STABLE
AS $$
DECLARE
  key_set jsonb;
BEGIN
  -- A bound of null was fixed when there was no candidate at all.
  IF walk ? 'bound' AND jsonb_typeof(walk -> 'bound') IS DISTINCT FROM 'array' THEN
    RETURN NULL;
  END IF;
  EXECUTE format(
    'SELECT jsonb_build_object(''after'', $1, ''upto'', %1$s, ''rows'', t.row_number)
     FROM (
       SELECT %2$s, row_number() OVER (ORDER BY %2$s)
       FROM %3$s AS t
       WHERE %4$s AND %5$s
       ORDER BY %2$s
       LIMIT $2
     ) AS t
     ORDER BY t.row_number DESC
     LIMIT 1',
    linkage.key_array(walk), linkage.key_columns(walk), (walk ->> 'table')::regclass, linkage.candidates(walk),
    linkage.key_set_condition(walk, jsonb_build_object('after', cursor, 'upto', walk -> 'bound')))
  INTO key_set
  USING cursor, size;
  RETURN key_set;
END
$$;
