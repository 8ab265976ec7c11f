-- Undo walks the journal of a run in the order of its ids.
CREATE INDEX CONCURRENTLY idx_cleanup_audit_log_run ON {{app}}.cleanup_audit_log (run_id, id) WHERE run_id IS NOT NULL
