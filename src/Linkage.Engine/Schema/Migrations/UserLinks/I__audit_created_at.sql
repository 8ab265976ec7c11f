-- Rows arrive in the order of their time, so a BRIN index does. (None on the record: on random uuids it would cost as much as the linking.)
CREATE INDEX CONCURRENTLY idx_user_link_audit_created_at ON {{app}}.user_link_audit USING brin (created_at)
