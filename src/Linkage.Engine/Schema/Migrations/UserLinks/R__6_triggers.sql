-- The triggers' functions. They run with the owner's rights, since the application's role may not lock guests; a locked
-- search_path keeps a hostile schema of the caller out. The token delivery_key is the key of NEW as text, delivery_is_new the
-- condition that d is NEW.
--
-- Before the write a delivery is linked, after it the decision is audited, so that what ON CONFLICT never wrote is not audited.
-- The decision travels in two settings of the transaction: linkage.pending_key names the last row decided on, and the trigger
-- after the write fires just for that row (its WHEN is evaluated right after the row is written); linkage.pending holds the
-- decision. In a statement of many rows the earlier decisions are overwritten by then and are taken again from the same rule.
--
-- The functions that bear documented names are in the T scripts, together with their triggers: where others of these names stand, the
-- change is one transaction, and no delivery is linked by the new one while nothing audits it.

CREATE OR REPLACE FUNCTION linkage.pending_decision(
  record_key text, event_id {{event_id}}, normalized_phone text, matched_guest_id {{guest_id}}, user_id {{user_id}},
  outcome text, rule text, reason text) RETURNS text
LANGUAGE sql STABLE
AS $$
  SELECT pg_catalog.jsonb_build_object(
    'record', $1, 'event', $2, 'phone', $3, 'guest', $4, 'user', $5, 'outcome', $6, 'rule', $7, 'reason', $8,
    'at', pg_catalog.statement_timestamp())::text
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
  -- What is audited is over: the next write of this user to another row is somebody else's.
  IF current_setting('linkage.pending_key', true) = {{delivery_key}} THEN
    PERFORM set_config('linkage.pending_key', '', true);
  END IF;
  RETURN NULL;
EXCEPTION WHEN OTHERS THEN
  -- No link without its audit row: the link goes, the application's write stays.
  RAISE WARNING 'Linkage could not audit the link of delivery %: % (%). It is left unlinked.', {{delivery_key}}, SQLERRM, SQLSTATE;
  UPDATE {{app}}.message_deliveries d SET user_id = NULL WHERE {{delivery_is_new}} AND d.user_id = NEW.user_id;
  RETURN NULL;
END
$$;
