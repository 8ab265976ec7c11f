-- The physical replicas of this server. state is NULL, like all else, where the role may not see it.
--
-- What only receives WAL (pg_receivewal, the stream of a base backup) reports no replay_lsn, and its replay_lag grows for ever. Logical
-- subscribers confirm when they like, some not before the next change of a table that they follow; each holds a slot while it streams.
-- Plan: function scans over as many entries as there are senders and slots. pg_stat_replication is this with the users, and planning its
-- joins takes several times as long as all else.
SELECT
  (SELECT COALESCE(NULLIF(a.application_name, ''), 'unnamed') || COALESCE(' at ' || host(a.client_addr), '')
   FROM pg_stat_get_activity(s.pid) a) AS name,
  s.state,
  extract(epoch FROM s.replay_lag)::float8 AS replay_lag,
  pg_wal_lsn_diff(s.replay_lsn, '0/0')::bigint AS replayed,
  -- Only what is flushed is sent.
  pg_wal_lsn_diff(pg_current_wal_flush_lsn(), '0/0')::bigint AS written
FROM pg_stat_get_wal_senders() s
WHERE NOT pg_is_in_recovery()
  AND (s.state IS NULL
    OR s.state IN ('streaming', 'catchup')
      AND s.replay_lsn IS NOT NULL
      AND NOT EXISTS (SELECT FROM pg_get_replication_slots() l WHERE l.active_pid = s.pid AND l.slot_type = 'logical'))
