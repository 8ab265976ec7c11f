-- What triggers and hands did lately, however much runs did meanwhile, and in whatever order the rows lie: the integrity check. Runs keep
-- their own counts, and their rows are not in it, so that a batch pays nothing for it.
CREATE INDEX CONCURRENTLY idx_user_link_audit_without_run ON {{app}}.user_link_audit (created_at) WHERE run_id IS NULL
