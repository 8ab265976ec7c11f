-- What people ask: why is this not linked, what could be, how healthy is it. All of it reads only, by the rule that links.

-- What the rules say of a phone at an event.
CREATE OR REPLACE FUNCTION linkage.inspect_phone(event text, asked_phone text)
RETURNS TABLE (
  target text, delivery_id text, event_id text, phone text, normalized_phone text, outcome text, rule text, reason text, user_id text,
  guest_id text, current_user_id text)
LANGUAGE sql STABLE
AS $$
  SELECT
    NULL, NULL, r.event_id::text, $2, r.normalized_phone, r.outcome, r.rule, r.reason, r.user_id::text, r.matched_guest_id::text, NULL
  FROM linkage.resolve_user_links(ARRAY[NULL]::text[], ARRAY[NULL]::{{guest_id}}[], ARRAY[$1]::{{event_id}}[], ARRAY[$2]) r
$$;

-- What the rules say of a record of a target, suppressions included; no row where there is no such record.
CREATE OR REPLACE FUNCTION linkage.inspect_delivery(wanted text, delivery text)
RETURNS TABLE (
  target text, delivery_id text, event_id text, phone text, normalized_phone text, outcome text, rule text, reason text, user_id text,
  guest_id text, current_user_id text)
LANGUAGE plpgsql STABLE
AS $$
DECLARE
  found linkage.link_target := linkage.find_audited_target(wanted);
BEGIN
  RETURN QUERY EXECUTE format(
    'SELECT
       $2, c.k, r.event_id::text, c.p, r.normalized_phone, r.outcome, r.rule, r.reason, r.user_id::text, r.matched_guest_id::text, c.u::text
     FROM (%s) AS c
     CROSS JOIN LATERAL linkage.decide_user_links($2, ARRAY[c.k], ARRAY[c.g], ARRAY[c.e], ARRAY[c.p]) r',
    linkage.target_records(found, linkage.record_key_condition(found, '$1')))
  USING delivery, found.name;
END
$$;

-- Rule by rule: what each looked at, and why it stopped or passed on. The outcome is the resolver's; this only tells the story.
-- Plan: primary keys, idx_event_guests_event_phone_normalized, idx_users_phone_normalized.
CREATE OR REPLACE FUNCTION linkage.explain_user_link(wanted text, delivery text, event text, asked_phone text)
RETURNS TABLE (step integer, rule text, looked_at bigint, finding text, decides boolean)
LANGUAGE plpgsql STABLE
AS $$
DECLARE
  target  linkage.link_target;
  answer  record;
  -- a few of its columns only: a role may have no right to the others
  own     {{app}}.event_guests;
  guests  bigint;
  linked  bigint;
  users   bigint;
  -- what the resolver says of a link that a rule found and that is not made all the same
  but     text;
BEGIN
  IF delivery IS NULL THEN
    SELECT * INTO answer FROM linkage.inspect_phone(event, asked_phone);
  ELSE
    SELECT * INTO answer FROM linkage.inspect_delivery(wanted, delivery);
    IF NOT FOUND THEN
      RETURN;
    END IF;
    target := linkage.find_audited_target(wanted);
    IF target.guest_column IS NOT NULL THEN
      EXECUTE format(
        'SELECT g.id, g.user_id, g.removed_at FROM %I.%I AS t JOIN {{app}}.event_guests g ON g.id = t.%I WHERE %s',
        target.table_schema, target.table_name, target.guest_column, linkage.record_key_condition(target, '$1'))
      INTO own.id, own.user_id, own.removed_at
      USING delivery;
    END IF;
  END IF;

  IF answer.reason = 'feature off' THEN
    RETURN QUERY SELECT 1, 'guest', 0::bigint, 'Nothing is looked at: flag LINK_USER_BY_PHONE is off.', false;
    RETURN;
  END IF;
  but := CASE answer.reason
    WHEN 'suppressed' THEN ' An undo suppressed this link: it is not made.'
    WHEN 'the guest''s user does not exist' THEN ' But that user does not exist.'
    ELSE ''
  END;

  RETURN QUERY SELECT 1, 'guest', CASE WHEN own.id IS NULL THEN 0 ELSE 1 END::bigint,
    CASE
      WHEN delivery IS NULL THEN 'Not asked: an event and a phone have no guest of their own.'
      WHEN target.guest_column IS NULL THEN format('Not asked: target %s has no column for the guest, but one for the event.', target.name)
      WHEN own.id IS NULL THEN 'The delivery has no guest.'
      WHEN own.removed_at IS NOT NULL THEN format('Its guest %s was removed; the event still counts.', own.id)
      WHEN own.user_id IS NULL THEN format('Its guest %s has no user.', own.id)
      ELSE format('Its guest %s is active and has user %s.%s', own.id, own.user_id, but)
    END,
    answer.rule IS NOT DISTINCT FROM 'guest';
  IF answer.rule = 'guest' THEN
    RETURN;
  END IF;

  SELECT count(*), count(g.user_id) INTO guests, linked
  FROM {{app}}.event_guests g
  WHERE g.event_id = answer.event_id::{{event_id}} AND g.removed_at IS NULL
    AND {{app}}.normalize_phone(g.phone) = answer.normalized_phone;
  RETURN QUERY SELECT 2, 'event phone', guests,
    CASE
      WHEN answer.event_id IS NULL THEN 'No event is known, so there is nowhere to look.'
      WHEN answer.normalized_phone IS NULL THEN 'The phone is missing or no possible number.'
      WHEN guests = 0 THEN format('No active guest of event %s has phone %s.', answer.event_id, answer.normalized_phone)
      WHEN guests > 1 THEN format(
        '%s active guests of event %s have phone %s: ambiguous.', guests, answer.event_id, answer.normalized_phone)
      WHEN linked = 1 THEN format(
        'One active guest of event %s has phone %s, and a user.%s', answer.event_id, answer.normalized_phone, but)
      ELSE format('One active guest of event %s has phone %s, but no user.', answer.event_id, answer.normalized_phone)
    END,
    answer.rule IS NOT DISTINCT FROM 'event phone';
  IF guests <> 1 OR linked = 1 THEN
    RETURN;
  END IF;

  SELECT count(*) INTO users FROM {{app}}.users u WHERE {{app}}.normalize_phone(u.phone) = answer.normalized_phone;
  RETURN QUERY SELECT 3, 'user phone', users,
    CASE
      WHEN answer.rule = 'event phone' THEN format(
        'Flag LINK_USER_BY_PHONE_FALLBACK_TO_USERS is off. Users with phone %s: %s.', answer.normalized_phone, users)
      WHEN users = 0 THEN format('No user has phone %s.', answer.normalized_phone)
      WHEN users > 1 THEN format('%s users have phone %s: ambiguous.', users, answer.normalized_phone)
      ELSE format('One user has phone %s.%s', answer.normalized_phone, but)
    END,
    answer.rule IS NOT DISTINCT FROM 'user phone';
END
$$;

-- Every record without a user, also those that no rule could ever link.
CREATE OR REPLACE FUNCTION linkage.unlinked_candidates(walk jsonb) RETURNS text
LANGUAGE sql STABLE
AS $$
  SELECT pg_catalog.format('t.%I IS NULL', target.user_column)
  FROM linkage.link_target target
  WHERE target.name = walk ->> 'target'
$$;

-- Where the records without a user are: by key, so that each is listed once, also if it is updated meanwhile.
CREATE OR REPLACE FUNCTION linkage.unlinked_walk(wanted text) RETURNS jsonb
LANGUAGE sql STABLE
AS $$
  SELECT (linkage.user_link_work_by_key(wanted) -> 'walk') || pg_catalog.jsonb_build_object('candidates', 'unlinked_candidates')
$$;

-- The records without a user of one key set, each with what the rules say of it, in key order. linkable_only leaves those that
-- would be linked now.
-- Plan: the key set by the walk's index, the rule once for all of them, guests by primary key.
CREATE OR REPLACE FUNCTION linkage.unlinked_records(walk jsonb, key_set jsonb, linkable_only boolean)
RETURNS TABLE (
  target text, record_key text, guest_id text, guest_name text, guest_user_id text, event_id text, phone text, normalized_phone text,
  matched_guest_id text, outcome text, rule text, reason text, user_id text)
-- Compiling a key set takes longer than reading it.
LANGUAGE plpgsql STABLE SET jit = off
AS $$
DECLARE
  questions record;
BEGIN
  questions := linkage.read_link_questions(walk, key_set);

  -- Executed with its values, so that the planner knows how many there are.
  RETURN QUERY EXECUTE
    'SELECT
       $1, d.record_key, d.asked_guest::text, g.guest_name::text, g.user_id::text, d.event_id::text, d.asked_phone,
       d.normalized_phone, d.matched_guest_id::text, d.outcome, d.rule, d.reason, d.user_id::text
     FROM linkage.decide_user_links($1, $2, $3, $4, $5) d
     LEFT JOIN {{app}}.event_guests g ON g.id = d.asked_guest
     WHERE d.outcome = ''linked'' OR NOT $6
     ORDER BY d.ordinal'
  USING
    walk ->> 'target', questions.record_keys, questions.guest_ids, questions.event_ids, questions.phones, linkable_only;
END
$$;
