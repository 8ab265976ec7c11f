-- The triggers that keep records linked, as linkage.triggers lists them.

-- Without the trigger that audits, the one that links would leave links that nobody can trace: a target's two have one number.
-- 0 is that of event_guests.
CREATE OR REPLACE FUNCTION linkage.triggers_of_user_links()
RETURNS TABLE (number integer, target text, table_name text, trigger_name name, is_optional boolean)
LANGUAGE sql STABLE
AS $$
  SELECT t.number, t.name, linkage.target_table(t), unnest(ARRAY[n.link_trigger, n.audit_trigger]), false
  FROM linkage.link_target t
  CROSS JOIN LATERAL linkage.link_trigger_names(t) AS n
  UNION ALL
  SELECT 0, NULL, '{{app}}.event_guests', 'trigger_backfill_deliveries_on_guest_link', false
$$;

-- Those that keep one target linked: its own, and where its records have guests, that of event_guests.
CREATE OR REPLACE FUNCTION linkage.link_trigger_states(wanted text)
RETURNS TABLE (trigger_name text, table_name text, state text)
LANGUAGE sql STABLE
AS $$
  SELECT t.trigger_name, t.table_name, t.state
  FROM linkage.find_link_target($1) AS target
  JOIN linkage.triggers(NULL) t ON t.number = target.number OR (t.number = 0 AND target.guest_column IS NOT NULL)
$$;
