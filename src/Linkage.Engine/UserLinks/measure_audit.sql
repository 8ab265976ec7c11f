-- What was audited, by table and outcome; the function's own comment tells the plan.
SELECT
  m.table_name AS "Table", m.outcome AS "Outcome", m.entries AS "Count", m.events AS "Events", m.first_seen AS "FirstSeen",
  m.last_seen AS "LastSeen"
FROM linkage.measure_user_link_audit(@since::timestamptz, @until::timestamptz, @tables::text[]) m
