-- What a year of linking leaves behind: an audit row a delivery, in the order of time, one tenth of them by triggers and the others by runs
-- (the newest of which examined all that the last day brought), and the suppressions of an undo. In the session of
-- integrity_data.sql, whose functions it uses.

INSERT INTO user_link_audit (
  table_name, record_id, event_id, normalized_phone, matched_guest_id, linked_user_id, outcome, created_at, run_id, rule, source)
SELECT
  'message_deliveries', pg_temp.key('delivery', i), pg_temp.key('event', i / 120), '+12135550100', pg_temp.key('guest', i / 120 * 40 + i % 40),
  CASE WHEN i % 100 > 0 THEN pg_temp.key('user', (i / 120 * 40 + i % 40) % (@rows / 10)) END,
  CASE WHEN i % 100 > 0 THEN 'linked' ELSE 'no_match' END,
  now() - interval '1 year' * (1 - i / @rows::float8),
  CASE WHEN i % 10 > 0 THEN pg_temp.key('run', i * 365 / @rows) END,
  'guest', CASE WHEN i % 10 > 0 THEN 'backfill' ELSE 'trigger' END
FROM generate_series(0, @rows - 1) AS i;

INSERT INTO linkage.run (id, kind, target, status, batch, walk, counts, started_at, heartbeat_at, finished_at)
SELECT
  pg_temp.key('run', day), 'UserLinkBackfill', 'message_deliveries', 'completed', 'link_users', '{}',
  jsonb_build_object('processed', @rows / 365 * 9 / 10, 'linked', @rows / 365 * 9 / 10 * 99 / 100), s.at, s.at, s.at
FROM generate_series(0, 364) AS day
CROSS JOIN LATERAL (SELECT now() - interval '1 day' * (365 - day)) AS s (at);

INSERT INTO linkage.link_suppression (target, record_key, user_id, matched_guest_id)
SELECT 'message_deliveries', pg_temp.key('delivery', i), pg_temp.key('user', n.guest % (@rows / 10)), pg_temp.key('guest', n.guest)
FROM generate_series(0, @rows - 1) AS i
CROSS JOIN LATERAL (SELECT i / 120 * 40 + i % 40) AS n (guest)
WHERE pg_temp.draw(1, n.guest) >= 7 AND pg_temp.draw(2, i) = 1;
