-- The rule for what links to whom, whatever the flags say: they are arguments. It stands here once, set-based; triggers, SQL functions,
-- backfill and Resolve-UserLink call it by linkage.resolve_user_links, and what judges links that exist calls it directly.
--
--   1. guest        its own guest is active and has a user: that user, whatever the phone says
--   2. event phone  exactly one active guest of the event has that phone, and it has a user: that user
--   3. user phone   (flag) rule 2 found exactly one guest, without a user; exactly one user has that phone: that user
--
-- Phones compare normalised on both sides. A removed guest still tells the event. A guest's user who does not exist any more
-- is nobody to link to, and no reason to guess another.
--
-- Arrays of one serve triggers, arrays of thousands the backfill. The function is one SELECT and is inlined into the caller's plan.
-- Plan: event_guests' primary key and users' for each guest once, hashed; for each record idx_event_guests_event_phone_normalized where
-- its guest has no user, and users' primary key for what that finds; idx_users_phone_normalized where the fallback is on and asked
-- for: nested loops, whatever the planner believes of the tables. LATERAL and OFFSET 0 see to it; left to itself, it reads all
-- guests for each batch.
--
-- Record keys, and what was asked with (asked_*), go through as they are: a join by ordinal would cost the planner its estimates.
CREATE OR REPLACE FUNCTION linkage.apply_link_rules(
  record_keys text[], guest_ids {{guest_id}}[], event_ids {{event_id}}[], phones text[], linking boolean, fallback boolean)
RETURNS TABLE (
  ordinal bigint, record_key text, asked_guest {{guest_id}}, asked_event {{event_id}}, asked_phone text,
  event_id {{event_id}}, normalized_phone text, matched_guest_id {{guest_id}}, user_id {{user_id}},
  outcome text, rule text, reason text)
LANGUAGE sql STABLE
AS $$
  WITH flag AS MATERIALIZED (
    SELECT $5 AS linking, $6 AS fallback
  )
  SELECT
    d.ordinal, d.record_key, d.asked_guest, d.asked_event, d.asked_phone, d.event_id, d.phone, d.matched_guest_id, u.id,
    CASE WHEN d.outcome = 'linked' AND u.id IS NULL THEN 'no_match' ELSE d.outcome END,
    d.rule,
    CASE WHEN d.outcome = 'linked' AND u.id IS NULL THEN 'the guest''s user does not exist' ELSE d.reason END
  FROM (
    SELECT
      r.ordinal, r.record_key, r.asked_guest, r.asked_event, r.asked_phone, r.event_id, r.phone,
      CASE
        WHEN f.linking IS NOT TRUE THEN 'skipped'
        WHEN r.guest_user_id IS NOT NULL THEN 'linked'
        WHEN r.event_id IS NULL OR r.phone IS NULL THEN 'skipped'
        WHEN e.guests > 1 THEN 'ambiguous'
        WHEN e.user_id IS NOT NULL THEN 'linked'
        WHEN p.users > 1 THEN 'ambiguous'
        WHEN p.users = 1 THEN 'linked'
        ELSE 'no_match'
      END AS outcome,
      CASE
        WHEN f.linking IS NOT TRUE THEN NULL
        WHEN r.guest_user_id IS NOT NULL THEN 'guest'
        WHEN r.event_id IS NULL OR r.phone IS NULL THEN NULL
        WHEN e.guests = 1 AND e.user_id IS NULL AND f.fallback THEN 'user phone'
        ELSE 'event phone'
      END AS rule,
      CASE
        WHEN f.linking IS NOT TRUE THEN 'feature off'
        WHEN r.guest_user_id IS NOT NULL THEN NULL
        WHEN r.event_id IS NULL THEN 'no event'
        WHEN r.phone IS NULL THEN 'no usable phone'
        WHEN e.guests > 1 THEN 'several active guests of the event have this phone'
        WHEN e.guests = 0 THEN 'no active guest of the event has this phone'
        WHEN e.user_id IS NOT NULL THEN NULL
        WHEN f.fallback IS NOT TRUE THEN 'the guest has no user'
        WHEN p.users > 1 THEN 'several users have this phone'
        WHEN p.users = 0 THEN 'no user has this phone'
      END AS reason,
      CASE WHEN r.guest_user_id IS NOT NULL THEN r.asked_guest WHEN e.guests = 1 THEN e.guest_id END AS matched_guest_id,
      CASE
        WHEN f.linking IS NOT TRUE THEN NULL
        WHEN r.guest_user_id IS NOT NULL THEN r.guest_user_id
        WHEN e.guests = 1 AND e.user_id IS NOT NULL THEN e.user_id
        WHEN p.users = 1 THEN p.user_id
      END AS user_id,
      r.existing_user
    FROM flag f
    CROSS JOIN (
      SELECT
        i.ordinal, i.record_key, i.asked_guest, i.asked_event, i.asked_phone,
        COALESCE(i.asked_event, own.event_id) AS event_id,
        {{app}}.normalize_phone(i.asked_phone) AS phone,
        CASE WHEN own.removed_at IS NULL THEN own.user_id END AS guest_user_id,
        own.existing_user
      FROM unnest($1, $2, $3, $4) WITH ORDINALITY AS i (record_key, asked_guest, asked_event, asked_phone, ordinal)
      LEFT JOIN (
        SELECT g.id, g.event_id, g.user_id, g.removed_at, u.id AS existing_user
        FROM (SELECT DISTINCT n.id FROM unnest($2) AS n (id)) AS n
        CROSS JOIN LATERAL (
          SELECT g.id, g.event_id, g.user_id, g.removed_at FROM {{app}}.event_guests g WHERE g.id = n.id OFFSET 0
        ) AS g
        LEFT JOIN LATERAL (
          SELECT u.id FROM {{app}}.users u WHERE g.removed_at IS NULL AND u.id = g.user_id OFFSET 0
        ) AS u ON true
        OFFSET 0
      ) AS own ON own.id = i.asked_guest
      OFFSET 0
    ) AS r
    CROSS JOIN LATERAL (
      SELECT count(*) AS guests, (array_agg(g.id))[1] AS guest_id, (array_agg(g.user_id))[1] AS user_id
      FROM {{app}}.event_guests g
      WHERE r.guest_user_id IS NULL
        AND g.event_id = r.event_id AND {{app}}.normalize_phone(g.phone) = r.phone AND g.removed_at IS NULL
    ) AS e
    CROSS JOIN LATERAL (
      SELECT count(*) AS users, (array_agg(u.id))[1] AS user_id
      FROM {{app}}.users u
      WHERE f.fallback AND e.guests = 1 AND e.user_id IS NULL AND {{app}}.normalize_phone(u.phone) = r.phone
    ) AS p
    OFFSET 0
  ) AS d
  LEFT JOIN LATERAL (
    SELECT d.user_id WHERE d.user_id = d.existing_user
    UNION ALL
    SELECT u.id FROM {{app}}.users u WHERE d.existing_user IS DISTINCT FROM d.user_id AND u.id = d.user_id
    OFFSET 0
  ) AS u (id) ON true
$$;

-- The rule as the flags have it. They are read once, also where the application's get_feature_flag is volatile.
CREATE OR REPLACE FUNCTION linkage.resolve_user_links(
  record_keys text[], guest_ids {{guest_id}}[], event_ids {{event_id}}[], phones text[])
RETURNS TABLE (
  ordinal bigint, record_key text, asked_guest {{guest_id}}, asked_event {{event_id}}, asked_phone text,
  event_id {{event_id}}, normalized_phone text, matched_guest_id {{guest_id}}, user_id {{user_id}},
  outcome text, rule text, reason text)
LANGUAGE sql STABLE
AS $$
  WITH flag AS MATERIALIZED (
    SELECT
      {{app}}.get_feature_flag('LINK_USER_BY_PHONE') AS linking,
      {{app}}.get_feature_flag('LINK_USER_BY_PHONE_FALLBACK_TO_USERS') AS fallback
  )
  SELECT r.*
  FROM flag f
  CROSS JOIN LATERAL linkage.apply_link_rules($1, $2, $3, $4, f.linking, f.fallback) r
$$;

-- The rule, less what an undo has suppressed for these records of a target.
CREATE OR REPLACE FUNCTION linkage.decide_user_links(
  target text, record_keys text[], guest_ids {{guest_id}}[], event_ids {{event_id}}[], phones text[])
RETURNS TABLE (
  ordinal bigint, record_key text, asked_guest {{guest_id}}, asked_event {{event_id}}, asked_phone text,
  event_id {{event_id}}, normalized_phone text, matched_guest_id {{guest_id}}, user_id {{user_id}},
  outcome text, rule text, reason text)
LANGUAGE sql STABLE
AS $$
  SELECT
    r.ordinal, r.record_key, r.asked_guest, r.asked_event, r.asked_phone,
    r.event_id, r.normalized_phone, r.matched_guest_id,
    CASE WHEN s.target IS NULL THEN r.user_id END,
    CASE WHEN s.target IS NULL THEN r.outcome ELSE 'skipped' END,
    r.rule,
    CASE WHEN s.target IS NULL THEN r.reason ELSE 'suppressed' END
  FROM linkage.resolve_user_links($2, $3, $4, $5) r
  LEFT JOIN LATERAL (
    SELECT s.target FROM linkage.link_suppression s
    WHERE r.outcome = 'linked' AND s.target = $1 AND s.record_key = r.record_key COLLATE "C" AND s.user_id = r.user_id
    OFFSET 0
  ) AS s ON true
$$;
