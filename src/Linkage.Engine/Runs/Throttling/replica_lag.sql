-- The physical replicas of this server. state is NULL, like all else but the name, where the role may not see it.
--
-- What only receives WAL (pg_receivewal, the stream of a base backup) reports no replay_lsn, and its replay_lag grows for ever. Logical
-- subscribers confirm when they like, some not before the next change of a table that they follow; each holds a slot while it streams.
-- Plan: function scans over as many entries as there are backends and slots; no table but for the join that is removed.
SELECT
  COALESCE(NULLIF(r.application_name, ''), 'unnamed') || COALESCE(' at ' || host(r.client_addr), '') AS name,
  r.state,
  extract(epoch FROM r.replay_lag)::float8 AS replay_lag,
  pg_wal_lsn_diff(r.replay_lsn, '0/0')::bigint AS replayed,
  -- Only what is flushed is sent.
  pg_wal_lsn_diff(pg_current_wal_flush_lsn(), '0/0')::bigint AS written
FROM pg_stat_replication r
WHERE NOT pg_is_in_recovery()
  AND (r.state IS NULL
    OR r.state IN ('streaming', 'catchup')
      AND r.replay_lsn IS NOT NULL
      AND NOT EXISTS (SELECT FROM pg_replication_slots s WHERE s.active_pid = r.pid AND s.slot_type = 'logical'))
