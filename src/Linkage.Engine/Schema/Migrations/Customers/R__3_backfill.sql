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

-- What a new row of a table gets where it is given nothing: the values of columns that demand one and have no default. A key is made, a
-- time is now; null where nobody can know.
CREATE OR REPLACE FUNCTION linkage.demanded_values(relation text, given text[]) RETURNS TABLE (column_name text, expression text)
LANGUAGE sql STABLE
AS $$
  SELECT
    a.attname::text,
    CASE
      WHEN a.atttypid IN ('timestamptz'::regtype, 'timestamp'::regtype, 'date'::regtype) THEN 'now()'
      WHEN NOT EXISTS (
        SELECT
        FROM pg_catalog.pg_index i
        WHERE i.indrelid = a.attrelid AND i.indisunique AND i.indnkeyatts = 1 AND i.indkey[0] = a.attnum)
        THEN NULL
      WHEN a.atttypid = 'uuid'::regtype THEN 'gen_random_uuid()'
      WHEN a.atttypid IN ('text'::regtype, 'varchar'::regtype) THEN 'gen_random_uuid()::text'
    END
  FROM pg_catalog.pg_attribute a
  WHERE a.attrelid = to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped AND a.attnotnull
    AND NOT a.atthasdef AND a.attidentity = '' AND a.attname <> ALL ($2)
  ORDER BY a.attnum
$$;

-- Refuses to write to a table that demands what nobody can know.
CREATE OR REPLACE FUNCTION linkage.refuse_unknown_values(relation text, given text[]) RETURNS void
LANGUAGE plpgsql STABLE
AS $$
DECLARE
  missing text := (
    SELECT string_agg(quote_ident(d.column_name), ', ') FROM linkage.demanded_values(relation, given) d WHERE d.expression IS NULL);
BEGIN
  IF missing IS NOT NULL THEN
    RAISE EXCEPTION USING
      ERRCODE = 'LK042',
      MESSAGE = format('No row can be added to %s: it demands values that Linkage does not have: %s.', relation, missing),
      HINT = 'Give these columns a default, let them be null, or map them with Register-CustomerTable.';
  END IF;
END
$$;

-- How a customer is made from alias i, which has name, phone, email, group_key and metadata: {"columns", "values", and "key", an
-- expression that makes its key}. The key is made before the row, so that the row is known by it. A name that is too long is cut off; a
-- phone or an e-mail that does not fit is left out, as part of it would be another's.
CREATE OR REPLACE FUNCTION linkage.new_customer_values() RETURNS jsonb
LANGUAGE plpgsql STABLE
AS $$
DECLARE
  entry linkage.customer_table := linkage.customer_role('customer');
  made  jsonb;
BEGIN
  PERFORM linkage.refuse_unknown_values(
    entry.relation, ARRAY(SELECT m.value FROM jsonb_each_text(entry.columns) AS m WHERE m.key NOT IN ('key', 'created_at')));
  SELECT jsonb_build_object(
    'key', (
      SELECT COALESCE(
        pg_catalog.pg_get_expr(d.adbin, d.adrelid),
        CASE WHEN a.attidentity <> '' THEN
          format('nextval(%L::regclass)', pg_catalog.pg_get_serial_sequence(entry.relation, entry.columns ->> 'key')) END,
        v.expression)
      FROM pg_catalog.pg_attribute a
      LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
      LEFT JOIN linkage.demanded_values(entry.relation, '{}') v ON v.column_name = a.attname
      WHERE a.attrelid = to_regclass(entry.relation) AND a.attname = entry.columns ->> 'key'
    ),
    'columns', string_agg(quote_ident(w.column_name), ', ' ORDER BY w.column_name),
    'values', string_agg(w.expression, ', ' ORDER BY w.column_name))
  INTO made
  FROM (
    SELECT
      a.attname::text,
      CASE
        WHEN m.key = 'key' THEN format('i.customer_id::%s', t.name)
        WHEN m.key = 'name' THEN format(
          CASE WHEN a.attnotnull THEN 'COALESCE(i.name, i.phone, i.email, i.group_key)::%s' ELSE 'i.name::%s' END, t.name)
        WHEN m.key IN ('phone', 'email') AND a.atttypmod > -1 THEN
          format('CASE WHEN i.%1$s::%2$s::text = i.%1$s THEN i.%1$s::%2$s END', m.key, t.name)
        ELSE format('i.%s::%s', m.key, t.name)
      END
    FROM jsonb_each_text(entry.columns) AS m
    JOIN pg_catalog.pg_attribute a ON a.attrelid = to_regclass(entry.relation) AND a.attname = m.value AND NOT a.attisdropped
    CROSS JOIN LATERAL (SELECT format_type(a.atttypid, a.atttypmod)) AS t (name)
    WHERE m.key <> 'created_at'
    UNION ALL
    SELECT d.column_name, d.expression
    FROM linkage.demanded_values(
      entry.relation, ARRAY(SELECT m.value FROM jsonb_each_text(entry.columns) AS m WHERE m.key <> 'created_at')) d
  ) AS w (column_name, expression);
  IF made ->> 'key' IS NULL THEN
    RAISE EXCEPTION USING
      ERRCODE = 'LK042',
      MESSAGE = format('Customers can''t be made: key %I of %s has no default.', entry.columns ->> 'key', entry.relation),
      HINT = format(
        'Give it one: ALTER TABLE %s ALTER COLUMN %I ADD GENERATED BY DEFAULT AS IDENTITY.', entry.relation, entry.columns ->> 'key');
  END IF;
  RETURN made;
END
$$;

-- How a row of the application's audit is made from $1, its payload: {"columns", "values"}; null where there is no such table.
CREATE OR REPLACE FUNCTION linkage.new_audit_values() RETURNS jsonb
LANGUAGE plpgsql STABLE
AS $$
DECLARE
  entry linkage.customer_table;
BEGIN
  IF NOT linkage.customer_has('audit') THEN
    RETURN NULL;
  END IF;
  entry := linkage.customer_role('audit');
  PERFORM linkage.refuse_unknown_values(entry.relation, ARRAY[entry.columns ->> 'action', entry.columns ->> 'payload']);
  RETURN (
    SELECT jsonb_build_object('columns', string_agg(quote_ident(w.column_name), ', '), 'values', string_agg(w.expression, ', '))
    FROM (
      SELECT entry.columns ->> 'action', quote_literal('backfill_customers')
      UNION ALL
      SELECT entry.columns ->> 'payload', format('$1::%s', linkage.customer_type(entry, 'payload'))
      UNION ALL
      SELECT d.column_name, d.expression
      FROM linkage.demanded_values(entry.relation, ARRAY[entry.columns ->> 'action', entry.columns ->> 'payload']) d
    ) AS w (column_name, expression));
END
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

-- For the rest of a transaction, memory to sort a million leads without files.
CREATE OR REPLACE FUNCTION linkage.allow_sorting() RETURNS void
LANGUAGE sql
AS $$
  SELECT pg_catalog.set_config('work_mem', '64MB', true)
  FROM pg_catalog.pg_settings s
  WHERE s.name = 'work_mem' AND s.setting::bigint < 65536
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
      new_values ->> 'columns', new_values ->> 'values') END)
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
