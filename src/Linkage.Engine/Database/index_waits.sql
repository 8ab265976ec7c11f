-- Whom a build waits for: of an index on @relation, or of the index @relation itself.
SELECT format(
  'session %s (%s, %s, in a transaction since %s UTC)', a.pid, a.usename, COALESCE(NULLIF(a.application_name, ''), 'unnamed'),
  to_char(a.xact_start AT TIME ZONE 'UTC', 'HH24:MI:SS'))
FROM pg_stat_progress_create_index p
JOIN pg_stat_activity a ON a.pid = p.current_locker_pid
WHERE (p.relid = to_regclass(@relation) OR p.index_relid = to_regclass(@relation)
    OR p.relid = (SELECT i.indrelid FROM pg_index i WHERE i.indexrelid = to_regclass(@relation)))
  AND p.phase LIKE 'waiting%'
