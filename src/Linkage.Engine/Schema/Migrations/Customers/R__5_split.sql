-- Splitting customers: some leads of one, and the rows that follow those, go to a customer that is made for them; the rest stays. One split
-- is one batch, and so one transaction.

-- The work, as Runs wants it described. What can't be split is refused here, before there is a run. given: {"name", "phone", "email"} of
-- the new customer; what is left out is the first lead's that has it.
CREATE OR REPLACE FUNCTION linkage.customer_split_work(customer_id text, lead_ids text[], given jsonb) RETURNS jsonb
LANGUAGE plpgsql STABLE
AS $$
DECLARE
  of_id text := linkage.known_customer(customer_id);
  leads text[] := linkage.leads_to_split(of_id, lead_ids);
BEGIN
  RETURN linkage.single_batch_work(
    'CustomerSplit', 'split_customer', jsonb_build_object('customer', of_id, 'leads', leads, 'given', jsonb_strip_nulls(given)));
END
$$;

-- The leads that are to be split off, each once; an error for what is no lead of that customer.
-- Plan: the leads' key.
CREATE OR REPLACE FUNCTION linkage.leads_to_split(of_id text, lead_ids text[]) RETURNS text[]
LANGUAGE plpgsql STABLE
AS $$
DECLARE
  leads   text[];
  strange text;
BEGIN
  BEGIN
    EXECUTE linkage.customer_sql(
      'SELECT array_agg(f.id ORDER BY f.ordinal) FILTER (WHERE f.is_its), min(f.wanted) FILTER (WHERE NOT f.is_its)
       FROM (
         SELECT DISTINCT ON (i.id) i.id AS wanted, {l.key} AS id, i.ordinal, COALESCE({l.customer} = $2, false) AS is_its
         FROM unnest($1) WITH ORDINALITY AS i (id, ordinal)
         LEFT JOIN {lead} AS l ON l.{lead.key} = i.id::{lead.key:type}
         ORDER BY i.id, i.ordinal
       ) AS f')
    INTO leads, strange
    USING lead_ids, of_id;
  EXCEPTION WHEN data_exception THEN
    RAISE EXCEPTION USING ERRCODE = 'LK045', MESSAGE = format('One of the leads is no id of a lead: %s.', SQLERRM);
  END;
  IF strange IS NOT NULL OR leads IS NULL THEN
    RAISE EXCEPTION USING
      ERRCODE = 'LK045',
      MESSAGE = COALESCE(format('%s is no lead of customer %s.', strange, of_id), 'No lead is given that is to be split off.'),
      TABLE = COALESCE(strange, of_id), HINT = 'Name leads of that customer.';
  END IF;
  RETURN leads;
END
$$;

-- The split. TimeZone, DateStyle and their like make the copies of rows the same in every session.
CREATE OR REPLACE FUNCTION linkage.split_customer(run_id uuid, walk jsonb, key_set jsonb, mode text) RETURNS jsonb
LANGUAGE plpgsql
SET "TimeZone" = 'UTC' SET "DateStyle" = 'ISO, YMD' SET "IntervalStyle" = 'postgres' SET extra_float_digits = 1 SET bytea_output = 'hex'
AS $$
DECLARE
  customer linkage.customer_table := linkage.customer_role('customer');
  of_id    text := walk ->> 'customer';
  leads    text[] := ARRAY(SELECT jsonb_array_elements_text(walk -> 'leads'));
  source   jsonb;
  made     jsonb;
  moves    jsonb;
  counts   jsonb;
BEGIN
  PERFORM linkage.refuse_fault(walk, 'The customer was not split');
  IF mode = 'apply' THEN
    EXECUTE linkage.customer_sql(
      'SELECT FROM {lead} AS l WHERE l.{lead.key} = ANY ($1::{lead.key:type}[]) ORDER BY l.{lead.key} FOR UPDATE') USING leads;
  END IF;
  PERFORM linkage.known_customer(of_id);
  PERFORM linkage.leads_to_split(of_id, leads);
  source := (linkage.customer_copies(ARRAY[of_id]))[1];
  IF mode = 'apply' THEN
    made := linkage.create_row(run_id, 1, customer.relation::regclass, linkage.split_off_customer(of_id, leads, walk -> 'given'));
    IF made IS NULL THEN
      RAISE EXCEPTION USING
        ERRCODE = 'LK017',
        MESSAGE = format('No row of %s could be made: a trigger or rule of the application keeps it from that.', customer.relation);
    END IF;
  END IF;
  moves := linkage.move_rows(
    run_id, 2, customer.relation::regclass, linkage.wanted_of_leads(leads), ARRAY[source], ARRAY[COALESCE(made, source)], mode);
  counts := (
    SELECT COALESCE(jsonb_object_agg('moved ' || m.key, m.value -> 'moved') FILTER (WHERE m.value ->> 'moved' <> '0'), '{}')
    FROM jsonb_each(moves) AS m);
  IF mode = 'apply' THEN
    SET CONSTRAINTS ALL IMMEDIATE;
  END IF;
  RETURN jsonb_build_object(
    'counts', counts || linkage.sums_of_moves(counts) || jsonb_build_object('processed', cardinality(leads), 'created', 1),
    'sample', (
      SELECT jsonb_agg(jsonb_build_object(
        'record', l.id, 'outcome', concat_ws(' ', 'moved to a new customer', n.id), 'customer', n.id) ORDER BY l.ordinal)
      FROM unnest(leads) WITH ORDINALITY AS l (id, ordinal)
      CROSS JOIN LATERAL (SELECT made ->> (customer.columns ->> 'key')) AS n (id)
      WHERE l.ordinal <= 5));
END
$$;

-- What moves with leads, as linkage.move_rows takes it: the leads themselves, and the rows of every table that refers to both a lead and a
-- customer, by foreign keys or by what is registered.
CREATE OR REPLACE FUNCTION linkage.wanted_of_leads(leads text[]) RETURNS jsonb
LANGUAGE sql STABLE
AS $$
  WITH lead AS (
    SELECT
      t.relation::regclass AS relation, (t.columns ->> 'key')::name AS key,
      pg_catalog.format('%I = ANY (%L::%s[])', t.columns ->> 'key', $1, linkage.customer_type(t, 'key')) AS is_split
    FROM linkage.customer_role('lead') t
  ),
  follower AS (
    SELECT r.relation, r.columns, r.target_columns
    FROM lead l
    CROSS JOIN LATERAL linkage.references_to(l.relation) r
    WHERE r.relation <> l.relation
    UNION
    SELECT to_regclass(f.relation), ARRAY[f.lead_column], ARRAY[l.key]
    FROM lead l
    CROSS JOIN linkage.customer_followers() f
  ),
  moved AS (
    SELECT l.relation, 't.' || l.is_split AS only FROM lead l
    UNION ALL
    SELECT
      f.relation,
      string_agg(
        pg_catalog.format(
          'EXISTS (SELECT FROM %s AS l WHERE %s AND l.%s)', l.relation,
          (
            SELECT string_agg(pg_catalog.format('l.%I = t.%I', c.of, c.own), ' AND ')
            FROM unnest(f.columns, f.target_columns) AS c (own, of)
          ),
          l.is_split),
        ' OR ')
    FROM lead l
    CROSS JOIN follower f
    GROUP BY f.relation
  )
  SELECT COALESCE(
    jsonb_agg(jsonb_build_object(
      'relation', linkage.qualified_name(r.relation), 'columns', r.columns, 'target_columns', r.target_columns, 'only', m.only)), '[]')
  FROM moved m
  CROSS JOIN linkage.customer_role('customer') c
  CROSS JOIN LATERAL linkage.references_to(c.relation::regclass) r
  WHERE r.relation = m.relation
$$;

-- The customer that is made for leads, {column: value}: what was given, else what the first lead has that has something, as a backfill makes
-- customers; and of the customer that they leave what a row can't be without, and what else its keys consist of. An error for what is given
-- and does not fit.
-- Plan: the leads' key.
CREATE OR REPLACE FUNCTION linkage.split_off_customer(of_id text, leads text[], given jsonb) RETURNS jsonb
LANGUAGE plpgsql STABLE
AS $$
DECLARE
  customer linkage.customer_table := linkage.customer_role('customer');
  mapped   text[] := ARRAY(SELECT m.value FROM jsonb_each_text(customer.columns) AS m);
  made     jsonb := linkage.new_customer_values(ARRAY(
    SELECT s.name
    FROM unnest(linkage.stored_columns(customer.relation::regclass)) AS s (name)
    WHERE s.name <> ALL (mapped)
      AND (s.name::text IN (SELECT d.column_name FROM linkage.demanded_values(customer.relation, mapped) d WHERE d.expression IS NULL)
        OR EXISTS (SELECT FROM linkage.references_to(customer.relation::regclass) f WHERE s.name = ANY (f.target_columns)))));
  misfit   text;
  result   jsonb;
BEGIN
  EXECUTE linkage.customer_sql(
    'SELECT jsonb_object({1}, ARRAY[{2}]::text[])
     FROM (
       SELECT
         $4 AS source, ({3})::text AS customer_id, ''lead:'' || $1[1] AS group_key, $3 AS metadata,
         CASE WHEN $2 ? ''name'' THEN NULLIF($2 ->> ''name'', '''') ELSE x.name END AS name,
         CASE WHEN $2 ? ''phone'' THEN NULLIF($2 ->> ''phone'', '''') ELSE x.phone END AS phone,
         CASE WHEN $2 ? ''email'' THEN NULLIF($2 ->> ''email'', '''') ELSE x.email END AS email
       FROM (
         SELECT
           (array_agg(l.name ORDER BY l.ordinal) FILTER (WHERE l.name <> ''''))[1] AS name,
           (array_agg(l.phone ORDER BY l.ordinal) FILTER (WHERE l.phone <> ''''))[1] AS phone,
           (array_agg(l.email ORDER BY l.ordinal) FILTER (WHERE l.email <> ''''))[1] AS email
         FROM (
           SELECT i.ordinal, btrim({l.name}) AS name, btrim({l.phone}) AS phone, btrim({l.email}) AS email
           FROM unnest($1) WITH ORDINALITY AS i (id, ordinal)
           JOIN {lead} AS l ON l.{lead.key} = i.id::{lead.key:type}
         ) AS l
       ) AS x
     ) AS i',
    quote_literal(ARRAY(SELECT jsonb_array_elements_text(made -> 'columns'))) || '::text[]',
    (
      SELECT string_agg(format('(%s)::text', v.value), ', ' ORDER BY v.i)
      FROM jsonb_array_elements_text(made -> 'values') WITH ORDINALITY AS v (value, i)
    ),
    made ->> 'key')
  INTO result
  USING leads, given, jsonb_build_object(
    'groupType', 'individual', 'groupKey', 'lead:' || leads[1], 'leadCount', cardinality(leads), 'multipleLeads', cardinality(leads) > 1,
    'createdBy', 'Split-Customer', 'createdAt', to_jsonb(clock_timestamp() AT TIME ZONE 'UTC') #>> '{}' || 'Z', 'splitFrom', of_id),
    (linkage.customer_copies(ARRAY[of_id]))[1];
  SELECT g.key INTO misfit
  FROM jsonb_each_text(given) AS g
  WHERE g.value <> '' AND result ->> (customer.columns ->> g.key) IS DISTINCT FROM g.value;
  IF misfit IS NOT NULL THEN
    RAISE EXCEPTION USING
      ERRCODE = 'LK045',
      MESSAGE = CASE
        WHEN NOT customer.columns ? misfit THEN format('Table %s has no column for the %s that is given.', customer.relation, misfit)
        ELSE format(
          'The %s that is given does not fit into column %I of %s, which is of type %s: %s.', misfit, customer.columns ->> misfit,
          customer.relation, linkage.customer_type(customer, misfit), given ->> misfit)
      END,
      TABLE = given ->> misfit, HINT = 'Give another one, or leave it out.';
  END IF;
  RETURN jsonb_strip_nulls(result);
END
$$;
