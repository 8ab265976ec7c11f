-- The guest's unlinked deliveries follow when the guest gets a user. Being linked anew lifts what an undo suppressed for them.
CREATE OR REPLACE FUNCTION {{app}}.trigger_backfill_guest_deliveries() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET row_security = off
AS $$
DECLARE
  -- no row type of a table: one that is gone would be a fault outside of every block
  target text;
BEGIN
  IF OLD.user_id IS NULL AND NEW.user_id IS NOT NULL AND NOT EXISTS (SELECT FROM linkage.trigger_switch s WHERE s.number = 0) THEN
    DELETE FROM linkage.link_suppression s WHERE s.matched_guest_id = NEW.id AND s.user_id = NEW.user_id;
    FOR target IN SELECT t.name FROM linkage.link_target t WHERE t.guest_column IS NOT NULL ORDER BY t.name LOOP
      -- A target that fails does not hold up the others.
      BEGIN
        PERFORM linkage.link_guests_in(
          linkage.find_link_target(target), NULL, 'guest link', ARRAY[NEW.id], ARRAY[NEW.user_id], 'apply', NULL);
      EXCEPTION WHEN OTHERS THEN
        PERFORM linkage.report_guest_fault(target, to_jsonb(NEW), SQLSTATE, SQLERRM);
      END;
    END LOOP;
  END IF;
  RETURN NULL;
EXCEPTION WHEN OTHERS THEN
  BEGIN
    PERFORM linkage.report_guest_fault('message_deliveries', to_jsonb(NEW), SQLSTATE, SQLERRM);
  EXCEPTION WHEN OTHERS THEN
    RAISE WARNING 'Linkage could not link the deliveries of a guest: % (%).', SQLERRM, SQLSTATE;
  END;
  RETURN NULL;
END
$$;

COMMENT ON FUNCTION {{app}}.trigger_backfill_guest_deliveries() IS 'Linkage: links a guest''s deliveries when the guest gets a user';

SELECT linkage.publish_trigger(
  'trigger_backfill_deliveries_on_guest_link', '{{app}}.event_guests',
  'AFTER UPDATE ON {{app}}.event_guests
   FOR EACH ROW
   WHEN (OLD.user_id IS NULL AND NEW.user_id IS NOT NULL)
   EXECUTE FUNCTION {{app}}.trigger_backfill_guest_deliveries()',
  'UserLinks', 'links a guest''s deliveries when the guest gets a user');
