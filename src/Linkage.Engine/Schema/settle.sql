-- Ends the transactional part of an install: privileges, and what was installed.

-- Nothing of schema linkage is everybody's, but what publishing granted to everybody. (Privileges tell nothing about that: default
-- privileges of the installing role may have granted as much.)
DO $settle$
DECLARE
  own   record;
  given record;
BEGIN
  FOR own IN
    SELECT p.oid::regprocedure AS signature FROM pg_proc p WHERE p.pronamespace = 'linkage'::regnamespace
      AND NOT p.oid::text = ANY (string_to_array(COALESCE(current_setting('linkage.public_functions', true), ''), ' '))
  LOOP
    EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', own.signature);
  END LOOP;

  -- What a DBA granted on our functions before the upgrade made them anew.
  FOR given IN
    SELECT p.oid::regprocedure AS signature, g.item ->> 1 AS grantee, (g.item ->> 2)::boolean AS is_grantable
    FROM jsonb_array_elements(COALESCE(NULLIF(current_setting('linkage.function_grants', true), ''), '[]')::jsonb) AS g (item)
    JOIN pg_proc p ON p.pronamespace = 'linkage'::regnamespace AND p.proname = g.item ->> 0
  LOOP
    EXECUTE format(
      'GRANT EXECUTE ON FUNCTION %s TO %s%s', given.signature, given.grantee,
      CASE WHEN given.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END);
  END LOOP;
END
$settle$;

DELETE FROM linkage.installed_object o WHERE o.kind IN ('function', 'trigger');
INSERT INTO linkage.installed_object (object, kind, fingerprint)
SELECT f.object, f.kind, f.fingerprint FROM linkage.own_objects() f;
