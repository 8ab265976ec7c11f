-- Two roles for Linkage: one that reads (Get-, Test-, Measure-, Resolve- and every -WhatIf), and one that also runs (backfill, undo,
-- repair, control of runs, clearing, flags, metrics). docs/privileges.md explains each grant.
--
--   psql -X -d app -f least-privilege.sql
--   psql -X -d app -v reader=link_reader -v runner=link_runner -v replica_lag=on -f least-privilege.sql
--
-- reader, runner    names of the roles; linkage_reader and linkage_runner unless told otherwise. They can't log in: grant them to who can
-- app               the schema of the application's tables; the one that Linkage is installed for unless told otherwise
-- replica_lag       on: the runner may see how far replicas are behind. Needed only where there are replicas
--
-- Run it after Install-LinkageSchema, and again after each upgrade, each Register-LinkTarget, Register-CustomerTable, Register-UniqueKeyRule
-- and Set-UserSyncMapping,
-- and when another table comes to refer to customers; it can be run at any time. Who runs it owns schema linkage and the application's tables, or is a member of the roles that do, and has CREATEROLE unless the
-- roles are there already. For user sync it may also grant what it has on auth.users (WITH GRANT OPTION), if that belongs to somebody else.
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

-- What is installed.
SELECT
  EXISTS (SELECT FROM linkage.migration m WHERE m.component = 'UserLinks') AS user_links,
  EXISTS (SELECT FROM linkage.migration m WHERE m.component = 'UserSync') AS user_sync,
  EXISTS (SELECT FROM linkage.migration m WHERE m.component = 'Customers') AS customers,
  EXISTS (SELECT FROM linkage.migration m WHERE m.component = 'UniqueKeys') AS unique_keys,
  EXISTS (SELECT FROM linkage.migration m WHERE m.component = 'Health') AS health
\gset

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

SELECT format('GRANT USAGE ON SCHEMA %I TO %I, %I', s.name, :'reader', :'runner')
FROM (SELECT 'linkage' UNION SELECT :'app') AS s (name)
WHERE NOT has_schema_privilege('public', s.name, 'USAGE')
\gexec

-- What is installed, runs, and triggers that are switched off.
GRANT SELECT ON
  linkage.installation, linkage.migration, linkage.installed_object, linkage.stale_index, linkage.stale_constraint,
  linkage.run, linkage.run_range, linkage.run_fault, linkage.row_move, linkage.row_batch, linkage.known_reference, linkage.trigger_switch
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

\if :user_links

-- A target may lie in a schema of its own.
SELECT DISTINCT format('GRANT USAGE ON SCHEMA %I TO %I, %I', t.table_schema, :'reader', :'runner')
FROM linkage.link_target t
WHERE NOT has_schema_privilege('public', t.table_schema, 'USAGE')
\gexec

-- Targets and suppressions.
GRANT SELECT ON linkage.link_target, linkage.link_suppression TO :"reader", :"runner";

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

\endif

\if :user_sync

SELECT format('GRANT USAGE ON SCHEMA auth TO %I, %I', :'reader', :'runner')
WHERE NOT has_schema_privilege('public', 'auth', 'USAGE')
\gexec

-- Of accounts who they are, whether they count, and what is copied: no password, and no token.
SELECT format('GRANT SELECT (%s) ON auth.users TO %I, %I', string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum), :'reader', :'runner')
FROM pg_attribute a
WHERE a.attrelid = 'auth.users'::regclass AND a.attnum > 0 AND NOT a.attisdropped
  AND (a.attname IN ('id', 'email', 'phone', 'created_at', 'deleted_at', 'is_anonymous')
    OR a.attname IN (SELECT split_part(s.source, '.', 1) FROM linkage.profile_columns() c CROSS JOIN unnest(c.sources) AS s (source)))
\gexec

-- Profiles as a whole: a repair keeps a copy of what it makes, and an undo compares.
SELECT format('GRANT SELECT ON %s TO %I, %I', linkage.ghost_repair_work() ->> 'target', :'reader', :'runner')
\gexec

-- Who refers to a profile; an undo looks.
SELECT format(
  'GRANT SELECT (%s) ON %s TO %I, %I',
  (
    SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum)
    FROM pg_attribute a
    WHERE a.attrelid = f.conrelid AND a.attnum = ANY (f.conkey)
  ),
  f.conrelid::regclass, :'reader', :'runner')
FROM pg_constraint f
WHERE f.contype = 'f' AND f.conparentid = 0 AND f.confrelid = (linkage.ghost_repair_work() ->> 'target')::regclass
\gexec

-- Mappings, the quarantine, the log of repairs, and the history.
GRANT SELECT ON
  linkage.profile_mapping, linkage.user_sync_fault, :"app".cleanup_audit_log, :"app".user_sync_monitoring_log
TO :"reader", :"runner";

-- The same from psql. These run with the rights of their owner.
SELECT format('GRANT EXECUTE ON FUNCTION %s TO %I, %I', p.oid::regprocedure, :'reader', :'runner')
FROM pg_proc p
WHERE p.pronamespace = :'app'::regnamespace
  AND p.proname IN (
    'check_ghost_users', 'check_orphaned_profiles', 'get_user_sync_stats', 'run_user_sync_quality_check', 'get_latest_sync_status',
    'get_sync_status_history')
\gexec

\endif

\if :customers

-- Leads, customers and what is registered with them, and whatever refers to customers by a foreign key: a merge moves it.
\set relations '(SELECT t.relation::regclass FROM linkage.customer_table t UNION SELECT f.relation FROM linkage.customer_table t CROSS JOIN linkage.references_to(t.relation::regclass) f WHERE t.role = \'customer\') AS r (relation)'

-- They may lie in schemas of their own.
SELECT DISTINCT format('GRANT USAGE ON SCHEMA %I TO %I, %I', n.nspname, :'reader', :'runner')
FROM :relations
JOIN pg_class c ON c.oid = r.relation
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE NOT has_schema_privilege('public', n.oid, 'USAGE')
\gexec

-- As a whole: a merge and the undo of a backfill keep copies of the rows that they remove, and compare.
SELECT format('GRANT SELECT ON %s TO %I, %I', r.relation, :'reader', :'runner')
FROM :relations
\gexec

-- What is registered, what is decided, and the journals.
SELECT format('GRANT SELECT ON linkage.%I TO %I, %I', c.relname, :'reader', :'runner')
FROM pg_class c
WHERE c.relnamespace = 'linkage'::regnamespace AND c.relkind = 'r' AND c.relname LIKE 'customer\_%'
\gexec

\endif

\if :unique_keys

-- Tables of rules, and their schemas, where they are there. As a whole: duplicates are listed in the order of the rule, by any column.
SELECT DISTINCT format('GRANT USAGE ON SCHEMA %I TO %I, %I', n.nspname, :'reader', :'runner')
FROM linkage.unique_key_rule r
JOIN pg_class c ON c.oid = to_regclass(r.relation)
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE linkage.rule_problem(r) IS NULL AND NOT has_schema_privilege('public', n.oid, 'USAGE')
\gexec

SELECT DISTINCT format('GRANT SELECT ON %s TO %I, %I', to_regclass(r.relation), :'reader', :'runner')
FROM linkage.unique_key_rule r
WHERE linkage.rule_problem(r) IS NULL
\gexec

-- What refers to them, directly or by way of a row that clashes.
\set referring '(WITH RECURSIVE r (relation, columns) AS (SELECT f.relation, f.columns FROM linkage.unique_key_rule k CROSS JOIN linkage.references_to(to_regclass(k.relation)) f WHERE linkage.rule_problem(k) IS NULL UNION SELECT f.relation, f.columns FROM r CROSS JOIN linkage.references_to(r.relation) f) SELECT DISTINCT relation, columns FROM r) AS r (relation, columns)'

SELECT DISTINCT format('GRANT SELECT ON %s TO %I, %I', r.relation, :'reader', :'runner')
FROM :referring
\gexec

GRANT SELECT ON linkage.unique_key_rule, linkage.duplicate_group TO :"reader", :"runner";

\endif

\if :health

-- What checks found, and what alert channels were told.
GRANT SELECT ON linkage.health_history, linkage.alert_state TO :"reader", :"runner";

\endif

-- ---------------------------------------------------------------------------------------------------------------------------------
-- The runner: to change.

-- Runs: their rows, what their workers have claimed, what they could not change, and the journal of rows that others took the place of.
GRANT INSERT, UPDATE ON linkage.run TO :"runner";
GRANT INSERT, UPDATE, DELETE ON linkage.run_range TO :"runner";
GRANT INSERT ON linkage.run_fault, linkage.row_move, linkage.row_batch TO :"runner";

-- Disable-LinkageTrigger switches triggers off where it may not alter the table, and Enable-LinkageTrigger on again.
GRANT INSERT, DELETE ON linkage.trigger_switch TO :"runner";

\if :user_links

-- The one column of a target that Linkage writes.
SELECT format('GRANT UPDATE (%I) ON %I.%I TO %I', t.user_column, t.table_schema, t.table_name, :'runner')
FROM linkage.link_target t
\gexec

-- What runs were given to do.
GRANT SELECT, INSERT, DELETE ON linkage.guest_delivery_item, linkage.user_link_repair_item, linkage.user_link_undo_item TO :"runner";

-- Undo suppresses, and Clear-LinkSuppression lifts.
GRANT INSERT, UPDATE, DELETE ON linkage.link_suppression TO :"runner";

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

\endif

\if :user_sync

-- Repair makes profiles; undo removes what it made, and brings back what an undo of an undo wants. FOR UPDATE, by which undo keeps others
-- from referring to a profile meanwhile, demands UPDATE on some column: the key will do.
SELECT format('GRANT INSERT, DELETE, UPDATE (%I) ON %s TO %I', c.profile_column, linkage.ghost_repair_work() ->> 'target', :'runner')
FROM linkage.profile_columns() c
WHERE c.is_key
\gexec

-- What a repair was given to do, and the quarantine, which it empties.
GRANT SELECT, INSERT, DELETE ON linkage.ghost_user_item TO :"runner";
GRANT DELETE ON linkage.user_sync_fault TO :"runner";

-- The log of repairs and the history grow. Nobody changes a row of them.
GRANT INSERT ON :"app".cleanup_audit_log, :"app".user_sync_monitoring_log TO :"runner";

-- Numbers that come from a sequence; those of an identity need no grant.
SELECT format('GRANT USAGE ON SEQUENCE %s TO %I', s.oid::regclass, :'runner')
FROM pg_attrdef a
JOIN pg_depend d ON d.classid = 'pg_attrdef'::regclass AND d.objid = a.oid AND d.refclassid = 'pg_class'::regclass
JOIN pg_class s ON s.oid = d.refobjid AND s.relkind = 'S'
WHERE a.adrelid IN (
  (linkage.ghost_repair_work() ->> 'target')::regclass, format('%I.cleanup_audit_log', :'app')::regclass,
  format('%I.user_sync_monitoring_log', :'app')::regclass)
\gexec

-- The same from psql. It runs with the rights of its owner.
SELECT format('GRANT EXECUTE ON FUNCTION %s TO %I', p.oid::regprocedure, :'runner')
FROM pg_proc p
WHERE p.pronamespace = :'app'::regnamespace AND p.proname = 'record_user_sync_metrics'
\gexec

\endif

\if :customers

-- The columns that name a customer, of every table that refers to one; rows that a merge removes for they clash, and their way back.
SELECT format(
  'GRANT INSERT, DELETE, UPDATE (%s) ON %s TO %I', string_agg(DISTINCT quote_ident(c.name), ', '), r.relation, :'runner')
FROM linkage.references_to((SELECT t.relation::regclass FROM linkage.customer_table t WHERE t.role = 'customer')) r
CROSS JOIN unnest(r.columns) AS c (name)
GROUP BY r.relation
\gexec

-- Customers are made and removed, and a merge fills in what one lacks. The key is for FOR UPDATE, which keeps others from referring to a
-- customer that is about to go, and demands UPDATE on some column.
SELECT format(
  'GRANT INSERT, DELETE, UPDATE (%s) ON %s TO %I',
  (
    SELECT string_agg(quote_ident(c.value), ', ' ORDER BY c.key)
    FROM jsonb_each_text(t.columns) AS c
    WHERE c.key IN ('key', 'name', 'phone', 'email')
  ),
  t.relation, :'runner')
FROM linkage.customer_table t
WHERE t.role = 'customer'
\gexec

-- A backfill adds a row to the audit, and its undo marks that.
SELECT format('GRANT INSERT, UPDATE (%I) ON %s TO %I', t.columns ->> 'payload', t.relation, :'runner')
FROM linkage.customer_table t
WHERE t.role = 'audit'
\gexec

-- Numbers of customers, which are drawn before the rows are made, and of the audit.
SELECT DISTINCT format('GRANT USAGE ON SEQUENCE %s TO %I', s.oid::regclass, :'runner')
FROM linkage.customer_table t
JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = t.relation::regclass AND d.classid = 'pg_class'::regclass
JOIN pg_class s ON s.oid = d.objid AND s.relkind = 'S'
WHERE t.role IN ('customer', 'audit')
\gexec

-- What is decided, and the journals; not what is registered.
SELECT format('GRANT INSERT, UPDATE, DELETE ON linkage.%I TO %I', c.relname, :'runner')
FROM pg_class c
WHERE c.relnamespace = 'linkage'::regnamespace AND c.relkind = 'r' AND c.relname LIKE 'customer\_%' AND c.relname <> 'customer_table'
\gexec

\endif

\if :unique_keys

-- Duplicates go, and come back. The key is for FOR UPDATE, which keeps others from referring to a row that is about to go, and demands UPDATE on
-- some column.
SELECT DISTINCT format(
  'GRANT INSERT, DELETE, UPDATE (%s) ON %s TO %I',
  (SELECT string_agg(quote_ident(c), ', ') FROM unnest(linkage.row_key_columns(to_regclass(k.relation))) AS c), to_regclass(k.relation),
  :'runner')
FROM linkage.unique_key_rule k
WHERE linkage.rule_problem(k) IS NULL
\gexec

-- What refers to them is re-pointed; where it clashes, it goes and comes back.
SELECT format(
  'GRANT INSERT, DELETE, UPDATE (%s) ON %s TO %I', string_agg(DISTINCT quote_ident(c.name), ', '), r.relation, :'runner')
FROM :referring
CROSS JOIN unnest(r.columns) AS c (name)
GROUP BY r.relation
\gexec

-- The list of a removal.
GRANT INSERT, DELETE ON linkage.duplicate_group TO :"runner";

\endif

\if :health

-- The history grows, and what is too old goes. Nobody changes a row of it.
GRANT INSERT, DELETE ON linkage.health_history TO :"runner";
GRANT INSERT, UPDATE ON linkage.alert_state TO :"runner";

\endif

\if :replica_lag
GRANT pg_read_all_stats TO :"runner";
\endif

COMMIT;
