-- Autovacuum's processes that hold, or wait for, the lock of VACUUM and ANALYZE on one of @tables.
-- Such a process has a database but no user, which tells it from all others without the privilege to see backend_type.
-- Plan: two function scans. They are what pg_stat_activity and pg_locks show, less the joins that cost the planner most of the time.
SELECT a.pid, l.relation::regclass::text AS name
FROM pg_stat_get_activity(NULL) a
JOIN pg_lock_status() l ON l.pid = a.pid AND l.database = a.datid
WHERE a.usesysid IS NULL
  AND l.locktype = 'relation'
  AND l.mode = 'ShareUpdateExclusiveLock'
  AND l.relation = ANY (@tables)
  AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
ORDER BY a.pid
