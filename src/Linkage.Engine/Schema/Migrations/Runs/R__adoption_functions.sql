-- Publishing under documented names in the application's schema, where something of that name may stand already: it is kept in
-- linkage.replaced_definition, and whoever calls it finds the same argument names, result columns and grants as before.

-- The mark by which Linkage knows its own.
CREATE OR REPLACE FUNCTION linkage.own_comment(about text) RETURNS text
LANGUAGE sql IMMUTABLE
AS $$ SELECT 'Linkage: ' || about $$;

CREATE OR REPLACE FUNCTION linkage.is_own(object oid, catalog regclass) RETURNS boolean
LANGUAGE sql STABLE
AS $$ SELECT COALESCE(pg_catalog.obj_description(object, (SELECT c.relname FROM pg_catalog.pg_class c WHERE c.oid = catalog)) LIKE 'Linkage: %', false) $$;

-- Keeps a function that is not ours; does nothing where there is none, or where it was kept before.
CREATE OR REPLACE FUNCTION linkage.keep_function(signature text, owner_component text) RETURNS void
LANGUAGE plpgsql
AS $$
DECLARE
  existing regprocedure := to_regprocedure(signature);
BEGIN
  IF existing IS NULL OR linkage.is_own(existing, 'pg_proc') THEN
    RETURN;
  END IF;
  INSERT INTO linkage.replaced_definition (object, component, definition, grants)
  SELECT
    format('function %s', existing), owner_component, pg_get_functiondef(p.oid),
    ARRAY[format('ALTER FUNCTION %s OWNER TO %I', existing, pg_get_userbyid(p.proowner))]
    || ARRAY(SELECT format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', existing) WHERE p.proacl IS NOT NULL)
    || ARRAY(
      SELECT format(
        'GRANT EXECUTE ON FUNCTION %s TO %s', existing,
        CASE WHEN acl.grantee = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(acl.grantee)) END)
      FROM aclexplode(p.proacl) acl
      WHERE acl.privilege_type = 'EXECUTE')
    || ARRAY(SELECT format('COMMENT ON FUNCTION %s IS %L', existing, d.description)
             FROM pg_description d WHERE d.objoid = p.oid AND d.classoid = 'pg_proc'::regclass)
  FROM pg_proc p
  WHERE p.oid = existing
  ON CONFLICT (object) DO NOTHING;
END
$$;

-- Publishes name(arguments) in the application's schema as a call of core, a function with the same arguments in schema linkage.
-- An existing function keeps its argument names, defaults, result columns and explicit grants; PUBLIC may go on calling only
-- what reads. Refuses a result that core can't give.
CREATE OR REPLACE FUNCTION linkage.publish_function(
  name text, arguments text, result text, core text, owner_component text, is_read_only boolean, about text) RETURNS void
LANGUAGE plpgsql
AS $$
DECLARE
  -- "a uuid, b text DEFAULT 'x'" -> "uuid, text"
  types     text := (
    SELECT string_agg(regexp_replace(btrim(a), '^\w+\s+(.+?)(\s+DEFAULT\s.*)?$', '\1', 'i'), ', ' ORDER BY i)
    FROM regexp_split_to_table(arguments, ',') WITH ORDINALITY AS s (a, i));
  signature text := format('{{app}}.%I(%s)', name, types);
  existing  regprocedure := to_regprocedure(signature);
  core_oid  regprocedure := to_regprocedure(format('linkage.%I(%s)', core, types));
  had_public boolean := false;
  columns   text;
  missing   text;
BEGIN
  IF existing IS NOT NULL AND NOT linkage.is_own(existing, 'pg_proc') THEN
    PERFORM linkage.keep_function(signature, owner_component);
    SELECT
      pg_get_function_arguments(p.oid), pg_get_function_result(p.oid),
      p.proacl IS NULL OR EXISTS (SELECT FROM aclexplode(p.proacl) a WHERE a.grantee = 0)
    INTO arguments, result, had_public
    FROM pg_proc p
    WHERE p.oid = existing;

    -- Result columns by name, in the existing order and types.
    SELECT
      string_agg(format('r.%I::%s', a.arg_name, format_type(a.arg_type, NULL)), ', ' ORDER BY a.i),
      string_agg(a.arg_name, ', ') FILTER (WHERE NOT EXISTS (
        SELECT FROM pg_proc c CROSS JOIN unnest(c.proargnames, c.proargmodes) AS m (arg_name, arg_mode)
        WHERE c.oid = core_oid AND m.arg_mode IN ('t', 'o') AND m.arg_name = a.arg_name))
    INTO columns, missing
    FROM pg_proc p
    CROSS JOIN unnest(p.proallargtypes, p.proargmodes, p.proargnames) WITH ORDINALITY AS a (arg_type, arg_mode, arg_name, i)
    WHERE p.oid = existing AND a.arg_mode IN ('t', 'o');
    IF missing IS NOT NULL THEN
      RAISE EXCEPTION USING
        ERRCODE = 'LK010',
        MESSAGE = format('The existing function %s returns %s, which Linkage''s does not.', existing, missing),
        HINT = format('Rename it (ALTER FUNCTION %s RENAME TO ...) and install again.', existing);
    END IF;
    IF (columns IS NULL) <> (result !~* '^(TABLE|SETOF)') AND columns IS NULL THEN
      RAISE EXCEPTION USING
        ERRCODE = 'LK010',
        MESSAGE = format('The existing function %s returns %s, which Linkage''s can''t.', existing, result),
        HINT = format('Rename it (ALTER FUNCTION %s RENAME TO ...) and install again.', existing);
    END IF;
  ELSIF existing IS NOT NULL THEN
    -- Ours, perhaps adopted by an earlier install: its face stays.
    SELECT pg_get_function_arguments(p.oid), pg_get_function_result(p.oid) INTO arguments, result
    FROM pg_proc p WHERE p.oid = existing;
    SELECT string_agg(format('r.%I::%s', a.arg_name, format_type(a.arg_type, NULL)), ', ' ORDER BY a.i) INTO columns
    FROM pg_proc p
    CROSS JOIN unnest(p.proallargtypes, p.proargmodes, p.proargnames) WITH ORDINALITY AS a (arg_type, arg_mode, arg_name, i)
    WHERE p.oid = existing AND a.arg_mode IN ('t', 'o');
  ELSIF result ~* '^TABLE' THEN
    columns := 'r.*';
  END IF;

  EXECUTE format(
    'CREATE OR REPLACE FUNCTION {{app}}.%I(%s) RETURNS %s
     LANGUAGE sql %s SECURITY %s SET search_path = pg_catalog, {{app}}, pg_temp
     AS %L',
    name, arguments, result,
    CASE WHEN is_read_only THEN 'STABLE' ELSE 'VOLATILE' END,
    CASE WHEN is_read_only THEN 'INVOKER' ELSE 'DEFINER' END,
    CASE
      WHEN columns IS NULL AND result = 'void' THEN
        format('SELECT FROM linkage.%I(%s)', core, linkage.positions(types))
      WHEN columns IS NULL THEN
        format('SELECT linkage.%I(%s)::%s', core, linkage.positions(types), result)
      ELSE
        format('SELECT %s FROM linkage.%I(%s) AS r', columns, core, linkage.positions(types))
    END);
  EXECUTE format('COMMENT ON FUNCTION %s IS %L', signature, linkage.own_comment(about));

  IF existing IS NULL OR NOT is_read_only THEN
    EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', signature);
  ELSIF had_public THEN
    -- It was everybody's and only reads, with the caller's own rights: it stays so.
    EXECUTE format('GRANT USAGE ON SCHEMA linkage TO PUBLIC');
    EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO PUBLIC', core_oid);
  END IF;
END
$$;

-- 'uuid, text' -> '$1, $2'
CREATE OR REPLACE FUNCTION linkage.positions(types text) RETURNS text
LANGUAGE sql IMMUTABLE
AS $$
  SELECT pg_catalog.string_agg('$' || i, ', ' ORDER BY i) FROM pg_catalog.generate_series(1, array_length(string_to_array(types, ','), 1)) i
$$;

-- Publishes a trigger; an existing one of that name that is not ours is kept for uninstall. definition is what follows the name.
CREATE OR REPLACE FUNCTION linkage.publish_trigger(
  name text, on_table regclass, definition text, owner_component text, about text) RETURNS void
LANGUAGE plpgsql
AS $$
DECLARE
  existing oid := (SELECT t.oid FROM pg_trigger t WHERE t.tgrelid = on_table AND t.tgname = name AND NOT t.tgisinternal);
BEGIN
  IF existing IS NOT NULL THEN
    IF NOT linkage.is_own(existing, 'pg_trigger') THEN
      INSERT INTO linkage.replaced_definition (object, component, definition)
      VALUES (format('trigger %I on %s', name, on_table), owner_component, pg_get_triggerdef(existing))
      ON CONFLICT (object) DO NOTHING;
    END IF;
    EXECUTE format('DROP TRIGGER %I ON %s', name, on_table);
  END IF;
  EXECUTE format('CREATE TRIGGER %I %s', name, definition);
  EXECUTE format('COMMENT ON TRIGGER %I ON %s IS %L', name, on_table, linkage.own_comment(about));
END
$$;

-- Every function and trigger that is Linkage's, with a fingerprint of its definition.
CREATE OR REPLACE FUNCTION linkage.own_objects() RETURNS TABLE (object text, kind text, fingerprint text, is_enabled boolean)
-- Definitions name what is not on the path with its schema: a fixed path gives the same text every time.
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
  SELECT pg_catalog.format('function %s', p.oid::regprocedure), 'function', pg_catalog.md5(pg_catalog.pg_get_functiondef(p.oid)), true
  FROM pg_catalog.pg_proc p
  WHERE p.pronamespace = 'linkage'::regnamespace
     OR (p.pronamespace = '{{app}}'::regnamespace AND linkage.is_own(p.oid, 'pg_catalog.pg_proc'))
  UNION ALL
  SELECT
    pg_catalog.format('trigger %I on %s', t.tgname, t.tgrelid::regclass), 'trigger',
    pg_catalog.md5(pg_catalog.pg_get_triggerdef(t.oid)), t.tgenabled <> 'D'
  FROM pg_catalog.pg_trigger t
  WHERE NOT t.tgisinternal AND linkage.is_own(t.oid, 'pg_catalog.pg_trigger')
$$;
