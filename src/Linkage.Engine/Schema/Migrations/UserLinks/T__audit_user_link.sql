-- Audits what the trigger above decided, once the row is written. WHEN is evaluated right after the row's own write, when
-- linkage.pending_key still names it if it was decided on; other writes don't even queue the trigger.
SELECT linkage.publish_trigger(
  'trigger_message_deliveries_audit_user_link', '{{app}}.message_deliveries',
  'AFTER INSERT OR UPDATE ON {{app}}.message_deliveries
   FOR EACH ROW
   WHEN (current_setting(''linkage.pending_key'', true) = {{delivery_key}})
   EXECUTE FUNCTION linkage.audit_user_link_trigger()',
  'UserLinks', 'audits the link of a delivery when it is written');
