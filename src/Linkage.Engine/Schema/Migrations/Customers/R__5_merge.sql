-- Merging customers: all that refers to them moves to one of them, what that one lacks is filled in, the others go and leave a redirect.
-- One merge is one batch, and so one transaction.

-- The work, as Runs wants it described. What can't be merged is refused here, before there is a run.
CREATE OR REPLACE FUNCTION linkage.customer_merge_work(merged text[], survivor text, policy text) RETURNS jsonb
LANGUAGE plpgsql STABLE
AS $$
DECLARE
  into_id  text := linkage.known_customer(survivor);
  from_ids text[] := ARRAY(
    SELECT c.id
    FROM (SELECT linkage.known_customer(m.id), m.ordinal FROM unnest(merged) WITH ORDINALITY AS m (id, ordinal)) AS c (id, ordinal)
    GROUP BY c.id
    ORDER BY min(c.ordinal));
BEGIN
  IF into_id = ANY (from_ids) THEN
    RAISE EXCEPTION USING
      ERRCODE = 'LK045', MESSAGE = format('Customer %s can''t be merged into itself.', into_id), TABLE = into_id,
      HINT = 'Leave it out of those that are merged.';
  ELSIF cardinality(from_ids) = 0 THEN
    RAISE EXCEPTION USING ERRCODE = 'LK045', MESSAGE = 'No customer is given that is to be merged.';
  ELSIF policy IS NULL OR policy NOT IN ('KeepSurvivor', 'KeepNewest', 'Fail') THEN
    RAISE EXCEPTION USING
      ERRCODE = 'LK045', MESSAGE = format('%L is no policy for rows that clash.', policy), HINT = 'It is KeepSurvivor, KeepNewest or Fail.';
  END IF;
  RETURN linkage.single_batch_work(
    'CustomerMerge', 'merge_customers', jsonb_build_object('from', from_ids, 'into', into_id, 'policy', policy));
END
$$;

-- Work on customers that is one batch: its walk is the run's own row. It is undone as one batch as well.
CREATE OR REPLACE FUNCTION linkage.single_batch_work(kind text, batch text, asked jsonb) RETURNS jsonb
LANGUAGE sql STABLE
AS $$
  SELECT jsonb_build_object(
    'kind', kind,
    'target', c.relation,
    'batch', batch,
    'walk', w.walk || asked,
    'undo', jsonb_build_object(
      'batch', 'undo_customer_moves', 'refuse', 'refuse_later_moves', 'changes', '[]'::jsonb, 'walk', w.walk))
  FROM linkage.customer_role('customer') c
  CROSS JOIN LATERAL (
    SELECT jsonb_build_object(
      'changed', c.relation, 'table', 'linkage.run', 'key', jsonb_build_array('id'), 'candidates', 'run_of_walk', 'is_sequential', true)
  ) AS w (walk)
$$;

-- Customers by their ids: copies of the rows, in that order. Those that are not there are left out.
-- Plan: the customers' key.
CREATE OR REPLACE FUNCTION linkage.customer_copies(ids text[]) RETURNS jsonb[]
LANGUAGE plpgsql STABLE
AS $$
DECLARE
  customer linkage.customer_table := linkage.customer_role('customer');
  copies   jsonb[];
BEGIN
  EXECUTE format(
    'SELECT array_agg(%s ORDER BY i.ordinal) FROM unnest($1) WITH ORDINALITY AS i (id, ordinal) JOIN %s AS t ON t.%I = i.id::%s',
    linkage.row_text('t', linkage.stored_columns(customer.relation::regclass)), customer.relation, customer.columns ->> 'key',
    linkage.customer_type(customer, 'key'))
  INTO copies
  USING ids;
  RETURN COALESCE(copies, '{}');
END
$$;

-- A customer's id as the table has it, or an error: it is no id, there is no such customer, or it was merged into another.
CREATE OR REPLACE FUNCTION linkage.known_customer(wanted text) RETURNS text
LANGUAGE plpgsql STABLE
AS $$
DECLARE
  resolved record;
BEGIN
  SELECT * INTO resolved FROM linkage.resolve_customer(wanted);
  IF resolved.customer_id IS NULL OR NOT resolved.is_there OR resolved.steps > 0 THEN
    RAISE EXCEPTION USING
      ERRCODE = 'LK045',
      MESSAGE = CASE
        WHEN resolved.customer_id IS NULL THEN format('%L is no id of a customer.', wanted)
        WHEN resolved.steps > 0 AND resolved.is_there THEN format('Customer %s was merged into %s.', wanted, resolved.customer_id)
        ELSE format('There is no customer %s.', wanted)
      END,
      TABLE = wanted,
      HINT = CASE WHEN resolved.steps > 0 AND resolved.is_there THEN 'Give that one.' ELSE '' END;
  END IF;
  RETURN resolved.customer_id;
END
$$;

-- Who a customer is by now: itself while its row is there, else the one that took its place, and so on. steps: how many merges lie between;
-- is_there: whether there is a row; run_id, merged_at: the merge that took the customer away. customer_id is null where the text is no id.
-- Plan: the customers' key, the redirects' key for each step.
CREATE OR REPLACE FUNCTION linkage.resolve_customer(wanted text)
RETURNS TABLE (customer_id text, is_there boolean, steps integer, run_id uuid, merged_at timestamptz)
LANGUAGE plpgsql STABLE
AS $$
DECLARE
  redirect linkage.customer_redirect;
  seen     text[] := '{}';
BEGIN
  BEGIN
    EXECUTE linkage.customer_sql(
      'SELECT {c.key} FROM (SELECT $1::{customer.key:type} AS {customer.key}) AS c') INTO customer_id USING wanted;
  EXCEPTION WHEN data_exception THEN
    RETURN NEXT;
    RETURN;
  END;
  steps := 0;
  LOOP
    EXECUTE linkage.customer_sql(
      'SELECT EXISTS (SELECT FROM {customer} AS c WHERE c.{customer.key} = $1::{customer.key:type})') INTO is_there USING customer_id;
    EXIT WHEN is_there OR customer_id IS NULL;
    SELECT * INTO redirect FROM linkage.customer_redirect r WHERE r.from_id = customer_id;
    -- A customer that came back under its old id, was merged again and so on may lead round in a circle.
    EXIT WHEN NOT FOUND OR redirect.into_id = ANY (seen);
    seen := seen || customer_id;
    steps := steps + 1;
    run_id := COALESCE(run_id, redirect.run_id);
    merged_at := COALESCE(merged_at, redirect.merged_at);
    customer_id := redirect.into_id;
  END LOOP;
  RETURN NEXT;
END
$$;

-- The merge. TimeZone, DateStyle and their like make the copies of rows the same in every session.
CREATE OR REPLACE FUNCTION linkage.merge_customers(run_id uuid, walk jsonb, key_set jsonb, mode text) RETURNS jsonb
LANGUAGE plpgsql
SET "TimeZone" = 'UTC' SET "DateStyle" = 'ISO, YMD' SET "IntervalStyle" = 'postgres' SET extra_float_digits = 1 SET bytea_output = 'hex'
AS $$
DECLARE
  customer linkage.customer_table := linkage.customer_role('customer');
  from_ids text[] := ARRAY(SELECT jsonb_array_elements_text(walk -> 'from'));
  into_id  text := walk ->> 'into';
  merged   jsonb[];
  survivor jsonb[];
  done     record;
  counts   jsonb;
  filled   bigint;
BEGIN
  PERFORM linkage.refuse_fault(walk, 'The customers were not merged');
  IF mode = 'apply' THEN
    -- Who adds rows to the survivor need not wait.
    EXECUTE linkage.customer_sql(
      'SELECT FROM {customer} AS c WHERE c.{customer.key} = $1::{customer.key:type} FOR NO KEY UPDATE') USING into_id;
    EXECUTE linkage.customer_sql(
      'SELECT FROM {customer} AS c WHERE c.{customer.key} = ANY ($1::{customer.key:type}[]) ORDER BY c.{customer.key} FOR UPDATE')
    USING from_ids;
  END IF;
  PERFORM linkage.known_customer(c.id) FROM unnest(into_id || from_ids) AS c (id);
  merged := linkage.customer_copies(from_ids);
  survivor := linkage.customer_copies(ARRAY[into_id]);

  done := linkage.replace_rows(
    run_id, 1, customer.relation::regclass, merged, array_fill(survivor[1], ARRAY[cardinality(merged)]), walk ->> 'policy', mode);
  counts := done.counts - ('removed ' || customer.relation);
  filled := linkage.fill_customer(run_id, done.step, into_id, merged, mode);
  IF mode = 'apply' THEN
    PERFORM linkage.redirect_customers(run_id, done.step + 1, from_ids, into_id);
    SET CONSTRAINTS ALL IMMEDIATE;
  END IF;

  RETURN jsonb_build_object(
    'counts', counts || linkage.sums_of_moves(counts)
      || jsonb_build_object('processed', cardinality(merged), 'merged', cardinality(merged), 'filled', filled),
    'sample', (
      SELECT jsonb_agg(jsonb_build_object('record', f.id, 'outcome', format('merged into %s', into_id)) ORDER BY f.ordinal)
      FROM unnest(from_ids) WITH ORDINALITY AS f (id, ordinal)
      WHERE f.ordinal <= 5));
END
$$;

-- Fills what the survivor lacks of name, phone and e-mail with that of the first merged one that has it; returns how many values.
CREATE OR REPLACE FUNCTION linkage.fill_customer(run_id uuid, step integer, into_id text, merged jsonb[], mode text) RETURNS bigint
LANGUAGE plpgsql
AS $$
DECLARE
  customer linkage.customer_table := linkage.customer_role('customer');
  survivor jsonb := (linkage.customer_copies(ARRAY[into_id]))[1];
  given    jsonb;
  columns  name[];
BEGIN
  SELECT jsonb_object_agg(c.name, v.value), array_agg(c.name ORDER BY c.name)
  INTO given, columns
  FROM unnest(ARRAY['name', 'phone', 'email']) AS r (role)
  CROSS JOIN LATERAL (SELECT (customer.columns ->> r.role)::name) AS c (name)
  CROSS JOIN LATERAL (
    SELECT m.copy ->> c.name::text
    FROM unnest(merged) WITH ORDINALITY AS m (copy, ordinal)
    WHERE btrim(m.copy ->> c.name::text) <> ''
    ORDER BY m.ordinal
    LIMIT 1
  ) AS v (value)
  WHERE COALESCE(btrim(survivor ->> c.name::text), '') = '';
  IF given IS NULL THEN
    RETURN 0;
  END IF;

  IF mode = 'apply' THEN
    EXECUTE format(
      'WITH filled AS (
         UPDATE %s AS t SET %s WHERE %s RETURNING %s AS row_key, %s AS after
       )
       INSERT INTO linkage.row_move (run_id, step, relation, action, row_key, before, after)
       SELECT $3, $4, %L, ''filled'', f.row_key, $5, f.after FROM filled AS f',
      customer.relation,
      (SELECT string_agg(format('%I = %s', c.name, linkage.row_value(customer.relation::regclass, c.name, '$1', c.name, true)), ', ')
       FROM unnest(columns) AS c (name)),
      linkage.is_row(customer.relation::regclass, '$2'), linkage.row_text('t', linkage.row_key_columns(customer.relation::regclass)),
      linkage.row_text('t', columns), customer.relation)
    USING given, survivor, run_id, step, (SELECT jsonb_object_agg(c.name, survivor -> c.name::text) FROM unnest(columns) AS c (name));
  END IF;
  RETURN cardinality(columns);
END
$$;

-- Says where merged customers went. Redirects of ids that are there are of no use any more, and go.
CREATE OR REPLACE FUNCTION linkage.redirect_customers(run_id uuid, step integer, merged text[], survivor text) RETURNS void
LANGUAGE plpgsql
AS $$
BEGIN
  PERFORM linkage.remove_rows(run_id, step, 'linkage.customer_redirect', r.copies, 'apply')
  FROM (
    SELECT array_agg(jsonb_build_object('from_id', r.from_id))
    FROM linkage.customer_redirect r
    WHERE r.from_id = ANY (merged || survivor)
  ) AS r (copies)
  WHERE r.copies IS NOT NULL;
  PERFORM linkage.create_rows(run_id, step + 1, 'linkage.customer_redirect', array_agg(jsonb_build_object(
    'from_id', m.id, 'into_id', survivor, 'run_id', run_id, 'merged_at', clock_timestamp()::text)))
  FROM unnest(merged) AS m (id);
END
$$;
