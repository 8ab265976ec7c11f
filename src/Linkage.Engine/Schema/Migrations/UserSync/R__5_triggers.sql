-- The triggers on auth.users. Their functions are made from the mapping, so that a sign-up costs one INSERT whose plan is kept. They run
-- with their owner's rights, since the authentication server's role knows nothing of profiles; a locked search_path keeps a hostile schema
-- out, row_security off makes a fault of rows that policies would hide, and a table that is locked is waited for half a second only.
-- Whatever goes wrong, the account is written: the fault goes to linkage.user_sync_fault, the quarantine.

CREATE OR REPLACE FUNCTION linkage.triggers_of_user_sync()
RETURNS TABLE (number integer, target text, table_name text, trigger_name name, is_optional boolean)
LANGUAGE sql STABLE
AS $$
  VALUES
    (-1, NULL::text, 'auth.users', 'on_auth_user_created'::name, false),
    (-2, NULL, 'auth.users', 'on_auth_user_updated', true)
$$;

-- Puts an account into quarantine, with what kept it from being carried over.
CREATE OR REPLACE FUNCTION linkage.note_user_sync_fault(account_id {{account_id}}, operation text, sql_state text, message text) RETURNS void
LANGUAGE sql
AS $$
  INSERT INTO linkage.user_sync_fault AS f (account_id, operation, sql_state, message)
  VALUES ($1, $2, $3, $4)
  ON CONFLICT ON CONSTRAINT user_sync_fault_pkey DO UPDATE
  SET sql_state = EXCLUDED.sql_state, message = EXCLUDED.message, attempts = f.attempts + 1, last_at = EXCLUDED.last_at
$$;

-- The statement that gives the account NEW its profile. A conflict on the key is none: the application was faster. Any other is a fault.
CREATE OR REPLACE FUNCTION linkage.new_profile_statement() RETURNS text
LANGUAGE sql STABLE
AS $$
  SELECT pg_catalog.format(
    'INSERT INTO {{profiles}} (%s)
      SELECT %s FROM (SELECT NEW.*) AS a
      ON CONFLICT ({{profile_key}}) DO NOTHING;
      IF NOT FOUND AND NOT EXISTS (SELECT FROM {{profiles}} p WHERE p.{{profile_key}} = NEW.id::{{profile_id}}) THEN
        RAISE EXCEPTION ''A trigger or rule of the application kept the profile from being written.'';
      END IF;
      PERFORM linkage.check_deferred_constraints();',
    p.columns, p.column_values)
  FROM linkage.profile_insert() p
$$;

-- The body of handle_new_user.
CREATE OR REPLACE FUNCTION linkage.handle_new_user_body() RETURNS text
-- the same text in every session: names of types are qualified as the path asks for it
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $create$
  SELECT pg_catalog.format(
    $template$
-- Made by Linkage from the columns of both tables and linkage.profile_mapping.
BEGIN
  IF (%s) AND NOT EXISTS (SELECT FROM linkage.trigger_switch s WHERE s.number = -1) THEN
      %s
  END IF;
  RETURN NULL;
EXCEPTION WHEN assert_failure OR OTHERS THEN
  BEGIN
    PERFORM linkage.note_user_sync_fault(NEW.id, 'create', SQLSTATE, SQLERRM);
  EXCEPTION WHEN OTHERS THEN
    RAISE WARNING 'Linkage could neither make the profile of account %% nor note why: %% (%%).', NEW.id, SQLERRM, SQLSTATE;
  END;
  RETURN NULL;
END
$template$,
    linkage.active_account('NEW'), linkage.new_profile_statement())
$create$;

-- The columns of accounts that profiles follow: who it is, and whether that was confirmed.
CREATE OR REPLACE FUNCTION linkage.followed_sources() RETURNS text[]
LANGUAGE sql IMMUTABLE
AS $$ SELECT ARRAY['email', 'phone', 'email_confirmed_at', 'phone_confirmed_at', 'confirmed_at'] $$;

-- The columns of a profile that follow, as values on alias a of the accounts, null for none. On a profile p, and rows n and o of those values,
-- new and old: whether p differs from n, whether it follows, and what it is set to then. A column follows if it still has what the account had
-- before, or nothing: what the application or its user changed there is theirs. Phones are compared in E.164.
CREATE OR REPLACE FUNCTION linkage.followed_columns(OUT column_values text, OUT difference text, OUT follows text, OUT assignments text)
LANGUAGE sql STABLE
AS $$
  SELECT
    string_agg(pg_catalog.format('%s AS %I', c.expression, c.profile_column), ', ' ORDER BY c."position"),
    COALESCE(string_agg(pg_catalog.format('n.%1$I IS DISTINCT FROM p.%1$I', c.profile_column), ' OR ' ORDER BY c."position"), 'false'),
    string_agg(f.follows, ' OR ' ORDER BY c."position"),
    string_agg(
      pg_catalog.format('%1$I = CASE WHEN %2$s THEN n.%1$I ELSE p.%1$I END', c.profile_column, f.follows), ', ' ORDER BY c."position")
  FROM linkage.profile_columns() c
  CROSS JOIN LATERAL (
    SELECT pg_catalog.format(
      '(n.%1$I IS DISTINCT FROM o.%1$I AND (p.%1$I IS NULL OR p.%1$I = o.%1$I%2$s))', c.profile_column,
      CASE WHEN c.sources = ARRAY['phone'] THEN pg_catalog.format(
        ' OR {{app}}.normalize_phone(p.%1$I::text) = {{app}}.normalize_phone(o.%1$I::text)', c.profile_column) END)
  ) AS f (follows)
  WHERE c.expression IS NOT NULL AND c.sources <> '{}' AND c.sources <@ linkage.followed_sources()
$$;

-- The body of handle_user_update.
CREATE OR REPLACE FUNCTION linkage.handle_user_update_body() RETURNS text
-- the same text in every session: names of types are qualified as the path asks for it
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $create$
  SELECT pg_catalog.format(
    $template$
-- Made by Linkage from the columns of both tables and linkage.profile_mapping.
BEGIN
  IF NOT (%1$s) OR EXISTS (SELECT FROM linkage.trigger_switch s WHERE s.number = -2) THEN
    -- A soft-deleted account has hashes for its e-mail and phone: the profile stays as it is.
    RETURN NULL;
  END IF;
  IF NOT (%2$s) THEN
      %3$s
  %4$s
  END IF;
  DELETE FROM linkage.user_sync_fault f
  WHERE f.account_id = NEW.id AND f.operation = 'update'
    -- else the profile still has what an earlier fault left there
    AND NOT EXISTS (
      SELECT FROM {{profiles}} p CROSS JOIN (SELECT %5$s FROM (SELECT NEW.*) AS a) AS n WHERE p.{{profile_key}} = NEW.id::{{profile_id}} AND (%6$s));
  RETURN NULL;
EXCEPTION WHEN assert_failure OR OTHERS THEN
  BEGIN
    PERFORM linkage.note_user_sync_fault(NEW.id, CASE WHEN %2$s THEN 'update' ELSE 'create' END, SQLSTATE, SQLERRM);
  EXCEPTION WHEN OTHERS THEN
    RAISE WARNING 'Linkage could neither change the profile of account %% nor note why: %% (%%).', NEW.id, SQLERRM, SQLSTATE;
  END;
  RETURN NULL;
END
$template$,
    linkage.active_account('NEW'), linkage.active_account('OLD'), linkage.new_profile_statement(),
    CASE WHEN followed.column_values IS NOT NULL THEN pg_catalog.format(
      'ELSE
      UPDATE {{profiles}} AS p
      SET %1$s
      FROM (SELECT %2$s FROM (SELECT NEW.*) AS a) AS n
      CROSS JOIN (SELECT %2$s FROM (SELECT OLD.*) AS a) AS o
      WHERE p.{{profile_key}} = NEW.id::{{profile_id}} AND (%3$s);
      PERFORM linkage.check_deferred_constraints();',
      followed.assignments, followed.column_values, followed.follows)
    END,
    followed.column_values, followed.difference)
  FROM linkage.followed_columns() followed
$create$;

-- Makes both trigger functions from the mapping as it is now.
CREATE OR REPLACE FUNCTION linkage.create_user_sync_functions() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  handler record;
BEGIN
  FOR handler IN
    VALUES
      ('handle_new_user', linkage.handle_new_user_body(), 'gives a new account its profile'),
      ('handle_user_update', linkage.handle_user_update_body(), 'lets a profile follow its account')
  LOOP
    EXECUTE format(
      'CREATE OR REPLACE FUNCTION {{app}}.%I() RETURNS trigger
       LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET row_security = off SET lock_timeout = ''500ms''
       AS %L', handler.column1, handler.column2);
    EXECUTE format('COMMENT ON FUNCTION {{app}}.%I() IS %L', handler.column1, linkage.own_comment(handler.column3));
    EXECUTE format('REVOKE ALL ON FUNCTION {{app}}.%I() FROM PUBLIC', handler.column1);
    -- What changed by a mapping has not drifted.
    INSERT INTO linkage.installed_object AS i (object, kind, fingerprint)
    SELECT linkage.object_name(p.oid, 'pg_proc'), 'function', md5(pg_get_functiondef(p.oid))
    FROM pg_proc p
    WHERE p.oid = to_regprocedure(format('{{app}}.%I()', handler.column1))
    ON CONFLICT (object) DO UPDATE SET fingerprint = EXCLUDED.fingerprint;
  END LOOP;
END
$$;

-- What follows the name of the optional trigger: it fires only when something changed that profiles follow.
CREATE OR REPLACE FUNCTION linkage.user_update_trigger() RETURNS text
LANGUAGE sql STABLE
AS $$
  SELECT pg_catalog.format(
    'AFTER UPDATE ON auth.users
     FOR EACH ROW
     WHEN (%s)
     EXECUTE FUNCTION {{app}}.handle_user_update()',
    string_agg(pg_catalog.format('OLD.%1$I IS DISTINCT FROM NEW.%1$I', c.name), ' OR ' ORDER BY c.i))
  FROM unnest(linkage.followed_sources() || ARRAY['deleted_at', 'is_anonymous']) WITH ORDINALITY AS c (name, i)
  WHERE linkage.column_type('auth.users', c.name) IS NOT NULL
$$;
