-- The rule "event phone": active guests by event and normalised phone.
CREATE INDEX CONCURRENTLY idx_event_guests_event_phone_normalized ON {{app}}.event_guests (event_id, ({{app}}.normalize_phone(phone))) WHERE removed_at IS NULL
