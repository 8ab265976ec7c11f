-- How well accounts and profiles match: the four checks, figures, and what was measured over time.

-- Ghosts and orphans, and the ghost that has waited longest.
-- Plan: one pass over both tables' keys (linkage.user_sync_gaps_query); whoever finds an account without profile looks at once, by primary
-- key, whether it should have one: the wide rows of the accounts are read for those only, and by several processes.
CREATE OR REPLACE FUNCTION linkage.count_user_sync_gaps(OUT ghosts bigint, OUT orphans bigint, OUT oldest_ghost_at timestamptz)
LANGUAGE plpgsql STABLE SET jit = off SET enable_hashjoin = off SET random_page_cost = 1.1
AS $$
BEGIN
  EXECUTE format(
    'SELECT
       count(a.id),
       count(*) FILTER (WHERE g.id IS NULL) + (SELECT count(*) FROM {{profiles}} p WHERE p.{{profile_key}} IS NULL),
       min(a.created_at)
     FROM (%s) AS g
     LEFT JOIN auth.users a ON a.id = g.id AND %s',
    linkage.user_sync_gaps_query(), linkage.active_account('a'))
  INTO ghosts, orphans, oldest_ghost_at;
END
$$;

-- Faults of the triggers that still stand: of an account that is a ghost, or whose profile does not follow it.
-- Plan: the quarantine, which is small, and primary keys.
CREATE OR REPLACE FUNCTION linkage.open_user_sync_faults()
RETURNS TABLE (account_id {{account_id}}, operation text, sql_state text, message text, last_at timestamptz)
LANGUAGE plpgsql STABLE
AS $$
DECLARE
  followed record;
BEGIN
  -- none, most often
  IF NOT EXISTS (SELECT FROM linkage.user_sync_fault) THEN
    RETURN;
  END IF;
  followed := linkage.followed_columns();
  RETURN QUERY EXECUTE format(
    'SELECT f.account_id, f.operation, f.sql_state, f.message, f.last_at
     FROM linkage.user_sync_fault f
     JOIN auth.users a ON a.id = f.account_id AND %s
     LEFT JOIN {{profiles}} p ON p.{{profile_key}} = a.id::{{profile_id}}
     LEFT JOIN LATERAL (SELECT %s) AS n ON true
     WHERE CASE f.operation WHEN ''create'' THEN p.{{profile_key}} IS NULL ELSE p.{{profile_key}} IS NOT NULL AND (%s) END',
    linkage.active_account('a'), followed.column_values, followed.difference);
END
$$;

-- What keeps new accounts from getting profiles, a row each; none if all is well. is_off: the trigger does not fire at all.
CREATE OR REPLACE FUNCTION linkage.user_sync_trigger_problems() RETURNS TABLE (problem text, is_off boolean)
LANGUAGE sql STABLE
AS $$
  SELECT
    CASE t.state
      WHEN 'Missing' THEN 'on_auth_user_created on auth.users is missing: Install-LinkageSchema creates it.'
      WHEN 'SwitchedOff' THEN 'on_auth_user_created on auth.users is off by its switch: Enable-LinkageTrigger switches it on.'
      WHEN 'ReplicaOnly' THEN 'on_auth_user_created on auth.users is enabled in replicas only: Enable-LinkageTrigger enables it.'
      ELSE 'on_auth_user_created on auth.users is disabled: Enable-LinkageTrigger enables it.'
    END,
    true
  FROM linkage.triggers(ARRAY['auth.users']) t
  WHERE t.trigger_name = 'on_auth_user_created' AND t.state NOT IN ('Enabled', 'Always')
  UNION ALL
  SELECT 'on_auth_user_created on auth.users runs another function than handle_new_user(): Install-LinkageSchema mends that.', true
  FROM pg_catalog.pg_trigger t
  WHERE t.tgrelid = linkage.find_relation('auth.users') AND t.tgname = 'on_auth_user_created'
    AND t.tgfoid IS DISTINCT FROM to_regprocedure('{{app}}.handle_new_user()')
  UNION ALL
  SELECT 'The tables changed since handle_new_user() was made: Install-LinkageSchema makes it anew.', false
  FROM pg_catalog.pg_proc p
  WHERE p.oid = to_regprocedure('{{app}}.handle_new_user()') AND p.prosrc IS DISTINCT FROM linkage.handle_new_user_body()
  UNION ALL
  SELECT pg_catalog.format('Column %s of {{profiles}} can''t be filled as it is mapped: %s. Set-UserSyncMapping maps it anew.', c.profile_column, c.problem), false
  FROM linkage.profile_columns() c
  WHERE c.problem IS NOT NULL
  UNION ALL
  SELECT
    pg_catalog.format(
      '%s in quarantine, the last one since %s UTC: error %s: %s',
      CASE WHEN count(*) = 1 THEN '1 account is' ELSE count(*) || ' accounts are' END,
      to_char(max(f.last_at) AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI'),
      (array_agg(f.sql_state ORDER BY f.last_at DESC))[1], (array_agg(f.message ORDER BY f.last_at DESC))[1]),
    false
  FROM linkage.open_user_sync_faults() f
  HAVING count(*) > 0
$$;

-- The four checks. overall: critical if one is, degraded if one warns, else healthy.
CREATE OR REPLACE FUNCTION linkage.user_sync_checks()
RETURNS TABLE (check_name text, status text, value numeric, threshold numeric, message text, overall text, details jsonb)
LANGUAGE sql STABLE
AS $$
  WITH gaps AS MATERIALIZED (
    SELECT * FROM linkage.count_user_sync_gaps()
  ),
  trouble AS MATERIALIZED (
    SELECT count(*) AS problems, string_agg(p.problem, ' ') AS list FROM linkage.user_sync_trigger_problems() p
  ),
  checks AS (
    SELECT
      1, 'GhostUsers', CASE WHEN g.ghosts > 0 THEN 'critical' ELSE 'healthy' END, g.ghosts::numeric, 0::numeric,
      CASE WHEN g.ghosts = 0 THEN 'Every account has its profile.'
        ELSE pg_catalog.format(
          '%s no profile, the first since %s UTC. Get-GhostUser lists them and says why; Repair-GhostUser makes their profiles.',
          CASE WHEN g.ghosts = 1 THEN '1 account has' ELSE g.ghosts || ' accounts have' END, to_char(g.oldest_ghost_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI'))
      END,
      jsonb_build_object('OldestGhostAt', g.oldest_ghost_at)
    FROM gaps g
    UNION ALL
    SELECT
      2, 'OrphanedProfiles', CASE WHEN g.orphans > 0 THEN 'warning' ELSE 'healthy' END, g.orphans, 0,
      CASE WHEN g.orphans = 0 THEN 'Every profile has its account.'
        ELSE CASE WHEN g.orphans = 1 THEN '1 profile has' ELSE g.orphans || ' profiles have' END || ' no account. Get-OrphanedProfile lists them.'
      END,
      '{}'
    FROM gaps g
    UNION ALL
    SELECT
      -- Too few profiles is what ghosts suffer from; too many is no more than the orphans' own warning.
      3, 'UserCountParity', CASE WHEN g.ghosts > g.orphans THEN 'critical' WHEN g.ghosts < g.orphans THEN 'warning' ELSE 'healthy' END,
      g.ghosts - g.orphans, 0,
      CASE
        WHEN g.ghosts > g.orphans THEN pg_catalog.format('Accounts outnumber profiles by %s, soft-deleted and anonymous ones not counted. Repair-GhostUser makes the missing profiles.', g.ghosts - g.orphans)
        WHEN g.ghosts < g.orphans THEN pg_catalog.format('Profiles outnumber accounts by %s, soft-deleted and anonymous ones not counted. Get-OrphanedProfile lists those without one.', g.orphans - g.ghosts)
        ELSE 'There are as many accounts as profiles, soft-deleted and anonymous ones not counted.'
      END,
      '{}'
    FROM gaps g
    UNION ALL
    SELECT
      4, 'UserSyncTrigger', CASE WHEN t.problems > 0 THEN 'critical' ELSE 'healthy' END, t.problems, 0,
      COALESCE(t.list, 'on_auth_user_created is enabled, and no account is in quarantine.'), '{}'
    FROM trouble t
  )
  SELECT
    c.name, c.status, c.value, c.threshold, c.message,
    CASE
      WHEN bool_or(c.status = 'critical') OVER () THEN 'critical'
      WHEN bool_or(c.status = 'warning') OVER () THEN 'degraded'
      ELSE 'healthy'
    END,
    c.details
  FROM checks AS c (place, name, status, value, threshold, message, details)
  ORDER BY c.place
$$;

-- Exact counts of accounts and profiles. Plan: one pass over the accounts; an index-only scan of the profiles.
CREATE OR REPLACE FUNCTION linkage.count_users(
  OUT auth_users bigint, OUT profiles bigint, OUT active_users bigint, OUT soft_deleted_users bigint, OUT anonymous_users bigint)
LANGUAGE plpgsql STABLE SET jit = off
AS $$
BEGIN
  EXECUTE format(
    'SELECT count(*), count(*) FILTER (WHERE %s), count(*) FILTER (WHERE %s), count(*) FILTER (WHERE %s) FROM auth.users a',
    linkage.active_account('a'),
    CASE WHEN linkage.column_type('auth.users', 'deleted_at') IS NULL THEN 'false' ELSE 'a.deleted_at IS NOT NULL' END,
    -- a soft-deleted one that was anonymous is counted there
    concat_ws(' AND ',
      CASE WHEN linkage.column_type('auth.users', 'is_anonymous') IS NULL THEN 'false' ELSE 'a.is_anonymous' END,
      CASE WHEN linkage.column_type('auth.users', 'deleted_at') IS NOT NULL THEN 'a.deleted_at IS NULL' END))
  INTO auth_users, active_users, soft_deleted_users, anonymous_users;
  profiles := (SELECT count(*) FROM {{profiles}});
END
$$;

-- What a measurement would keep.
CREATE OR REPLACE FUNCTION linkage.measure_user_sync()
RETURNS TABLE (
  status text, auth_users bigint, profiles bigint, ghost_users bigint, orphaned_profiles bigint, soft_deleted_users bigint,
  anonymous_users bigint, discrepancy bigint, open_faults bigint, trigger_enabled boolean, oldest_ghost_at timestamptz)
LANGUAGE sql STABLE
AS $$
  -- The checks compare the tables; what they counted is not counted again.
  WITH checks AS MATERIALIZED (
    SELECT * FROM linkage.user_sync_checks()
  ),
  found AS (
    SELECT
      min(k.overall) AS overall,
      max(k.value) FILTER (WHERE k.check_name = 'GhostUsers')::bigint AS ghosts,
      max(k.value) FILTER (WHERE k.check_name = 'OrphanedProfiles')::bigint AS orphans,
      max(k.details ->> 'OldestGhostAt')::timestamptz AS oldest_ghost_at
    FROM checks k
  )
  SELECT
    f.overall, c.auth_users, c.profiles, f.ghosts, f.orphans, c.soft_deleted_users, c.anonymous_users, f.ghosts - f.orphans,
    (SELECT count(*) FROM linkage.open_user_sync_faults()),
    NOT EXISTS (SELECT FROM linkage.user_sync_trigger_problems() p WHERE p.is_off), f.oldest_ghost_at
  FROM found f
  CROSS JOIN linkage.count_users() c
$$;

-- Measures and keeps what was measured; returns it.
CREATE OR REPLACE FUNCTION linkage.record_user_sync()
RETURNS TABLE (
  id text, recorded_at timestamptz, status text, auth_users bigint, profiles bigint, ghost_users bigint, orphaned_profiles bigint,
  soft_deleted_users bigint, anonymous_users bigint, discrepancy bigint, open_faults bigint, trigger_enabled boolean,
  oldest_ghost_at timestamptz)
LANGUAGE sql
AS $$
  INSERT INTO {{app}}.user_sync_monitoring_log AS l (
    status, auth_users, profiles, ghost_users, orphaned_profiles, soft_deleted_users, anonymous_users, discrepancy, open_faults,
    trigger_enabled, oldest_ghost_at)
  SELECT * FROM linkage.measure_user_sync()
  RETURNING
    l.id::text, l.recorded_at, l.status::text, l.auth_users::bigint, l.profiles::bigint, l.ghost_users::bigint,
    l.orphaned_profiles::bigint, l.soft_deleted_users::bigint, l.anonymous_users::bigint, l.discrepancy::bigint, l.open_faults::bigint,
    l.trigger_enabled, l.oldest_ghost_at
$$;

-- What was measured in the last days, newest first; null gives all.
CREATE OR REPLACE FUNCTION linkage.user_sync_history(days integer)
RETURNS TABLE (
  id text, recorded_at timestamptz, status text, auth_users bigint, profiles bigint, ghost_users bigint, orphaned_profiles bigint,
  soft_deleted_users bigint, anonymous_users bigint, discrepancy bigint, open_faults bigint, trigger_enabled boolean,
  oldest_ghost_at timestamptz)
LANGUAGE sql STABLE
AS $$
  SELECT
    l.id::text, l.recorded_at, l.status::text, l.auth_users::bigint, l.profiles::bigint, l.ghost_users::bigint,
    l.orphaned_profiles::bigint, l.soft_deleted_users::bigint, l.anonymous_users::bigint, l.discrepancy::bigint, l.open_faults::bigint,
    l.trigger_enabled, l.oldest_ghost_at
  FROM {{app}}.user_sync_monitoring_log l
  WHERE l.recorded_at >= now() - pg_catalog.make_interval(days => COALESCE($1, 1000000))
  ORDER BY l.recorded_at DESC
$$;

-- How things are, and how they were in the last days by what was measured. A measurement speaks for the time until the next one.
--   trigger_uptime          the share of that time, in percent, that the trigger was at work
--   incidents               how often ghosts were there after there were none
--   mean_time_to_detect     from when the first of those ghosts signed up (or from the measurement before, if that was later) to the
--                           measurement that showed it
--   mean_time_to_resolve    from that measurement to the first one without ghosts
-- Plan: what the checks take, and a range of the history.
CREATE OR REPLACE FUNCTION linkage.user_sync_statistics(days integer)
RETURNS TABLE (
  auth_users bigint, profiles bigint, active_users bigint, ghost_users bigint, orphaned_profiles bigint, soft_deleted_users bigint,
  anonymous_users bigint, discrepancy bigint, sync_rate numeric, open_faults bigint, trigger_enabled boolean, trigger_uptime numeric,
  incidents bigint, mean_time_to_detect interval, mean_time_to_resolve interval, oldest_ghost_at timestamptz, measured_since timestamptz)
LANGUAGE sql STABLE
AS $$
  WITH history AS (
    SELECT
      h.*,
      lag(h.ghost_users) OVER w AS ghosts_before,
      lag(h.recorded_at) OVER w AS measured_before,
      COALESCE(lead(h.recorded_at) OVER w, now()) - h.recorded_at AS lasted,
      min(h.recorded_at) FILTER (WHERE h.ghost_users = 0) OVER (w ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING) AS resolved_at
    FROM linkage.user_sync_history($1) h
    WINDOW w AS (ORDER BY h.recorded_at)
  ),
  incident AS (
    SELECT
      h.recorded_at - GREATEST(LEAST(h.oldest_ghost_at, h.recorded_at), h.measured_before) AS undetected,
      h.resolved_at - h.recorded_at AS unresolved
    FROM history h
    WHERE h.ghost_users > 0 AND COALESCE(h.ghosts_before, 0) = 0
  ),
  past AS (
    SELECT
      (SELECT round(
        100 * COALESCE(sum(EXTRACT(epoch FROM h.lasted)) FILTER (WHERE h.trigger_enabled), 0)::numeric
        / NULLIF(sum(EXTRACT(epoch FROM h.lasted)), 0)::numeric, 2) FROM history h) AS uptime,
      (SELECT count(*) FROM incident) AS incidents,
      (SELECT avg(i.undetected) FROM incident i) AS to_detect,
      (SELECT avg(i.unresolved) FROM incident i) AS to_resolve,
      (SELECT min(h.recorded_at) FROM history h) AS since
  )
  SELECT
    c.auth_users, c.profiles, c.active_users, g.ghosts, g.orphans, c.soft_deleted_users, c.anonymous_users, g.ghosts - g.orphans,
    CASE WHEN c.active_users > 0 THEN round(100.0 * (c.active_users - g.ghosts) / c.active_users, 4) END,
    (SELECT count(*) FROM linkage.open_user_sync_faults()),
    NOT EXISTS (SELECT FROM linkage.user_sync_trigger_problems() p WHERE p.is_off),
    p.uptime, p.incidents, p.to_detect, p.to_resolve, g.oldest_ghost_at, p.since
  FROM linkage.count_user_sync_gaps() g
  CROSS JOIN linkage.count_users() c
  CROSS JOIN past p
$$;
