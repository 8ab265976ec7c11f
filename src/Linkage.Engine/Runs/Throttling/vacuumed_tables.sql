-- What autovacuum has to do for @table: it, its partitions of all levels, and the TOAST tables of them.
-- Plan: lookups by index, one per partition.
WITH tree AS (
  SELECT @table::regclass AS relation
  UNION
  SELECT p.relid FROM pg_partition_tree(@table::regclass) AS p
)
SELECT array_agg(DISTINCT r.oid)
FROM tree
JOIN pg_class c ON c.oid = tree.relation
CROSS JOIN LATERAL (VALUES (c.oid), (NULLIF(c.reltoastrelid, 0))) AS r (oid)
WHERE r.oid IS NOT NULL
