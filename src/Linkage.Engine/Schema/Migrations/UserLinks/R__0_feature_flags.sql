-- Flags. The application's own feature_flags and get_feature_flag are used where they exist, not replaced.

-- The columns of the application's feature_flags that hold a flag's name and its state.
CREATE OR REPLACE FUNCTION linkage.feature_flag_columns(OUT name_column name, OUT state_column name)
LANGUAGE sql STABLE
AS $$
  SELECT
    (
      SELECT a.attname FROM pg_catalog.pg_attribute a
      WHERE a.attrelid = to_regclass('{{app}}.feature_flags') AND a.attnum > 0 AND NOT a.attisdropped
        AND a.attname IN ('name', 'key', 'flag', 'flag_name', 'flag_key', 'feature_name')
      ORDER BY array_position(ARRAY['name', 'key', 'flag', 'flag_name', 'flag_key', 'feature_name']::name[], a.attname)
      LIMIT 1
    ),
    (
      SELECT a.attname FROM pg_catalog.pg_attribute a
      WHERE a.attrelid = to_regclass('{{app}}.feature_flags') AND a.attnum > 0 AND NOT a.attisdropped
        AND a.atttypid = 'boolean'::regtype
        AND a.attname IN ('enabled', 'is_enabled', 'value', 'state', 'active', 'is_active')
      ORDER BY array_position(ARRAY['enabled', 'is_enabled', 'value', 'state', 'active', 'is_active']::name[], a.attname)
      LIMIT 1
    )
$$;

DO $install$
DECLARE
  columns record;
  has_table boolean := to_regclass('{{app}}.feature_flags') IS NOT NULL;
  -- the application's, whatever its argument is called or typed
  has_function boolean := EXISTS (
    SELECT FROM pg_proc p
    WHERE p.pronamespace = '{{app}}'::regnamespace AND p.proname = 'get_feature_flag' AND NOT linkage.is_own(p.oid, 'pg_proc'));
BEGIN
  IF NOT has_table AND NOT has_function THEN
    CREATE TABLE {{app}}.feature_flags (
      name        text PRIMARY KEY,
      enabled     boolean NOT NULL DEFAULT false,
      description text,
      updated_at  timestamptz NOT NULL DEFAULT now()
    );
    COMMENT ON TABLE {{app}}.feature_flags IS 'Linkage: what is switched on';
    has_table := true;
  END IF;

  columns := linkage.feature_flag_columns();
  IF NOT has_function THEN
    EXECUTE format(
      'CREATE OR REPLACE FUNCTION {{app}}.get_feature_flag(flag_name text) RETURNS boolean
       LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET row_security = off
       AS %L',
      format(
        'SELECT COALESCE((SELECT f.%I FROM {{app}}.feature_flags f WHERE f.%I = $1), false)',
        columns.state_column, columns.name_column));
    COMMENT ON FUNCTION {{app}}.get_feature_flag(text) IS 'Linkage: whether a feature is switched on; false for an unknown one';
  END IF;

  IF has_table AND columns.name_column IS NOT NULL AND columns.state_column IS NOT NULL THEN
    EXECUTE format(
      'INSERT INTO {{app}}.feature_flags (%1$I, %2$I)
       SELECT f.name, f.state
       FROM (VALUES (''LINK_USER_BY_PHONE'', true), (''LINK_USER_BY_PHONE_FALLBACK_TO_USERS'', false)) AS f (name, state)
       WHERE NOT EXISTS (SELECT FROM {{app}}.feature_flags e WHERE e.%1$I = f.name)',
      columns.name_column, columns.state_column);
  END IF;
EXCEPTION WHEN not_null_violation OR check_violation OR foreign_key_violation THEN
  RAISE EXCEPTION USING
    ERRCODE = 'LK010',
    MESSAGE = format('The existing table {{app}}.feature_flags does not take Linkage''s flags: %s.', SQLERRM),
    HINT = 'Insert LINK_USER_BY_PHONE (on) and LINK_USER_BY_PHONE_FALLBACK_TO_USERS (off) yourself, and install again.';
END
$install$;

-- Switches a flag; returns what it was, or null where there was none.
CREATE OR REPLACE FUNCTION linkage.set_feature_flag(flag text, state boolean) RETURNS boolean
LANGUAGE plpgsql
AS $$
DECLARE
  columns  record := linkage.feature_flag_columns();
  previous boolean;
BEGIN
  IF columns.name_column IS NULL OR columns.state_column IS NULL THEN
    RAISE EXCEPTION USING
      ERRCODE = 'LK008',
      MESSAGE = 'The application keeps its flags elsewhere than in a table {{app}}.feature_flags with a name and a boolean state.',
      HINT = 'Switch the flag where the application does.';
  END IF;
  EXECUTE format('SELECT f.%I FROM {{app}}.feature_flags f WHERE f.%I = $1 FOR UPDATE', columns.state_column, columns.name_column)
  INTO previous USING flag;
  EXECUTE format('UPDATE {{app}}.feature_flags SET %I = $2 WHERE %I = $1', columns.state_column, columns.name_column)
  USING flag, state;
  IF previous IS NULL THEN
    EXECUTE format(
      'INSERT INTO {{app}}.feature_flags (%1$I, %2$I)
       SELECT $1, $2 WHERE NOT EXISTS (SELECT FROM {{app}}.feature_flags f WHERE f.%1$I = $1)',
      columns.name_column, columns.state_column)
    USING flag, state;
  END IF;
  RETURN previous;
END
$$;

-- Flags by name, as linking sees them (is_enabled, by get_feature_flag) and as the table has them (is_stored; null where it has no
-- such row, or where the application keeps its flags elsewhere). wanted null gives every flag of the table.
CREATE OR REPLACE FUNCTION linkage.find_feature_flags(wanted text[])
RETURNS TABLE (name text, is_enabled boolean, is_stored boolean)
LANGUAGE plpgsql STABLE
AS $$
DECLARE
  columns record := linkage.feature_flag_columns();
BEGIN
  IF columns.name_column IS NULL OR columns.state_column IS NULL THEN
    RETURN QUERY
    SELECT w.name, {{app}}.get_feature_flag(w.name), NULL::boolean
    FROM unnest(wanted) WITH ORDINALITY AS w (name, position)
    ORDER BY w.position;
    RETURN;
  END IF;

  RETURN QUERY EXECUTE format(
    'SELECT f.name, {{app}}.get_feature_flag(f.name), f.state
     FROM (
       SELECT w.name, s.%2$I AS state, w.position
       FROM unnest($1) WITH ORDINALITY AS w (name, position)
       LEFT JOIN {{app}}.feature_flags s ON s.%1$I = w.name
       UNION ALL
       SELECT s.%1$I::text, s.%2$I, NULL
       FROM {{app}}.feature_flags s
       WHERE $1 IS NULL
     ) AS f
     ORDER BY f.position, f.name',
    columns.name_column, columns.state_column)
  USING wanted;
END
$$;
