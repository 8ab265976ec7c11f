-- What a DBA writes who is in a hurry: the same rules, no audit, no way back.

-- Rule 1: the own guest's user.
UPDATE message_deliveries d
SET user_id = g.user_id
FROM event_guests g
WHERE d.user_id IS NULL AND g.id = d.guest_id AND g.removed_at IS NULL AND g.user_id IS NOT NULL;

-- Rule 2: the one active guest of the event who has the phone.
WITH candidate AS (
  SELECT d.id, own.event_id, normalize_phone(d.phone_number) AS phone
  FROM message_deliveries d
  JOIN event_guests own ON own.id = d.guest_id
  WHERE d.user_id IS NULL
),
single AS (
  SELECT c.id, (array_agg(g.user_id))[1] AS user_id
  FROM candidate c
  JOIN event_guests g ON g.event_id = c.event_id AND normalize_phone(g.phone) = c.phone AND g.removed_at IS NULL
  GROUP BY c.id
  HAVING count(*) = 1
)
UPDATE message_deliveries d
SET user_id = s.user_id
FROM single s
WHERE d.id = s.id AND s.user_id IS NOT NULL;
