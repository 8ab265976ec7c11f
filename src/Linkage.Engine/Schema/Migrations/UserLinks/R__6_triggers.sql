-- The triggers that link a target's records when they are written. All targets have the same function, made from the template in
-- linkage.link_trigger_function with the target's own names. It runs with its owner's rights, since the application's role may not
-- lock guests; a locked search_path keeps a hostile schema of the caller out, and row_security off makes an error, which is audited, of
-- rows that policies would hide from the owner.
--
-- Before the write a record is linked, after it the decision is audited, so that what ON CONFLICT never wrote is not audited. The
-- decision travels in three settings of the transaction:
--
--   linkage.pending          the decision on the last record that was decided on
--   linkage.pending_key      which record that is: the target's number and the key
--   linkage.pending_written  that the record was written: its key and its user, as they were written
--
-- The third is set by the WHEN of the trigger after the write, which is evaluated right after the row's own write, while the trigger
-- itself fires at the end of the statement. So in a statement of many rows each decision is audited when the next row comes along, and
-- the last one at the end of the statement: nothing is decided twice.

-- What a target's trigger function and triggers are called. message_deliveries has the documented names.
CREATE OR REPLACE FUNCTION linkage.link_trigger_names(
  target linkage.link_target, OUT link_function text, OUT link_trigger name, OUT audit_trigger name)
LANGUAGE sql STABLE
AS $$
  SELECT
    '{{app}}.auto_link_user_by_phone_trigger()', 'trigger_message_deliveries_auto_link_user', 'trigger_message_deliveries_audit_user_link'
  WHERE target.name = 'message_deliveries'
  UNION ALL
  SELECT
    pg_catalog.format('linkage.link_target_%s_trigger()', target.number),
    'trigger_linkage_auto_link_user', 'trigger_linkage_audit_user_link'
  WHERE target.name <> 'message_deliveries'
$$;

-- The key of alias NEW as it is in linkage.pending_key; a fault that leaves no key to be told stands for whichever row is written next.
CREATE OR REPLACE FUNCTION linkage.pending_key_expression(target linkage.link_target) RETURNS text
LANGUAGE sql STABLE
AS $$ SELECT pg_catalog.format('%L || %s', target.number || ':', linkage.record_key_expression(target, 'NEW')) $$;

CREATE OR REPLACE FUNCTION linkage.pending_any(number integer) RETURNS text
LANGUAGE sql IMMUTABLE
AS $$ SELECT $1 || '?' $$;

-- A decision as linkage.pending holds it.
CREATE OR REPLACE FUNCTION linkage.pending_decision(
  target text, has_uuid_key boolean, event_id {{event_id}}, normalized_phone text, matched_guest_id {{guest_id}}, user_id {{user_id}},
  outcome text, rule text, reason text) RETURNS text
LANGUAGE sql STABLE
AS $$
  SELECT pg_catalog.jsonb_build_object(
    'target', $1, 'uuid', $2, 'event', $3, 'phone', $4, 'guest', $5, 'user', $6, 'outcome', $7, 'rule', $8, 'reason', $9,
    'at', pg_catalog.statement_timestamp())::text
$$;

-- Whether the decision under way found this user for a row that the same statement has not written: an upsert copies it then.
CREATE OR REPLACE FUNCTION linkage.is_pending_link(target text, linked_user text) RETURNS boolean
LANGUAGE plpgsql STABLE
AS $$
DECLARE
  pending jsonb := NULLIF(current_setting('linkage.pending', true), '')::jsonb;
BEGIN
  RETURN COALESCE(
    pending ->> 'target' = target AND pending ->> 'user' = linked_user
    AND (pending ->> 'at')::timestamptz = statement_timestamp(), false);
END
$$;

-- Ends the decision under way: audits it if its record was written. No link without its audit row: if that fails the link goes, the
-- application's write stays.
CREATE OR REPLACE FUNCTION linkage.audit_pending_link() RETURNS void
LANGUAGE plpgsql
AS $$
DECLARE
  written jsonb := NULLIF(current_setting('linkage.pending_written', true), '')::jsonb;
  pending jsonb;
  linked  boolean;
BEGIN
  PERFORM set_config('linkage.pending_key', '', true);
  IF written IS NULL THEN
    RETURN;
  END IF;
  PERFORM set_config('linkage.pending_written', '', true);
  pending := current_setting('linkage.pending')::jsonb;
  linked := COALESCE(pending ->> 'user' = written ->> 1, false);

  BEGIN
    INSERT INTO {{app}}.user_link_audit (
      table_name, record_id, record_key, event_id, normalized_phone, matched_guest_id, linked_user_id, outcome, rule, source, metadata)
    SELECT
      pending ->> 'target',
      -- a uuid goes to record_id, any other key to record_key
      CASE WHEN (pending ->> 'uuid')::boolean THEN (written ->> 0)::uuid END,
      CASE WHEN NOT (pending ->> 'uuid')::boolean THEN written ->> 0 END,
      (pending ->> 'event')::{{event_id}}, pending ->> 'phone', (pending ->> 'guest')::{{guest_id}},
      CASE WHEN linked THEN (written ->> 1)::{{user_id}} END, o.outcome, pending ->> 'rule', 'trigger',
      CASE WHEN o.outcome = 'skipped' THEN jsonb_build_object('reason', o.reason) END
    FROM (
      SELECT
        -- another trigger of the application has the last word on its row
        CASE WHEN pending ->> 'outcome' = 'linked' AND NOT linked THEN 'skipped' ELSE pending ->> 'outcome' END,
        CASE WHEN pending ->> 'outcome' = 'linked' AND NOT linked THEN 'changed meanwhile' ELSE pending ->> 'reason' END
    ) AS o (outcome, reason);
  EXCEPTION WHEN OTHERS THEN
    RAISE WARNING 'Linkage could not audit record % of %: % (%).%', written ->> 0, pending ->> 'target', SQLERRM, SQLSTATE,
      CASE WHEN linked THEN ' It is left unlinked.' ELSE '' END;
    IF linked THEN
      PERFORM linkage.take_back_link(pending ->> 'target', written ->> 0, written ->> 1);
    END IF;
  END;
END
$$;

-- Takes a link back that could not be audited. Plan: the target's primary key.
CREATE OR REPLACE FUNCTION linkage.take_back_link(target_name text, record_key text, linked_user text) RETURNS void
LANGUAGE plpgsql
AS $$
DECLARE
  target linkage.link_target := linkage.find_link_target(target_name);
BEGIN
  EXECUTE format(
    'UPDATE %1$s AS t SET %2$I = NULL WHERE %3$s AND t.%2$I = $2::{{user_id}}',
    linkage.target_table(target), target.user_column, linkage.record_key_condition(target, '$1'))
  USING record_key, linked_user;
EXCEPTION WHEN OTHERS THEN
  RAISE WARNING 'Linkage could not take back the link of record % of % that it could not audit: % (%).',
    record_key, target_name, SQLERRM, SQLSTATE;
END
$$;

-- Notes that linking the row at hand failed, for the audit; what cannot be noted is a warning.
CREATE OR REPLACE FUNCTION linkage.note_link_fault(number integer, target text, has_uuid_key boolean, fault text) RETURNS void
LANGUAGE plpgsql
AS $$
BEGIN
  PERFORM linkage.audit_pending_link();
  PERFORM set_config('linkage.pending', linkage.pending_decision(
    target, has_uuid_key, NULL, NULL, NULL, NULL, 'skipped', NULL, fault), true);
  PERFORM set_config('linkage.pending_key', linkage.pending_any(number), true);
END
$$;

-- Audits the last decision of a statement; those before it were audited when the next one was made.
CREATE OR REPLACE FUNCTION linkage.audit_user_link_trigger() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET row_security = off
AS $$
BEGIN
  IF current_setting('linkage.pending_written', true) <> '' THEN
    BEGIN
      PERFORM linkage.audit_pending_link();
    EXCEPTION WHEN OTHERS THEN
      RAISE WARNING 'Linkage could not audit a link of %: % (%).', TG_RELID::regclass, SQLERRM, SQLSTATE;
    END;
  END IF;
  RETURN NULL;
END
$$;

-- Reports that linking the records of a guest failed: always by a warning, and in the audit if that can be.
CREATE OR REPLACE FUNCTION linkage.report_guest_fault(target text, guest jsonb, state text, message text) RETURNS void
LANGUAGE plpgsql
AS $$
BEGIN
  RAISE WARNING 'Linkage could not link the records of guest % in %: % (%). Invoke-UserLinkBackfill will.',
    guest ->> 'id', target, message, state;
  INSERT INTO {{app}}.user_link_audit (table_name, event_id, matched_guest_id, outcome, rule, source, metadata)
  VALUES (
    linkage.guest_link_audit_name(target), (guest ->> 'event_id')::{{event_id}}, (guest ->> 'id')::{{guest_id}}, 'skipped', 'guest',
    'guest link', jsonb_build_object('reason', format('error %s: %s', state, message)));
EXCEPTION WHEN OTHERS THEN
  NULL; -- the warning above has said it
END
$$;

-- What the function does that links a target's records before they are written.
CREATE OR REPLACE FUNCTION linkage.link_trigger_body(target linkage.link_target) RETURNS text
LANGUAGE sql STABLE
AS $create$
  SELECT pg_catalog.format(
    $template$
DECLARE
  decision record;
  fault    text;
BEGIN
  IF current_setting('linkage.pending_written', true) <> '' THEN
    IF TG_OP = 'UPDATE' AND OLD.%4$I IS NOT NULL AND current_setting('linkage.pending_key', true) = %3$s THEN
      -- Another trigger writes the same row once more: it is audited as it is in the end. (And a link can't be taken back here and now.)
      RETURN NEW;
    END IF;
    -- The row before this one, in a statement of many.
    PERFORM linkage.audit_pending_link();
  END IF;

  IF NEW.%4$I IS NOT NULL OR NOT (%5$s)
     -- A row that is being unlinked stays unlinked: with ON DELETE SET NULL the deleted user's id would come back otherwise.
     OR (TG_OP = 'UPDATE' AND OLD.%4$I IS NOT NULL)
  THEN
    IF current_setting('linkage.pending_key', true) <> '' THEN
      -- An upsert copies the user that was found for the row it proposed, in the same statement: that is our link too.
      PERFORM set_config('linkage.pending_key',
        CASE WHEN TG_OP = 'UPDATE' AND OLD.%4$I IS NULL AND linkage.is_pending_link(%1$L, NEW.%4$I::text) THEN %3$s ELSE '' END, true);
    END IF;
    RETURN NEW;
  END IF;
%9$s
  SELECT d.* INTO decision
  FROM linkage.decide_user_links(
    %1$L, ARRAY[%6$s], ARRAY[%7$s::{{guest_id}}], ARRAY[%8$s::{{event_id}}], ARRAY[NEW.%2$I::text]) d
  WHERE NOT EXISTS (SELECT FROM linkage.trigger_switch s WHERE s.number = %11$s);
  IF NOT FOUND THEN
    -- Switched off: as if the trigger were disabled.
    IF current_setting('linkage.pending_key', true) <> '' THEN
      PERFORM set_config('linkage.pending_key', '', true);
    END IF;
    RETURN NEW;
  END IF;

  -- A user who is being deleted in another transaction is waited for: the foreign key would fail the application's write.
  IF decision.user_id IS NOT NULL THEN
    PERFORM FROM {{app}}.users u WHERE u.id = decision.user_id FOR KEY SHARE;
    IF NOT FOUND THEN
      decision.user_id := NULL;
      decision.outcome := 'no_match';
    END IF;
  END IF;

  IF TG_OP = 'INSERT' OR decision.user_id IS NOT NULL OR %10$s THEN
    PERFORM set_config('linkage.pending_key', COALESCE(%3$s, linkage.pending_any(%11$s)), true);
    PERFORM set_config('linkage.pending', linkage.pending_decision(
      %1$L, %12$L, decision.event_id, decision.normalized_phone, decision.matched_guest_id, decision.user_id,
      decision.outcome, decision.rule, decision.reason), true);
  ELSIF current_setting('linkage.pending_key', true) <> '' THEN
    PERFORM set_config('linkage.pending_key', '', true);
  END IF;
  NEW.%4$I := decision.user_id;
  RETURN NEW;
EXCEPTION WHEN OTHERS THEN
  -- The application's write goes through as it came; the fault is audited with it.
  fault := format('error %%s: %%s', SQLSTATE, SQLERRM);
  BEGIN
    PERFORM linkage.note_link_fault(%11$s, %1$L, %12$L, fault);
  EXCEPTION WHEN OTHERS THEN
    RAISE WARNING 'Linkage could not link a record of %%: %%', TG_RELID::regclass, fault;
  END;
  RETURN NEW;
END
$template$,
    target.name,
    target.phone_column,
    linkage.pending_key_expression(target),
    target.user_column,
    -- what there is to decide by: candidates have it too
    pg_catalog.concat_ws(
      ' OR ', pg_catalog.format('NEW.%I IS NOT NULL', target.phone_column),
      'NEW.' || pg_catalog.quote_ident(target.guest_column) || ' IS NOT NULL'),
    linkage.record_key_expression(target, 'NEW'),
    COALESCE('NEW.' || pg_catalog.quote_ident(target.guest_column), 'NULL'),
    COALESCE('NEW.' || pg_catalog.quote_ident(target.event_column), 'NULL'),
    linkage.guest_lock(target),
    (
      SELECT pg_catalog.string_agg(pg_catalog.format('NEW.%1$I IS DISTINCT FROM OLD.%1$I', c), ' OR ')
      FROM unnest(ARRAY[target.phone_column, target.guest_column, target.event_column]) AS c
      WHERE c IS NOT NULL
    ),
    target.number,
    linkage.has_uuid_key(target))
$create$;

-- Of that, what waits for the guest of a record.
CREATE OR REPLACE FUNCTION linkage.guest_lock(target linkage.link_target) RETURNS text
LANGUAGE sql STABLE
AS $create$
  SELECT CASE WHEN target.guest_column IS NULL THEN '' ELSE pg_catalog.format(
    $template$
  -- A guest that is being linked in another transaction is waited for; one that is linked later finds this row.
  -- A guest that has a user needs no lock: nothing that comes could be missed.
  IF NEW.%1$I IS NOT NULL THEN
    PERFORM FROM {{app}}.event_guests g
    WHERE g.id = NEW.%1$I AND g.user_id IS NULL AND g.removed_at IS NULL
      AND NOT EXISTS (SELECT FROM linkage.trigger_switch s WHERE s.number = %2$s);
    IF FOUND THEN
      PERFORM FROM {{app}}.event_guests g WHERE g.id = NEW.%1$I FOR SHARE;
    END IF;
  END IF;
$template$, target.guest_column, target.number) END
$create$;

-- That function as the statement that creates it.
CREATE OR REPLACE FUNCTION linkage.link_trigger_function(target linkage.link_target) RETURNS text
LANGUAGE sql STABLE
AS $create$
  -- The body goes in as a literal: a column may be called whatever ends a dollar quote.
  SELECT pg_catalog.format(
    'CREATE OR REPLACE FUNCTION %s RETURNS trigger
     LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET row_security = off
     AS %L',
    (linkage.link_trigger_names(target)).link_function, linkage.link_trigger_body(target))
$create$;

-- Makes the trigger function of a target, or makes it anew. No lock of the table.
CREATE OR REPLACE FUNCTION linkage.create_link_function(target linkage.link_target) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  signature text := (linkage.link_trigger_names(target)).link_function;
BEGIN
  PERFORM linkage.keep_function(signature, 'UserLinks');
  EXECUTE linkage.link_trigger_function(target);
  EXECUTE format(
    'COMMENT ON FUNCTION %s IS %L', signature,
    linkage.own_comment(format('links a record of %s to its user when it is written', target.name)));
  PERFORM linkage.claim_function(signature);
END
$$;

-- Makes the triggers of a target, or makes them anew: their function, the trigger before the write and the one after it. One that was
-- disabled stays so. Takes a strong lock on the table: set a short lock_timeout, and try again.
CREATE OR REPLACE FUNCTION linkage.create_link_triggers(target_name text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  target   linkage.link_target := linkage.find_link_target(target_name);
  names    record := linkage.link_trigger_names(target);
  on_table text := linkage.target_table(target);
BEGIN
  PERFORM linkage.create_link_function(target);

  -- WHEN spares the call for a row that comes with its user, as a backfill's do: there is nothing to do then but to end a decision
  -- that is under way. (It can't name OLD, since the trigger is one for inserts too.)
  PERFORM linkage.publish_trigger(
    names.link_trigger, on_table::regclass,
    format(
      'BEFORE INSERT OR UPDATE ON %s FOR EACH ROW
       WHEN (NEW.%I IS NULL OR current_setting(''linkage.pending_key'', true) <> '''')
       EXECUTE FUNCTION %s',
      on_table, target.user_column, names.link_function),
    'UserLinks', format('links a record of %s to its user when it is written', target.name));

  -- WHEN is evaluated right after the row's own write, when linkage.pending_key still names it if it was decided on, and notes what was
  -- written; other writes don't even queue the trigger.
  PERFORM linkage.publish_trigger(
    names.audit_trigger, on_table::regclass,
    format(
      'AFTER INSERT OR UPDATE ON %s FOR EACH ROW
       WHEN (CASE WHEN current_setting(''linkage.pending_key'', true) IN (%s, %L)
         THEN set_config(''linkage.pending_written'', jsonb_build_array(%s, NEW.%I::text)::text, true) <> '''' ELSE false END)
       EXECUTE FUNCTION linkage.audit_user_link_trigger()',
      on_table, linkage.pending_key_expression(target), linkage.pending_any(target.number), linkage.record_key_expression(target, 'NEW'),
      target.user_column),
    'UserLinks', format('audits the link of a record of %s when it is written', target.name));

  DELETE FROM linkage.installed_object i WHERE i.object = ANY (linkage.link_trigger_objects(target));
  INSERT INTO linkage.installed_object (object, kind, fingerprint)
  SELECT o.object, o.kind, o.fingerprint
  FROM linkage.own_objects() o
  WHERE o.object = ANY (linkage.link_trigger_objects(target));
END
$$;

-- Drops them, also from a table that was renamed since; the application's own of these names stay. Takes a strong lock on the table for a
-- moment. Those of a table to keep, which is to be the target's, stay in the state that they are in.
CREATE OR REPLACE FUNCTION linkage.drop_link_triggers(target_name text, keep regclass DEFAULT NULL) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  target    linkage.link_target := linkage.find_link_target(target_name);
  names     record := linkage.link_trigger_names(target);
  existing  record;
BEGIN
  FOR existing IN
    SELECT t.tgname, t.tgrelid::regclass AS on_table
    FROM pg_trigger t
    WHERE t.tgname IN (names.link_trigger, names.audit_trigger) AND NOT t.tgisinternal AND t.tgparentid = 0
      AND linkage.is_own(t.oid, 'pg_trigger')
      AND t.tgrelid IS DISTINCT FROM keep
      AND (t.tgrelid = to_regclass(linkage.target_table(target))
        OR t.tgrelid IN (SELECT f.tgrelid FROM pg_trigger f WHERE f.tgfoid = to_regprocedure(names.link_function)))
  LOOP
    EXECUTE format('DROP TRIGGER %I ON %s', existing.tgname, existing.on_table);
  END LOOP;
  IF keep IS NULL AND linkage.is_own(to_regprocedure(names.link_function), 'pg_proc') THEN
    EXECUTE format('DROP FUNCTION %s', names.link_function);
  END IF;
  DELETE FROM linkage.installed_object i WHERE i.object = ANY (linkage.link_trigger_objects(target));
END
$$;

-- As linkage.installed_object names them.
CREATE OR REPLACE FUNCTION linkage.link_trigger_objects(target linkage.link_target) RETURNS text[]
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
  SELECT ARRAY[
    'function ' || n.link_function,
    format('trigger %I on %s', n.link_trigger, linkage.target_table(target)),
    format('trigger %I on %s', n.audit_trigger, linkage.target_table(target))]
  FROM linkage.link_trigger_names(target) n
$$;

-- An upgrade makes the functions that triggers call anew, so the triggers' own follow in the same transaction. Where others of their names
-- stand, the T scripts put ours in their place together with the triggers, so that nothing is linked that nothing audits.
SELECT linkage.create_link_function(t)
FROM linkage.link_target t
WHERE linkage.is_own(to_regprocedure((linkage.link_trigger_names(t)).link_function), 'pg_proc')
  AND to_regclass(linkage.target_table(t)) IS NOT NULL;
