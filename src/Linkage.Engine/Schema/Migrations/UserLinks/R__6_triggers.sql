-- The triggers' functions. {{delivery_key}} is the key of NEW as text, {{delivery_is_new}} the condition that d is NEW. They run with the owner's rights, since the application's role may not lock guests; a locked
-- search_path keeps a hostile schema of the caller out.
--
-- Before the write a delivery is linked, after it the decision is audited, so that what ON CONFLICT never wrote is not audited.
-- The decision travels in two settings of the transaction: linkage.pending_key names the last row decided on, and the trigger
-- after the write fires just for that row (its WHEN is evaluated right after the row is written); linkage.pending holds the
-- decision. In a statement of many rows the earlier decisions are overwritten by then and are taken again from the same rule.

SELECT linkage.keep_function('{{app}}.auto_link_user_by_phone_trigger()', 'UserLinks');
SELECT linkage.keep_function('{{app}}.trigger_backfill_guest_deliveries()', 'UserLinks');

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
    -- An upsert copies the user that was found for the row it proposed: that is our link too.
    IF TG_OP = 'UPDATE' AND OLD.user_id IS NULL AND NEW.user_id IS NOT NULL
       AND current_setting('linkage.pending_key', true) <> ''
       AND current_setting('linkage.pending', true)::jsonb ->> 'user' = NEW.user_id::text
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

CREATE OR REPLACE FUNCTION linkage.pending_decision(
  record_key text, event_id {{event_id}}, normalized_phone text, matched_guest_id {{guest_id}}, user_id {{user_id}},
  outcome text, rule text, reason text) RETURNS text
LANGUAGE sql IMMUTABLE
AS $$
  SELECT pg_catalog.jsonb_build_object(
    'record', $1, 'event', $2, 'phone', $3, 'guest', $4, 'user', $5, 'outcome', $6, 'rule', $7, 'reason', $8)::text
$$;

CREATE OR REPLACE FUNCTION linkage.audit_user_link_trigger() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  pending jsonb := NULLIF(current_setting('linkage.pending', true), '')::jsonb;
BEGIN
  IF pending ->> 'record' IS DISTINCT FROM {{delivery_key}} AND pending ->> 'user' IS DISTINCT FROM NEW.user_id::text
     OR current_setting('linkage.pending_key', true) IS DISTINCT FROM {{delivery_key}}
  THEN
    SELECT linkage.pending_decision(
      d.record_key, d.event_id, d.normalized_phone, d.matched_guest_id, NEW.user_id,
      CASE WHEN NEW.user_id IS NOT NULL THEN 'linked' WHEN d.outcome = 'linked' THEN 'no_match' ELSE d.outcome END,
      d.rule, d.reason)::jsonb
    INTO pending
    FROM linkage.decide_user_links(
      'message_deliveries', ARRAY[{{delivery_key}}], ARRAY[NEW.guest_id], ARRAY[NULL]::{{event_id}}[], ARRAY[NEW.phone_number::text]) d;
  END IF;

  INSERT INTO {{app}}.user_link_audit (
    table_name, record_id, record_key, event_id, normalized_phone, matched_guest_id, linked_user_id, outcome, rule, source, metadata)
  VALUES (
    'message_deliveries',
    -- a uuid goes to record_id, any other key to record_key
    CASE WHEN {{delivery_key_is_uuid}} THEN {{delivery_key}}::uuid END,
    CASE WHEN NOT {{delivery_key_is_uuid}} THEN {{delivery_key}} END,
    (pending ->> 'event')::{{event_id}}, pending ->> 'phone', (pending ->> 'guest')::{{guest_id}}, NEW.user_id,
    pending ->> 'outcome', pending ->> 'rule', 'trigger',
    CASE WHEN pending ->> 'outcome' = 'skipped' THEN jsonb_build_object('reason', pending ->> 'reason') END);
  RETURN NULL;
EXCEPTION WHEN OTHERS THEN
  -- No link without its audit row: the link goes, the application's write stays.
  RAISE WARNING 'Linkage could not audit the link of delivery %: % (%). It is left unlinked.', {{delivery_key}}, SQLERRM, SQLSTATE;
  UPDATE {{app}}.message_deliveries d SET user_id = NULL WHERE {{delivery_is_new}} AND d.user_id = NEW.user_id;
  RETURN NULL;
END
$$;

-- The guest's unlinked deliveries follow when the guest gets a user. Being linked anew lifts what an undo suppressed for them.
CREATE OR REPLACE FUNCTION {{app}}.trigger_backfill_guest_deliveries() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, {{app}}, pg_temp
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

COMMENT ON FUNCTION {{app}}.auto_link_user_by_phone_trigger() IS 'Linkage: links a delivery to its user when it is written';
COMMENT ON FUNCTION {{app}}.trigger_backfill_guest_deliveries() IS 'Linkage: links a guest''s deliveries when the guest gets a user';
