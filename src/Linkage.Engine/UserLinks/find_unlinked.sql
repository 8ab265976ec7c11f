-- The unlinked records of one key set; the function's own comment tells the plan.
SELECT
  u.target AS "Table", u.record_key AS "DeliveryId", u.guest_id AS "GuestId", u.guest_name AS "GuestName",
  u.guest_user_id AS "GuestUserId", u.event_id AS "EventId", u.phone AS "Phone", u.normalized_phone AS "NormalizedPhone",
  u.matched_guest_id AS "MatchedGuestId", u.outcome AS "Outcome", u.rule AS "Rule", u.reason AS "Reason", u.user_id AS "UserId"
FROM linkage.unlinked_records(@walk::jsonb, @keySet::jsonb, @linkableOnly) u
