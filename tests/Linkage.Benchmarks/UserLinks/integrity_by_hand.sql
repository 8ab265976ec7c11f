-- The rate as a DBA counts it: one pass over all deliveries, and their guests.
SELECT
  count(*) AS deliveries,
  count(*) FILTER (WHERE d.user_id IS NULL AND g.user_id IS NOT NULL AND g.removed_at IS NULL) AS inconsistent
FROM message_deliveries d
LEFT JOIN event_guests g ON g.id = d.guest_id
