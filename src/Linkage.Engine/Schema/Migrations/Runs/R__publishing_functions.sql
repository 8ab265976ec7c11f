-- Publishing functions and triggers under documented names, where something of that name may stand already: whoever calls it finds the same
-- argument names, result columns and grants as before. What is replaced is kept: see R__adoption_functions.sql.

-- Publishes name(arguments) in the application's schema as a call of core, the one function of that name in schema linkage.
-- An existing function keeps its argument names, defaults, result columns, owner and explicit grants. What writes runs with its
-- owner's rights and is revoked from PUBLIC. What reads (reads lists the functions that it calls in turn) runs as the existing one
-- did, and stays with whom could call it.
CREATE OR REPLACE FUNCTION linkage.publish_function(
  name text, arguments text, result text, core text, owner_component text, reads text[], about text) RETURNS void
-- The call of core is checked here and now, whatever the install has switched off.
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET check_function_bodies = on
AS $$
DECLARE
  core_oid   regprocedure;
  types      text;
  call       text;
  signature  text;
  existing   regprocedure;
  columns    text := 'r.*';
  is_definer boolean := true;
  is_new     boolean := true;
  caller     record;
  callee     regprocedure;
BEGIN
  SELECT
    p.oid, COALESCE(string_agg(format_type(t.type, NULL), ', ' ORDER BY t.i), ''),
    format('linkage.%I(%s)', core, string_agg('$' || t.i, ', ' ORDER BY t.i))
  INTO STRICT core_oid, types, call
  FROM pg_proc p
  LEFT JOIN LATERAL unnest(p.proargtypes::oid[]) WITH ORDINALITY AS t (type, i) ON true
  WHERE p.pronamespace = 'linkage'::regnamespace AND p.proname = core
  GROUP BY p.oid;
  signature := format('{{app}}.%I(%s)', name, types);
  existing := to_regprocedure(signature);

  IF existing IS NOT NULL THEN
    is_new := NOT linkage.is_own(existing, 'pg_proc');
    PERFORM linkage.keep_function(signature, owner_component);
    SELECT pg_get_function_arguments(p.oid), pg_get_function_result(p.oid), p.prosecdef OR reads IS NULL
    INTO arguments, result, is_definer
    FROM pg_proc p
    WHERE p.oid = existing;
    -- Result columns by name, in the existing order and types.
    SELECT string_agg(format('r.%I::%s', a.arg_name, format_type(a.arg_type, NULL)), ', ' ORDER BY a.i)
    INTO columns
    FROM pg_proc p
    CROSS JOIN unnest(p.proallargtypes, p.proargmodes, p.proargnames) WITH ORDINALITY AS a (arg_type, arg_mode, arg_name, i)
    WHERE p.oid = existing AND a.arg_mode IN ('t', 'o');
  ELSIF result !~* '^TABLE' THEN
    columns := NULL;
  END IF;

  EXECUTE format(
    'CREATE OR REPLACE FUNCTION {{app}}.%I(%s) RETURNS %s
     LANGUAGE sql %s SECURITY %s SET search_path = pg_catalog, pg_temp %s
     AS %L',
    name, arguments, result,
    CASE WHEN reads IS NULL THEN 'VOLATILE' ELSE 'STABLE' END,
    CASE WHEN is_definer THEN 'DEFINER' ELSE 'INVOKER' END,
    -- what a policy hides from the owner is an error, and not a healthy zero
    CASE WHEN is_definer THEN 'SET row_security = off' ELSE '' END,
    CASE
      WHEN result = 'void' THEN format('SELECT FROM %s AS r', call)
      WHEN columns IS NULL THEN format('SELECT %s::%s', call, result)
      ELSE format('SELECT %s FROM %s AS r', columns, call)
    END);
  EXECUTE format('COMMENT ON FUNCTION %s IS %L', signature, linkage.own_comment(about));
  IF existing IS NULL OR (is_new AND reads IS NULL) THEN
    EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', signature);
  END IF;

  -- Whoever's rights the call of core needs: the owner's, or each caller's.
  FOREACH callee IN ARRAY core_oid || COALESCE(reads::regprocedure[], '{}') LOOP
    IF (SELECT p.proacl IS NULL FROM pg_proc p WHERE p.oid = callee) THEN
      EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', callee);
    END IF;
    FOR caller IN
      SELECT DISTINCT CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END AS name
      FROM pg_proc p
      CROSS JOIN LATERAL (
        SELECT p.proowner
        UNION
        SELECT acl.grantee FROM aclexplode(COALESCE(p.proacl, acldefault('f', p.proowner))) acl WHERE NOT p.prosecdef
      ) AS a (grantee)
      WHERE p.oid = signature::regprocedure
    LOOP
      EXECUTE format('GRANT USAGE ON SCHEMA linkage TO %s', caller.name);
      EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO %s', callee, caller.name);
      IF caller.name = 'PUBLIC' THEN
        PERFORM set_config(
          'linkage.public_functions', concat_ws(' ', NULLIF(current_setting('linkage.public_functions', true), ''), callee::oid), true);
      END IF;
    END LOOP;
  END LOOP;
END
$$;

-- Publishes a trigger; definition is what follows its name ("AFTER INSERT ON ..."). What stood in its place is kept for uninstall: a trigger
-- of that name that is not ours, and any other of this table that runs the same function (which would run it twice). A trigger that
-- is there already stays in its state; a new one begins in first_state (as in pg_trigger.tgenabled). Of another role's table, where the
-- install may make triggers but alter nothing, a trigger of that name is replaced in place.
CREATE OR REPLACE FUNCTION linkage.publish_trigger(
  name text, on_table regclass, definition text, owner_component text, about text, first_state "char" DEFAULT 'O') RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  runs      regproc := substring(definition FROM 'EXECUTE FUNCTION ([^()]+)\(\)$');
  may_alter boolean := (SELECT pg_has_role(c.relowner, 'USAGE') FROM pg_class c WHERE c.oid = on_table);
  version   integer := current_setting('server_version_num');
  published oid;
  existing  record;
  state     "char";
BEGIN
  FOR existing IN
    SELECT t.oid, t.tgname, t.tgfoid, t.tgenabled, linkage.is_own(t.oid, 'pg_trigger') AS is_own
    FROM pg_trigger t
    WHERE t.tgrelid = on_table AND NOT t.tgisinternal AND (t.tgname = name OR t.tgfoid = runs)
  LOOP
    IF existing.tgname = name THEN
      state := existing.tgenabled;
    END IF;
    IF NOT existing.is_own THEN
      PERFORM linkage.keep_trigger(existing.oid, owner_component, may_alter);
    END IF;
    IF may_alter THEN
      EXECUTE format('DROP TRIGGER %I ON %s', existing.tgname, on_table);
    ELSIF existing.tgname <> name OR existing.tgfoid <> runs AND version < 140000 THEN
      RAISE EXCEPTION USING
        ERRCODE = 'LK010',
        MESSAGE = format('Trigger %I on %s stands in the way of %I, and only the owner of the table may drop it.', existing.tgname, on_table, name),
        HINT = format('Have the owner run: DROP TRIGGER %I ON %s; and install again.', existing.tgname, on_table);
    END IF;
  END LOOP;
  IF may_alter OR state IS NULL OR version >= 140000 THEN
    EXECUTE format('CREATE %sTRIGGER %I %s', CASE WHEN may_alter OR state IS NULL THEN '' ELSE 'OR REPLACE ' END, name, definition);
  END IF;
  SELECT t.oid INTO STRICT published FROM pg_trigger t WHERE t.tgrelid = on_table AND t.tgname = name;
  IF may_alter THEN
    EXECUTE format('COMMENT ON TRIGGER %I ON %s IS %L', name, on_table, linkage.own_comment(about));
    EXECUTE linkage.trigger_state(name, on_table, COALESCE(state, first_state));
  END IF;
  -- Where no comment can be put, this list tells that it is ours.
  INSERT INTO linkage.installed_object AS i (object, kind, fingerprint)
  VALUES (linkage.object_name(published, 'pg_trigger'), 'trigger', md5(pg_get_triggerdef(published)))
  ON CONFLICT (object) DO UPDATE SET fingerprint = EXCLUDED.fingerprint;
END
$$;

-- Keeps a trigger that is about to be replaced, as the statements that bring it back; what only the owner of the table may say is left
-- out where others restore it.
CREATE OR REPLACE FUNCTION linkage.keep_trigger(existing oid, owner_component text, may_alter boolean) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, pg_temp
AS $$
  INSERT INTO linkage.replaced_definition (object, kind, component, restore)
  SELECT
    linkage.object_name(t.oid, 'pg_trigger'), 'trigger', owner_component,
    CASE WHEN may_alter THEN
      ARRAY[
        pg_get_triggerdef(t.oid),
        linkage.trigger_state(t.tgname, t.tgrelid, t.tgenabled),
        format(
          'COMMENT ON TRIGGER %I ON %s IS %s', t.tgname, t.tgrelid::regclass,
          COALESCE(quote_literal(obj_description(t.oid, 'pg_trigger')), 'NULL'))]
    ELSE
      ARRAY[regexp_replace(pg_get_triggerdef(t.oid), '^CREATE TRIGGER', 'CREATE OR REPLACE TRIGGER')]
    END
  FROM pg_trigger t
  WHERE t.oid = existing
  ON CONFLICT (object) DO NOTHING
$$;

-- The statement that switches a trigger to a state as pg_trigger.tgenabled writes it.
CREATE OR REPLACE FUNCTION linkage.trigger_state(name text, on_table regclass, state "char") RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
  SELECT format(
    'ALTER TABLE %s %s TRIGGER %I', on_table,
    CASE state WHEN 'D' THEN 'DISABLE' WHEN 'R' THEN 'ENABLE REPLICA' WHEN 'A' THEN 'ENABLE ALWAYS' ELSE 'ENABLE' END, name)
$$;
