CREATE SCHEMA IF NOT EXISTS linkage;
COMMENT ON SCHEMA linkage IS 'Linkage: its own objects';

-- Which scripts were run.
CREATE TABLE IF NOT EXISTS linkage.migration (
  component       text NOT NULL,
  name            text NOT NULL,
  checksum        text NOT NULL,
  module_version  text NOT NULL,
  applied_by      text NOT NULL DEFAULT session_user,
  applied_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (component, name)
);

-- One row: what the database was installed for.
CREATE TABLE IF NOT EXISTS linkage.installation (
  is_only_row         boolean PRIMARY KEY DEFAULT true CHECK (is_only_row),
  application_schema  text NOT NULL,
  module_version      text NOT NULL,
  installed_at        timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- The text of every function and trigger as it was installed, so that a later change by hand shows; and every index that an
-- install built, so that an uninstall removes no other.
CREATE TABLE IF NOT EXISTS linkage.installed_object (
  object       text PRIMARY KEY,
  kind         text NOT NULL,
  fingerprint  text NOT NULL
);

-- Indexes whose stored values are of a definition that was replaced since.
CREATE TABLE IF NOT EXISTS linkage.stale_index (
  index_name  text PRIMARY KEY,
  function    text NOT NULL,
  stale_since timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- CHECK constraints that call a function that was replaced since. Lifted ones were made NOT VALID, and wait for their validation.
CREATE TABLE IF NOT EXISTS linkage.stale_constraint (
  table_name       text NOT NULL,
  constraint_name  text NOT NULL,
  function         text NOT NULL,
  is_lifted        boolean NOT NULL DEFAULT false,
  stale_since      timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (table_name, constraint_name)
);

-- An upgrade may change what our own functions take and return, which CREATE OR REPLACE refuses; the scripts make them all anew,
-- and settle.sql gives their grants back. Trigger functions stay (triggers depend on them, and their face never changes), and so
-- does what an object of the application depends on. Nobody sees the gap: it is one transaction.
DO $upgrade$
DECLARE
  own regprocedure;
BEGIN
  PERFORM set_config('linkage.function_grants', COALESCE(
    (
      SELECT jsonb_agg(jsonb_build_array(p.proname, quote_ident(pg_get_userbyid(a.grantee)), a.is_grantable))::text
      FROM pg_proc p
      CROSS JOIN aclexplode(p.proacl) AS a
      WHERE p.pronamespace = 'linkage'::regnamespace AND a.grantee NOT IN (0, p.proowner)
    ), '[]'), true);
  FOR own IN
    SELECT p.oid FROM pg_proc p WHERE p.pronamespace = 'linkage'::regnamespace AND p.prorettype <> 'trigger'::regtype
  LOOP
    BEGIN
      EXECUTE format('DROP FUNCTION %s', own);
    EXCEPTION WHEN dependent_objects_still_exist THEN
      NULL;
    END;
  END LOOP;
END
$upgrade$;
