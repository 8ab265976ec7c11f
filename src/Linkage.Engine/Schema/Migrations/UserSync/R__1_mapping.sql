-- Where the columns of a profile come from. Found by comparing the two tables each time, so that a column that comes or goes is seen;
-- what somebody mapped by hand is in linkage.profile_mapping. Trigger, repair and report all take their values from here.

-- The condition on an alias that an account is one that should have a profile: neither soft-deleted nor anonymous.
CREATE OR REPLACE FUNCTION linkage.active_account(alias text) RETURNS text
LANGUAGE sql STABLE
AS $$
  SELECT pg_catalog.concat_ws(' AND ',
    CASE WHEN linkage.column_type('auth.users', 'deleted_at') IS NOT NULL THEN alias || '.deleted_at IS NULL' END,
    CASE WHEN linkage.column_type('auth.users', 'is_anonymous') IS NOT NULL THEN alias || '.is_anonymous IS NOT TRUE' END,
    'true')
$$;

-- The type of a column of a table; null where there is none.
CREATE OR REPLACE FUNCTION linkage.column_type(relation text, name text) RETURNS oid
LANGUAGE sql STABLE
AS $$
  SELECT linkage.base_type(a.atttypid)
  FROM pg_catalog.pg_attribute a
  WHERE a.attrelid = linkage.find_relation($1) AND a.attname = $2 AND a.attnum > 0 AND NOT a.attisdropped
$$;

-- A type, or what a domain is made of.
CREATE OR REPLACE FUNCTION linkage.base_type(type oid) RETURNS oid
LANGUAGE sql STABLE
AS $$
  WITH RECURSIVE made_of (id, kind, base) AS (
    SELECT t.oid, t.typtype, t.typbasetype FROM pg_catalog.pg_type t WHERE t.oid = $1
    UNION ALL
    SELECT t.oid, t.typtype, t.typbasetype FROM made_of m JOIN pg_catalog.pg_type t ON t.oid = m.base WHERE m.kind = 'd'
  )
  SELECT m.id FROM made_of m WHERE m.kind <> 'd'
$$;

-- Whether a value of one type may be stored as another by assignment, so that nothing is read into it.
CREATE OR REPLACE FUNCTION linkage.is_assignable(source oid, target oid) RETURNS boolean
LANGUAGE sql STABLE
AS $$
  SELECT $1 = $2
    OR EXISTS (
      SELECT FROM pg_catalog.pg_cast c WHERE c.castsource = $1 AND c.casttarget = $2 AND c.castcontext IN ('i', 'a'))
$$;

-- Text as a value of a type, as text again; null where it is none: what people wrote into their metadata fails nobody's sign-up.
CREATE OR REPLACE FUNCTION linkage.read_profile_value(value text, type text) RETURNS text
LANGUAGE plpgsql STABLE
AS $$
DECLARE
  understood text;
BEGIN
  EXECUTE format('SELECT ($1::%s)::text', type) INTO understood USING value;
  RETURN understood;
EXCEPTION WHEN data_exception THEN
  RETURN NULL;
END
$$;

-- A source as an expression on alias a of the accounts, of a type (that of a column, and its name): "email", "raw_user_meta_data.full_name",
-- "email.local" (what stands before the @). Without an expression problem says why. Empty text is no value; phones get their "+".
CREATE OR REPLACE FUNCTION linkage.profile_source(source text, target oid, OUT expression text, OUT problem text)
LANGUAGE plpgsql STABLE
AS $$
DECLARE
  parts       text[] := string_to_array(source, '.');
  type        oid := linkage.column_type('auth.users', parts[1]);
  target_name text := format_type(target, NULL);
  is_text     boolean := (SELECT t.typcategory = 'S' FROM pg_catalog.pg_type t WHERE t.oid = target);
BEGIN
  IF type IS NULL THEN
    problem := format('auth.users has no column %s', quote_ident(COALESCE(parts[1], '')));
  ELSIF source = 'email.local' THEN
    expression := 'NULLIF(pg_catalog.split_part(a.email::text, ''@'', 1), '''')';
    type := 'text'::regtype;
  ELSIF cardinality(parts) > 1 AND type NOT IN ('json'::regtype, 'jsonb'::regtype) THEN
    problem := format('column %s of auth.users is no JSON, and has no %s in it', quote_ident(parts[1]), array_to_string(parts[2:], '.'));
  ELSIF cardinality(parts) > 1 THEN
    expression := format('NULLIF(a.%I #>> %L::text[], '''')', parts[1], parts[2:]);
    type := 'text'::regtype;
  ELSIF source = 'phone' THEN
    expression := 'COALESCE({{app}}.normalize_phone(''+'' || pg_catalog.ltrim(a.phone::text, ''+'')), NULLIF(a.phone::text, ''''))';
    type := 'text'::regtype;
  ELSIF (SELECT t.typcategory = 'S' FROM pg_catalog.pg_type t WHERE t.oid = type) THEN
    expression := format('NULLIF(a.%I::text, '''')', parts[1]);
    type := 'text'::regtype;
  ELSE
    expression := format('a.%I', parts[1]);
  END IF;

  IF problem IS NOT NULL OR type = target THEN
    RETURN;
  ELSIF target = 'boolean'::regtype AND type IN ('timestamptz'::regtype, 'timestamp'::regtype) THEN
    -- the time of a confirmation: whether it was confirmed
    expression := format('(%s IS NOT NULL)', expression);
  ELSIF type = 'text'::regtype AND (is_text OR cardinality(parts) > 1) THEN
    expression := CASE
      WHEN is_text THEN format('(%s)::%s', expression, target_name)
      ELSE format('linkage.read_profile_value(%s, %L)::%s', expression, target_name, target_name)
    END;
  ELSIF linkage.is_assignable(type, target) THEN
    expression := format('(%s)::%s', expression, target_name);
  ELSE
    problem := format('%s is %s, which is no %s', source, format_type(type, NULL), target_name);
    expression := NULL;
  END IF;
END
$$;

-- Where a column that nobody mapped comes from: the account's column of that name, less secrets and what the authentication server keeps
-- for itself; its metadata for names and pictures; what people commonly call a confirmation.
CREATE OR REPLACE FUNCTION linkage.usual_sources(name text, is_required boolean) RETURNS text[]
LANGUAGE sql STABLE
AS $$
  SELECT CASE
    WHEN name IN ('name', 'full_name', 'display_name') THEN
      ARRAY['raw_user_meta_data.full_name', 'raw_user_meta_data.name']
      || CASE WHEN is_required THEN ARRAY['email.local', 'phone'] ELSE '{}' END
    WHEN name = 'first_name' THEN ARRAY['raw_user_meta_data.first_name', 'raw_user_meta_data.given_name']
    WHEN name = 'last_name' THEN ARRAY['raw_user_meta_data.last_name', 'raw_user_meta_data.family_name']
    WHEN name IN ('username', 'user_name') THEN
      ARRAY['raw_user_meta_data.user_name', 'raw_user_meta_data.preferred_username', 'raw_user_meta_data.username']
    WHEN name IN ('avatar_url', 'avatar', 'picture') THEN ARRAY['raw_user_meta_data.avatar_url', 'raw_user_meta_data.picture']
    WHEN name IN ('email_verified', 'is_email_verified', 'email_verified_at', 'email_confirmed') THEN ARRAY['email_confirmed_at']
    WHEN name IN ('phone_verified', 'is_phone_verified', 'phone_verified_at', 'phone_confirmed') THEN ARRAY['phone_confirmed_at']
    WHEN name IN (
        'instance_id', 'aud', 'role', 'encrypted_password', 'is_super_admin', 'banned_until', 'deleted_at', 'is_anonymous', 'is_sso_user',
        'invited_at', 'last_sign_in_at', 'raw_app_meta_data')
      OR name ~ '(_token|_sent_at|_change|_change_confirm_status|^confirmation_.*|^recovery_.*|^reauthentication_.*|_change_token.*)$' THEN '{}'
    WHEN linkage.column_type('auth.users', name) IS NOT NULL THEN ARRAY[name]
    ELSE '{}'
  END
$$;

-- Every column of the profiles, and of those that are mapped: where it comes from, and its value as an expression on alias a of the
-- accounts (null: it is not copied). Generated columns can't be written and are left out unless they are mapped. mappings: as if these
-- were there, instead of those that are.
CREATE OR REPLACE FUNCTION linkage.profile_columns(mappings linkage.profile_mapping[] DEFAULT NULL)
RETURNS TABLE (
  "position" integer, profile_column name, type text, is_key boolean, is_required boolean, sources text[], fallback text,
  is_mapped boolean, expression text, problem text)
LANGUAGE sql STABLE
AS $$
  SELECT
    COALESCE(c.attnum, 0)::integer, COALESCE(c.attname, m.profile_column), c.type, COALESCE(c.is_key, false),
    COALESCE(c.is_required, false), COALESCE(s.sources, '{}'), m.fallback, m.profile_column IS NOT NULL,
    CASE WHEN p.problem IS NULL AND NOT c.is_generated THEN v.expression END, p.problem
  FROM (
    SELECT
      a.attnum, a.attname, linkage.base_type(a.atttypid) AS base, pg_catalog.format_type(a.atttypid, a.atttypmod) AS type,
      pg_catalog.quote_ident(a.attname) = $key${{profile_key}}$key$ AS is_key,
      a.attgenerated <> '' OR a.attidentity = 'a' AS is_generated,
      a.attnotnull AND NOT a.atthasdef AND a.attidentity = '' AND a.attgenerated = '' AS is_required,
      -- What a required column gets where the account has no value. A sequence is not drawn from, since a preview evaluates this too.
      CASE WHEN a.attnotnull AND a.attgenerated = '' AND e.given !~ 'nextval' THEN e.given END AS given
    FROM pg_catalog.pg_attribute a
    LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    CROSS JOIN LATERAL (SELECT pg_catalog.pg_get_expr(d.adbin, d.adrelid)) AS e (given)
    WHERE a.attrelid = '{{profiles}}'::regclass AND a.attnum > 0 AND NOT a.attisdropped
  ) AS c
  FULL JOIN unnest(COALESCE($1, ARRAY(SELECT m FROM linkage.profile_mapping m))) m ON m.profile_column = c.attname
  CROSS JOIN LATERAL (
    SELECT CASE
      WHEN c.is_key THEN ARRAY['id']
      WHEN m.profile_column IS NOT NULL THEN m.sources
      WHEN NOT c.is_generated THEN linkage.usual_sources(c.attname, c.is_required)
    END
  ) AS s (sources)
  LEFT JOIN LATERAL (
    SELECT
      string_agg(r.problem, '; ' ORDER BY i.ordinal) AS problem,
      string_agg(r.expression, ', ' ORDER BY i.ordinal) AS expressions, count(r.expression) AS sources
    FROM unnest(s.sources) WITH ORDINALITY AS i (source, ordinal)
    CROSS JOIN LATERAL linkage.profile_source(i.source, c.base) r
  ) AS f ON c.attname IS NOT NULL
  CROSS JOIN LATERAL (
    SELECT CASE
      WHEN c.attname IS NULL THEN pg_catalog.format('{{profiles}} has no column %I', m.profile_column)
      WHEN m.profile_column IS NOT NULL AND c.is_generated THEN pg_catalog.format('column %I is generated by the server', c.attname)
      WHEN m.profile_column IS NOT NULL AND c.is_key THEN 'the key is the account''s id, always'
      WHEN m.profile_column IS NOT NULL OR c.is_key THEN f.problem
    END
  ) AS p (problem)
  CROSS JOIN LATERAL (
    SELECT CASE
      WHEN f.expressions IS NULL AND m.fallback IS NULL THEN NULL
      WHEN c.is_key OR (f.sources = 1 AND m.fallback IS NULL AND c.given IS NULL) THEN f.expressions
      ELSE pg_catalog.format(
        'COALESCE(%s)',
        pg_catalog.concat_ws(
          ', ', f.expressions, pg_catalog.quote_literal(m.fallback) || '::' || pg_catalog.format_type(c.base, NULL), c.given))
    END
  ) AS v (expression)
  ORDER BY 1, 2
$$;

-- A column as it would be if it were mapped so, or by its usual sources if its mapping were forgotten.
CREATE OR REPLACE FUNCTION linkage.profile_column_by(wanted text, wanted_sources text[], wanted_fallback text, is_wanted boolean)
RETURNS TABLE (
  "position" integer, profile_column name, type text, is_key boolean, is_required boolean, sources text[], fallback text,
  is_mapped boolean, expression text, problem text)
LANGUAGE sql STABLE
AS $$
  SELECT c.*
  FROM linkage.profile_columns(
    ARRAY(
      SELECT m FROM linkage.profile_mapping m WHERE m.profile_column <> $1
      UNION ALL
      SELECT ROW($1, COALESCE($2, '{}'), $3, session_user, now())::linkage.profile_mapping WHERE $4
    )) c
  WHERE c.profile_column = $1
$$;

-- The same for a mapping; what can't be used is refused.
CREATE OR REPLACE FUNCTION linkage.plan_profile_mapping(wanted text, wanted_sources text[], wanted_fallback text)
RETURNS TABLE (
  "position" integer, profile_column name, type text, is_key boolean, is_required boolean, sources text[], fallback text,
  is_mapped boolean, expression text, problem text)
LANGUAGE plpgsql STABLE
AS $$
DECLARE
  planned record;
BEGIN
  SELECT * INTO planned FROM linkage.profile_column_by($1, $2, $3, true);
  IF planned.problem IS NULL AND planned.fallback IS NOT NULL
    AND linkage.read_profile_value(planned.fallback, planned.type) IS NULL
  THEN
    planned.problem := format('%L is no %s', planned.fallback, planned.type);
  END IF;
  IF planned.problem IS NOT NULL THEN
    RAISE EXCEPTION USING
      ERRCODE = 'LK030',
      MESSAGE = format('Column %s of {{profiles}} can''t be filled so: %s.', $1, planned.problem),
      HINT = 'Get-UserSyncMapping lists the columns of both tables.';
  END IF;
  RETURN QUERY SELECT * FROM linkage.profile_column_by($1, $2, $3, true);
END
$$;

-- Maps a column by hand; the triggers follow.
CREATE OR REPLACE FUNCTION linkage.map_profile_column(profile_column text, sources text[], fallback text) RETURNS void
LANGUAGE plpgsql
AS $$
BEGIN
  PERFORM linkage.plan_profile_mapping($1, $2, $3);
  INSERT INTO linkage.profile_mapping AS m (profile_column, sources, fallback)
  VALUES ($1, COALESCE($2, '{}'), $3)
  ON CONFLICT ON CONSTRAINT profile_mapping_pkey DO UPDATE
  SET sources = EXCLUDED.sources, fallback = EXCLUDED.fallback, mapped_by = EXCLUDED.mapped_by, mapped_at = EXCLUDED.mapped_at;
  PERFORM linkage.create_user_sync_functions();
END
$$;

-- Forgets what was mapped by hand; returns whether there was something.
CREATE OR REPLACE FUNCTION linkage.unmap_profile_column(profile_column text) RETURNS boolean
LANGUAGE plpgsql
AS $$
BEGIN
  DELETE FROM linkage.profile_mapping m WHERE m.profile_column = unmap_profile_column.profile_column;
  IF NOT FOUND THEN
    RETURN false;
  END IF;
  PERFORM linkage.create_user_sync_functions();
  RETURN true;
END
$$;
