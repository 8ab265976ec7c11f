-- Ends the transactional part of an install: privileges, and what was installed.

-- Only what reads stays open to the roles that could call it before Linkage took it over, with what it calls.
DO $settle$
DECLARE
  grantee record;
BEGIN
  REVOKE ALL ON ALL FUNCTIONS IN SCHEMA linkage FROM PUBLIC;
  IF to_regprocedure('{{app}}.link_user_by_phone({{event_id}}, text)') IS NOT NULL THEN
    FOR grantee IN
      SELECT CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END AS name
      FROM pg_proc p
      CROSS JOIN aclexplode(COALESCE(p.proacl, acldefault('f', p.proowner))) a
      WHERE p.oid = '{{app}}.link_user_by_phone({{event_id}}, text)'::regprocedure AND a.privilege_type = 'EXECUTE'
    LOOP
      EXECUTE format('GRANT USAGE ON SCHEMA linkage TO %s', grantee.name);
      EXECUTE format(
        'GRANT EXECUTE ON FUNCTION linkage.link_user_by_phone({{event_id}}, text),
           linkage.resolve_user_links(text[], {{guest_id}}[], {{event_id}}[], text[]) TO %s', grantee.name);
    END LOOP;
  END IF;
END
$settle$;

DELETE FROM linkage.installed_object;
INSERT INTO linkage.installed_object (object, fingerprint)
SELECT f.object, f.fingerprint FROM linkage.own_objects() f;
