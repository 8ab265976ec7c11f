-- Candidates by phone: small, since it holds unlinked deliveries only.
CREATE INDEX CONCURRENTLY idx_message_deliveries_phone_user_null ON {{app}}.message_deliveries (phone_number) WHERE user_id IS NULL
