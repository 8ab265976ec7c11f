-- Links a delivery before it is written, and audits that once it is: both triggers appear at once.
CREATE OR REPLACE FUNCTION {{app}}.auto_link_user_by_phone_trigger() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  decision record;
BEGIN
  IF NEW.user_id IS NOT NULL OR (NEW.phone_number IS NULL AND NEW.guest_id IS NULL)
     -- A row that is being unlinked stays unlinked: with ON DELETE SET NULL the deleted user's id would come back otherwise.
     OR (TG_OP = 'UPDATE' AND OLD.user_id IS NOT NULL)
  THEN
    -- An upsert copies the user that was found for the row it proposed, in the same statement: that is our link too.
    IF TG_OP = 'UPDATE' AND OLD.user_id IS NULL AND NEW.user_id IS NOT NULL
       AND current_setting('linkage.pending_key', true) <> ''
       AND current_setting('linkage.pending', true)::jsonb ->> 'user' = NEW.user_id::text
       AND (current_setting('linkage.pending', true)::jsonb ->> 'at')::timestamptz = statement_timestamp()
    THEN
      PERFORM set_config('linkage.pending_key', {{delivery_key}}, true);
    ELSIF current_setting('linkage.pending_key', true) <> '' THEN
      PERFORM set_config('linkage.pending_key', '', true);
    END IF;
    RETURN NEW;
  END IF;

  BEGIN
    -- A guest that is being linked in another transaction is waited for; one that is linked later finds this row.
    -- A guest that has a user needs no lock: nothing that comes could be missed.
    IF NEW.guest_id IS NOT NULL THEN
      PERFORM FROM {{app}}.event_guests g WHERE g.id = NEW.guest_id AND g.user_id IS NULL AND g.removed_at IS NULL;
      IF FOUND THEN
        PERFORM FROM {{app}}.event_guests g WHERE g.id = NEW.guest_id FOR SHARE;
      END IF;
    END IF;

    SELECT d.* INTO decision
    FROM linkage.decide_user_links(
      'message_deliveries', ARRAY[{{delivery_key}}], ARRAY[NEW.guest_id], ARRAY[NULL]::{{event_id}}[], ARRAY[NEW.phone_number::text]) d;

    -- A user who is being deleted in another transaction is waited for: the foreign key would fail the application's write.
    IF decision.user_id IS NOT NULL THEN
      PERFORM FROM {{app}}.users u WHERE u.id = decision.user_id FOR KEY SHARE;
      IF NOT FOUND THEN
        decision.user_id := NULL;
        decision.outcome := 'no_match';
      END IF;
    END IF;

    NEW.user_id := decision.user_id;
    IF TG_OP = 'INSERT' OR NEW.user_id IS NOT NULL
       OR NEW.phone_number IS DISTINCT FROM OLD.phone_number OR NEW.guest_id IS DISTINCT FROM OLD.guest_id
    THEN
      PERFORM set_config('linkage.pending_key', {{delivery_key}}, true);
      PERFORM set_config('linkage.pending', linkage.pending_decision(
        decision.record_key, decision.event_id, decision.normalized_phone, decision.matched_guest_id, decision.user_id,
        decision.outcome, decision.rule, decision.reason), true);
    ELSIF current_setting('linkage.pending_key', true) <> '' THEN
      PERFORM set_config('linkage.pending_key', '', true);
    END IF;
  EXCEPTION WHEN OTHERS THEN
    -- The application's write goes through; the fault is audited with it.
    NEW.user_id := NULL;
    PERFORM set_config('linkage.pending_key', {{delivery_key}}, true);
    PERFORM set_config('linkage.pending', linkage.pending_decision(
      {{delivery_key}}, NULL, NULL, NULL, NULL, 'skipped', NULL, format('error %s: %s', SQLSTATE, SQLERRM)), true);
  END;
  RETURN NEW;
END
$$;

COMMENT ON FUNCTION {{app}}.auto_link_user_by_phone_trigger() IS 'Linkage: links a delivery to its user when it is written';

-- WHEN spares the call for a row that comes with its user, as a backfill's do: there is nothing to do then but to end a decision that
-- is under way. (It can't name OLD, since the trigger is one for inserts too.)
SELECT linkage.publish_trigger(
  'trigger_message_deliveries_auto_link_user', '{{app}}.message_deliveries',
  'BEFORE INSERT OR UPDATE ON {{app}}.message_deliveries
   FOR EACH ROW
   WHEN (NEW.user_id IS NULL OR current_setting(''linkage.pending_key'', true) <> '''')
   EXECUTE FUNCTION {{app}}.auto_link_user_by_phone_trigger()',
  'UserLinks', 'links a delivery to its user when it is written');

-- WHEN is evaluated right after the row's own write, when linkage.pending_key still names it if it was decided on; other writes
-- don't even queue the trigger.
SELECT linkage.publish_trigger(
  'trigger_message_deliveries_audit_user_link', '{{app}}.message_deliveries',
  'AFTER INSERT OR UPDATE ON {{app}}.message_deliveries
   FOR EACH ROW
   WHEN (current_setting(''linkage.pending_key'', true) = {{delivery_key}})
   EXECUTE FUNCTION linkage.audit_user_link_trigger()',
  'UserLinks', 'audits the link of a delivery when it is written');
