-- Autovacuum's processes that hold, or wait for, the lock of VACUUM and ANALYZE on @table, its TOAST table or a table below it.
-- Such a process has a database but no user, which tells it from all others without the privilege to see backend_type.
-- Plan: two function scans; the catalog is read only for tables that autovacuum is at work on, by index.
SELECT a.pid, l.relation::regclass::text AS table
FROM pg_stat_activity a
JOIN pg_locks l ON l.pid = a.pid
WHERE a.usesysid IS NULL
  AND a.datid = l.database
  AND l.locktype = 'relation'
  AND l.mode = 'ShareUpdateExclusiveLock'
  AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
  AND EXISTS (
    SELECT
    FROM (
      SELECT l.relation
      UNION ALL
      -- A TOAST table depends on its table, and on nothing else.
      SELECT d.refobjid
      FROM pg_depend d
      WHERE d.classid = 'pg_class'::regclass AND d.objid = l.relation AND d.refclassid = 'pg_class'::regclass AND d.deptype = 'i'
    ) AS own (relation)
    WHERE own.relation = @table
      OR @table IN (SELECT p.relid FROM pg_partition_ancestors(own.relation) AS p (relid)))
ORDER BY a.pid
