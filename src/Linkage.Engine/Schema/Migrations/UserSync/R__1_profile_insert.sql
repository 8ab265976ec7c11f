-- How a profile is written: what trigger, repair and undo have in common.

-- What an INSERT of profiles writes, comma separated: the columns, also as those of a row v; their values, named like them, on alias a of the
-- accounts; and why the table refuses a row v of such values, as an expression: for want of a value, for its length, by a CHECK on what is
-- copied. What else it refuses, only the server knows.
CREATE OR REPLACE FUNCTION linkage.profile_insert(OUT columns text, OUT v_columns text, OUT column_values text, OUT refusal text)
LANGUAGE sql STABLE
AS $$
  WITH copied AS MATERIALIZED (
    SELECT c.*, a.atttypmod - 4 AS max_length, a.atttypid IN ('varchar'::regtype, 'bpchar'::regtype) AND a.atttypmod > 4 AS is_limited
    FROM linkage.profile_columns() c
    LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = '{{profiles}}'::regclass AND a.attnum = c."position" AND a.attnum > 0
  ),
  refused AS (
    SELECT
      1 AS phase, c."position"::text AS place,
      CASE WHEN c.expression IS NULL THEN 'true' ELSE pg_catalog.format('v.%I IS NULL', c.profile_column) END AS condition,
      pg_catalog.format(
        '%s is required, and %s', c.profile_column,
        COALESCE(
          'the account has no ' || NULLIF(pg_catalog.array_to_string(c.sources, ', '), ''),
          'comes from nowhere: Set-UserSyncMapping -Column ' || c.profile_column || ' says from where')) AS reason
    FROM copied c
    WHERE c.is_required
    UNION ALL
    SELECT
      2, c."position"::text,
      pg_catalog.format('pg_catalog.char_length(pg_catalog.rtrim(v.%I::text, '' '')) > %s', c.profile_column, c.max_length),
      pg_catalog.format('%s takes no more than %s characters', c.profile_column, c.max_length)
    FROM copied c
    WHERE c.is_limited AND c.expression IS NOT NULL
    UNION ALL
    SELECT
      3, k.conname, pg_catalog.format('(SELECT NOT (%s) FROM (SELECT v.*) AS r)', pg_catalog.pg_get_expr(k.conbin, k.conrelid)),
      pg_catalog.format('constraint %s does not allow it', k.conname)
    FROM pg_catalog.pg_constraint k
    WHERE k.conrelid = '{{profiles}}'::regclass AND k.contype = 'c' AND k.conkey <> '{}'
      AND k.conkey <@ (SELECT array_agg(c."position"::smallint) FROM copied c WHERE c.expression IS NOT NULL)
  )
  SELECT
    string_agg(pg_catalog.quote_ident(c.profile_column), ', ' ORDER BY c."position") FILTER (WHERE c.expression IS NOT NULL),
    string_agg(pg_catalog.format('v.%I', c.profile_column), ', ' ORDER BY c."position") FILTER (WHERE c.expression IS NOT NULL),
    string_agg(pg_catalog.format('%s AS %I', c.expression, c.profile_column), ', ' ORDER BY c."position")
      FILTER (WHERE c.expression IS NOT NULL),
    (
      SELECT pg_catalog.format(
        'CASE %s ELSE NULL::text END',
        COALESCE(
          string_agg(pg_catalog.format('WHEN %s THEN %L', r.condition, r.reason), ' ' ORDER BY r.phase, r.place), 'WHEN false THEN NULL'))
      FROM refused r
    )
  FROM copied c
$$;

-- What follows ON CONFLICT in an INSERT of profiles that is to leave out whatever conflicts with others: nothing, or where a deferrable key,
-- which the server does not take for that, is in the way, the profile's own key only.
CREATE OR REPLACE FUNCTION linkage.profile_conflict_target() RETURNS text
LANGUAGE sql STABLE
AS $$
  SELECT CASE WHEN EXISTS (
    SELECT
    FROM pg_catalog.pg_index i
    WHERE i.indrelid = '{{profiles}}'::regclass AND (i.indisunique OR i.indisexclusion) AND NOT i.indimmediate
  ) THEN '({{profile_key}})' ELSE '' END
$$;

-- What is checked at the end of the transaction only would fail a sign-up, or a whole batch, where nothing can be caught any more: checks the
-- deferred constraints of the profiles here and now, and defers them again.
-- Plan: the index of constraints by their table.
CREATE OR REPLACE FUNCTION linkage.check_deferred_constraints() RETURNS void
LANGUAGE plpgsql
AS $$
DECLARE
  deferred text;
BEGIN
  SELECT string_agg(pg_catalog.format('%I.%I', n.nspname, c.conname), ', ') INTO deferred
  FROM pg_catalog.pg_constraint c
  JOIN pg_catalog.pg_namespace n ON n.oid = c.connamespace
  WHERE c.conrelid = '{{profiles}}'::regclass AND c.condeferred;
  IF deferred IS NOT NULL THEN
    EXECUTE pg_catalog.format('SET CONSTRAINTS %s IMMEDIATE', deferred);
    EXECUTE pg_catalog.format('SET CONSTRAINTS %s DEFERRED', deferred);
  END IF;
END
$$;
