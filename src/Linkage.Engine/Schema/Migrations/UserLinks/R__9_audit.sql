-- Reading the audit. Each is one SELECT and is inlined into the caller's plan, where what was not asked for folds away.

-- A phone in any written form as the audit has it; what is no possible number is refused rather than not found.
-- Immutable, so that it is computed once per query.
CREATE OR REPLACE FUNCTION linkage.audited_phone(phone text) RETURNS text
LANGUAGE plpgsql IMMUTABLE STRICT
AS $$
BEGIN
  IF {{app}}.normalize_phone(phone) IS NULL THEN
    RAISE EXCEPTION USING
      ERRCODE = 'LK020',
      MESSAGE = format('%L is no possible phone number, so nothing can be audited under it.', phone),
      HINT = 'Rows that were skipped for an unusable phone are found by their record.';
  END IF;
  RETURN {{app}}.normalize_phone(phone);
END
$$;

-- Audit rows in time order; an argument of null does not matter. record is a key as text, user_id finds the links to a user and
-- those away from one. Rows of dry runs are left out, unless they or their run are asked for.
-- Plan: idx_user_link_audit_run for a run; idx_user_link_audit_created_at (BRIN) and a sort for a time; idx_user_link_audit_ambiguous
-- for an event or phone among ambiguous ones; else the primary key, forward, which streams. A record or a user costs a scan: an
-- index on them would cost more than the linking.
CREATE OR REPLACE FUNCTION linkage.find_user_link_audit(
  tables text[] DEFAULT NULL, outcomes text[] DEFAULT NULL, rules text[] DEFAULT NULL, sources text[] DEFAULT NULL,
  run uuid DEFAULT NULL, record text DEFAULT NULL, event text DEFAULT NULL, phone text DEFAULT NULL, user_id text DEFAULT NULL,
  since timestamptz DEFAULT NULL, until timestamptz DEFAULT NULL, with_dry_runs boolean DEFAULT false)
RETURNS TABLE (
  audit_id text, created_at timestamptz, table_name text, record_id text, event_id text, normalized_phone text, guest_id text,
  linked_user_id text, previous_user_id text, outcome text, rule text, source text, reason text, run_id uuid, is_dry_run boolean,
  metadata text)
LANGUAGE sql STABLE
AS $$
  SELECT
    a.id::text, a.created_at, a.table_name::text, COALESCE(a.record_key, a.record_id::text), a.event_id::text,
    a.normalized_phone::text, a.matched_guest_id::text, a.linked_user_id::text, a.previous_user_id::text, a.outcome::text, a.rule,
    a.source, a.metadata ->> 'reason', a.run_id, a.dry_run, a.metadata::text
  FROM {{app}}.user_link_audit a
  WHERE ($1 IS NULL OR a.table_name = ANY ($1))
    AND ($2 IS NULL OR a.outcome = ANY ($2))
    AND ($3 IS NULL OR a.rule = ANY ($3))
    AND ($4 IS NULL OR a.source = ANY ($4))
    AND ($5 IS NULL OR a.run_id = $5)
    AND ($6 IS NULL OR a.record_key = $6 OR a.record_id::text = lower($6))
    AND ($7 IS NULL OR a.event_id = $7::{{event_id}})
    AND ($8 IS NULL OR a.normalized_phone = linkage.audited_phone($8))
    AND ($9 IS NULL OR a.linked_user_id = $9::{{user_id}} OR a.previous_user_id = $9::{{user_id}})
    AND ($10 IS NULL OR a.created_at >= $10)
    AND ($11 IS NULL OR a.created_at < $11)
    AND ($12 OR $5 IS NOT NULL OR NOT a.dry_run)
  -- Numbers are given out in time order, other ids are not. The planner drops the constant that is left of this for numbers.
  ORDER BY CASE WHEN '{{audit_id}}' NOT IN ('bigint', 'integer') THEN a.created_at END, a.id
$$;

-- What was audited, by table and outcome; dry runs don't count.
-- Plan: idx_user_link_audit_created_at (BRIN), then two levels of hash aggregates: events first, since count(DISTINCT) would sort.
CREATE OR REPLACE FUNCTION linkage.measure_user_link_audit(since timestamptz, until timestamptz, tables text[])
RETURNS TABLE (table_name text, outcome text, entries bigint, events bigint, first_seen timestamptz, last_seen timestamptz)
LANGUAGE sql STABLE
AS $$
  SELECT e.table_name, e.outcome, sum(e.entries)::bigint, count(e.event_id), min(e.first_seen), max(e.last_seen)
  FROM (
    SELECT
      a.table_name::text, a.outcome::text, a.event_id,
      count(*) AS entries, min(a.created_at) AS first_seen, max(a.created_at) AS last_seen
    FROM {{app}}.user_link_audit a
    WHERE NOT a.dry_run
      AND a.created_at >= COALESCE($1, '-infinity')
      AND a.created_at < COALESCE($2, 'infinity')
      AND ($3 IS NULL OR a.table_name = ANY ($3))
    GROUP BY a.table_name, a.outcome, a.event_id
  ) AS e
  GROUP BY e.table_name, e.outcome
  ORDER BY e.table_name, e.outcome
$$;

-- How often each outcome was audited, step by step: step n holds what was audited from since + n * width on, as far as it is before until.
-- Steps in which nothing was audited are absent; dry runs don't count.
-- Plan: idx_user_link_audit_created_at (BRIN), then a hash aggregate of few groups.
CREATE OR REPLACE FUNCTION linkage.user_link_outcomes(since timestamptz, until timestamptz, width interval)
RETURNS TABLE (step integer, outcome text, entries bigint)
LANGUAGE sql STABLE
AS $$
  SELECT
    floor(extract(epoch FROM a.created_at - $1) / extract(epoch FROM $3))::integer, a.outcome::text, count(*)
  FROM {{app}}.user_link_audit a
  WHERE NOT a.dry_run AND a.created_at >= $1 AND a.created_at < $2
  GROUP BY 1, 2
  ORDER BY 1, 2
$$;

-- What was ambiguous, by event and phone, the most frequent first, with the guests and users that have the phone now: a person has
-- to say which of them it is. Names and ids of at most ten guests.
-- Plan: idx_user_link_audit_ambiguous, a sort for the groups, then per group idx_event_guests_event_phone_normalized and
-- idx_users_phone_normalized.
CREATE OR REPLACE FUNCTION linkage.ambiguous_user_links(since timestamptz, until timestamptz, tables text[])
RETURNS TABLE (
  event_id text, normalized_phone text, entries bigint, records bigint, guests bigint, guest_ids text, guest_names text, users bigint,
  first_seen timestamptz, last_seen timestamptz)
LANGUAGE sql STABLE
AS $$
  SELECT
    m.event_id::text, m.normalized_phone::text, m.entries, m.records,
    g.guests, array_to_string(g.ids[1:10], ', '), array_to_string(g.names[1:10], ', '), u.users, m.first_seen, m.last_seen
  FROM (
    SELECT
      a.event_id, a.normalized_phone, count(*) AS entries, count(DISTINCT COALESCE(a.record_key, a.record_id::text)) AS records,
      min(a.created_at) AS first_seen, max(a.created_at) AS last_seen
    FROM {{app}}.user_link_audit a
    WHERE a.outcome = 'ambiguous'
      AND NOT a.dry_run
      AND a.created_at >= COALESCE($1, '-infinity')
      AND a.created_at < COALESCE($2, 'infinity')
      AND ($3 IS NULL OR a.table_name = ANY ($3))
    GROUP BY a.event_id, a.normalized_phone
  ) AS m
  CROSS JOIN LATERAL (
    SELECT
      count(*) AS guests,
      array_agg(e.id::text ORDER BY e.id) AS ids,
      array_agg(COALESCE(e.guest_name::text, '?') ORDER BY e.id) AS names
    FROM {{app}}.event_guests e
    WHERE e.event_id = m.event_id AND {{app}}.normalize_phone(e.phone) = m.normalized_phone AND e.removed_at IS NULL
  ) AS g
  CROSS JOIN LATERAL (
    SELECT count(*) AS users FROM {{app}}.users p WHERE {{app}}.normalize_phone(p.phone) = m.normalized_phone
  ) AS u
  ORDER BY m.entries DESC, m.event_id, m.normalized_phone
$$;
