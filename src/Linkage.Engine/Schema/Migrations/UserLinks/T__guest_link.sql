-- A guest who gets a user takes the deliveries along.
SELECT linkage.publish_trigger(
  'trigger_backfill_deliveries_on_guest_link', '{{app}}.event_guests',
  'AFTER UPDATE ON {{app}}.event_guests
   FOR EACH ROW
   WHEN (OLD.user_id IS NULL AND NEW.user_id IS NOT NULL)
   EXECUTE FUNCTION {{app}}.trigger_backfill_guest_deliveries()',
  'UserLinks', 'links a guest''s deliveries when the guest gets a user');
