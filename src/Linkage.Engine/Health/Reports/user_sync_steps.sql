-- The most ghosts and orphans of each step that was measured in. Plan: the index on recorded_at, then a hash aggregate.
SELECT
  floor(extract(epoch FROM m.recorded_at - @since) / @seconds)::integer AS "Step", max(m.ghost_users) AS "Ghosts",
  max(m.orphaned_profiles) AS "Orphans"
FROM linkage.user_sync_history(NULL) m
WHERE m.recorded_at >= @since AND m.recorded_at < @until
GROUP BY 1
ORDER BY 1
