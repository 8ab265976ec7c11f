-- The history, the newest first.
-- Plan: a backward scan of health_history_checked_at, sorted piece by piece, so that the first rows come at once.
SELECT
  h.check_name AS "Check", h.subject AS "Subject", h.status AS "Status", h.value AS "Value", h.threshold AS "Threshold",
  h.message AS "Message", h.details::text AS "Details", h.checked_at AS "CheckedAt", h.saved_at AS "SavedAt", h.saved_by AS "SavedBy"
FROM linkage.health_history h
WHERE h.checked_at >= @since AND h.checked_at < @until AND (@statuses::text[] IS NULL OR h.status = ANY (@statuses))
ORDER BY h.checked_at DESC, h.id DESC
