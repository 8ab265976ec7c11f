-- Triggers of the application's tables that bear a documented name.
SELECT
  t.tgname::text AS "Name",
  t.tgrelid::regclass::text AS "Table",
  COALESCE(pg_catalog.obj_description(t.oid, 'pg_trigger') LIKE 'Linkage: %', false) AS "IsOwn"
FROM pg_catalog.pg_trigger t
JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid
WHERE c.relnamespace = @applicationSchema::regnamespace
  AND NOT t.tgisinternal
  AND t.tgparentid = 0
  AND t.tgname IN (
    'trigger_message_deliveries_auto_link_user', 'trigger_message_deliveries_audit_user_link',
    'trigger_backfill_deliveries_on_guest_link')
