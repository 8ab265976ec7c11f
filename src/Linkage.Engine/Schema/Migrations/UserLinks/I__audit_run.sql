-- Undo walks the audit rows of a run in the order of their ids.
CREATE INDEX CONCURRENTLY idx_user_link_audit_run ON {{app}}.user_link_audit (run_id, id) WHERE run_id IS NOT NULL
