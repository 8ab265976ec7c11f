-- The wrong links of one key set; the function's own comment tells the plan.
SELECT
  w.target AS "Table", w.record_key AS "DeliveryId", w.guest_id AS "GuestId", w.guest_name AS "GuestName",
  w.guest_user_id AS "GuestUserId", w.event_id AS "EventId", w.phone AS "Phone", w.normalized_phone AS "NormalizedPhone",
  w.user_id AS "UserId", w.expected_user_id AS "ExpectedUserId", w.origin_rule AS "Rule", w.linked_at AS "LinkedAt",
  w.run_id AS "RunId", w.source AS "Source", w.reasons AS "Reasons"
FROM linkage.wrong_links(@walk::jsonb, @keySet::jsonb) w
