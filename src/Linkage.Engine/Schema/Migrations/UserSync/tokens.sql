-- What the scripts of user sync need to know of the two tables. A null value means that the component does not fit here; requires says
-- what is missing. Profiles are the table of users or profiles that refers to auth.users, else users; their key is the column that
-- does, else a unique one of a usual name and of the accounts' type.
WITH account AS (
  SELECT c.oid, a.attnum, a.atttypid, format_type(a.atttypid, NULL) AS type
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'id' AND NOT a.attisdropped
  WHERE n.nspname = 'auth' AND c.relname = 'users' AND c.relkind IN ('r', 'p')
    AND EXISTS (SELECT FROM pg_attribute x WHERE x.attrelid = c.oid AND x.attname = 'created_at' AND NOT x.attisdropped)
),
key_column AS (
  SELECT
    c.oid, c.relname, a.attname, a.attnum, a.atttypid,
    EXISTS (
      SELECT
      FROM pg_constraint f
      JOIN account u ON u.oid = f.confrelid AND f.confkey = ARRAY[u.attnum]
      WHERE f.contype = 'f' AND f.conrelid = c.oid AND f.conkey = ARRAY[a.attnum]
    ) AS refers
  FROM pg_class c
  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
  WHERE c.relnamespace = '{{app}}'::regnamespace AND c.relkind IN ('r', 'p') AND c.relname IN ('users', 'profiles')
    -- it stands in scripts and formats as it is
    AND a.attname !~ '[''"\\$%{]'
    AND c.oid NOT IN (SELECT u.oid FROM account u)
    -- a profile is told by its key alone
    AND EXISTS (
      SELECT
      FROM pg_index i
      WHERE i.indrelid = c.oid AND i.indisunique AND i.indisvalid AND i.indimmediate AND i.indpred IS NULL
        AND i.indnkeyatts = 1 AND i.indkey[0] = a.attnum)
),
profile AS (
  SELECT k.oid, k.relname, k.attname, k.atttypid
  FROM key_column k
  CROSS JOIN account u
  WHERE k.refers OR (k.atttypid = u.atttypid AND k.attname IN ('id', 'user_id', 'auth_id', 'auth_user_id'))
  ORDER BY k.refers DESC, k.relname = 'users' DESC, array_position(ARRAY['id', 'user_id', 'auth_id', 'auth_user_id'], k.attname::text)
  LIMIT 1
)
SELECT n.name AS "Name", n.value AS "Value", n.requires AS "Requires"
FROM (VALUES
  ('account_id', (SELECT u.type FROM account u), 'auth.users with id and created_at'),
  ('profiles', (SELECT format('{{app}}.%I', p.relname) FROM profile p), 'a table users or profiles with a unique key that is the id of an account'),
  ('profile_key', (SELECT quote_ident(p.attname) FROM profile p), NULL),
  ('profile_id', (SELECT format_type(p.atttypid, NULL) FROM profile p), NULL),
  -- what the trigger functions are made from: with another value there is something to do for an install
  ('columns', (
    SELECT md5(string_agg(
      concat_ws(' ', a.attrelid = u.oid, a.attname, a.atttypid, a.attnotnull, a.attidentity, a.attgenerated, d.adbin::text),
      ',' ORDER BY a.attrelid = u.oid, a.attnum))
    FROM account u
    CROSS JOIN profile p
    JOIN pg_attribute a ON a.attrelid IN (u.oid, p.oid) AND a.attnum > 0 AND NOT a.attisdropped
    LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
  ), NULL)
) AS n (name, value, requires)
WHERE n.requires IS NOT NULL OR n.value IS NOT NULL
