-- A sign-up as the authentication server writes it.
INSERT INTO auth.users (
  instance_id, id, aud, role, email, encrypted_password, email_confirmed_at, confirmation_token, recovery_token, email_change_token_new,
  email_change, raw_app_meta_data, raw_user_meta_data, created_at, updated_at, phone)
VALUES (
  '00000000-0000-0000-0000-000000000000', $1, 'authenticated', 'authenticated', $2,
  '$2a$10$abcdefghijklmnopqrstuvabcdefghijklmnopqrstuvabcdefghijk', $5, '', '', '', '',
  '{"provider": "email", "providers": ["email"]}', $4, $5, $5, $3)
