-- A guest's unlinked deliveries: the guest trigger and the integrity check read it.
CREATE INDEX CONCURRENTLY idx_message_deliveries_guest_user_null ON {{app}}.message_deliveries (guest_id) WHERE user_id IS NULL
