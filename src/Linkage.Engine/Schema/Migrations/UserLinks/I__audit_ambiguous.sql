-- The review list: event and phone of what was ambiguous.
CREATE INDEX CONCURRENTLY idx_user_link_audit_ambiguous ON {{app}}.user_link_audit (event_id, normalized_phone) WHERE outcome = 'ambiguous'
