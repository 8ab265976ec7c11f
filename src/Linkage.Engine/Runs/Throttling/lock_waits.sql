-- Sessions that wait for a lock which a transaction of the run, by its @application_name, holds or stands before them in the queue for.
-- pg_blocking_pids stops the whole lock manager for a moment, so only those are asked about that wait for a thing on which the run
-- has a lock too; where nobody waits, nothing but the list of locks is read.
-- Plan: scans of the functions under pg_locks and pg_stat_activity (see autovacuum.sql); nested loops of (waiting sessions) by (locks of
-- the run), both few.
WITH lock AS MATERIALIZED (
  SELECT
    l.pid, l.granted, l.locktype,
    ROW (l.database, l.relation, l.page, l.tuple, l.virtualxid, l.transactionid, l.classid, l.objid, l.objsubid) AS object
  FROM pg_lock_status() l
),
run AS MATERIALIZED (
  SELECT a.pid FROM pg_stat_get_activity(NULL) a WHERE a.application_name = @application_name
),
candidate AS MATERIALIZED (
  SELECT DISTINCT w.pid
  FROM lock w
  WHERE NOT w.granted
    AND w.pid NOT IN (SELECT pid FROM run)
    AND EXISTS (
      SELECT FROM lock h JOIN run USING (pid) WHERE h.locktype = w.locktype AND h.object IS NOT DISTINCT FROM w.object)
)
SELECT c.pid
FROM candidate c
WHERE EXISTS (SELECT FROM run WHERE run.pid = ANY (pg_blocking_pids(c.pid)))
ORDER BY c.pid
