-- What an uninstall does, step by step: a row for each object, with its statements. Phase 1 takes our triggers away and 2 to 4 bring
-- back what they and other things replaced, all in one transaction; 5 are indexes, dropped concurrently; 6 to 8 what is left of ours.
WITH own_function AS (
  SELECT p.oid, format('function %s', p.oid::regprocedure) AS object, p.pronamespace = 'linkage'::regnamespace AS is_internal
  FROM pg_proc p
  WHERE p.pronamespace = 'linkage'::regnamespace
     OR (p.pronamespace = '{{app}}'::regnamespace
       AND (obj_description(p.oid, 'pg_proc') LIKE 'Linkage: %'
         OR EXISTS (SELECT FROM linkage.installed_object i WHERE i.object = format('function %s', p.oid::regprocedure))))
),
own_trigger AS (
  SELECT
    t.tgname, t.tgrelid::regclass AS on_table, t.tgfoid, format('trigger %I on %s', t.tgname, t.tgrelid::regclass) AS object,
    -- Of another role's table a trigger can't be dropped; it goes with its function, or is replaced in place by what it replaced.
    pg_has_role(c.relowner, 'USAGE') AS may_drop
  FROM pg_trigger t
  JOIN pg_class c ON c.oid = t.tgrelid
  WHERE NOT t.tgisinternal AND t.tgparentid = 0
    AND (obj_description(t.oid, 'pg_trigger') LIKE 'Linkage: %'
      OR EXISTS (
        SELECT FROM linkage.installed_object i WHERE i.object = format('trigger %I on %s', t.tgname, t.tgrelid::regclass)))
),
own_table AS (
  SELECT
    c.oid::regclass AS name, c.relnamespace = 'linkage'::regnamespace AS is_internal,
    c.relnamespace = 'linkage'::regnamespace
      AND c.relname IN ('migration', 'installation', 'installed_object', 'stale_index', 'stale_constraint', 'trigger_switch') AS is_bookkeeping,
    c.relname = 'replaced_definition' AND c.relnamespace = 'linkage'::regnamespace AS is_memory
  FROM pg_class c
  WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition
    AND (c.relnamespace = 'linkage'::regnamespace
      OR (c.relnamespace = '{{app}}'::regnamespace AND obj_description(c.oid, 'pg_class') LIKE 'Linkage: %'))
)
SELECT s.phase AS "Phase", s.object AS "Object", s.kind AS "Kind", s.action AS "Action", s.statements AS "Statements"
FROM (
  SELECT 1 AS phase, t.object, 'Trigger' AS kind, 'Removed' AS action,
    CASE WHEN t.may_drop THEN ARRAY[format('DROP TRIGGER %I ON %s', t.tgname, t.on_table)] ELSE '{}' END AS statements
  FROM own_trigger t
  UNION ALL
  SELECT
    CASE r.kind WHEN 'function' THEN 2 WHEN 'trigger' THEN 3 ELSE 4 END, r.object, initcap(r.kind), 'Restored', r.restore
  FROM linkage.replaced_definition r
  WHERE @includeHistory OR NOT r.takes_history
  UNION ALL
  SELECT 5, i.object, 'Index', 'Removed', '{}'
  FROM linkage.installed_object i
  WHERE i.kind = 'index'
  UNION ALL
  SELECT CASE WHEN f.is_internal THEN 7 ELSE 6 END, f.object, 'Function', 'Removed',
    ARRAY[format(
      'DROP FUNCTION %s%s', f.oid::regprocedure,
      CASE WHEN EXISTS (SELECT FROM own_trigger t WHERE t.tgfoid = f.oid AND NOT t.may_drop) THEN ' CASCADE' ELSE '' END)]
  FROM own_function f
  WHERE f.is_internal OR NOT EXISTS (SELECT FROM linkage.replaced_definition r WHERE r.object = f.object)
  UNION ALL
  SELECT 7, format('view %s', c.oid::regclass), 'View', 'Removed', ARRAY[format('DROP VIEW %s', c.oid::regclass)]
  FROM pg_class c
  WHERE c.relkind = 'v' AND c.relnamespace = 'linkage'::regnamespace
  UNION ALL
  SELECT 8, format('table %s', t.name), 'Table', 'Removed', ARRAY[format('DROP TABLE %s', t.name)]
  FROM own_table t
  WHERE (t.is_bookkeeping OR @includeHistory)
    -- an adopted table is the application's
    AND NOT EXISTS (SELECT FROM linkage.replaced_definition r WHERE r.object = format('table %s', t.name))
    AND NOT t.is_memory
) AS s
ORDER BY s.phase, s.object
