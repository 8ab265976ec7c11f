-- Functions of the application's schema that bear a documented name.
SELECT
  pg_catalog.format(
    '%s.%I(%s)', @applicationSchema::text, p.proname,
    (SELECT string_agg(format_type(t.type, NULL), ',' ORDER BY t.i)
     FROM unnest(p.proargtypes::oid[]) WITH ORDINALITY AS t (type, i))) AS "Signature",
  pg_catalog.pg_get_function_arguments(p.oid) AS "Arguments",
  COALESCE(pg_catalog.obj_description(p.oid, 'pg_proc') LIKE 'Linkage: %', false) AS "IsOwn",
  p.proname = 'get_feature_flag' AS "IsUsedAsItIs"
FROM pg_catalog.pg_proc p
WHERE p.pronamespace = @applicationSchema::regnamespace
  AND p.proname IN (
    'normalize_phone', 'get_feature_flag', 'link_user_by_phone', 'backfill_user_links', 'rollback_user_links',
    'backfill_guest_deliveries', 'auto_link_user_by_phone_trigger', 'trigger_backfill_guest_deliveries')
