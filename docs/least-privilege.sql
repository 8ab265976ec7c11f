-- Two roles for Linkage: one that reads (Get-, Test-, Measure-, Resolve- and every -WhatIf), and one that also runs (backfill, undo,
-- repair, control of runs, clearing, flags). docs/privileges.md explains each grant.
--
--   psql -X -d app -f least-privilege.sql
--   psql -X -d app -v reader=link_reader -v runner=link_runner -v replica_lag=on -f least-privilege.sql
--
-- reader, runner    names of the roles; linkage_reader and linkage_runner unless told otherwise. They can't log in: grant them to who can
-- app               the schema of the application's tables; the one that Linkage is installed for unless told otherwise
-- replica_lag       on: the runner may see how far replicas are behind. Needed only where there are replicas
--
-- Run it after Install-LinkageSchema, and again after each upgrade and each Register-LinkTarget; it can be run at any time. Who runs it owns
-- schema linkage and the application's tables, or is a member of the roles that do, and has CREATEROLE unless the roles are there already.
-- For replica_lag it is a member of pg_read_all_stats WITH ADMIN OPTION; or have somebody who is do that grant. Nobody is a superuser.

\set ON_ERROR_STOP on
\if :{?reader}
\else
\set reader linkage_reader
\endif
\if :{?runner}
\else
\set runner linkage_runner
\endif
\if :{?app}
\else
SELECT application_schema AS app FROM linkage.installation \gset
\endif
\if :{?replica_lag}
\else
\set replica_lag off
\endif

BEGIN;
SET LOCAL search_path = pg_catalog, pg_temp;
SET LOCAL client_min_messages = warning;

SELECT format('CREATE ROLE %I NOLOGIN', r.name)
FROM (VALUES (:'reader'), (:'runner')) AS r (name)
WHERE NOT EXISTS (SELECT FROM pg_roles p WHERE p.rolname = r.name)
\gexec

-- From nothing, so that what an earlier version granted and this one does not need is gone.
REVOKE ALL ON ALL TABLES IN SCHEMA linkage FROM :"reader", :"runner";
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA linkage FROM :"reader", :"runner";

-- ---------------------------------------------------------------------------------------------------------------------------------
-- Both: to look.

-- A target may lie in a schema of its own.
SELECT format('GRANT USAGE ON SCHEMA %I TO %I, %I', s.name, :'reader', :'runner')
FROM (SELECT 'linkage' UNION SELECT :'app' UNION SELECT t.table_schema FROM linkage.link_target t) AS s (name)
WHERE NOT has_schema_privilege('public', s.name, 'USAGE')
\gexec

-- What is installed, runs, targets and suppressions.
GRANT SELECT ON
  linkage.installation, linkage.migration, linkage.installed_object, linkage.stale_index, linkage.stale_constraint,
  linkage.run, linkage.run_range, linkage.run_fault, linkage.link_target, linkage.link_suppression, linkage.trigger_switch
TO :"reader", :"runner";

-- Linkage's functions run with the rights of who calls them, so that to call them is to be allowed nothing more. Those that run with their
-- owner's rights are left out here.
SELECT format('GRANT EXECUTE ON FUNCTION %s TO %I, %I', p.oid::regprocedure, :'reader', :'runner')
FROM pg_proc p
WHERE p.pronamespace = 'linkage'::regnamespace AND NOT p.prosecdef AND p.prorettype <> 'trigger'::regtype
\gexec

-- What is everybody's unless the application has taken it away.
SELECT format('GRANT EXECUTE ON FUNCTION %s TO %I, %I', p.oid::regprocedure, :'reader', :'runner')
FROM pg_proc p
WHERE p.pronamespace = :'app'::regnamespace
  AND p.proname IN ('normalize_phone', 'get_feature_flag', 'link_user_by_phone')
  AND NOT has_function_privilege('public', p.oid, 'EXECUTE')
\gexec

-- The columns that the rules read, and no others. ctid and xmin are where a row lies and who wrote it last.
GRANT SELECT (id, phone) ON :"app".users TO :"reader", :"runner";
GRANT SELECT (id, event_id, guest_name, phone, user_id, removed_at) ON :"app".event_guests TO :"reader", :"runner";

SELECT format(
  'GRANT SELECT (%s, ctid, xmin) ON %I.%I TO %I, %I',
  (
    SELECT string_agg(DISTINCT quote_ident(c.name), ', ')
    FROM unnest(t.key_columns || ARRAY[t.phone_column, t.user_column, t.guest_column, t.event_column]) AS c (name)
    WHERE c.name IS NOT NULL
  ),
  t.table_schema, t.table_name, :'reader', :'runner')
FROM linkage.link_target t
\gexec

GRANT SELECT ON :"app".user_link_audit TO :"reader", :"runner";

-- The name and the state of the flags, where they are in a table that Linkage knows.
SELECT format('GRANT SELECT (%I, %I) ON %I.feature_flags TO %I, %I', f.name_column, f.state_column, :'app', :'reader', :'runner')
FROM linkage.feature_flag_columns() f
WHERE f.name_column IS NOT NULL AND f.state_column IS NOT NULL
\gexec

-- ---------------------------------------------------------------------------------------------------------------------------------
-- The runner: to change.

-- The one column of a target that Linkage writes.
SELECT format('GRANT UPDATE (%I) ON %I.%I TO %I', t.user_column, t.table_schema, t.table_name, :'runner')
FROM linkage.link_target t
\gexec

-- Runs: their rows, what their workers have claimed, what they could not change, and what they were given to do.
GRANT INSERT, UPDATE ON linkage.run TO :"runner";
GRANT INSERT, UPDATE, DELETE ON linkage.run_range TO :"runner";
GRANT INSERT ON linkage.run_fault TO :"runner";
GRANT SELECT, INSERT, DELETE ON linkage.guest_delivery_item, linkage.user_link_repair_item, linkage.user_link_undo_item TO :"runner";

-- Undo suppresses, and Clear-LinkSuppression lifts.
GRANT INSERT, UPDATE, DELETE ON linkage.link_suppression TO :"runner";

-- Disable-LinkageTrigger switches triggers off where it may not alter the table, and Enable-LinkageTrigger on again.
GRANT INSERT, DELETE ON linkage.trigger_switch TO :"runner";

-- The audit grows with each run, and Clear-UserLinkAudit makes it smaller. Nobody changes a row of it.
GRANT INSERT, DELETE ON :"app".user_link_audit TO :"runner";

-- The numbers of an audit that stood before Linkage may come from a sequence of its own; those of an identity need no grant.
SELECT format('GRANT USAGE ON SEQUENCE %s TO %I', s.oid::regclass, :'runner')
FROM pg_attrdef a
JOIN pg_depend d ON d.classid = 'pg_attrdef'::regclass AND d.objid = a.oid AND d.refclassid = 'pg_class'::regclass
JOIN pg_class s ON s.oid = d.refobjid AND s.relkind = 'S'
WHERE a.adrelid = format('%I.user_link_audit', :'app')::regclass
\gexec

SELECT format('GRANT INSERT (%1$I, %2$I), UPDATE (%2$I) ON %3$I.feature_flags TO %4$I', f.name_column, f.state_column, :'app', :'runner')
FROM linkage.feature_flag_columns() f
WHERE f.name_column IS NOT NULL AND f.state_column IS NOT NULL
\gexec

-- The same from psql. These run with the rights of their owner.
SELECT format('GRANT EXECUTE ON FUNCTION %s TO %I', p.oid::regprocedure, :'runner')
FROM pg_proc p
WHERE p.pronamespace = :'app'::regnamespace
  AND p.proname IN ('backfill_user_links', 'rollback_user_links', 'backfill_guest_deliveries')
\gexec

\if :replica_lag
GRANT pg_read_all_stats TO :"runner";
\endif

COMMIT;
