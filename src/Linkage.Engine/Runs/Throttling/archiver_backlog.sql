-- Where the server writes and how far its archiver is; no row where nothing is archived, and nothing is read then.
-- Plan: a one-time filter over one function scan.
SELECT
  pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint AS written,
  pg_size_bytes(current_setting('wal_segment_size')) AS segment_size,
  a.last_archived_wal AS archived,
  CASE WHEN a.last_archived_time >= a.last_failed_time THEN NULL ELSE a.last_failed_wal END AS failing,
  a.last_failed_time AT TIME ZONE 'UTC' AS failed_at
FROM pg_stat_get_archiver() a
WHERE current_setting('archive_mode') <> 'off' AND NOT pg_is_in_recovery()
