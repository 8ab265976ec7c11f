-- Fills the tables of what is imported. As in sample_data.sql, everything is computed from the seed and the number of the row. For each of the
-- six rules there are ten originals for each duplicate; every fifth duplicate is a second one of the same original.

-- An id as applications make it: prefix, time, and eighty random bits, in Crockford's base 32.
CREATE FUNCTION pg_temp.sample_ulid(prefix text, seed bigint, stream bigint, i bigint, made_at timestamptz) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
  SELECT prefix || '_' || string_agg(
    substr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', 1 + ((CASE
      WHEN p < 10 THEN (extract(epoch FROM made_at) * 1000)::bigint >> (45 - 5 * p)
      WHEN p < 18 THEN pg_temp.sample_hash(seed, stream, i) >> (5 * (p - 10))
      ELSE pg_temp.sample_hash(seed, stream + 1000, i) >> (5 * (p - 18))
    END) & 31)::integer, 1), '' ORDER BY p)
  FROM generate_series(0, 25) AS p
$$;

CREATE FUNCTION pg_temp.sample_team(seed bigint, i bigint) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
  SELECT pg_temp.sample_ulid('team', seed, 100, pg_temp.sample_number(seed, 101, i, 7), timestamptz '2024-01-01 00:00:00+00')
$$;

-- n is the original's number, copy 0 the original itself. Duplicates came later, but each seventh in the same moment.
CREATE TEMPORARY TABLE sample_row ON COMMIT DROP AS
SELECT r.rule, r.n, r.copy, r.originals,
  3 * r.n + r.copy AS i,
  s.arrived_at + CASE WHEN r.copy > 0 AND r.n % 7 <> 3 THEN r.copy * interval '1 day' ELSE interval '0' END AS created_at,
  pg_temp.sample_team(@seed, r.n) AS team_id
FROM (
  SELECT d.rule, d.duplicates * 10 AS originals, m.n, m.copy
  FROM (SELECT rule, (@duplicates + 6 - rule) / 6 AS duplicates FROM generate_series(1, 6) AS rule) AS d
  CROSS JOIN LATERAL (
    SELECT n, 0 AS copy FROM generate_series(0, d.duplicates * 10 - 1) AS n
    UNION ALL
    SELECT i - CASE i % 5 WHEN 4 THEN 1 ELSE 0 END, CASE i % 5 WHEN 4 THEN 2 ELSE 1 END FROM generate_series(0, d.duplicates - 1) AS i
  ) AS m
) AS r
CROSS JOIN LATERAL (
  SELECT timestamptz '2025-01-01 00:00:00+00' + pg_temp.sample_number(@seed, 102, r.n * 10 + r.rule, 25920000) * interval '1 second'
) AS s (arrived_at);

-- Messages, by the id that the provider gave them; one in ten originals (never one of a duplicate) was written here and has none.
CREATE TEMPORARY TABLE sample_message ON COMMIT DROP AS
SELECT
  pg_temp.sample_uuid(@seed, 103, i) AS id, n, copy, created_at,
  'Message ' || n AS body,
  CASE WHEN n % 10 <> 9 OR n < originals / 10 THEN 'SM' || lpad(to_hex(pg_temp.sample_hash(@seed, 104, n)), 16, '0') || to_hex(n) END AS external_id
FROM sample_row
WHERE rule = 1;

-- Messages of the other application belong to an event.
DO $$
BEGIN
  IF EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = 'public.messages'::regclass AND a.attname = 'event_id') THEN
    INSERT INTO public.messages (id, body, created_at, external_id, event_id)
    SELECT m.id, m.body, m.created_at, m.external_id, (SELECT e.id FROM public.events e ORDER BY e.id LIMIT 1)
    FROM sample_message m
    ORDER BY m.created_at, m.id;
  ELSE
    INSERT INTO public.messages (id, body, created_at, external_id)
    SELECT m.id, m.body, m.created_at, m.external_id
    FROM sample_message m
    ORDER BY m.created_at, m.id;
  END IF;
END
$$;

-- Two files of every second message; one of those of a duplicate is also the original's.
INSERT INTO public.message_attachments (message_id, url)
SELECT m.id, 'https://files.example.com/' || m.n || '/' || f.file
FROM sample_message m
CROSS JOIN LATERAL (VALUES (1, 'photo.jpg'), (2, CASE m.copy WHEN 0 THEN 'voice.ogg' ELSE 'scan' || m.copy || '.pdf' END)) AS f (nth, file)
WHERE m.n % 2 = 0
ORDER BY m.created_at, m.id, f.nth;

-- Businesses; one in twelve originals was typed in, and comes from no file.
CREATE TEMPORARY TABLE sample_business ON COMMIT DROP AS
SELECT
  pg_temp.sample_ulid('biz', @seed, 105, i, created_at) AS id, n, copy, team_id, created_at,
  CASE WHEN n % 12 <> 11 OR n < originals / 10 THEN (100000 + n)::text END AS source_record_id,
  CASE WHEN n % 12 <> 11 OR n < originals / 10 THEN 'import-' || n % 4 || '.csv' END AS source_file,
  'Business ' || pg_temp.sample_number(@seed, 106, n, 1 + originals / 2) AS name
FROM sample_row
WHERE rule = 2;

INSERT INTO public.businesses (id, team_id, source_record_id, source_file, name, created_at)
SELECT id, team_id, source_record_id, source_file, name, created_at
FROM sample_business
ORDER BY created_at, id;

-- The owner of a duplicate is mostly the original's.
INSERT INTO public.business_owners (persona_id, business_id, share)
SELECT
  pg_temp.sample_ulid('persona', @seed, 107, CASE WHEN n % 5 = 4 THEN 3 * n + copy ELSE 3 * n END, timestamptz '2024-06-01 00:00:00+00'),
  id, 100
FROM sample_business
WHERE n % 3 < 2
ORDER BY created_at, id;

-- Lead cards: of a group the highest score is the original's, a duplicate's, or nobody has one.
CREATE TEMPORARY TABLE sample_card ON COMMIT DROP AS
SELECT
  pg_temp.sample_ulid('card', @seed, 108, i, created_at) AS id, n, copy, team_id, created_at,
  pg_temp.sample_ulid('persona', @seed, 109, n, timestamptz '2024-06-01 00:00:00+00') AS persona_id,
  pg_temp.sample_name(@seed, n) AS name,
  CASE WHEN n % 4 = 3 THEN NULL WHEN copy > 0 AND n % 4 = 2 THEN NULL ELSE pg_temp.sample_number(@seed, 110, i, 101) END AS total_score
FROM sample_row
WHERE rule = 3;

INSERT INTO public.unified_lead_cards (id, team_id, persona_id, name, total_score, created_at)
SELECT id, team_id, persona_id, name, total_score, created_at
FROM sample_card
ORDER BY created_at, id;

-- The queue of campaigns: entries that wait, one in ten of them twice; what was done of the same card by the same agent is no duplicate of it.
CREATE TEMPORARY TABLE sample_entry ON COMMIT DROP AS
SELECT r.n, r.copy, r.created_at, c.team_id, c.id AS lead_card_id,
  (ARRAY['ada', 'grace', 'linus'])[1 + r.n % 3] AS agent,
  CASE (r.n / 3) % 2 WHEN 0 THEN 'sms' ELSE 'email' END AS channel,
  'pending' AS status
FROM sample_row r
JOIN sample_card c ON c.n = r.n AND c.copy = 0
WHERE r.rule = 4;

INSERT INTO sample_entry (n, copy, created_at, team_id, lead_card_id, agent, channel, status)
SELECT n, copy, created_at - interval '30 days', team_id, lead_card_id, agent, channel, (ARRAY['sent', 'failed'])[1 + n % 2]
FROM sample_entry
WHERE n % 2 = 0;

INSERT INTO public.campaign_queue (team_id, lead_card_id, agent, channel, status, created_at)
SELECT team_id, lead_card_id, agent, channel, status, created_at
FROM sample_entry
ORDER BY created_at, n, copy;

INSERT INTO public.queue_events (queue_id, event, created_at)
SELECT q.id, e.event, q.created_at
FROM public.campaign_queue q
CROSS JOIN LATERAL (VALUES (1, 'queued'), (2, CASE WHEN q.status <> 'pending' THEN q.status END)) AS e (nth, event)
WHERE e.event IS NOT NULL
ORDER BY q.id, e.nth;

-- Results of skip tracing: of a group the first that succeeded, or none did; one in eight originals found nobody.
INSERT INTO public.skiptrace_results (team_id, persona_id, provider, success, created_at)
SELECT
  team_id,
  CASE WHEN n % 8 <> 7 OR n < originals / 10 THEN
    pg_temp.sample_ulid('persona', @seed, 109, n / 2, timestamptz '2024-06-01 00:00:00+00') END,
  (ARRAY['batch', 'tracer'])[1 + n % 2],
  CASE (n + copy) % 4 WHEN 0 THEN true WHEN 1 THEN NULL ELSE false END, created_at
FROM sample_row
WHERE rule = 5
ORDER BY created_at, n, copy;

-- Activities; one in nine originals was noted by hand. A reply follows the activity before it, be that a duplicate or not.
CREATE TEMPORARY TABLE sample_activity ON COMMIT DROP AS
SELECT
  pg_temp.sample_ulid('act', @seed, 111, r.i, r.created_at) AS id, r.n, r.copy, r.team_id, r.created_at,
  CASE WHEN r.n % 9 <> 8 OR r.n < r.originals / 10 THEN 'crm-' || r.n END AS external_id,
  c.id AS lead_card_id,
  pg_temp.sample_ulid('act', @seed, 111, p.i, p.created_at) AS parent_id,
  (ARRAY['call', 'reply', 'note'])[1 + r.n % 3] AS kind
FROM sample_row r
LEFT JOIN sample_card c ON c.n = r.n AND c.copy = 0
LEFT JOIN (
  SELECT DISTINCT ON (n) n, i, created_at FROM sample_row WHERE rule = 6 ORDER BY n, copy DESC
) AS p ON p.n = r.n - 1 AND r.n % 3 = 1
WHERE r.rule = 6;

INSERT INTO public.lead_activities (id, team_id, external_id, lead_card_id, parent_id, kind, created_at)
SELECT id, team_id, external_id, lead_card_id, parent_id, kind, created_at
FROM sample_activity
ORDER BY created_at, id;

-- What has its keys, or lacks them so far without harm.
INSERT INTO public.integrations (team_id, name)
SELECT pg_temp.sample_ulid('team', @seed, 100, t, timestamptz '2024-01-01 00:00:00+00'), i.name
FROM generate_series(0, 6) AS t
CROSS JOIN (VALUES ('crm'), ('dialer')) AS i (name)
ORDER BY t, i.name;

INSERT INTO public.integration_fields (integration_id, module, source_field, target_field)
SELECT i.id, m.module, f.field, 'lead_' || f.field
FROM public.integrations i
CROSS JOIN (VALUES ('leads'), ('deals')) AS m (module)
CROSS JOIN (VALUES ('name'), ('phone'), ('email')) AS f (field)
ORDER BY i.id, m.module, f.field;

INSERT INTO public.leads (team_id, integration_id, external_id, name)
SELECT i.team_id, i.id, CASE WHEN n % 10 <> 9 THEN (5000 + n)::text END, pg_temp.sample_name(@seed, n)
FROM generate_series(0, @duplicates - 1) AS n
JOIN public.integrations i ON i.id = 1 + n % 14
ORDER BY n;

INSERT INTO public.campaign_leads (campaign_id, lead_id)
SELECT 1 + l.id % 3, l.id FROM public.leads l ORDER BY l.id;

INSERT INTO public.properties (external_id, source, address)
SELECT (700000 + n / 2)::text, (ARRAY['county', 'mls'])[1 + n % 2], 1 + n || ' Main Street'
FROM generate_series(0, @duplicates - 1) AS n
ORDER BY n;

INSERT INTO public.property_distress_scores (property_id, provider, external_id, score)
SELECT p.id, s.provider, s.provider || '-' || p.id, pg_temp.sample_number(@seed, 112, p.id, 101)
FROM public.properties p
CROSS JOIN (VALUES ('alpha'), ('beta')) AS s (provider)
ORDER BY p.id, s.provider;

INSERT INTO public.persona_phones (persona_id, normalized_number, is_mobile)
SELECT c.persona_id, '+1' || pg_temp.sample_digits(@seed, c.n + f.nth * 100000000, false), f.nth = 0
FROM sample_card c
CROSS JOIN generate_series(0, 1) AS f (nth)
WHERE c.copy = 0
ORDER BY c.n, f.nth;

DROP FUNCTION pg_temp.sample_ulid, pg_temp.sample_team;

SELECT
  count(*) FILTER (WHERE rule = 1) AS messages,
  count(*) FILTER (WHERE rule = 2) AS businesses,
  count(*) FILTER (WHERE rule = 3) AS "leadCards",
  (SELECT count(*) FROM sample_entry) AS "queueEntries",
  count(*) FILTER (WHERE rule = 5) AS "skiptraceResults",
  count(*) FILTER (WHERE rule = 6) AS "leadActivities",
  count(*) FILTER (WHERE copy > 0) AS duplicates,
  count(*) FILTER (WHERE copy = 1) AS groups,
  (SELECT count(*) FROM sample_message WHERE external_id IS NULL) AS "messagesWithoutKey",
  (SELECT count(*) FROM sample_entry WHERE status <> 'pending') AS "finishedEntries",
  (SELECT count(*) FROM sample_message WHERE copy > 0 AND n % 2 = 0) AS "clashingAttachments"
FROM sample_row;
