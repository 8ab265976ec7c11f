-- The tables that an index on @table consists of: itself alone, or every table of a partition tree, the root first.
SELECT
  c.oid::regclass::text AS "Name",
  quote_ident(n.nspname) AS "Schema",
  c.relkind = 'p' AS "IsPartitioned",
  t.level AS "Level",
  t.parentrelid::regclass::text AS "Parent",
  md5(c.oid::regclass::text) AS "Digest"
FROM pg_class r
CROSS JOIN LATERAL (
  SELECT p.relid, p.parentrelid, p.level FROM pg_partition_tree(r.oid) p
  UNION ALL
  SELECT r.oid, NULL, 0 WHERE r.relkind <> 'p'
) AS t
JOIN pg_class c ON c.oid = t.relid
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE r.oid = to_regclass(@table) AND c.relkind IN ('r', 'p', 'm')
ORDER BY t.level, 1
