-- What was ambiguous, by event and phone; the function's own comment tells the plan.
SELECT
  m.event_id AS "EventId", m.normalized_phone AS "Phone", m.entries AS "Count", m.records AS "Records", m.guests AS "Guests",
  COALESCE(m.guest_ids, '') AS "GuestIds", COALESCE(m.guest_names, '') AS "GuestNames", m.users AS "Users",
  m.first_seen AS "FirstSeen", m.last_seen AS "LastSeen"
FROM linkage.ambiguous_user_links(@since::timestamptz, @until::timestamptz, @tables::text[]) m
