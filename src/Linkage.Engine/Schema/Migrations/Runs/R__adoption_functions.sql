-- Adoption: what stands in place of what is installed is kept in linkage.replaced_definition, and Linkage knows its own.

-- The mark by which Linkage knows its own.
CREATE OR REPLACE FUNCTION linkage.own_comment(about text) RETURNS text
LANGUAGE sql IMMUTABLE
AS $$ SELECT 'Linkage: ' || about $$;

-- Whether an object is Linkage's: by its mark, or by the list of what was installed (somebody may have put another comment).
CREATE OR REPLACE FUNCTION linkage.is_own(object oid, catalog regclass) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
  SELECT
    COALESCE(obj_description($1, (SELECT c.relname FROM pg_class c WHERE c.oid = $2)) LIKE 'Linkage: %', false)
    OR EXISTS (SELECT FROM linkage.installed_object i WHERE i.object = linkage.object_name($1, $2))
$$;

-- How linkage.installed_object and linkage.replaced_definition name an object, under any search_path.
CREATE OR REPLACE FUNCTION linkage.object_name(object oid, catalog regclass) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
  SELECT CASE catalog
    WHEN 'pg_proc'::regclass THEN format('function %s', object::regprocedure)
    WHEN 'pg_trigger'::regclass THEN
      (SELECT format('trigger %I on %s', t.tgname, t.tgrelid::regclass) FROM pg_trigger t WHERE t.oid = object)
    ELSE format('table %s', object::regclass)
  END
$$;

-- The privileges on a function as statements that bring them back, owner first.
CREATE OR REPLACE FUNCTION linkage.function_privileges(existing regprocedure) RETURNS text[]
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
  SELECT
    ARRAY[
      format('ALTER FUNCTION %s OWNER TO %I', existing, pg_get_userbyid(p.proowner)),
      format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', existing)]
    || ARRAY(
      SELECT format(
        'GRANT EXECUTE ON FUNCTION %s TO %s%s', existing,
        CASE WHEN acl.grantee = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(acl.grantee)) END,
        CASE WHEN acl.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)
      FROM aclexplode(COALESCE(p.proacl, acldefault('f', p.proowner))) acl
      WHERE acl.privilege_type = 'EXECUTE' AND acl.grantee <> p.proowner)
  FROM pg_proc p
  WHERE p.oid = existing
$$;

-- Keeps a function that is not ours, before it is replaced; does nothing where there is none, or where it was kept before.
CREATE OR REPLACE FUNCTION linkage.keep_function(signature text, owner_component text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  existing regprocedure := to_regprocedure(signature);
BEGIN
  PERFORM set_config('linkage.replacing', (
    COALESCE(NULLIF(current_setting('linkage.replacing', true), ''), '{}')::jsonb
    || jsonb_build_object(signature, (SELECT md5(p.prosrc) FROM pg_proc p WHERE p.oid = existing)))::text, true);
  IF existing IS NULL OR linkage.is_own(existing, 'pg_proc') THEN
    RETURN;
  END IF;
  INSERT INTO linkage.replaced_definition (object, kind, component, restore)
  VALUES (
    linkage.object_name(existing, 'pg_proc'), 'function', owner_component,
    ARRAY[pg_get_functiondef(existing)]
    || linkage.function_privileges(existing)
    || format('COMMENT ON FUNCTION %s IS %s', existing, COALESCE(quote_literal(obj_description(existing, 'pg_proc')), 'NULL')))
  ON CONFLICT (object) DO NOTHING;
END
$$;

-- Settles a function that a script created under a documented name (and marked as ours by its comment). One that runs with its owner's rights belongs to the owner of
-- schema linkage from now on, who alone can do what it does, and is nobody else's to call but who was granted it. Where a
-- function that indexes may store the values of was replaced, these are noted to be built again.
CREATE OR REPLACE FUNCTION linkage.claim_function(signature text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  claimed  regprocedure := to_regprocedure(signature);
  replaced text := current_setting('linkage.replacing')::jsonb ->> signature;
  is_definer boolean;
BEGIN
  IF claimed IS NULL THEN
    -- The trigger function of a target that was unregistered.
    RETURN;
  END IF;
  SELECT p.prosecdef INTO is_definer FROM pg_proc p WHERE p.oid = claimed;
  IF is_definer THEN
    EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', claimed);
    EXECUTE format(
      'ALTER FUNCTION %s OWNER TO %I', claimed,
      (SELECT pg_get_userbyid(n.nspowner) FROM pg_namespace n WHERE n.nspname = 'linkage'));
  END IF;

  INSERT INTO linkage.stale_index (index_name, function)
  SELECT DISTINCT d.dependent, p.proname
  FROM pg_proc p
  CROSS JOIN linkage.function_dependents(p.proname) d
  WHERE p.oid = claimed AND md5(p.prosrc) <> replaced AND d.kind = 'index'
  ON CONFLICT (index_name) DO NOTHING;

  INSERT INTO linkage.stale_constraint AS s (table_name, constraint_name, function)
  SELECT DISTINCT d.on_table, d.part, p.proname
  FROM pg_proc p
  CROSS JOIN linkage.function_dependents(p.proname) d
  WHERE p.oid = claimed AND md5(p.prosrc) <> replaced AND d.kind = 'constraint'
  ON CONFLICT (table_name, constraint_name) DO UPDATE SET is_lifted = false;
END
$$;

-- What stores or checks values of the application's functions of this name: indexes, constraints, generated columns, views.
CREATE OR REPLACE FUNCTION linkage.function_dependents(name name) RETURNS TABLE (kind text, dependent text, on_table text, part text)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
{{function_dependents}}
$$;

-- Takes back that a stale CHECK constraint holds for all rows: it becomes NOT VALID, and holds for rows that are written, until
-- ALTER TABLE ... VALIDATE CONSTRAINT has looked at the others. It takes a strong lock for a moment, and reads no row. Children with a
-- constraint of their own go the same way, leaves first, since a parent's merges with theirs.
CREATE OR REPLACE FUNCTION linkage.lift_constraint(on_table text, name text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  statements text[];
  statement  text;
BEGIN
  UPDATE linkage.stale_constraint s
  SET is_lifted = true
  WHERE s.table_name = on_table AND s.constraint_name = name AND NOT s.is_lifted;
  IF NOT FOUND THEN
    RETURN;
  END IF;
  WITH RECURSIVE family (oid, level) AS (
    SELECT to_regclass(on_table)::oid, 0
    UNION ALL
    SELECT i.inhrelid, f.level + 1
    FROM family f
    JOIN pg_inherits i ON i.inhparent = f.oid
  )
  SELECT
    array_agg(format('ALTER TABLE %s DROP CONSTRAINT %I', k.conrelid::regclass, k.conname) ORDER BY f.level)
    || array_agg(
      format('ALTER TABLE %s ADD CONSTRAINT %I %s NOT VALID', k.conrelid::regclass, k.conname, pg_get_constraintdef(k.oid))
      ORDER BY f.level DESC)
    || array_agg(format(
      'COMMENT ON CONSTRAINT %I ON %s IS %s', k.conname, k.conrelid::regclass,
      COALESCE(quote_literal(obj_description(k.oid, 'pg_constraint')), 'NULL')))
  INTO statements
  FROM (SELECT f.oid, max(f.level) AS level FROM family f GROUP BY f.oid) AS f
  JOIN pg_constraint k ON k.conrelid = f.oid AND k.conname = name AND k.contype = 'c' AND k.conislocal AND k.convalidated;
  FOREACH statement IN ARRAY COALESCE(statements, '{}') LOOP
    EXECUTE statement;
  END LOOP;
END
$$;

-- Takes over a table that stands already: notes which of these columns it lacks, for an uninstall that takes the history along,
-- and lifts what is stricter than Linkage's rows are: NOT NULL on these columns, and checks. Does nothing where there is none yet.
CREATE OR REPLACE FUNCTION linkage.adopt_table(table_name text, added_columns text[], owner_component text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  existing regclass := to_regclass(table_name);
  item     record;
BEGIN
  IF existing IS NULL OR linkage.is_own(existing, 'pg_class') THEN
    RETURN;
  END IF;
  INSERT INTO linkage.replaced_definition (object, kind, component, restore)
  VALUES (
    linkage.object_name(existing, 'pg_class'), 'table', owner_component,
    ARRAY[format('COMMENT ON TABLE %s IS %s', existing, COALESCE(quote_literal(obj_description(existing, 'pg_class')), 'NULL'))])
  ON CONFLICT (object) DO NOTHING;

  INSERT INTO linkage.replaced_definition (object, kind, component, restore, takes_history)
  SELECT
    format('column %I of %s', c.name, existing), 'column', owner_component,
    ARRAY[format('ALTER TABLE %s DROP COLUMN IF EXISTS %I', existing, c.name)], true
  FROM unnest(added_columns) AS c (name)
  WHERE NOT EXISTS (
    SELECT FROM pg_attribute a WHERE a.attrelid = existing AND a.attname = c.name AND NOT a.attisdropped)
  ON CONFLICT (object) DO NOTHING;

  FOR item IN
    SELECT
      format('column %I of %s', a.attname, existing) AS object, 'column' AS kind,
      format('ALTER TABLE %s ALTER COLUMN %I SET NOT NULL', existing, a.attname) AS restore,
      format('ALTER TABLE %s ALTER COLUMN %I DROP NOT NULL', existing, a.attname) AS lift
    FROM pg_attribute a
    WHERE a.attrelid = existing AND a.attnotnull AND NOT a.atthasdef AND a.attname = ANY (added_columns)
    UNION ALL
    SELECT
      format('constraint %I on %s', c.conname, existing), 'constraint',
      -- NOT VALID: rows from Linkage's time may not meet it
      format('ALTER TABLE %s ADD CONSTRAINT %I %s NOT VALID', existing, c.conname, replace(pg_get_constraintdef(c.oid), ' NOT VALID', '')),
      format('ALTER TABLE %s DROP CONSTRAINT %I', existing, c.conname)
    FROM pg_constraint c
    WHERE c.conrelid = existing AND c.contype = 'c'
  LOOP
    INSERT INTO linkage.replaced_definition (object, kind, component, restore)
    VALUES (item.object, item.kind, owner_component, ARRAY[item.restore])
    ON CONFLICT (object) DO NOTHING;
    EXECUTE item.lift;
  END LOOP;
END
$$;

-- Every function and trigger that is Linkage's, with a fingerprint of its definition.
CREATE OR REPLACE FUNCTION linkage.own_objects() RETURNS TABLE (object text, kind text, fingerprint text, is_enabled boolean)
-- Definitions name what is not on the path with its schema: a fixed path gives the same text every time.
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
  SELECT linkage.object_name(p.oid, 'pg_proc'), 'function', md5(pg_get_functiondef(p.oid)), true
  FROM pg_proc p
  WHERE p.prokind = 'f'
    AND (p.pronamespace = 'linkage'::regnamespace
      OR (p.pronamespace = '{{app}}'::regnamespace AND linkage.is_own(p.oid, 'pg_proc')))
  UNION ALL
  SELECT
    linkage.object_name(t.oid, 'pg_trigger'), 'trigger', md5(pg_get_triggerdef(t.oid)),
    -- an optional one may be off
    t.tgenabled IN ('O', 'A') OR COALESCE(obj_description(t.oid, 'pg_trigger') LIKE 'Linkage: optional: %', false)
  FROM pg_trigger t
  WHERE NOT t.tgisinternal AND linkage.is_own(t.oid, 'pg_trigger')
$$;
