-- The guest's unlinked deliveries follow when the guest gets a user. Being linked anew lifts what an undo suppressed for them.
CREATE OR REPLACE FUNCTION {{app}}.trigger_backfill_guest_deliveries() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF OLD.user_id IS NULL AND NEW.user_id IS NOT NULL THEN
    DELETE FROM linkage.link_suppression s WHERE s.matched_guest_id = NEW.id AND s.user_id = NEW.user_id;
    PERFORM linkage.link_guest_deliveries(NULL, 'guest link', ARRAY[NEW.id], ARRAY[NEW.user_id], 'apply');
  END IF;
  RETURN NULL;
EXCEPTION WHEN OTHERS THEN
  RAISE WARNING 'Linkage could not link the deliveries of guest %: % (%). Invoke-UserLinkBackfill will.', NEW.id, SQLERRM, SQLSTATE;
  BEGIN
    INSERT INTO {{app}}.user_link_audit (table_name, event_id, matched_guest_id, outcome, rule, source, metadata)
    VALUES (
      'message_deliveries_backfill', NEW.event_id, NEW.id, 'skipped', 'guest', 'guest link',
      jsonb_build_object('reason', format('error %s: %s', SQLSTATE, SQLERRM)));
  EXCEPTION WHEN OTHERS THEN
    NULL; -- the warning above has said it
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
