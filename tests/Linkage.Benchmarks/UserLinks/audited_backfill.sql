-- What a careful DBA writes: one statement that decides, links and audits every candidate. It can't be stopped half-way, holds its
-- locks to the end, and leaves the way back to be written when it is needed.
WITH candidate AS MATERIALIZED (
  SELECT
    d.id, d.guest_id, own.event_id, normalize_phone(d.phone_number) AS phone,
    CASE WHEN own.removed_at IS NULL THEN own.user_id END AS guest_user_id
  FROM message_deliveries d
  LEFT JOIN event_guests own ON own.id = d.guest_id
  WHERE d.user_id IS NULL AND (d.phone_number IS NOT NULL OR d.guest_id IS NOT NULL)
),
event_phone AS (
  SELECT c.id, count(*) AS guests, (array_agg(g.id))[1] AS guest_id, (array_agg(g.user_id))[1] AS user_id
  FROM candidate c
  JOIN event_guests g ON g.event_id = c.event_id AND normalize_phone(g.phone) = c.phone AND g.removed_at IS NULL
  WHERE c.guest_user_id IS NULL
  GROUP BY c.id
),
decided AS MATERIALIZED (
  SELECT
    c.id, c.event_id, c.phone,
    CASE
      WHEN c.guest_user_id IS NOT NULL THEN c.guest_id
      WHEN e.guests = 1 THEN e.guest_id
    END AS guest_id,
    COALESCE(c.guest_user_id, CASE WHEN e.guests = 1 THEN e.user_id END) AS user_id,
    CASE
      WHEN c.guest_user_id IS NOT NULL THEN 'linked'
      WHEN c.event_id IS NULL OR c.phone IS NULL THEN 'skipped'
      WHEN e.guests > 1 THEN 'ambiguous'
      WHEN e.user_id IS NOT NULL THEN 'linked'
      ELSE 'no_match'
    END AS outcome,
    CASE WHEN c.guest_user_id IS NOT NULL THEN 'guest' ELSE 'event phone' END AS rule
  FROM candidate c
  LEFT JOIN event_phone e ON e.id = c.id
),
linked AS (
  UPDATE message_deliveries d
  SET user_id = n.user_id
  FROM decided n
  WHERE d.id = n.id AND n.user_id IS NOT NULL
)
INSERT INTO user_link_audit (
  table_name, record_id, event_id, normalized_phone, matched_guest_id, linked_user_id, outcome, rule, source)
SELECT 'message_deliveries', n.id, n.event_id, n.phone, n.guest_id, n.user_id, n.outcome, n.rule, 'by hand'
FROM decided n;
