-- What sample data is computed with: each value follows from the seed, a stream of its own and the number of the row. The functions are
-- temporary, and go again with sample_functions_end.sql.

CREATE FUNCTION pg_temp.sample_hash(seed bigint, stream bigint, i bigint) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT hashint8extended(i, hashint8extended(stream, seed)) $$;

-- Evenly distributed in [0, 1).
CREATE FUNCTION pg_temp.sample_unit(seed bigint, stream bigint, i bigint) RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT ((pg_temp.sample_hash(seed, stream, i) >> 11) & 9007199254740991) / 9007199254740992::double precision $$;

CREATE FUNCTION pg_temp.sample_number(seed bigint, stream bigint, i bigint, below bigint) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT (pg_temp.sample_hash(seed, stream, i) & 4611686018427387903) % below $$;

-- Looks like gen_random_uuid(): version 4, variant 1.
CREATE FUNCTION pg_temp.sample_uuid(seed bigint, stream bigint, i bigint) RETURNS uuid
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
  SELECT (lpad(to_hex((pg_temp.sample_hash(seed, stream, i) & -61441) | 16384), 16, '0')
    || to_hex((pg_temp.sample_hash(seed, stream + 1000, i) & 4611686018427387903) | (-9223372036854775807 - 1)))::uuid
$$;

-- The number of a person, without any prefix. Multiplying by a prime and taking the remainder scatters the persons over all numbers without
-- giving one number to two of them. Both halves of an American number start with 2 to 9, and an exchange never ends in 11.
CREATE FUNCTION pg_temp.sample_digits(seed bigint, person bigint, is_foreign boolean) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
  SELECT CASE
    WHEN is_foreign THEN
      (ARRAY['4474', '49151', '9198', '8190', '5255'])[1 + pg_temp.sample_number(seed, 11, person, 5)]
      || lpad(((person * 48271 + (seed & 65535)) % 100000000)::text, 8, '0')
    ELSE (
      SELECT substr(
          '205206212213214215216303305312313314317323404405407408410412414415480503504512513602612614615617619702703713718720773872',
          (1 + 3 * (k / 7920000))::integer, 3)
        || (2 + x / 99)
        || lpad((x % 99 + CASE WHEN x % 99 >= 11 THEN 1 ELSE 0 END)::text, 2, '0')
        || lpad((k % 10000)::text, 4, '0')
      FROM (SELECT (person * 179424673 + (seed & 65535) * 7919) % 316800000) AS number(k),
        LATERAL (SELECT k / 10000 % 792) AS exchange(x)
    )
  END
$$;

-- The ways in which people write a phone number. Of a foreign one there are two: every third form is as dialled from America.
CREATE FUNCTION pg_temp.sample_phone(d text, is_foreign boolean, form bigint) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
  SELECT CASE
    WHEN is_foreign AND form % 3 = 0 THEN '011' || d
    WHEN is_foreign THEN '+' || d
    WHEN form = 0 THEN d
    WHEN form = 1 THEN '1' || d
    WHEN form = 2 THEN '+1' || d
    WHEN form = 3 THEN '(' || substr(d, 1, 3) || ') ' || substr(d, 4, 3) || '-' || substr(d, 7)
    WHEN form = 4 THEN substr(d, 1, 3) || '-' || substr(d, 4, 3) || '-' || substr(d, 7)
    WHEN form = 5 THEN substr(d, 1, 3) || '.' || substr(d, 4, 3) || '.' || substr(d, 7)
    WHEN form = 6 THEN '1-' || substr(d, 1, 3) || '-' || substr(d, 4, 3) || '-' || substr(d, 7)
    WHEN form = 7 THEN '+1 (' || substr(d, 1, 3) || ') ' || substr(d, 4, 3) || '-' || substr(d, 7)
    WHEN form = 8 THEN substr(d, 1, 3) || ' ' || substr(d, 4, 3) || ' ' || substr(d, 7)
    ELSE '+1 ' || substr(d, 1, 3) || ' ' || substr(d, 4, 3) || ' ' || substr(d, 7)
  END
$$;

CREATE FUNCTION pg_temp.sample_name(seed bigint, person bigint) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
  SELECT (ARRAY['Ava', 'Ben', 'Carla', 'Deshawn', 'Elena', 'Farid', 'Grace', 'Hiro',
        'Ines', 'Jamal', 'Katja', 'Liam', 'Mei', 'Noah', 'Olga', 'Priya'])
      [1 + pg_temp.sample_number(seed, 12, person, 16)]
    || ' '
    || (ARRAY['Adams', 'Brown', 'Chen', 'Diaz', 'Evans', 'Fischer', 'Garcia', 'Hughes',
        'Ivanov', 'Jones', 'Khan', 'Lopez', 'Miller', 'Nguyen', 'O''Brien', 'Patel'])
      [1 + pg_temp.sample_number(seed, 13, person, 16)]
$$;

-- An address that nobody else has: persons differ by their numbers, and seeds by their hosts.
CREATE FUNCTION pg_temp.sample_email(seed bigint, person bigint) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
  SELECT translate(lower(pg_temp.sample_name(seed, person)), ' ''', '.') || '.' || to_hex(person) || '@mail' || seed || '.example.com'
$$;

-- What the authentication server leaves of an e-mail or a phone when it deletes an account softly.
CREATE FUNCTION pg_temp.sample_obfuscated(id uuid, value text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
  SELECT rtrim(translate(encode(sha256(convert_to(concat(id, value), 'UTF8')), 'base64'), '+/', '-_'), '=')
$$;
