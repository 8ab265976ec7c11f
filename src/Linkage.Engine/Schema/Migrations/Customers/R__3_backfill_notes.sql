-- What a backfill did: its journal, its counts, and the row in the application's audit.

-- Writes down what became of the rows of a batch, and counts it. Of a row there are entries of these kinds: lead, one for each that was
-- linked; the name of a table, one for each key there that was; made and clash, as linkage.prepare_customers notes them. The settings are
-- those in which a fingerprint is taken. Plan: the list's key, the customers' key; everything else is one sort of the entries.
CREATE OR REPLACE FUNCTION linkage.note_customer_changes(
  of_run uuid, items text, walk jsonb, mode text, ordinals bigint[], kinds text[], entries text[]) RETURNS jsonb
LANGUAGE plpgsql SET TimeZone = 'UTC' SET DateStyle = 'ISO' SET IntervalStyle = 'postgres' SET bytea_output = 'hex' SET extra_float_digits = 1
AS $$
DECLARE
  result jsonb;
BEGIN
  EXECUTE linkage.customer_sql(
    $sql$
    WITH done AS (
      SELECT
        e.ordinal,
        min(e.entries) FILTER (WHERE e.kind = 'lead') AS leads,
        (min(e.entries) FILTER (WHERE e.kind = 'made'))[1] AS made,
        (min(e.entries) FILTER (WHERE e.kind = 'clash'))[1] AS clash,
        jsonb_object_agg(e.kind, to_jsonb(e.entries)) FILTER (WHERE e.is_follower) AS followers,
        COALESCE(sum(cardinality(e.entries)) FILTER (WHERE e.is_follower), 0) AS followed
      FROM (
        SELECT e.ordinal, e.kind, e.kind NOT IN ('lead', 'made', 'clash', 'item') AS is_follower, array_agg(e.entry) AS entries
        FROM (
          -- how many there are is hidden from the planner, which would else read the whole list
          SELECT * FROM unnest((SELECT $2), (SELECT $3), (SELECT $4))
          UNION ALL
          SELECT t.ordinal, 'item', '' FROM linkage.customer_change AS t WHERE {1}
        ) AS e (ordinal, kind, entry)
        GROUP BY e.ordinal, e.kind
      ) AS e
      GROUP BY e.ordinal
    ),
    noted AS (
      UPDATE linkage.customer_change AS t
      SET
        outcome = CASE
          WHEN $7 IS NOT NULL OR i.clash = '' THEN 'failed'
          WHEN t.group_type = 'follow' THEN CASE WHEN i.followed > 0 THEN 'followed' ELSE 'skipped' END
          WHEN i.leads IS NULL THEN 'skipped'
          WHEN i.made IS NOT NULL THEN 'created'
          ELSE 'reused'
        END,
        customer_id = COALESCE(t.customer_id, CASE WHEN i.leads IS NOT NULL THEN NULLIF(COALESCE(i.made, i.clash), '') END),
        left_out = CASE WHEN t.group_type <> 'follow' AND cardinality(t.lead_ids) > COALESCE(cardinality(i.leads), 0) THEN
          ARRAY(SELECT unnest(t.lead_ids) EXCEPT SELECT unnest(i.leads)) END,
        followers = i.followers,
        fingerprint = CASE WHEN i.leads IS NOT NULL THEN f.fingerprint END,
        reason = CASE
          WHEN $7 IS NOT NULL THEN $7
          WHEN i.clash = '' THEN
            'the customer was not written: another one has what must be unique in it, or a trigger or rule of the application kept it out'
          WHEN i.clash <> '' THEN 'another customer got what must be unique in this one before it was made'
          WHEN i.leads IS NULL AND t.group_type <> 'follow' THEN
            'its leads were changed, linked or deleted meanwhile, or its customer was: the next run decides anew'
          ELSE t.reason
        END,
        dry_run = $5
      FROM done i
      LEFT JOIN LATERAL (
        SELECT {2} AS fingerprint
        FROM {customer} AS c
        WHERE c.{customer.key} = (CASE WHEN $6 THEN i.made END)::{customer.key:type}
        OFFSET 0
      ) AS f ON true
      WHERE t.run_id = $1 AND t.ordinal = i.ordinal
      RETURNING
        t.ordinal, t.group_type, t.group_key, t.outcome, t.customer_id, t.reason, i.followed,
        CASE WHEN t.group_type = 'follow' THEN 0 ELSE COALESCE(cardinality(i.leads), 0) END AS linked, COALESCE(cardinality(t.left_out), 0) AS left_out
    )
    SELECT jsonb_build_object(
      'counts', jsonb_build_object(
        'processed', count(*),
        'customers_created', count(*) FILTER (WHERE n.outcome = 'created'),
        'customers_reused', count(*) FILTER (WHERE n.outcome = 'reused'),
        'leads_linked', COALESCE(sum(n.linked), 0),
        'leads_left_out', COALESCE(sum(n.left_out), 0),
        'jobs_linked', COALESCE(sum(n.followed), 0),
        'groups_by_psid', count(*) FILTER (WHERE n.group_type = 'psid' AND n.linked > 0),
        'groups_by_phone', count(*) FILTER (WHERE n.group_type = 'phone' AND n.linked > 0),
        'groups_by_email', count(*) FILTER (WHERE n.group_type = 'email' AND n.linked > 0),
        'groups_of_one', count(*) FILTER (WHERE n.group_type = 'individual' AND n.linked > 0),
        -- a fault of a single row is counted by its run
        'failed_groups', count(*) FILTER (WHERE n.outcome = 'failed' AND $7 IS NULL)),
      'sample', (
        SELECT COALESCE(
          jsonb_agg(jsonb_build_object(
            'record', COALESCE(f.group_key, 'customer ' || f.customer_id), 'outcome', f.outcome, 'customer', f.customer_id, 'reason', f.reason)),
          '[]')
        FROM (SELECT * FROM noted ORDER BY ordinal LIMIT 5) AS f))
    FROM noted n
    $sql$,
    items, linkage.row_fingerprint(walk -> 'columns'))
  INTO result
  USING of_run, ordinals, kinds, entries, mode = 'dry run', mode = 'apply', walk ->> 'fault';
  RETURN result;
END
$$;

-- An expression of alias c that tells whether these columns are still what they were.
CREATE OR REPLACE FUNCTION linkage.row_fingerprint(columns jsonb) RETURNS text
LANGUAGE sql IMMUTABLE
AS $$
  SELECT format('hashtextextended(ROW(%s)::text, 0)', string_agg(format('c.%I', n.name), ', ' ORDER BY n.i))
  FROM jsonb_array_elements_text($1) WITH ORDINALITY AS n (name, i)
$$;

-- Ends a backfill: a row in the application's audit, where it has one.
CREATE OR REPLACE FUNCTION linkage.finish_customer_backfill(run_id uuid, walk jsonb) RETURNS void
LANGUAGE plpgsql
AS $$
DECLARE
  run    linkage.run := linkage.find_run(run_id);
  audit  jsonb := linkage.new_audit_values();
BEGIN
  IF run.dry_run OR audit IS NULL THEN
    RETURN;
  END IF;
  EXECUTE linkage.customer_sql('INSERT INTO {audit} ({1}) VALUES ({2})', audit ->> 'columns', audit ->> 'values')
  USING jsonb_build_object('runId', run.id, 'match', walk -> 'match', 'stats', linkage.customer_statistics(run.counts));
END
$$;

-- What a run counted, by the names of the documentation.
CREATE OR REPLACE FUNCTION linkage.customer_statistics(counts jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE
AS $$
  SELECT jsonb_object_agg(s.name, (SELECT COALESCE(sum((counts ->> c)::bigint), 0) FROM unnest(s.sources) AS c))
  FROM (VALUES
    ('CustomersCreated', ARRAY['customers_created']),
    ('CustomersReused', ARRAY['customers_reused']),
    ('LeadsLinked', ARRAY['leads_linked']),
    ('LeadsAlreadyLinked', ARRAY['leads_already_linked']),
    ('LeadsLeftOut', ARRAY['leads_left_out']),
    ('JobsLinked', ARRAY['jobs_linked']),
    ('JobsAlreadyLinked', ARRAY['jobs_already_linked']),
    ('GroupsByPsid', ARRAY['groups_by_psid']),
    ('GroupsByPhone', ARRAY['groups_by_phone']),
    ('GroupsByEmail', ARRAY['groups_by_email']),
    ('GroupsOfOne', ARRAY['groups_of_one']),
    ('Errors', ARRAY['failed_groups', 'failed'])
  ) AS s (name, sources)
$$;
