-- How whole the links are. All of it reads only, and answers where tables or indexes are missing: problem then says what.

-- Deliveries without a user whose active guest has one who exists, less those that an undo keeps unlinked, and how many deliveries
-- there are: counted if exact, or if the table is small and was never analyzed; else by the statistics. Where a target knows no guests
-- but events, the guest is the one active guest of the event who has the phone.
-- Plan: an index-only scan of idx_message_deliveries_guest_user_null (unlinked deliveries only), grouped, since a guest without a user
-- leaves several; then guests by primary key, or hashed where there are unlinked deliveries for more than every tenth guest; by event,
-- idx_event_guests_event_phone_normalized for each. A look-up takes as long as reading a dozen guests, but the planner can't know how many
-- of them are in memory, nor what a guest without a user or a suppression spares it. Hence LATERAL and OFFSET 0: so few guests, users of
-- inconsistent deliveries, and suppressed deliveries are looked up by primary key, whatever it believes.
CREATE OR REPLACE FUNCTION linkage.measure_delivery_integrity(wanted text, exact boolean)
RETURNS TABLE (problem text, inconsistent bigint, suppressed bigint, suppressions bigint, deliveries bigint, is_estimate boolean)
LANGUAGE plpgsql STABLE SET jit = off
AS $$
DECLARE
  target   linkage.link_target := linkage.find_link_target(wanted);
  relation regclass := to_regclass(format('%I.%I', target.table_schema, target.table_name));
  -- the columns of alias t that tell the guest, the guest's user by them, and what keeps rows without one away
  told_by  text;
  guest    text;
  asked    text;
BEGIN
  is_estimate := false;
  problem := linkage.integrity_problem(target, exact);
  IF problem IS NOT NULL THEN
    RETURN NEXT;
    RETURN;
  END IF;

  IF target.guest_column IS NOT NULL THEN
    told_by := format('t.%I', target.guest_column);
    asked := told_by || ' IS NOT NULL';
    guest := format(
      'SELECT g.user_id FROM {{app}}.event_guests g WHERE g.id = %s AND g.removed_at IS NULL AND g.user_id IS NOT NULL %s',
      told_by,
      CASE WHEN linkage.estimated_unlinked(target) < linkage.estimated_rows('{{app}}.event_guests') / 10 THEN 'OFFSET 0' END);
  ELSE
    told_by := format('t.%I, t.%I', target.event_column, target.phone_column);
    asked := format('t.%I IS NOT NULL', target.phone_column);
    guest := format(
      'SELECT (array_agg(g.user_id))[1] AS user_id
       FROM {{app}}.event_guests g
       WHERE g.event_id = t.%I AND {{app}}.normalize_phone(g.phone) = {{app}}.normalize_phone(t.%I::text) AND g.removed_at IS NULL
       HAVING count(*) = 1',
      target.event_column, target.phone_column);
  END IF;

  EXECUTE format(
    'SELECT COALESCE(sum(t.records), 0)
     FROM (SELECT %1$s, count(*) AS records FROM %2$s AS t WHERE t.%3$I IS NULL AND %4$s GROUP BY %1$s) AS t
     CROSS JOIN LATERAL (%5$s) AS g
     CROSS JOIN LATERAL (SELECT FROM {{app}}.users u WHERE u.id = g.user_id OFFSET 0) AS u',
    told_by, relation, target.user_column, asked, guest)
  INTO inconsistent;

  EXECUTE format(
    'SELECT
       count(*) FILTER (WHERE u.id IS NOT NULL), count(*)
     FROM linkage.link_suppression s
     CROSS JOIN LATERAL (SELECT %1$s FROM %2$s AS t WHERE %3$s AND t.%4$I IS NULL OFFSET 0) AS t
     LEFT JOIN LATERAL (%5$s) AS g ON g.user_id = s.user_id
     LEFT JOIN {{app}}.users u ON u.id = g.user_id
     WHERE s.target = $1',
    told_by, relation, linkage.record_key_condition(target, 's.record_key'), target.user_column, guest)
  INTO suppressed, suppressions
  USING target.name;
  inconsistent := inconsistent - suppressed;

  IF NOT exact THEN
    deliveries := linkage.estimated_rows(relation);
    is_estimate := deliveries IS NOT NULL;
    -- GREATEST would pass over an unknown number
    deliveries := CASE WHEN is_estimate THEN GREATEST(deliveries, inconsistent + suppressed) END;
  END IF;
  IF deliveries IS NULL AND (exact OR inconsistent = 0 OR linkage.size_on_disk(relation) <= 1073741824) THEN
    -- Of nothing inconsistent there is no share to compute, and no need to count.
    IF exact OR inconsistent > 0 THEN
      EXECUTE format('SELECT count(*) FROM %s', relation) INTO deliveries;
    END IF;
  ELSIF deliveries IS NULL THEN
    problem := format('%s was never analyzed, so that the number of its rows is not known: run ANALYZE, or count with -Exact.', relation);
  END IF;
  RETURN NEXT;
END
$$;

-- How many records of a target have no user, by the statistics of the index on their guests; null where there is none.
CREATE OR REPLACE FUNCTION linkage.estimated_unlinked(target linkage.link_target) RETURNS float8
LANGUAGE sql STABLE
AS $$
  SELECT sum(GREATEST(c.reltuples, 0))
  FROM linkage.leaf_tables(format('%I.%I', target.table_schema, target.table_name)::regclass) l
  JOIN pg_catalog.pg_class c ON c.oid = linkage.find_index(l, target.guest_column, format('(%I IS NULL)', target.user_column))
$$;

-- Why the integrity of a target can't be measured, or null. Without the index it would take a scan, which exact accepts.
CREATE OR REPLACE FUNCTION linkage.integrity_problem(target linkage.link_target, exact boolean) RETURNS text
LANGUAGE sql STABLE
AS $$
  SELECT CASE
    WHEN linkage.target_problem(target) IS NOT NULL THEN linkage.target_problem(target)
    WHEN to_regclass('{{app}}.event_guests') IS NULL THEN 'There is no table {{app}}.event_guests.'
    WHEN to_regclass('{{app}}.users') IS NULL THEN 'There is no table {{app}}.users.'
    WHEN NOT exact THEN (
      SELECT format(
        'The index for %s of %s is missing or invalid, and without it the whole table would be read: %s%s -Exact counts without it.',
        i.serves, t.relation, CASE WHEN target.name = 'message_deliveries' THEN 'Install-LinkageSchema does ' ELSE '' END,
        array_to_string(i.statements, ' '))
      FROM linkage.target_indexes(target) i
      WHERE NOT i.is_there
        AND i.column_name = COALESCE(target.guest_column, target.phone_column))
  END
  FROM (SELECT to_regclass(format('%I.%I', target.table_schema, target.table_name))) AS t (relation)
$$;

-- The tables that hold a table's rows: itself, or the leaves of its partitions.
CREATE OR REPLACE FUNCTION linkage.leaf_tables(relation regclass) RETURNS SETOF regclass
LANGUAGE sql STABLE
AS $$
  SELECT $1 WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = $1 AND c.relkind = 'p')
  UNION ALL
  SELECT p.relid FROM pg_catalog.pg_partition_tree($1) p WHERE p.isleaf AND p.level > 0
$$;

CREATE OR REPLACE FUNCTION linkage.size_on_disk(relation regclass) RETURNS bigint
LANGUAGE sql STABLE
AS $$ SELECT COALESCE(sum(pg_catalog.pg_relation_size(l)), 0)::bigint FROM linkage.leaf_tables($1) l $$;

-- How many rows a table has by its statistics: what ANALYZE found, or what was counted since if that is more (less may be a reset).
-- Null if a part of it was never analyzed: reltuples is -1 then, and 0 before PostgreSQL 14. The table's size is no measure: after
-- many updates it is mostly dead rows, and a rate over them would look too good.
CREATE OR REPLACE FUNCTION linkage.estimated_rows(relation regclass) RETURNS bigint
LANGUAGE sql STABLE
AS $$
  SELECT CASE WHEN bool_and(e.is_analyzed OR e.is_empty) THEN sum(GREATEST(e.rows, 0))::bigint END
  FROM (
    SELECT
      GREATEST(c.reltuples::float8, pg_catalog.pg_stat_get_live_tuples(c.oid)) AS rows,
      c.reltuples > 0 AS is_analyzed,
      pg_catalog.pg_relation_size(c.oid) = 0 AS is_empty
    FROM linkage.leaf_tables($1) l
    JOIN pg_catalog.pg_class c ON c.oid = l
  ) AS e
$$;

-- What linked a target's records since a time: decisions of triggers and by hand, by the audit; and backfill runs that were at work since,
-- by what they counted themselves, since they may have audited millions of rows. Without its index the audit would take a scan, which
-- exact accepts; problem says so then.
-- Plan: idx_user_link_audit_without_run and one hash aggregate, not at all where there is a problem; a scan of linkage.run.
CREATE OR REPLACE FUNCTION linkage.measure_link_activity(wanted text, since timestamptz, exact boolean)
RETURNS TABLE (
  problem text, trigger_attempts bigint, trigger_linked bigint, trigger_faults bigint, guest_linked bigint, backfill_examined bigint,
  backfill_linked bigint, runs bigint, runs_failed bigint)
LANGUAGE sql STABLE
AS $$
  WITH target AS MATERIALIZED (
    SELECT (linkage.find_link_target($1)).name
  ),
  obstacle AS MATERIALIZED (
    SELECT CASE WHEN NOT $3 AND linkage.find_index('{{app}}.user_link_audit', 'created_at', '(run_id IS NULL)') IS NULL THEN
      'The index idx_user_link_audit_without_run on {{app}}.user_link_audit (created_at) WHERE run_id IS NULL is missing or invalid, and '
      'without it the whole audit might be read: Install-LinkageSchema creates it; -Exact counts without it.'
    END AS problem
  ),
  decisions AS (
    SELECT a.source, a.outcome::text AS outcome, count(*) AS entries,
      count(*) FILTER (WHERE a.outcome = 'skipped' AND a.metadata ->> 'reason' LIKE 'error %') AS faults
    FROM {{app}}.user_link_audit a
    WHERE a.created_at >= $2
      AND a.run_id IS NULL
      AND (SELECT o.problem IS NULL FROM obstacle o)
      AND NOT a.dry_run
      AND a.table_name = ANY (ARRAY(SELECT unnest(ARRAY[t.name, linkage.guest_link_audit_name(t.name)]) FROM target t))
    GROUP BY a.source, a.outcome
  ),
  backfills AS (
    SELECT
      count(*) AS runs,
      COALESCE(sum((r.counts ->> 'processed')::bigint), 0) AS examined,
      COALESCE(sum((r.counts ->> 'linked')::bigint), 0) AS linked,
      count(*) FILTER (WHERE r.status IN ('failed', 'interrupted') OR r.status = 'running' AND NOT linkage.run_is_alive(r)) AS failed
    FROM linkage.run r
    JOIN target t ON t.name = r.target
    WHERE r.kind IN ('UserLinkBackfill', 'GuestDeliveryBackfill') AND NOT r.dry_run AND r.heartbeat_at >= $2
  )
  SELECT
    (SELECT o.problem FROM obstacle o),
    COALESCE(sum(d.entries) FILTER (WHERE d.source = 'trigger'), 0)::bigint,
    COALESCE(sum(d.entries) FILTER (WHERE d.source = 'trigger' AND d.outcome = 'linked'), 0)::bigint,
    COALESCE(sum(d.faults) FILTER (WHERE d.source IN ('trigger', 'guest link')), 0)::bigint,
    COALESCE(sum(d.entries) FILTER (WHERE d.source = 'guest link' AND d.outcome = 'linked'), 0)::bigint,
    (COALESCE(sum(d.entries) FILTER (WHERE d.source = 'manual'), 0) + (SELECT b.examined FROM backfills b))::bigint,
    (COALESCE(sum(d.entries) FILTER (WHERE d.source = 'manual' AND d.outcome = 'linked'), 0) + (SELECT b.linked FROM backfills b))::bigint,
    (SELECT b.runs FROM backfills b), (SELECT b.failed FROM backfills b)
  FROM decisions d
$$;
