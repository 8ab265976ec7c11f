-- @rows deliveries as a live application has them, 120 to an event: 40 guests, 3 messages, ten deliveries to a user. 1 % have no user: half
-- because their guest has none, a fifth because the guest was removed, a tenth without a guest; a tenth are inconsistent, and
-- a tenth an undo keeps unlinked. Everything follows from the number of the row; keys are scattered like random ones.
-- Loaded into bare tables in the transaction that creates them, which no log needs to hold (wal_level minimal).

CREATE FUNCTION pg_temp.key(kind text, i bigint) RETURNS uuid
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT md5(kind || i)::uuid $$;

-- Evenly distributed from 0 to 999.
CREATE FUNCTION pg_temp.draw(kind bigint, i bigint) RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT ((hashint8extended(i, kind) & 1073741823) % 1000)::integer $$;

INSERT INTO users (id, phone, created_at)
SELECT pg_temp.key('user', i), '+1213' || lpad((i % 10000000)::text, 7, '0'), now() - interval '1 year'
FROM generate_series(0, @rows / 10) AS i;

INSERT INTO events (id, title)
SELECT pg_temp.key('event', i), 'Event ' || i
FROM generate_series(0, @rows / 120 + 1) AS i;

INSERT INTO event_guests (id, event_id, guest_name, phone, user_id, removed_at)
SELECT
  pg_temp.key('guest', i), pg_temp.key('event', i / 40), 'Guest ' || i, '+1213' || lpad((i % 10000000)::text, 7, '0'),
  CASE WHEN d.draw >= 5 THEN pg_temp.key('user', i % (@rows / 10)) END,
  CASE WHEN d.draw IN (5, 6) THEN now() - interval '1 day' END
FROM generate_series(0, @rows / 3 + 40) AS i
CROSS JOIN LATERAL (SELECT pg_temp.draw(1, i)) AS d (draw);

INSERT INTO messages (id, event_id, body)
SELECT pg_temp.key('message', i), pg_temp.key('event', i / 3), 'See you soon!'
FROM generate_series(0, @rows / 40) AS i;

INSERT INTO message_deliveries (id, message_id, phone_number, user_id, guest_id, status, created_at, updated_at)
SELECT
  pg_temp.key('delivery', i), pg_temp.key('message', i / 40), '+1213' || lpad((n.guest % 10000000)::text, 7, '0'),
  CASE WHEN d.guests >= 7 AND d.own >= 3 THEN pg_temp.key('user', n.guest % (@rows / 10)) END,
  CASE WHEN d.own > 0 OR d.guests < 7 THEN pg_temp.key('guest', n.guest) END,
  'delivered', s.at, s.at
FROM generate_series(0, @rows - 1) AS i
CROSS JOIN LATERAL (SELECT i / 120 * 40 + i % 40) AS n (guest)
CROSS JOIN LATERAL (SELECT pg_temp.draw(1, n.guest), pg_temp.draw(2, i)) AS d (guests, own)
CROSS JOIN LATERAL (SELECT now() - interval '1 year' * (1 - i / @rows::float8)) AS s (at);
