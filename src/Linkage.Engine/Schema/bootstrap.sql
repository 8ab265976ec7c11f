CREATE SCHEMA IF NOT EXISTS linkage;

CREATE TABLE IF NOT EXISTS linkage.migration (
  component       text NOT NULL,
  name            text NOT NULL,
  checksum        text NOT NULL,
  module_version  text NOT NULL,
  applied_by      text NOT NULL DEFAULT session_user,
  applied_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (component, name)
);

-- The text of every function and trigger as it was installed, so that a later change by hand shows.
CREATE TABLE IF NOT EXISTS linkage.installed_object (
  object       text PRIMARY KEY,
  fingerprint  text NOT NULL
);

COMMENT ON SCHEMA linkage IS 'Linkage: its own objects';

-- An upgrade may change what our own functions take and return, which CREATE OR REPLACE refuses; the scripts make them all anew.
-- Trigger functions stay (triggers depend on them, and their face never changes). Nobody sees the gap: it is one transaction.
DO $upgrade$
DECLARE
  own regprocedure;
BEGIN
  FOR own IN
    SELECT p.oid FROM pg_proc p WHERE p.pronamespace = 'linkage'::regnamespace AND p.prorettype <> 'trigger'::regtype
  LOOP
    EXECUTE format('DROP FUNCTION %s', own);
  END LOOP;
END
$upgrade$;
