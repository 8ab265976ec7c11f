-- Links a delivery before it is written.
SELECT linkage.publish_trigger(
  'trigger_message_deliveries_auto_link_user', '{{app}}.message_deliveries',
  'BEFORE INSERT OR UPDATE ON {{app}}.message_deliveries
   FOR EACH ROW EXECUTE FUNCTION {{app}}.auto_link_user_by_phone_trigger()',
  'UserLinks', 'links a delivery to its user when it is written');
