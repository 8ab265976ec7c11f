-- The functions that psql users and schedules call, under their documented names. Each is a call of a function in schema linkage.

SELECT linkage.publish_function(
  'check_ghost_users', '',
  'TABLE(account_id text, email text, phone text, created_at timestamptz, reason text, repairable boolean)',
  'ghost_users', 'UserSync', NULL,
  'accounts without profile, and why');

SELECT linkage.publish_function(
  'check_orphaned_profiles', '',
  'TABLE(profile_id text, email text, created_at timestamptz, reason text)',
  'orphaned_profiles', 'UserSync', NULL,
  'profiles without account');

SELECT linkage.publish_function(
  'run_user_sync_quality_check', '',
  'TABLE(check_name text, status text, value numeric, threshold numeric, message text, overall text, details jsonb)',
  'user_sync_checks', 'UserSync', NULL,
  'the four checks of user sync');

CREATE OR REPLACE FUNCTION linkage.user_sync_stats()
RETURNS TABLE (
  auth_users bigint, profiles bigint, active_users bigint, ghost_users bigint, orphaned_profiles bigint, soft_deleted_users bigint,
  anonymous_users bigint, discrepancy bigint, sync_rate numeric, open_faults bigint, trigger_enabled boolean, trigger_uptime numeric,
  incidents bigint, mean_time_to_detect interval, mean_time_to_resolve interval, oldest_ghost_at timestamptz, measured_since timestamptz)
LANGUAGE sql STABLE
AS $$ SELECT * FROM linkage.user_sync_statistics(30) $$;

SELECT linkage.publish_function(
  'get_user_sync_stats', '',
  'TABLE(auth_users bigint, profiles bigint, active_users bigint, ghost_users bigint, orphaned_profiles bigint, soft_deleted_users bigint, anonymous_users bigint, discrepancy bigint, sync_rate numeric, open_faults bigint, trigger_enabled boolean, trigger_uptime numeric, incidents bigint, mean_time_to_detect interval, mean_time_to_resolve interval, oldest_ghost_at timestamptz, measured_since timestamptz)',
  'user_sync_stats', 'UserSync', NULL,
  'figures of user sync now, and of the last 30 days');

SELECT linkage.publish_function(
  'record_user_sync_metrics', '',
  'TABLE(id text, recorded_at timestamptz, status text, auth_users bigint, profiles bigint, ghost_users bigint, orphaned_profiles bigint, soft_deleted_users bigint, anonymous_users bigint, discrepancy bigint, open_faults bigint, trigger_enabled boolean, oldest_ghost_at timestamptz)',
  'record_user_sync', 'UserSync', NULL,
  'measures user sync and keeps the figures in user_sync_monitoring_log');

CREATE OR REPLACE FUNCTION linkage.latest_sync_status()
RETURNS TABLE (
  id text, recorded_at timestamptz, status text, auth_users bigint, profiles bigint, ghost_users bigint, orphaned_profiles bigint,
  soft_deleted_users bigint, anonymous_users bigint, discrepancy bigint, open_faults bigint, trigger_enabled boolean,
  oldest_ghost_at timestamptz)
LANGUAGE sql STABLE
AS $$ SELECT * FROM linkage.user_sync_history(NULL) LIMIT 1 $$;

SELECT linkage.publish_function(
  'get_latest_sync_status', '',
  'TABLE(id text, recorded_at timestamptz, status text, auth_users bigint, profiles bigint, ghost_users bigint, orphaned_profiles bigint, soft_deleted_users bigint, anonymous_users bigint, discrepancy bigint, open_faults bigint, trigger_enabled boolean, oldest_ghost_at timestamptz)',
  'latest_sync_status', 'UserSync', NULL,
  'what record_user_sync_metrics measured last');

SELECT linkage.publish_function(
  'get_sync_status_history', 'days integer DEFAULT 7',
  'TABLE(id text, recorded_at timestamptz, status text, auth_users bigint, profiles bigint, ghost_users bigint, orphaned_profiles bigint, soft_deleted_users bigint, anonymous_users bigint, discrepancy bigint, open_faults bigint, trigger_enabled boolean, oldest_ghost_at timestamptz)',
  'user_sync_history', 'UserSync', NULL,
  'what record_user_sync_metrics measured in the last days, newest first');
