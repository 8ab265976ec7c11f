-- Links that are wrong: a record has a user, and what is known now says that it is somebody else's. docs/user-links.md tells the rules.
-- All of it reads only.
--
-- Three steps, each for what the one before has left:
--   1. suspicious_candidates  a condition on the table: the record's own guest doesn't have its user. Most links end here
--   2. judge_user_links       by guests and users now: the rule itself, by indexes. What it confirms ends here
--   3. link_origins           where the link came from: one scan of the audit, which has no index on the record, and one of the
--                             guests, for thousands of links at once. judge_user_links then judges with what they say

-- The condition on alias t that nothing confirms its user at first sight: no guest of its own with that user, active or removed; where the
-- target knows no guests, no active guest of the event with that phone and that user. A user who does not exist is never confirmed.
-- Plan: guests and users by primary key, or hashed, where many are looked at; where the target knows no guests,
-- idx_event_guests_event_phone_normalized.
CREATE OR REPLACE FUNCTION linkage.suspicious_candidates(walk jsonb) RETURNS text
LANGUAGE sql STABLE
AS $$
  SELECT pg_catalog.format(
    't.%1$I IS NOT NULL AND NOT EXISTS (
       SELECT FROM {{app}}.event_guests g JOIN {{app}}.users u ON u.id = g.user_id WHERE g.user_id = t.%1$I AND %2$s)',
    target.user_column,
    CASE WHEN target.guest_column IS NOT NULL THEN pg_catalog.format('g.id = t.%I', target.guest_column)
      ELSE pg_catalog.format(
        'g.event_id = t.%I AND {{app}}.normalize_phone(g.phone) = {{app}}.normalize_phone(t.%I::text) AND g.removed_at IS NULL',
        target.event_column, target.phone_column)
    END)
  FROM linkage.link_target target
  WHERE target.name = $1 ->> 'target'
$$;

-- Where they are: by key, so that each is listed once, also if it is updated meanwhile.
CREATE OR REPLACE FUNCTION linkage.wrong_link_walk(wanted text) RETURNS jsonb
LANGUAGE sql STABLE
AS $$
  SELECT (linkage.user_link_work_by_key(wanted) -> 'walk') || pg_catalog.jsonb_build_object('candidates', 'suspicious_candidates')
$$;

-- What the guests and users as they are now say of links; a row for each record that was asked about.
--   origin_*   by which rule and guest the link was made, as far as the audit tells; null where it does not
--   crossings  whether it came from a guest of another event (linkage.link_origins)
-- reasons is empty where nothing speaks against the link, and for a record without a user. is_open says that an origin could change that.
-- expected_user_id is the rule's answer with linking on, null where an undo has suppressed it: what a person parted, a guest or a phone
-- does not contradict. A guest's user who does not exist is no evidence either.
-- Plan: as linkage.apply_link_rules; primary keys and idx_event_guests_event_phone_normalized, nested loops over the arrays.
CREATE OR REPLACE FUNCTION linkage.judge_user_links(
  target text, record_keys text[], guest_ids {{guest_id}}[], event_ids {{event_id}}[], phones text[], user_ids {{user_id}}[],
  origin_rules text[], origin_guests {{guest_id}}[], crossings boolean[])
RETURNS TABLE (
  ordinal bigint, record_key text, guest_id {{guest_id}}, asked_event {{event_id}}, phone text, user_id {{user_id}},
  guest_name text, guest_user_id {{user_id}}, event_id {{event_id}}, normalized_phone text, matched_guest_id {{guest_id}},
  expected_user_id {{user_id}}, outcome text, rule text, rule_reason text, reasons text[], is_open boolean)
LANGUAGE sql STABLE
AS $$
  SELECT
    r.ordinal, r.record_key, r.asked_guest, r.asked_event, r.asked_phone, i.user_id,
    own.guest_name::text, own.user_id, r.event_id, r.normalized_phone, r.matched_guest_id,
    CASE WHEN kept.target IS NULL THEN r.user_id END,
    CASE WHEN kept.target IS NULL THEN r.outcome ELSE 'skipped' END,
    r.rule,
    CASE WHEN kept.target IS NULL THEN r.reason ELSE 'suppressed' END,
    pg_catalog.array_remove(
      ARRAY[
        CASE WHEN i.user_id IS NOT NULL AND u.id IS NULL THEN 'the user does not exist' END,
        CASE WHEN f.is_contested AND r.rule = 'guest' AND r.user_id <> i.user_id AND kept.target IS NULL THEN
          CASE WHEN made.by_own_guest THEN 'its guest moved to another user' ELSE 'its guest has another user' END END,
        CASE WHEN f.is_contested AND i.crossing AND known.user_id IS NULL THEN 'the link came from a guest of another event' END,
        CASE WHEN f.is_contested AND NOT made.by_own_guest AND holder.user_id <> i.user_id THEN
          'the phone belongs to someone else at this event' END
      ],
      NULL),
    f.is_contested AND r.event_id IS NOT NULL
  FROM (SELECT {{app}}.get_feature_flag('LINK_USER_BY_PHONE_FALLBACK_TO_USERS') OFFSET 0) AS flag (fallback)
  CROSS JOIN LATERAL linkage.apply_link_rules($2, $3, $4, $5, true, flag.fallback) r
  JOIN unnest($6, $7, $8, $9) WITH ORDINALITY AS i (user_id, origin_rule, origin_guest, crossing, ordinal) ON i.ordinal = r.ordinal
  LEFT JOIN LATERAL (SELECT u.id FROM {{app}}.users u WHERE u.id = i.user_id OFFSET 0) AS u ON true
  LEFT JOIN LATERAL (
    SELECT g.guest_name, g.user_id FROM {{app}}.event_guests g WHERE g.id = r.asked_guest OFFSET 0
  ) AS own ON true
  LEFT JOIN LATERAL (
    SELECT s.target FROM linkage.link_suppression s
    WHERE r.outcome = 'linked' AND s.target = $1 AND s.record_key = r.record_key COLLATE "C" AND s.user_id = r.user_id
    OFFSET 0
  ) AS kept ON true
  -- Neither its own guest, active or removed, nor the rule says that the user is right.
  CROSS JOIN LATERAL (
    SELECT i.user_id IS NOT NULL AND own.user_id IS DISTINCT FROM i.user_id AND r.user_id IS DISTINCT FROM i.user_id
  ) AS f (is_contested)
  -- Made by the guest that the record still has, or had.
  CROSS JOIN LATERAL (
    SELECT COALESCE(
      COALESCE(i.origin_rule, 'guest') = 'guest'
        AND (i.origin_guest = r.asked_guest OR i.origin_guest IS NOT NULL AND r.asked_guest IS NULL),
      false)
  ) AS made (by_own_guest)
  -- Who has the phone at the event by rules 2 and 3, whatever its own guest says: the rule has told it already, unless that guest did.
  LEFT JOIN LATERAL (
    SELECT h.user_id
    FROM linkage.apply_link_rules(
      ARRAY[r.record_key], ARRAY[NULL]::{{guest_id}}[], ARRAY[r.event_id], ARRAY[r.asked_phone], true, flag.fallback) h
    WHERE f.is_contested AND r.rule = 'guest' AND r.event_id IS NOT NULL AND h.outcome = 'linked'
    OFFSET 0
  ) AS other ON true
  LEFT JOIN LATERAL (
    SELECT n.user_id
    FROM (SELECT CASE WHEN r.rule = 'guest' THEN other.user_id WHEN r.outcome = 'linked' THEN r.user_id END) AS n (user_id)
    WHERE NOT EXISTS (
      SELECT FROM linkage.link_suppression s
      WHERE s.target = $1 AND s.record_key = r.record_key COLLATE "C" AND s.user_id = n.user_id)
    OFFSET 0
  ) AS holder ON true
  -- A guest of the event with that phone and that user: the link needs no other event.
  LEFT JOIN LATERAL (
    SELECT g.user_id
    FROM {{app}}.event_guests g
    WHERE f.is_contested AND i.crossing
      AND g.event_id = r.event_id AND {{app}}.normalize_phone(g.phone) = r.normalized_phone AND g.removed_at IS NULL
      AND g.user_id = i.user_id
    LIMIT 1
  ) AS known ON true
$$;

-- Where links came from, for records that have a user and an event: what the audit says of the change that made the link, if Linkage
-- made it and nobody has written the user since; and whether it crosses events. Of a link that the audit tells of, the guest whom it
-- came from is asked (or the audited event, if that guest is gone); of any other: no guest of the event, active or removed, has that user,
-- while a guest with that phone at another event does.
-- Plan: the list hashed, one scan of the audit; one scan of the guests against the distinct users, if the audit left something open.
CREATE OR REPLACE FUNCTION linkage.link_origins(
  wanted text, record_keys text[], event_ids {{event_id}}[], normalized_phones text[], user_ids {{user_id}}[])
RETURNS TABLE (
  ordinal bigint, rule text, guest_id {{guest_id}}, source text, run_id uuid, linked_at timestamptz, crosses_events boolean)
-- Executed with its values, so that the planner knows how many there are. Compiling would take longer than reading.
LANGUAGE plpgsql STABLE SET jit = off
AS $$
BEGIN
  RETURN QUERY EXECUTE
    'WITH asked AS MATERIALIZED (
       SELECT * FROM unnest($2, $3, $4, $5) WITH ORDINALITY AS i (record_key, event_id, phone, user_id, ordinal)
     ),
     latest AS MATERIALIZED (
       SELECT DISTINCT ON (i.ordinal)
         i.ordinal, i.user_id, a.outcome::text AS outcome, a.linked_user_id, a.rule, a.matched_guest_id, a.event_id, a.source, a.run_id,
         a.created_at
       FROM asked i
       JOIN {{app}}.user_link_audit a
         ON COALESCE(a.record_key, a.record_id::text) = i.record_key
         AND a.table_name IN ($1, linkage.guest_link_audit_name($1))
         AND a.outcome IN (''linked'', ''unlinked'')
         AND NOT a.dry_run
       ORDER BY i.ordinal, a.created_at DESC, a.id DESC
     ),
     told AS MATERIALIZED (
       SELECT l.*, COALESCE(g.event_id, l.event_id) AS origin_event
       FROM latest l
       LEFT JOIN {{app}}.event_guests g ON g.id = l.matched_guest_id
       WHERE l.outcome = ''linked'' AND l.linked_user_id = l.user_id
     ),
     untold AS MATERIALIZED (
       SELECT i.*
       FROM asked i
       LEFT JOIN told o ON o.ordinal = i.ordinal
       WHERE o.origin_event IS NULL AND i.event_id IS NOT NULL AND i.phone IS NOT NULL
     ),
     known AS MATERIALIZED (
       SELECT g.user_id, g.event_id, {{app}}.normalize_phone(g.phone) AS phone
       FROM (SELECT DISTINCT n.user_id FROM untold n) AS n
       JOIN {{app}}.event_guests g ON g.user_id = n.user_id
     ),
     crossing AS (
       SELECT n.ordinal
       FROM untold n
       WHERE NOT EXISTS (SELECT FROM known k WHERE k.user_id = n.user_id AND k.event_id = n.event_id)
         AND EXISTS (SELECT FROM known k WHERE k.user_id = n.user_id AND k.phone = n.phone)
     )
     SELECT
       i.ordinal, o.rule, o.matched_guest_id, o.source, o.run_id, o.created_at,
       COALESCE(o.origin_event <> i.event_id, c.ordinal IS NOT NULL)
     FROM asked i
     LEFT JOIN told o ON o.ordinal = i.ordinal
     LEFT JOIN crossing c ON c.ordinal = i.ordinal
     ORDER BY i.ordinal'
  USING wanted, record_keys, event_ids, normalized_phones, user_ids;
END
$$;

-- Of records those that a first look leaves open or finds wrong, as arrays in their order, with events and normalised phones. certain
-- is how many are wrong wherever they came from; those are left out of the arrays unless with_certain.
CREATE OR REPLACE FUNCTION linkage.suspect_links(
  target text, record_keys text[], guest_ids {{guest_id}}[], event_ids {{event_id}}[], phones text[], user_ids {{user_id}}[],
  with_certain boolean,
  OUT certain bigint, OUT keys text[], OUT guests {{guest_id}}[], OUT asked_events {{event_id}}[], OUT texts text[],
  OUT users {{user_id}}[], OUT events {{event_id}}[], OUT normalized_phones text[])
-- Executed with its values, so that the planner knows how many there are. Compiling would take longer than reading.
LANGUAGE plpgsql STABLE SET jit = off
AS $$
BEGIN
  EXECUTE
    'WITH judged AS MATERIALIZED (
       SELECT j.*, j.reasons && ARRAY[''the user does not exist'', ''its guest has another user''] AS is_certain
       FROM linkage.judge_user_links($1, $2, $3, $4, $5, $6, NULL, NULL, NULL) j
     )
     SELECT c.certain, a.*
     FROM (SELECT count(*) FROM judged j WHERE j.is_certain) AS c (certain)
     CROSS JOIN (
       SELECT
         array_agg(j.record_key ORDER BY j.ordinal), array_agg(j.guest_id ORDER BY j.ordinal),
         array_agg(j.asked_event ORDER BY j.ordinal), array_agg(j.phone ORDER BY j.ordinal), array_agg(j.user_id ORDER BY j.ordinal),
         array_agg(j.event_id ORDER BY j.ordinal), array_agg(j.normalized_phone ORDER BY j.ordinal)
       FROM judged j
       WHERE CASE WHEN j.is_certain THEN $7 ELSE j.is_open END
     ) AS a'
  INTO certain, keys, guests, asked_events, texts, users, events, normalized_phones
  USING target, record_keys, guest_ids, event_ids, phones, user_ids, with_certain;
END
$$;

-- Those of them that are wrong once it is known where they came from, in the order of the arrays.
CREATE OR REPLACE FUNCTION linkage.judge_by_origin(
  target text, record_keys text[], guest_ids {{guest_id}}[], asked_events {{event_id}}[], phones text[], user_ids {{user_id}}[],
  event_ids {{event_id}}[], normalized_phones text[])
RETURNS TABLE (
  record_key text, guest_id {{guest_id}}, guest_name text, guest_user_id {{user_id}}, event_id {{event_id}}, phone text,
  normalized_phone text, user_id {{user_id}}, expected_user_id {{user_id}}, origin_rule text, linked_at timestamptz, run_id uuid,
  source text, reasons text[])
LANGUAGE plpgsql STABLE SET jit = off
AS $$
DECLARE
  origin record;
BEGIN
  SELECT
    array_agg(o.rule ORDER BY o.ordinal) AS rules, array_agg(o.guest_id ORDER BY o.ordinal) AS guest_ids,
    array_agg(o.source ORDER BY o.ordinal) AS sources, array_agg(o.run_id ORDER BY o.ordinal) AS run_ids,
    array_agg(o.linked_at ORDER BY o.ordinal) AS times, array_agg(o.crosses_events ORDER BY o.ordinal) AS crossings
  INTO origin
  FROM linkage.link_origins(target, record_keys, event_ids, normalized_phones, user_ids) o;

  RETURN QUERY EXECUTE
    'SELECT
       j.record_key, j.guest_id, j.guest_name, j.guest_user_id, j.event_id, j.phone, j.normalized_phone, j.user_id,
       j.expected_user_id, o.rule, o.linked_at, o.run_id, o.source, j.reasons
     FROM linkage.judge_user_links($1, $2, $3, $4, $5, $6, $7, $8, $9) j
     JOIN unnest($7, $10, $11, $12) WITH ORDINALITY AS o (rule, source, run_id, linked_at, ordinal) ON o.ordinal = j.ordinal
     WHERE cardinality(j.reasons) > 0
     ORDER BY j.ordinal'
  USING
    target, record_keys, guest_ids, asked_events, phones, user_ids,
    origin.rules, origin.guest_ids, origin.crossings, origin.sources, origin.run_ids, origin.times;
END
$$;

-- The wrong links of one key set, in key order, as text.
-- Plan: the key set by the walk's index; then as above, one scan of the audit if anything is left.
CREATE OR REPLACE FUNCTION linkage.wrong_links(walk jsonb, key_set jsonb)
RETURNS TABLE (
  target text, record_key text, guest_id text, guest_name text, guest_user_id text, event_id text, phone text, normalized_phone text,
  user_id text, expected_user_id text, origin_rule text, linked_at timestamptz, run_id uuid, source text, reasons text[])
LANGUAGE plpgsql STABLE SET jit = off
AS $$
DECLARE
  asked   linkage.link_target := linkage.find_link_target(walk ->> 'target');
  linked  record;
  suspect record;
BEGIN
  EXECUTE format(
    'SELECT array_agg(c.k) AS keys, array_agg(c.g) AS guests, array_agg(c.e) AS events, array_agg(c.p) AS phones, array_agg(c.u) AS users
     FROM (%s ORDER BY %s) AS c',
    linkage.target_records(asked, linkage.candidates(walk) || ' AND ' || linkage.key_set_condition(walk, key_set)),
    linkage.key_columns(walk))
  INTO linked;
  suspect := linkage.suspect_links(asked.name, linked.keys, linked.guests, linked.events, linked.phones, linked.users, true);
  IF suspect.keys IS NULL THEN
    RETURN;
  END IF;
  RETURN QUERY
  SELECT
    asked.name, w.record_key, w.guest_id::text, w.guest_name, w.guest_user_id::text, w.event_id::text, w.phone, w.normalized_phone,
    w.user_id::text, w.expected_user_id::text, w.origin_rule, w.linked_at, w.run_id, w.source, w.reasons
  FROM linkage.judge_by_origin(
    asked.name, suspect.keys, suspect.guests, suspect.asked_events, suspect.texts, suspect.users, suspect.events,
    suspect.normalized_phones) w;
END
$$;

-- How many there are: the same, in slices that bound the memory. The audit is left alone unless some link of a slice can't be judged
-- without it. Plan: one scan of the target, guests joined with users hashed; per slice as above.
CREATE OR REPLACE FUNCTION linkage.count_wrong_links(wanted text) RETURNS bigint
LANGUAGE plpgsql STABLE SET jit = off
AS $$
DECLARE
  target  linkage.link_target := linkage.find_link_target(wanted);
  wrong   bigint := 0;
  suspect record;
  keys    text[] := '{}';
  guests  {{guest_id}}[] := '{}';
  events  {{event_id}}[] := '{}';
  phones  text[] := '{}';
  users   {{user_id}}[] := '{}';
BEGIN
  FOR suspect IN EXECUTE linkage.target_records(
    target, linkage.suspicious_candidates(jsonb_build_object('target', target.name)))
  LOOP
    keys := keys || suspect.k;
    guests := array_append(guests, suspect.g);
    events := array_append(events, suspect.e);
    phones := array_append(phones, suspect.p);
    users := array_append(users, suspect.u);
    IF cardinality(keys) = 50000 THEN
      wrong := wrong + linkage.count_wrong_among(target.name, keys, guests, events, phones, users);
      keys := '{}';
      guests := '{}';
      events := '{}';
      phones := '{}';
      users := '{}';
    END IF;
  END LOOP;
  RETURN wrong + linkage.count_wrong_among(target.name, keys, guests, events, phones, users);
END
$$;

-- How many of these are wrong. What is wrong wherever it came from is counted without the audit.
CREATE OR REPLACE FUNCTION linkage.count_wrong_among(
  target text, record_keys text[], guest_ids {{guest_id}}[], event_ids {{event_id}}[], phones text[], user_ids {{user_id}}[])
RETURNS bigint
LANGUAGE plpgsql STABLE SET jit = off
AS $$
DECLARE
  suspect record := linkage.suspect_links(target, record_keys, guest_ids, event_ids, phones, user_ids, false);
BEGIN
  IF suspect.keys IS NULL THEN
    RETURN suspect.certain;
  END IF;
  RETURN suspect.certain + (
    SELECT count(*)
    FROM linkage.judge_by_origin(
      target, suspect.keys, suspect.guests, suspect.asked_events, suspect.texts, suspect.users, suspect.events,
      suspect.normalized_phones));
END
$$;
