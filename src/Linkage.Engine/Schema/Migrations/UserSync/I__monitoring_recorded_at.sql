-- The history is read backward from now.
CREATE INDEX CONCURRENTLY idx_user_sync_monitoring_log_recorded_at ON {{app}}.user_sync_monitoring_log (recorded_at)
