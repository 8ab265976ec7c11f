-- The rule "user phone": users by normalised phone.
CREATE INDEX CONCURRENTLY idx_users_phone_normalized ON {{app}}.users (({{app}}.normalize_phone(phone)))
