-- The triggers of all capabilities: whether they are at work, and switching them off and on. A capability tells of its own by a function
-- linkage.triggers_of_... that returns what known_triggers does.

-- Triggers that an install makes. Those of one number go together: 0 and above are user links', below are user sync's.
-- An optional one is made disabled, and works when somebody enables it.
CREATE OR REPLACE FUNCTION linkage.known_triggers()
RETURNS TABLE (number integer, target text, table_name text, trigger_name name, is_optional boolean)
LANGUAGE plpgsql STABLE
AS $$
BEGIN
  RETURN QUERY EXECUTE COALESCE(
    (
      SELECT string_agg(format('SELECT * FROM linkage.%I()', p.proname), ' UNION ALL ' ORDER BY p.proname)
      FROM pg_catalog.pg_proc p
      WHERE p.pronamespace = 'linkage'::regnamespace AND p.proname LIKE 'triggers\_of\_%'
    ),
    'SELECT NULL::integer, NULL::text, NULL::text, NULL::name, NULL::boolean WHERE false');
END
$$;

-- The numbers of the triggers of a table: by target, by table in SQL notation, or by a table's bare name.
CREATE OR REPLACE FUNCTION linkage.trigger_numbers(wanted text) RETURNS integer[]
LANGUAGE plpgsql STABLE
AS $$
DECLARE
  numbers  integer[];
  relation regclass;
BEGIN
  BEGIN
    relation := to_regclass(wanted);
  EXCEPTION WHEN invalid_name OR syntax_error OR feature_not_supported OR insufficient_privilege THEN
    -- Before PostgreSQL 16, what is no name at all is an error.
    relation := NULL;
  END;
  SELECT array_agg(DISTINCT k.number) INTO numbers
  FROM (
    SELECT k.*, rank() OVER (ORDER BY m.place) AS rank
    FROM linkage.known_triggers() k
    LEFT JOIN pg_catalog.pg_class c ON c.oid = linkage.find_relation(k.table_name)
    -- A target's name wins over a table of that name.
    CROSS JOIN LATERAL (
      SELECT CASE
        WHEN k.target = wanted THEN 1
        WHEN k.table_name = wanted OR c.oid = relation THEN 2
        WHEN k.target IS NULL AND c.relname = wanted THEN 3
      END
    ) AS m (place)
    WHERE m.place IS NOT NULL
  ) AS k
  WHERE k.rank = 1;
  IF numbers IS NULL THEN
    RAISE EXCEPTION USING
      ERRCODE = 'LK006',
      MESSAGE = format('Linkage has no triggers on %s in this database.', COALESCE(quote_literal(wanted), 'a null name')),
      HINT = COALESCE(
        (SELECT 'It has some on: ' || string_agg(DISTINCT COALESCE(k.target, k.table_name), ', ') || '.' FROM linkage.known_triggers() k),
        'It has none at all.');
  END IF;
  RETURN numbers;
END
$$;

-- A table by its quoted name, also where the role may not look into its schema; null where there is none.
CREATE OR REPLACE FUNCTION linkage.find_relation(qualified_name text) RETURNS regclass
LANGUAGE sql STABLE
AS $$
  SELECT c.oid::regclass
  FROM pg_catalog.parse_ident(qualified_name) AS p (parts)
  JOIN pg_catalog.pg_namespace n ON n.nspname = p.parts[1]
  JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = p.parts[2]
$$;

-- Triggers with their state: Enabled, Always (in replicas too), Disabled, ReplicaOnly, SwitchedOff, Missing. off_by says what keeps one
-- from firing: the trigger itself, or the switch that its function looks at. tables null gives all.
CREATE OR REPLACE FUNCTION linkage.triggers(tables text[])
RETURNS TABLE (
  number integer, target text, table_name text, trigger_name text, state text, off_by text, is_optional boolean, owner text,
  may_alter boolean, switched_off_by text, switched_off_at timestamptz)
LANGUAGE plpgsql STABLE
AS $$
DECLARE
  wanted  text;
  numbers integer[] := '{}';
BEGIN
  FOREACH wanted IN ARRAY COALESCE(tables, '{}') LOOP
    numbers := numbers || linkage.trigger_numbers(wanted);
  END LOOP;

  RETURN QUERY
  SELECT
    e.number, e.target, e.table_name, e.trigger_name::text, s.state,
    CASE WHEN s.state IN ('Disabled', 'ReplicaOnly') THEN 'Trigger' WHEN s.state = 'SwitchedOff' THEN 'Switch' END,
    e.is_optional, pg_catalog.pg_get_userbyid(c.relowner)::text, COALESCE(pg_catalog.pg_has_role(c.relowner, 'USAGE'), false),
    o.switched_off_by, o.switched_off_at
  FROM linkage.known_triggers() e
  LEFT JOIN pg_catalog.pg_class c ON c.oid = linkage.find_relation(e.table_name)
  LEFT JOIN pg_catalog.pg_trigger t ON t.tgrelid = c.oid AND t.tgname = e.trigger_name AND NOT t.tgisinternal
  LEFT JOIN linkage.trigger_switch o ON o.number = e.number
  CROSS JOIN LATERAL (
    SELECT CASE
      WHEN t.oid IS NULL THEN 'Missing'
      WHEN t.tgenabled = 'D' THEN 'Disabled'
      WHEN t.tgenabled = 'R' THEN 'ReplicaOnly'
      WHEN o.number IS NOT NULL THEN 'SwitchedOff'
      WHEN t.tgenabled = 'A' THEN 'Always'
      ELSE 'Enabled'
    END
  ) AS s (state)
  WHERE tables IS NULL OR e.number = ANY (numbers)
  ORDER BY e.number < 0, e.number = 0, e.target, e.number DESC, e.trigger_name DESC;
END
$$;

-- Switches the triggers of a number on or off; returns what was used: 'Trigger', 'Switch' or both, or null where there was nothing to do.
-- Off is ALTER TABLE where the session's role may do that, and else the switch; on undoes whichever it was. Takes a strong lock on the
-- table: set a short lock_timeout, and try again. The switch holds for transactions that see it.
CREATE OR REPLACE FUNCTION linkage.switch_triggers(wanted integer, is_on boolean) RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  existing record;
  used     text[] := '{}';
BEGIN
  FOR existing IN
    SELECT * FROM linkage.triggers(NULL) t WHERE t.number = wanted
  LOOP
    IF existing.state = 'Missing' THEN
      RAISE EXCEPTION USING
        ERRCODE = 'LK013',
        MESSAGE = format('Trigger %s on %s is missing.', existing.trigger_name, existing.table_name),
        HINT = 'Install-LinkageSchema creates it.';
    ELSIF is_on AND existing.state IN ('Disabled', 'ReplicaOnly') OR NOT is_on AND existing.state <> 'Disabled' AND existing.may_alter THEN
      IF NOT existing.may_alter THEN
        RAISE EXCEPTION USING
          ERRCODE = 'LK014',
          MESSAGE = format(
            'Trigger %s on %s is disabled, and only the owner of the table may enable it.', existing.trigger_name, existing.table_name),
          HINT = format('Connect as role %1$I, or as a member of it: GRANT %1$I TO %2$I.', existing.owner, current_user);
      END IF;
      EXECUTE linkage.trigger_state(
        existing.trigger_name, existing.table_name::regclass, CASE WHEN is_on THEN 'O' ELSE 'D' END::"char");
      used := used || 'Trigger'::text;
    ELSIF NOT is_on AND existing.state <> 'Disabled' THEN
      INSERT INTO linkage.trigger_switch (number) VALUES (wanted) ON CONFLICT DO NOTHING;
      used := CASE WHEN FOUND THEN used || 'Switch'::text ELSE used END;
    END IF;
  END LOOP;
  IF is_on THEN
    DELETE FROM linkage.trigger_switch o WHERE o.number = wanted;
    used := CASE WHEN FOUND THEN used || 'Switch'::text ELSE used END;
  END IF;
  RETURN (SELECT string_agg(DISTINCT u, ', ' ORDER BY u DESC) FROM unnest(used) AS u);
END
$$;
