-- The triggers that keep records linked: whether they are at work, and switching them off and on.

-- Triggers with their state: Enabled, Always (in replicas too), Disabled, ReplicaOnly, SwitchedOff, Missing. Those of one number go
-- together: without the trigger that audits, the one that links would leave links that nobody can trace; 0 is that of event_guests.
-- off_by says what keeps one from firing: the trigger itself, or the switch that its function looks at.
-- tables: targets by name or table in SQL notation, or event_guests; null gives all.
CREATE OR REPLACE FUNCTION linkage.link_triggers(tables text[])
RETURNS TABLE (
  number integer, target text, table_name text, trigger_name text, state text, off_by text, owner text, may_alter boolean,
  switched_off_by text, switched_off_at timestamptz)
LANGUAGE plpgsql STABLE
AS $$
DECLARE
  wanted  text;
  numbers integer[] := '{}';
BEGIN
  FOREACH wanted IN ARRAY COALESCE(tables, '{}') LOOP
    numbers := numbers || CASE
      WHEN wanted IN ('event_guests', '{{app}}.event_guests') THEN 0
      ELSE (linkage.find_link_target(wanted)).number
    END;
  END LOOP;

  RETURN QUERY
  SELECT
    e.number, e.target, e.table_name, e.trigger_name::text, s.state,
    CASE WHEN s.state IN ('Disabled', 'ReplicaOnly') THEN 'Trigger' WHEN s.state = 'SwitchedOff' THEN 'Switch' END,
    pg_catalog.pg_get_userbyid(c.relowner)::text, COALESCE(pg_catalog.pg_has_role(c.relowner, 'USAGE'), false),
    o.switched_off_by, o.switched_off_at
  FROM (
    SELECT t.number, t.name AS target, linkage.target_table(t) AS table_name, unnest(ARRAY[n.link_trigger, n.audit_trigger]) AS trigger_name
    FROM linkage.link_target t
    CROSS JOIN LATERAL linkage.link_trigger_names(t) AS n
    UNION ALL
    SELECT 0, NULL, '{{app}}.event_guests', 'trigger_backfill_deliveries_on_guest_link'
  ) AS e
  LEFT JOIN pg_catalog.pg_class c ON c.oid = to_regclass(e.table_name)
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
  ORDER BY e.number = 0, e.target, e.trigger_name DESC;
END
$$;

-- Those that keep one target linked: its own, and where its records have guests, that of event_guests.
CREATE OR REPLACE FUNCTION linkage.link_trigger_states(wanted text)
RETURNS TABLE (trigger_name text, table_name text, state text)
LANGUAGE sql STABLE
AS $$
  SELECT t.trigger_name, t.table_name, t.state
  FROM linkage.find_link_target($1) AS target
  JOIN linkage.link_triggers(NULL) t ON t.number = target.number OR (t.number = 0 AND target.guest_column IS NOT NULL)
$$;

-- Switches the triggers of a number on or off; returns what was used: 'Trigger', 'Switch' or both, or null where there was nothing to do.
-- Off is ALTER TABLE where the session's role may do that, and else the switch; on undoes whichever it was. Takes a strong lock on the
-- table: set a short lock_timeout, and try again. The switch holds for transactions that see it.
CREATE OR REPLACE FUNCTION linkage.switch_link_triggers(wanted integer, is_on boolean) RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  existing record;
  used     text[] := '{}';
BEGIN
  FOR existing IN
    SELECT * FROM linkage.link_triggers(NULL) t WHERE t.number = wanted
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
