-- What a backfill has to do: its list, and the same as a preview.

-- Rows that lack the customer of their lead, which has one: a SELECT of lead_id and customer_id of those leads, as text.
-- Plan: one pass over each table of followers, hash joins to the leads and customers.
CREATE OR REPLACE FUNCTION linkage.leads_to_follow() RETURNS text
LANGUAGE sql STABLE
AS $$
  SELECT COALESCE(
    string_agg(
      linkage.customer_sql(
        'SELECT {l.key} AS lead_id, {l.customer} AS customer_id
         FROM {1} AS f
         JOIN {lead} AS l ON l.{lead.key} = f.{2}
         JOIN {customer} AS c ON c.{customer.key} = l.{lead.customer}
         WHERE f.{3} IS NULL',
        f.relation, quote_ident(f.lead_column), quote_ident(f.customer_column)),
      ' UNION ALL '),
    'SELECT NULL::text AS lead_id, NULL::text AS customer_id WHERE false')
  FROM linkage.customer_followers() f
$$;

-- How many leads had a customer, and how many rows that follow a lead, before a run did anything. Plan: one pass over each table.
CREATE OR REPLACE FUNCTION linkage.count_linked_before() RETURNS jsonb
LANGUAGE plpgsql STABLE
AS $$
DECLARE
  leads    bigint;
  total    bigint := 0;
  follower record;
  linked   bigint;
BEGIN
  EXECUTE linkage.customer_sql('SELECT count(l.{lead.customer}) FROM {lead} AS l') INTO leads;
  FOR follower IN SELECT * FROM linkage.customer_followers() LOOP
    EXECUTE format(
      'SELECT count(*) FROM %s AS f WHERE f.%I IS NOT NULL AND f.%I IS NOT NULL',
      follower.relation, follower.lead_column, follower.customer_column)
    INTO linked;
    total := total + linked;
  END LOOP;
  RETURN jsonb_build_object('leads_already_linked', leads, 'jobs_already_linked', total);
END
$$;

-- Hands a run its list: the groups with leads that have no customer, those with the first leads first, so that a batch's leads lie
-- together; then leads whose followers lack their customer. What is counted only once is counted now.
CREATE OR REPLACE FUNCTION linkage.list_customer_groups(run_id uuid, match text, max_shared integer, evidence boolean) RETURNS void
-- Nobody knows how many customers there will be: a nested loop over them would be a loop over all for each group.
LANGUAGE plpgsql SET jit = off SET enable_nestloop = off
AS $$
DECLARE
  listed bigint;
BEGIN
  PERFORM linkage.allow_sorting();
  EXECUTE linkage.customer_sql(
    'INSERT INTO linkage.customer_change (
       run_id, ordinal, group_type, group_key, lead_ids, marks, customer_id, name, phone, email, reason)
     SELECT
       $1, row_number() OVER (ORDER BY g.place), g.group_type, g.group_key,
       CASE WHEN g.linked = 0 THEN g.lead_ids ELSE
         ARRAY(SELECT l.id FROM unnest(g.lead_ids, g.customer_ids) AS l (id, customer_id) WHERE l.customer_id IS NULL) END,
       CASE WHEN g.linked = 0 THEN g.marks ELSE
         ARRAY(SELECT l.mark FROM unnest(g.marks, g.customer_ids) AS l (mark, customer_id) WHERE l.customer_id IS NULL) END,
       g.customer_id, g.name, g.phone, g.email, g.reason
     FROM ({1}) AS g', linkage.group_statement(linkage.keyed_leads(match, max_shared, evidence), true))
  USING run_id;
  GET DIAGNOSTICS listed = ROW_COUNT;
  EXECUTE linkage.customer_sql(
    'INSERT INTO linkage.customer_change (run_id, ordinal, group_type, lead_ids, customer_id)
     SELECT $1, $2 + row_number() OVER (), ''follow'', array_agg(DISTINCT f.lead_id), f.customer_id
     FROM ({1}) AS f
     GROUP BY f.customer_id', linkage.leads_to_follow())
  USING run_id, listed;
  UPDATE linkage.run r SET counts = linkage.add_counts(r.counts, linkage.count_linked_before()) WHERE r.id = run_id;
END
$$;

-- What such a run would do, in a transaction that may be READ ONLY.
CREATE OR REPLACE FUNCTION linkage.preview_customer_backfill(match text, max_shared integer, evidence boolean) RETURNS jsonb
LANGUAGE plpgsql SET jit = off SET enable_nestloop = off
AS $$
DECLARE
  result   jsonb;
  followed jsonb;
  follower record;
  linked   bigint;
  total    bigint := 0;
BEGIN
  PERFORM linkage.allow_sorting();
  EXECUTE linkage.customer_sql(
    'WITH open AS MATERIALIZED ({1})
     SELECT jsonb_build_object(
       ''counts'', jsonb_build_object(
         ''processed'', count(*),
         ''customers_created'', count(*) FILTER (WHERE g.customer_id IS NULL),
         ''customers_reused'', count(g.customer_id),
         ''leads_linked'', COALESCE(sum(cardinality(g.lead_ids) - g.linked), 0),
         ''groups_by_psid'', count(*) FILTER (WHERE g.group_type = ''psid''),
         ''groups_by_phone'', count(*) FILTER (WHERE g.group_type = ''phone''),
         ''groups_by_email'', count(*) FILTER (WHERE g.group_type = ''email''),
         ''groups_of_one'', count(*) FILTER (WHERE g.group_type = ''individual'')),
       ''sample'', (
         SELECT COALESCE(jsonb_agg(to_jsonb(s)), ''[]'')
         FROM (
           SELECT
             f.group_key AS record, CASE WHEN f.customer_id IS NULL THEN ''created'' ELSE ''reused'' END AS outcome, f.customer_id AS customer,
             f.reason
           FROM open f
           ORDER BY f.place
           LIMIT 5
         ) AS s))
     FROM open g', linkage.group_statement(linkage.keyed_leads(match, max_shared, evidence), true))
  INTO result;
  EXECUTE linkage.customer_sql(
    'SELECT jsonb_build_object(''processed'', count(DISTINCT f.customer_id)) FROM ({1}) AS f', linkage.leads_to_follow())
  INTO followed;
  FOR follower IN SELECT * FROM linkage.customer_followers() LOOP
    -- Every lead that has no customer gets one.
    EXECUTE linkage.customer_sql(
      'SELECT count(*)
       FROM {1} AS f
       JOIN {lead} AS l ON l.{lead.key} = f.{2}
       LEFT JOIN {customer} AS c ON c.{customer.key} = l.{lead.customer}
       WHERE f.{3} IS NULL AND (l.{lead.customer} IS NULL OR c.{customer.key} IS NOT NULL)',
      follower.relation, quote_ident(follower.lead_column), quote_ident(follower.customer_column))
    INTO linked;
    total := total + linked;
  END LOOP;
  RETURN jsonb_set(
    result, '{counts}',
    linkage.add_counts(
      linkage.add_counts(result -> 'counts', followed), linkage.count_linked_before() || jsonb_build_object('jobs_linked', total)));
END
$$;
