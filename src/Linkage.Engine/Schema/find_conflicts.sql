-- What can't be adopted: a row for each, with the remedy. $names, $types, $columns, $results and $required describe the functions
-- that would be published, element by element; $trigger_tables and $trigger_functions the triggers; $tables what is changed, $indexTables what gets indexes.
WITH published AS (
  SELECT
    p.*,
    to_regprocedure(format('{{app}}.%I(%s)', p.name, p.types))::oid AS exact,
    (SELECT count(*) FROM regexp_matches(p.types, '[^,]+', 'g')) AS accepts
  FROM unnest(@names::text[], @types::text[], @columns::text[], @results::text[], @required::integer[])
    AS p (name, types, columns, result, requires)
),
existing AS (
  SELECT
    f.*, p.types, p.columns, p.result, p.requires, p.accepts, p.exact,
    format_type(f.prorettype, NULL) AS type,
    f.proargmodes && ARRAY['o', 't']::"char"[] AS has_columns
  FROM published p
  JOIN pg_proc f ON f.pronamespace = '{{app}}'::regnamespace AND f.proname = p.name
  WHERE NOT COALESCE(obj_description(f.oid, 'pg_proc') LIKE 'Linkage: %', false)
)
SELECT
  format('The existing function %s takes other arguments than Linkage''s %s(%s), and a call could mean either.', f.oid::regprocedure, f.proname, f.types) AS "Problem",
  format('Rename it (ALTER FUNCTION %s RENAME TO ...), and install again.', f.oid::regprocedure) AS "Remedy"
FROM existing f
WHERE f.oid IS DISTINCT FROM f.exact
  AND NOT EXISTS (SELECT FROM published p WHERE p.exact = f.oid)
  AND f.pronargs >= f.requires AND f.pronargs - f.pronargdefaults <= f.accepts
UNION ALL
SELECT
  format('The existing function %s has a default for an argument that Linkage''s other %s must do without.', f.oid::regprocedure, f.proname),
  format('Rename it (ALTER FUNCTION %s RENAME TO ...), and install again.', f.oid::regprocedure)
FROM existing f
WHERE f.oid = f.exact
  AND EXISTS (
    SELECT FROM published p
    WHERE p.name = f.proname AND p.types <> f.types AND p.accepts < f.pronargs AND p.accepts >= f.pronargs - f.pronargdefaults)
UNION ALL
SELECT
  format('The existing function %s is %s.', f.oid::regprocedure, CASE f.prokind WHEN 'p' THEN 'a procedure' ELSE 'an aggregate or window function' END),
  'Rename it, and install again.'
FROM existing f
WHERE f.oid = f.exact AND f.prokind <> 'f'
UNION ALL
SELECT
  format('The existing function %s returns %s, which Linkage''s does not.', f.oid::regprocedure, string_agg(a.arg_name, ', ' ORDER BY a.i)),
  format('Rename it (ALTER FUNCTION %s RENAME TO ...), and install again.', f.oid::regprocedure)
FROM existing f
CROSS JOIN unnest(f.proargmodes, f.proargnames) WITH ORDINALITY AS a (arg_mode, arg_name, i)
WHERE f.oid = f.exact AND f.prokind = 'f' AND f.columns IS NOT NULL
  AND a.arg_mode IN ('t', 'o') AND NOT a.arg_name = ANY (string_to_array(f.columns, ','))
GROUP BY f.oid
UNION ALL
SELECT
  format('The existing function %s returns %s, which Linkage''s can''t.', f.oid::regprocedure, pg_get_function_result(f.oid)),
  format('Rename it (ALTER FUNCTION %s RENAME TO ...), and install again.', f.oid::regprocedure)
FROM existing f
WHERE f.oid = f.exact AND f.prokind = 'f'
  AND CASE
    WHEN f.columns IS NOT NULL THEN NOT COALESCE(f.has_columns, false) AND f.type <> 'void'
    WHEN f.result = 'integer' THEN f.proretset OR f.has_columns OR f.type NOT IN ('integer', 'bigint', 'smallint', 'numeric', 'text', 'void')
    ELSE f.proretset OR f.type <> f.result
  END
UNION ALL
SELECT
  format('The existing function %s belongs to role %I, and the install runs as %I.', f.oid::regprocedure, pg_get_userbyid(f.proowner), @installer),
  format('Install as %1$I, or as a member of it: GRANT %1$I TO %2$I.', pg_get_userbyid(f.proowner), @installer)
FROM existing f
WHERE f.oid = f.exact AND NOT pg_has_role(@installer, f.proowner, 'USAGE')
UNION ALL
SELECT
  format('Trigger %I on %s runs function %s, which Linkage''s triggers need for themselves.', t.tgname, t.tgrelid::regclass, f.oid::regprocedure),
  format('Drop it (DROP TRIGGER %I ON %s) and install again.', t.tgname, t.tgrelid::regclass)
FROM existing f
JOIN pg_trigger t ON t.tgfoid = f.oid AND NOT t.tgisinternal AND t.tgparentid = 0
WHERE f.oid = f.exact AND f.type = 'trigger' AND t.tgrelid <> ALL (SELECT to_regclass(w.name) FROM unnest(@tables::text[]) AS w (name))
UNION ALL
SELECT
  format('Table %s belongs to role %I, and the install runs as %I; only the owner of a table may create its indexes.', c.oid::regclass, pg_get_userbyid(c.relowner), @installer),
  format('Install as %1$I, or as a member of it: GRANT %1$I TO %2$I.', pg_get_userbyid(c.relowner), @installer)
FROM pg_class c
WHERE c.oid = ANY (SELECT to_regclass(w.name) FROM unnest(@indexTables::text[]) AS w (name))
  AND NOT pg_has_role(@installer, c.relowner, 'USAGE')
UNION ALL
SELECT
  format('Table %s belongs to role %I, and role %I may not create triggers on it.', c.oid::regclass, pg_get_userbyid(c.relowner), @installer),
  format('GRANT TRIGGER ON %s TO %I;', c.oid::regclass, @installer)
FROM pg_class c
WHERE c.oid = ANY (SELECT to_regclass(w.name) FROM unnest(@tables::text[]) AS w (name))
  AND c.oid <> ALL (SELECT to_regclass(w.name) FROM unnest(@indexTables::text[]) AS w (name) WHERE to_regclass(w.name) IS NOT NULL)
  AND NOT has_table_privilege(@installer, c.oid, 'TRIGGER')
UNION ALL
SELECT
  format('Role %I may not create objects in schema {{app}}.', @installer),
  format('GRANT USAGE, CREATE ON SCHEMA {{app}} TO %I.', @installer)
WHERE NOT has_schema_privilege(@installer, '{{app}}'::regnamespace, 'USAGE, CREATE')
   OR NOT has_schema_privilege(@installer, '{{app}}'::regnamespace, 'CREATE')
UNION ALL
SELECT
  format('Role %I may not create schema linkage in database %I.', @installer, current_database()),
  format('GRANT CREATE ON DATABASE %I TO %I, or create the schema for it: CREATE SCHEMA linkage AUTHORIZATION %2$I.', current_database(), @installer)
WHERE to_regnamespace('linkage') IS NULL AND NOT has_database_privilege(@installer, current_database(), 'CREATE')
