-- @rows accounts as a live application has them: a tenth active and without a profile; of the others 2 % anonymous and 1 % softly deleted,
-- half of those with their profile. Six in ten have a phone too. Everything follows from the number of the row; ids are scattered like
-- random ones. Loaded into bare tables.

CREATE FUNCTION pg_temp.account_id(i bigint) RETURNS uuid
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT md5('account' || i)::uuid $$;

CREATE TEMPORARY TABLE account ON COMMIT DROP AS
SELECT i, pg_temp.account_id(i) AS id, 'user' || i || '@example.com' AS email, CASE WHEN i % 5 < 3 THEN '1' || 2132000000 + i END AS phone,
  'User ' || i AS name, timestamptz '2025-01-01 00:00:00+00' + i * interval '1 year' / @rows AS created_at,
  CASE
    WHEN i % 10 = 3 THEN 'ghost'
    WHEN draw < 20 THEN 'anonymous'
    WHEN draw < 25 THEN 'deleted'
    WHEN draw < 30 THEN 'gone'
    ELSE 'active'
  END AS state
FROM generate_series(0, @rows - 1) AS i
CROSS JOIN LATERAL (SELECT (hashint8extended(i, 1) & 1073741823) % 1000) AS d (draw);

INSERT INTO auth.users (
  instance_id, id, aud, role, email, encrypted_password, email_confirmed_at, confirmation_token, recovery_token, email_change_token_new,
  email_change, last_sign_in_at, raw_app_meta_data, raw_user_meta_data, created_at, updated_at, phone, phone_confirmed_at, deleted_at,
  is_anonymous)
SELECT '00000000-0000-0000-0000-000000000000', id, 'authenticated', 'authenticated',
  CASE WHEN state IN ('deleted', 'gone') THEN md5('email' || i) WHEN state <> 'anonymous' THEN email END,
  '$2a$10$' || left(encode(sha512(id::text::bytea), 'hex'), 53),
  CASE WHEN state <> 'anonymous' THEN created_at END,
  '', '', '', '', created_at,
  '{"provider": "email", "providers": ["email"]}',
  CASE
    WHEN state IN ('active', 'ghost')
    THEN jsonb_build_object('full_name', name, 'avatar_url', 'https://avatars.example.com/' || i || '.png')
    ELSE '{}'
  END,
  created_at, created_at,
  CASE WHEN state IN ('deleted', 'gone') THEN left(md5('phone' || i), 15) WHEN state <> 'anonymous' THEN phone END,
  CASE WHEN state <> 'anonymous' AND phone IS NOT NULL THEN created_at END,
  CASE WHEN state IN ('deleted', 'gone') THEN created_at + interval '1 day' END,
  state = 'anonymous'
FROM account;

INSERT INTO public.users (id, phone, email, name, created_at)
SELECT id, '+' || phone, email, name, created_at
FROM account
WHERE state IN ('active', 'deleted');
