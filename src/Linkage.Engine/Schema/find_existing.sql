-- What stands in place of the functions and triggers that an install publishes, and what becomes of it.
SELECT
  p.signature AS "Signature",
  format('function %s', f.oid::regprocedure) AS "Object",
  COALESCE(pg_get_function_arguments(f.oid), '') AS "Arguments",
  COALESCE(obj_description(f.oid, 'pg_proc') LIKE 'Linkage: %', false) AS "IsOwn",
  f.proacl IS NULL OR EXISTS (SELECT FROM aclexplode(f.proacl) a WHERE a.grantee = 0) AS "IsPublic",
  pg_get_userbyid(f.proowner)::text AS "Owner"
FROM unnest(@signatures::text[]) AS p (signature)
JOIN pg_proc f ON f.oid = to_regprocedure(p.signature)
UNION ALL
SELECT
  format('%s on %s', p.name, p.table_name),
  format('trigger %I on %s', t.tgname, t.tgrelid::regclass),
  '',
  -- On another role's table a trigger bears no mark; its function does.
  COALESCE(obj_description(t.oid, 'pg_trigger') LIKE 'Linkage: %', obj_description(t.tgfoid, 'pg_proc') LIKE 'Linkage: %', false),
  false,
  ''
FROM unnest(@triggers::text[], @triggerTables::text[], @triggerFunctions::text[]) AS p (name, table_name, function)
JOIN pg_trigger t ON t.tgrelid = to_regclass(p.table_name) AND NOT t.tgisinternal
 AND (t.tgname = p.name OR t.tgfoid = to_regprocedure(p.function))
