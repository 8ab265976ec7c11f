-- The triggers of every target, by the template in R__6_triggers.sql. For message_deliveries that publishes what has documented names:
-- publishes function {{app}}.auto_link_user_by_phone_trigger()
-- publishes trigger trigger_message_deliveries_auto_link_user on {{app}}.message_deliveries by {{app}}.auto_link_user_by_phone_trigger()
-- publishes trigger trigger_message_deliveries_audit_user_link on {{app}}.message_deliveries by linkage.audit_user_link_trigger()
DO $install$
DECLARE
  target text;
BEGIN
  FOR target IN SELECT t.name FROM linkage.link_target t ORDER BY t.name LOOP
    BEGIN
      PERFORM linkage.create_link_triggers(target);
    EXCEPTION WHEN undefined_table OR undefined_column OR insufficient_privilege THEN
      -- A target whose table or columns went away, or whose table is another role's, does not hold up the others.
      RAISE WARNING 'The triggers of link target % were not made: % (%)', target, SQLERRM, SQLSTATE;
    END;
  END LOOP;
END
$install$;
