-- Gives the users that sample_data.sql made, in the same transaction, their accounts, and both sides the ills of real systems. The numbers
-- of rows follow from the number of users.

-- The users in an order that is drawn once; who has which ill follows from the place. The account has the phone without the plus sign. Of
-- two users with one phone only the first has it in the account too, where it is unique.
CREATE TEMPORARY TABLE sample_user ON COMMIT DROP AS
SELECT person, id, email, CASE WHEN u.phone IS NOT NULL THEN a.phone END AS phone, name, created_at,
  row_number() OVER (ORDER BY pg_temp.sample_hash(@seed, 60, person), person) AS place
FROM (
  SELECT person, user_id, CASE WHEN is_foreign THEN digits ELSE '1' || digits END
  FROM sample_person
  UNION ALL
  SELECT person + 500000000, pg_temp.sample_uuid(@seed, 4, person), NULL
  FROM sample_person
  WHERE pg_temp.sample_unit(@seed, 34, person) < 0.04
) AS a (person, id, phone)
JOIN public.users u USING (id);

-- How many accounts of each kind. However few users there are, no ill is missing.
CREATE TEMPORARY TABLE sample_account_plan ON COMMIT DROP AS
SELECT
  greatest(users / 100, 1) AS orphans,
  greatest(users / 50, 1) AS deleted,
  greatest(users / 50, 1) AS ghosts,
  greatest(users / 500, 1) AS taken,
  greatest(users / 100, 1) AS gone,
  greatest(users / 30, 1) AS anonymous
FROM (SELECT count(*) AS users FROM sample_user) AS sizes;

CREATE TEMPORARY TABLE sample_account ON COMMIT DROP AS
-- Accounts with a profile, softly deleted ones among them. An orphaned profile is one whose account was deleted for good.
SELECT person, id, CASE WHEN place <= orphans + deleted THEN 'deleted' ELSE 'active' END AS state, email, phone, name, created_at
FROM sample_user, sample_account_plan
WHERE place > orphans
UNION ALL
-- Accounts without a profile, of persons beyond all users and guests: some have signed up by e-mail, some by phone, some have both.
SELECT person, id, state,
  CASE state
    WHEN 'taken' THEN owner.email
    WHEN 'anonymous' THEN NULL
    ELSE CASE WHEN chance < 0.75 THEN pg_temp.sample_email(@seed, person) END
  END,
  CASE WHEN state IN ('ghost', 'gone') AND chance >= 0.45 THEN '1' || pg_temp.sample_digits(@seed, person, false) END,
  CASE WHEN state <> 'anonymous' THEN pg_temp.sample_name(@seed, person) END,
  timestamptz '2024-06-01 00:00:00+00' + pg_temp.sample_number(@seed, 63, k, 31536000) * interval '1 second'
FROM (
  SELECT k, people + guests + k AS person, pg_temp.sample_uuid(@seed, 8, k) AS id, pg_temp.sample_unit(@seed, 62, k) AS chance,
    CASE
      WHEN k < taken THEN 'taken'
      WHEN k < taken + ghosts THEN 'ghost'
      WHEN k < taken + ghosts + gone THEN 'gone'
      ELSE 'anonymous'
    END AS state
  FROM sample_plan, sample_account_plan, generate_series(0, taken + ghosts + gone + anonymous - 1) AS k
) AS accounts
LEFT JOIN (
  SELECT email, row_number() OVER (ORDER BY place DESC) - 1
  FROM sample_user
  WHERE email IS NOT NULL
) AS owner (email, k) USING (k);

-- As the server writes them: tokens are empty and not null; of a softly deleted account e-mail and phone are hashes, and what its user told
-- about himself is gone. One e-mail in twenty was never confirmed.
INSERT INTO auth.users (
  instance_id, id, aud, role, email, encrypted_password, email_confirmed_at, confirmation_token, confirmation_sent_at, recovery_token,
  email_change_token_new, email_change, last_sign_in_at, raw_app_meta_data, raw_user_meta_data, created_at, updated_at,
  phone, phone_confirmed_at, phone_change, is_sso_user, deleted_at, is_anonymous)
SELECT '00000000-0000-0000-0000-000000000000', id, 'authenticated', 'authenticated',
  CASE WHEN is_deleted THEN pg_temp.sample_obfuscated(id, email) ELSE email END,
  CASE
    WHEN is_deleted THEN NULL
    WHEN email IS NULL OR is_sso THEN ''
    ELSE '$2a$10$' || left(translate(encode(sha512(convert_to(concat('password', id), 'UTF8')), 'base64'), E'+=\n', '.'), 53)
  END,
  CASE WHEN is_confirmed THEN created_at + interval '2 minutes' END,
  CASE WHEN is_confirmed OR is_deleted OR email IS NULL THEN '' ELSE md5(concat('confirmation', id)) END,
  CASE WHEN email IS NOT NULL AND NOT is_sso THEN created_at END,
  '',
  '',
  CASE WHEN is_deleted THEN pg_temp.sample_obfuscated(id, NULL) ELSE '' END,
  CASE WHEN is_confirmed OR email IS NULL THEN seen_at END,
  CASE
    WHEN is_deleted OR state = 'anonymous' THEN '{}'
    ELSE jsonb_build_object('provider', providers[1], 'providers', providers)
  END,
  CASE
    WHEN is_deleted OR state = 'anonymous' THEN '{}'
    ELSE jsonb_strip_nulls(jsonb_build_object(
      'full_name', name,
      'avatar_url', CASE WHEN person % 2 = 0 THEN 'https://avatars.example.com/' || to_hex(person) || '.png' END))
  END,
  created_at,
  CASE WHEN is_deleted THEN deleted_at ELSE seen_at END,
  CASE WHEN is_deleted THEN left(pg_temp.sample_obfuscated(id, phone), 15) ELSE phone END,
  CASE WHEN phone IS NOT NULL THEN created_at + interval '1 minute' END,
  CASE WHEN is_deleted THEN left(pg_temp.sample_obfuscated(id, NULL), 15) ELSE '' END,
  is_sso,
  CASE WHEN is_deleted THEN deleted_at END,
  state = 'anonymous'
FROM (
  SELECT person, id, state, email, phone, name, created_at,
    state IN ('deleted', 'gone') AS is_deleted,
    state = 'taken' AS is_sso,
    email IS NOT NULL AND (state = 'taken' OR pg_temp.sample_unit(@seed, 64, person) >= 0.05) AS is_confirmed,
    created_at + pg_temp.sample_number(@seed, 65, person, 5184000) * interval '1 second' AS seen_at,
    created_at + interval '60 days' + pg_temp.sample_number(@seed, 66, person, 2592000) * interval '1 second' AS deleted_at,
    CASE
      WHEN state = 'taken' THEN ARRAY['sso:21648a9d-8d5a-4555-a9d1-d6375dc14e92']
      ELSE array_remove(ARRAY[CASE WHEN email IS NOT NULL THEN 'email' END, CASE WHEN phone IS NOT NULL THEN 'phone' END], NULL)
    END AS providers
  FROM sample_account
) AS accounts;

SELECT
  count(*) AS accounts,
  count(*) FILTER (WHERE state IN ('ghost', 'taken')) AS ghosts,
  count(*) FILTER (WHERE state = 'taken') AS "unrepairableGhosts",
  (SELECT orphans FROM sample_account_plan) AS "orphanedProfiles",
  count(*) FILTER (WHERE state = 'anonymous') AS "anonymous",
  count(*) FILTER (WHERE state = 'deleted') AS "softDeletedWithProfile",
  count(*) FILTER (WHERE state = 'gone') AS "softDeletedWithoutProfile"
FROM sample_account;
