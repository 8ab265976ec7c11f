-- The session that runs a statement which builds or drops an index: how far it is, and whom it waits for. It is found by its text, since a
-- pooler may hand any session to it. What pg_stat_activity hides from a role is left out.
SELECT
  COALESCE(a.wait_event_type = 'Lock' AND a.wait_event = 'relation', false) AS "WaitsForTable",
  p.phase AS "Phase",
  GREATEST(p.tuples_done, p.blocks_done, p.lockers_done) AS "Done",
  GREATEST(p.tuples_total, p.blocks_total, p.lockers_total) AS "Total",
  ARRAY(
    SELECT CASE b.pid
      WHEN 0 THEN 'a prepared transaction (see pg_prepared_xacts)'
      ELSE format(
        'session %s (%s, %s%s)', b.pid, h.usename, COALESCE(NULLIF(h.application_name, ''), 'unnamed'),
        to_char(h.xact_start AT TIME ZONE 'UTC', '", in a transaction since "HH24:MI:SS" UTC"'))
    END
    FROM (SELECT DISTINCT unnest(pg_blocking_pids(a.pid))) AS b (pid)
    LEFT JOIN pg_stat_activity h ON h.pid = b.pid
    ORDER BY h.xact_start, b.pid
  ) AS "Holders"
FROM pg_stat_activity a
LEFT JOIN pg_stat_progress_create_index p ON p.pid = a.pid
WHERE a.datname = current_database() AND a.state = 'active' AND a.pid <> pg_backend_pid()
  -- a long text is cut off in the view
  AND a.query <> '' AND starts_with(@statement, a.query)
ORDER BY a.query_start DESC
LIMIT 1
