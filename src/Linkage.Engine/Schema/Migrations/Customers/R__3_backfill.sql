-- The backfill: leads without a customer get one, and what follows them gets it through them. The list that a run is given when it starts,
-- a row for each group, is its journal in the end. Nothing hangs on how the list is cut into batches: no two rows are about one lead, or
-- make one customer.

-- The work, as Runs wants it described. The columns of the customers are fixed here, so that what is added later changes no fingerprint.
CREATE OR REPLACE FUNCTION linkage.customer_backfill_work(match text) RETURNS jsonb
LANGUAGE plpgsql STABLE
AS $$
DECLARE
  list jsonb := jsonb_build_object(
    'changed', linkage.customer_sql('{lead}'), 'match', match, 'table', 'linkage.customer_change', 'key', jsonb_build_array('ordinal'),
    'columns', linkage.stored_columns(linkage.customer_sql('{customer}')::regclass));
BEGIN
  -- What stands in the way is said before there is a run.
  PERFORM linkage.new_customer_values();
  PERFORM linkage.new_audit_values();
  RETURN jsonb_build_object(
    'kind', 'CustomerBackfill',
    'target', linkage.customer_sql('{customer}'),
    'batch', 'backfill_listed_customers',
    'finish', 'finish_customer_backfill',
    'walk', list || jsonb_build_object('candidates', 'run_item_candidates'),
    'undo', jsonb_build_object(
      'batch', 'undo_customer_changes',
      'finish', 'finish_customer_undo',
      'changes', jsonb_build_array('processed'),
      'walk', list || jsonb_build_object('candidates', 'customer_changes_of_run')));
END
$$;

-- One batch of the list. Each step is a statement of its own, which sees what the ones before did and what others committed until then.
CREATE OR REPLACE FUNCTION linkage.backfill_listed_customers(run_id uuid, walk jsonb, key_set jsonb, mode text) RETURNS jsonb
LANGUAGE plpgsql
AS $$
DECLARE
  items    text := format('%s AND %s', linkage.candidates(walk), linkage.key_set_condition(walk, key_set));
  prepared record;
  linked   record;
  follower record;
  moved    record;
  -- what became of the batch, entry by entry: linkage.note_customer_changes reads it
  ordinals bigint[] := '{}';
  kinds    text[] := '{}';
  entries  text[] := '{}';
BEGIN
  IF walk ? 'fault' THEN
    RETURN linkage.note_customer_changes(run_id, items, walk, mode, ordinals, kinds, entries);
  END IF;
  prepared := linkage.prepare_customers(items, mode);
  linked := linkage.link_leads(prepared.ordinals, prepared.leads, prepared.marks, prepared.customers, prepared.follows, mode);
  IF cardinality(linked.leads) < cardinality(prepared.leads) THEN
    PERFORM linkage.remove_idle_customers(prepared.made, linked.customers);
  END IF;
  ordinals := prepared.noted_ordinals || linked.ordinals;
  kinds := prepared.noted_kinds || array_fill('lead'::text, ARRAY[cardinality(linked.ordinals)]);
  entries := prepared.noted || linked.leads;
  FOR follower IN SELECT * FROM linkage.customer_followers() LOOP
    moved := linkage.link_followers(
      follower.relation, follower.key_column, follower.lead_column, follower.customer_column,
      linked.ordinals, linked.leads, linked.customers, mode);
    ordinals := ordinals || moved.ordinals;
    kinds := kinds || array_fill(follower.relation, ARRAY[cardinality(moved.ordinals)]);
    entries := entries || moved.keys;
  END LOOP;
  RETURN linkage.note_customer_changes(run_id, items, walk, mode, ordinals, kinds, entries);
END
$$;

-- Makes the customers of a batch that are missing, and says what is to be linked, a row for each lead that is still as it was: ordinals,
-- leads, marks, customers, and follows where only what follows the lead is to be linked. made are the keys of the customers that were
-- made; the notes say which rows made one (made), and which met one that has what must be unique (clash; empty where there is none to be
-- found).
-- Plan: the list's key, the leads' key for each lead, the customers' key where one is reused: nested loops that the planner can't change.
CREATE OR REPLACE FUNCTION linkage.prepare_customers(
  items text, mode text, OUT ordinals bigint[], OUT leads text[], OUT marks bigint[], OUT customers text[], OUT follows boolean[],
  OUT made text[], OUT noted_ordinals bigint[], OUT noted_kinds text[], OUT noted text[])
LANGUAGE plpgsql
AS $$
DECLARE
  new_values jsonb := linkage.new_customer_values();
  wanted     record;
  holder     text;
BEGIN
  EXECUTE linkage.customer_sql(
    $sql$
    WITH item AS MATERIALIZED (
      SELECT
        t.ordinal, t.group_type = 'follow' AS follows, t.group_type, t.group_key, t.name, t.phone, t.email, o.leads, o.marks,
        t.customer_id IS NULL AND o.leads IS NOT NULL AS is_new,
        COALESCE(t.customer_id, CASE WHEN o.leads IS NOT NULL THEN {2} END) AS customer_id
      FROM linkage.customer_change AS t
      CROSS JOIN LATERAL (
        SELECT array_agg(u.lead_id) AS leads, array_agg(u.mark) AS marks
        FROM unnest(t.lead_ids, t.marks) AS u (lead_id, mark)
        CROSS JOIN LATERAL (
          SELECT
          FROM {lead} AS l
          WHERE l.{lead.key} = u.lead_id::{lead.key:type}
            AND CASE WHEN t.group_type = 'follow' THEN l.{lead.customer} = t.customer_id::{lead.customer:type} ELSE l.{lead.customer} IS NULL AND {3} = u.mark END
          OFFSET 0
        ) AS l
        WHERE t.customer_id IS NULL
          OR EXISTS (SELECT FROM {customer} AS c WHERE c.{customer.key} = t.customer_id::{customer.key:type} OFFSET 0)
      ) AS o
      WHERE {1}
    ),
    made AS ({4})
    SELECT
      array_agg(i.ordinal) AS ordinals, array_agg(u.lead_id) AS leads, array_agg(u.mark) AS marks, array_agg(i.customer_id) AS customers,
      array_agg(i.follows) AS follows, (SELECT array_agg(m.key) FROM made m) AS made,
      (SELECT array_agg(i.ordinal) FROM item i WHERE i.is_new) AS new_ordinals,
      (SELECT array_agg(i.customer_id) FROM item i WHERE i.is_new) AS new_customers
    FROM item i
    CROSS JOIN LATERAL unnest(i.leads, i.marks) AS u (lead_id, mark)
    $sql$,
    items,
    CASE WHEN mode = 'apply' THEN format('(%s)::text', new_values ->> 'key') ELSE quote_literal('') END,
    linkage.lead_mark(),
    CASE WHEN mode <> 'apply' THEN 'SELECT i.customer_id AS key FROM item i WHERE i.is_new' ELSE linkage.customer_sql(
      $sql$
      INSERT INTO {customer} AS c ({1}) OVERRIDING SYSTEM VALUE
      SELECT {2}
      FROM (
        SELECT
          i.*,
          jsonb_build_object(
            'groupType', i.group_type, 'groupKey', i.group_key, 'leadCount', cardinality(i.leads), 'multipleLeads', cardinality(i.leads) > 1,
            'createdBy', 'Invoke-CustomerBackfill', 'createdAt', to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')) AS metadata
        FROM item i
        WHERE i.is_new
        ORDER BY i.ordinal
      ) AS i
      ON CONFLICT DO NOTHING
      RETURNING {c.key} AS key
      $sql$,
      (SELECT string_agg(quote_ident(n), ', ') FROM jsonb_array_elements_text(new_values -> 'columns') AS n),
      (SELECT string_agg(v, ', ') FROM jsonb_array_elements_text(new_values -> 'values') AS v)) END)
  INTO wanted;
  ordinals := COALESCE(wanted.ordinals, '{}');
  leads := COALESCE(wanted.leads, '{}');
  marks := COALESCE(wanted.marks, '{}');
  customers := COALESCE(wanted.customers, '{}');
  follows := COALESCE(wanted.follows, '{}');
  made := COALESCE(wanted.made, '{}');
  noted_ordinals := COALESCE(wanted.new_ordinals, '{}');
  noted_kinds := array_fill('made'::text, ARRAY[cardinality(noted_ordinals)]);
  noted := COALESCE(wanted.new_customers, '{}');

  IF cardinality(made) < cardinality(noted) THEN
    FOR i IN 1 .. cardinality(noted) LOOP
      IF noted[i] <> ALL (made) THEN
        holder := linkage.clashing_customer(items, noted_ordinals[i]);
        customers := array_replace(customers, noted[i], holder);
        noted_kinds[i] := 'clash';
        noted[i] := COALESCE(holder, '');
      END IF;
    END LOOP;
  END IF;
END
$$;

-- The customer that has the phone or the e-mail which the customer of a row would have, the oldest; null where there is none.
CREATE OR REPLACE FUNCTION linkage.clashing_customer(items text, of_ordinal bigint) RETURNS text
LANGUAGE plpgsql STABLE
AS $$
DECLARE
  holder text;
BEGIN
  EXECUTE linkage.customer_sql(
    $sql$
    SELECT {c.key}
    FROM linkage.customer_change AS t
    JOIN {customer} AS c ON {c.phone} = t.phone OR lower(btrim({c.email})) = t.email
    WHERE {1} AND t.ordinal = $1
    ORDER BY {c.created_at}, {2}
    LIMIT 1
    $sql$, items, linkage.key_order(linkage.customer_sql('{c.key}'), linkage.customer_sql('{customer.key:type}')))
  INTO holder
  USING of_ordinal;
  RETURN holder;
END
$$;

-- Links leads that are still as they were: returns those that were. What only follows a lead is none of the lead's business; in a dry run
-- nothing is.
-- Plan: the leads' key for each. How many there are is hidden from the planner, which would else read all leads.
CREATE OR REPLACE FUNCTION linkage.link_leads(
  given_ordinals bigint[], given_leads text[], given_marks bigint[], given_customers text[], given_follows boolean[], mode text,
  OUT ordinals bigint[], OUT leads text[], OUT customers text[])
LANGUAGE plpgsql
AS $$
DECLARE
  linked record;
BEGIN
  IF mode <> 'apply' THEN
    ordinals := given_ordinals;
    leads := given_leads;
    customers := given_customers;
    RETURN;
  END IF;
  EXECUTE linkage.customer_sql(
    $sql$
    WITH given AS MATERIALIZED (
      SELECT *
      FROM unnest((SELECT $1), (SELECT $2), (SELECT $3), (SELECT $4), (SELECT $5)) AS g (ordinal, lead_id, mark, customer_id, follows)
    ),
    linked AS (
      UPDATE {lead} AS l
      SET {lead.customer} = g.customer_id::{lead.customer:type}
      FROM given g
      WHERE l.{lead.key} = g.lead_id::{lead.key:type} AND l.{lead.customer} IS NULL AND {1} = g.mark
        AND NOT g.follows AND g.customer_id IS NOT NULL
      RETURNING g.ordinal, g.lead_id, {l.customer} AS customer_id
    )
    SELECT array_agg(d.ordinal) AS ordinals, array_agg(d.lead_id) AS leads, array_agg(d.customer_id) AS customers
    FROM (
      SELECT * FROM linked
      UNION ALL
      SELECT g.ordinal, g.lead_id, g.customer_id FROM given g WHERE g.follows
    ) AS d
    -- a trigger of the application may have had another opinion
    WHERE d.customer_id IS NOT NULL
    $sql$, linkage.lead_mark())
  INTO linked
  USING given_ordinals, given_leads, given_marks, given_customers, given_follows;
  ordinals := COALESCE(linked.ordinals, '{}');
  leads := COALESCE(linked.leads, '{}');
  customers := COALESCE(linked.customers, '{}');
END
$$;

-- Customers that were made in vain, since somebody else was faster with all of their leads, go at once.
CREATE OR REPLACE FUNCTION linkage.remove_idle_customers(made text[], used text[]) RETURNS void
LANGUAGE plpgsql
AS $$
BEGIN
  EXECUTE linkage.customer_sql(
    $sql$
    DELETE FROM {customer} AS c
    USING (SELECT unnest($1) EXCEPT SELECT unnest($2)) AS i (key)
    WHERE c.{customer.key} = i.key::{customer.key:type}
    $sql$)
  USING made, used;
END
$$;

-- Links what follows leads and has no customer. Plan: the index of the followers' lead for each lead.
CREATE OR REPLACE FUNCTION linkage.link_followers(
  relation text, key_column name, lead_column name, customer_column name, given_ordinals bigint[], given_leads text[], given_customers text[],
  mode text, OUT ordinals bigint[], OUT keys text[])
LANGUAGE plpgsql
AS $$
DECLARE
  moved record;
BEGIN
  EXECUTE linkage.customer_sql(
    $sql$
    WITH moved AS ({1})
    SELECT array_agg(m.ordinal) AS ordinals, array_agg(m.key) AS keys FROM moved m
    $sql$,
    linkage.customer_sql(
      CASE WHEN mode = 'apply' THEN
        $sql$
        UPDATE {1} AS f
        SET {4} = g.customer_id::{customer.key:type}
        FROM unnest((SELECT $1), (SELECT $2), (SELECT $3)) AS g (ordinal, lead_id, customer_id)
        WHERE f.{3} = g.lead_id::{lead.key:type} AND f.{4} IS NULL
        RETURNING g.ordinal, {2} AS key
        $sql$
      ELSE
        $sql$
        SELECT g.ordinal, {2} AS key
        FROM unnest((SELECT $1), (SELECT $2), (SELECT $3)) AS g (ordinal, lead_id, customer_id)
        JOIN {1} AS f ON f.{3} = g.lead_id::{lead.key:type} AND f.{4} IS NULL
        $sql$
      END,
      relation, linkage.column_text(relation, key_column, 'f'), quote_ident(lead_column), quote_ident(customer_column)))
  INTO moved
  USING given_ordinals, given_leads, given_customers;
  ordinals := COALESCE(moved.ordinals, '{}');
  keys := COALESCE(moved.keys, '{}');
END
$$;
