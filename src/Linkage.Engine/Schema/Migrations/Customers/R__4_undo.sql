-- Undo of backfills. Leads and what follows them lose the customer that the run gave them, if they still have it; a customer that the run
-- made goes, with its addresses, if nobody has changed it or come to refer to it since. The undo writes the same journal, so that an undo
-- is undone by the same function: what lost its customer gets it again, and customers and addresses return from their copies.

-- The rows of a run's journal that an undo has to take back. Plan: the journal's key.
CREATE OR REPLACE FUNCTION linkage.customer_changes_of_run(walk jsonb) RETURNS text
LANGUAGE sql STABLE
AS $$
  SELECT linkage.changes_to_undo(
    ($1 ->> 'run')::uuid, ARRAY['created', 'reused', 'followed', 'restored', 'removed', 'released'])
$$;

-- One batch, each step a statement of its own. What could not be done before is tried again as it was meant then; all else is turned round.
CREATE OR REPLACE FUNCTION linkage.undo_customer_changes(run_id uuid, walk jsonb, key_set jsonb, mode text) RETURNS jsonb
LANGUAGE plpgsql
AS $$
DECLARE
  items     text := format('%s AND %s', linkage.candidates(walk), linkage.key_set_condition(walk, key_set));
  asked     record;
  lead      linkage.customer_table;
  gone      record;
  did       record;
  follower  record;
  -- what became of the batch, entry by entry: linkage.note_customer_undo reads it
  ordinals  bigint[] := '{}';
  kinds     text[] := '{}';
  entries   text[] := '{}';
  faults    text[] := '{}';
BEGIN
  EXECUTE format(
    $sql$
    SELECT
      min(CASE WHEN (t.outcome = 'conflict') = (t.action = 'link') THEN 'link' ELSE 'unlink' END) AS action,
      -- leads that were linked before are not the run's
      array_agg(t.ordinal) FILTER (WHERE l.lead_id IS NOT NULL) AS ordinals,
      array_agg(l.lead_id) FILTER (WHERE l.lead_id IS NOT NULL) AS leads,
      array_agg(t.customer_id) FILTER (WHERE l.lead_id IS NOT NULL) AS customers
    FROM linkage.customer_change AS t
    LEFT JOIN LATERAL unnest(t.lead_ids) AS l (lead_id)
      ON t.group_type <> 'follow' AND (t.left_out IS NULL OR l.lead_id <> ALL (t.left_out))
    WHERE %s
    $sql$, items)
  INTO asked;

  IF asked.action = 'link' AND NOT walk ? 'fault' THEN
    gone := linkage.restore_customers(items, mode);
    ordinals := gone.ordinals;
    kinds := gone.kinds;
    entries := gone.entries;
    faults := gone.faults;
  END IF;
  IF NOT walk ? 'fault' THEN
    lead := linkage.customer_role('lead');
    did := linkage.change_links(
      lead.relation, lead.columns ->> 'key', lead.columns ->> 'customer', 'lead', asked.action, asked.ordinals, asked.leads, asked.customers,
      mode);
    ordinals := ordinals || did.ordinals;
    kinds := kinds || did.kinds;
    entries := entries || did.entries;
    faults := faults || did.faults;
    FOR follower IN
      EXECUTE format(
        $sql$
        SELECT r.relation, array_agg(t.ordinal) AS ordinals, array_agg(k.key) AS keys, array_agg(t.customer_id) AS customers
        FROM linkage.customer_change AS t
        CROSS JOIN LATERAL jsonb_each(t.followers) AS r (relation, keys)
        CROSS JOIN LATERAL jsonb_array_elements_text(r.keys) AS k (key)
        WHERE %s
        GROUP BY r.relation
        $sql$, items)
    LOOP
      did := linkage.change_links(
        follower.relation,
        (SELECT f.key_column FROM linkage.customer_followers() f WHERE f.relation = follower.relation),
        (SELECT f.customer_column FROM linkage.customer_followers() f WHERE f.relation = follower.relation),
        follower.relation, asked.action, follower.ordinals, follower.keys, follower.customers, mode);
      ordinals := ordinals || did.ordinals;
      kinds := kinds || did.kinds;
      entries := entries || did.entries;
      faults := faults || did.faults;
    END LOOP;
  END IF;
  IF asked.action = 'unlink' AND NOT walk ? 'fault' THEN
    gone := linkage.remove_made_customers(items, walk -> 'columns', mode);
    ordinals := ordinals || gone.ordinals;
    kinds := kinds || gone.kinds;
    entries := entries || gone.entries;
    faults := faults || gone.faults;
  END IF;
  RETURN linkage.note_customer_undo(run_id, items, asked.action, walk ->> 'fault', mode, ordinals, kinds, entries, faults);
END
$$;

-- Gives rows of a table their customer (link), or takes it away (unlink), each if it still has what it had. Entries are of the given kind,
-- with the row's key, and a fault where somebody changed it since; what is gone, or as it should be already, has none.
-- Plan: the table's key for each row. How many there are is hidden from the planner, which would else read the whole table.
CREATE OR REPLACE FUNCTION linkage.change_links(
  relation text, key_column text, customer_column text, kind text, action text, asked_ordinals bigint[], asked_keys text[], asked_customers text[],
  mode text, OUT ordinals bigint[], OUT kinds text[], OUT entries text[], OUT faults text[])
LANGUAGE plpgsql
AS $$
DECLARE
  links    boolean := action = 'link';
  key_type text := linkage.cast_type(relation, key_column);
  done     record;
  refused  record;
BEGIN
  IF asked_ordinals IS NULL THEN
    ordinals := '{}';
    kinds := '{}';
    entries := '{}';
    faults := '{}';
    RETURN;
  ELSIF key_type IS NULL THEN
    ordinals := asked_ordinals;
    kinds := array_fill(kind, ARRAY[cardinality(ordinals)]);
    entries := asked_keys;
    faults := array_fill(format('%s is gone, or not registered any more', relation), ARRAY[cardinality(ordinals)]);
    RETURN;
  END IF;

  EXECUTE linkage.customer_sql(
    $sql$
    WITH changed AS ({1})
    SELECT COALESCE(array_agg(c.ordinal), '{}') AS ordinals, COALESCE(array_agg(c.key), '{}') AS keys FROM changed c
    $sql$,
    linkage.customer_sql(
      CASE WHEN mode = 'apply' THEN
        $sql$
        UPDATE {1} AS t
        SET {3} = {5}
        FROM unnest((SELECT $1), (SELECT $2), (SELECT $3)) AS a (ordinal, key, customer_id)
        WHERE t.{2} = a.key::{4} AND {6}
        RETURNING a.ordinal, a.key
        $sql$
      ELSE
        $sql$
        SELECT a.ordinal, a.key
        FROM unnest((SELECT $1), (SELECT $2), (SELECT $3)) AS a (ordinal, key, customer_id)
        JOIN {1} AS t ON t.{2} = a.key::{4} AND {7}
        $sql$
      END,
      relation, quote_ident(key_column), quote_ident(customer_column), key_type,
      CASE WHEN links THEN linkage.customer_sql('a.customer_id::{customer.key:type}') ELSE 'NULL' END,
      linkage.customer_sql(
        CASE WHEN links THEN
          't.{1} IS NULL AND EXISTS (SELECT FROM {customer} AS c WHERE c.{customer.key} = a.customer_id::{customer.key:type})'
        ELSE 't.{1} = a.customer_id::{customer.key:type}' END, quote_ident(customer_column)),
      -- the customer is not back yet
      linkage.customer_sql(
        CASE WHEN links THEN 't.{1} IS NULL' ELSE 't.{1} = a.customer_id::{customer.key:type}' END, quote_ident(customer_column))))
  INTO done
  USING asked_ordinals, asked_keys, asked_customers;

  EXECUTE linkage.customer_sql(
    $sql$
    SELECT
      COALESCE(array_agg(a.ordinal), '{}') AS ordinals, COALESCE(array_agg(a.key), '{}') AS keys,
      COALESCE(
        array_agg(CASE
          WHEN t.customer_id IS NULL THEN 'its customer is gone, or a trigger of the application kept it without'
          WHEN t.is_same THEN 'a trigger of the application kept its customer'
          ELSE 'it has another customer now'
        END), '{}') AS faults
    FROM unnest((SELECT $1), (SELECT $2), (SELECT $3)) AS a (ordinal, key, customer_id)
    CROSS JOIN LATERAL (
      SELECT t.{3} AS customer_id, t.{3} = a.customer_id::{customer.key:type} AS is_same FROM {1} AS t WHERE t.{2} = a.key::{4} OFFSET 0
    ) AS t
    WHERE {5}
    $sql$,
    relation, quote_ident(key_column), quote_ident(customer_column), key_type,
    CASE
      WHEN mode <> 'apply' THEN 'NOT t.is_same'
      WHEN links THEN 't.is_same IS NOT TRUE'
      ELSE 't.customer_id IS NOT NULL'
    END)
  INTO refused
  USING asked_ordinals, asked_keys, asked_customers;
  ordinals := done.ordinals || refused.ordinals;
  kinds := array_fill(kind, ARRAY[cardinality(ordinals)]);
  entries := done.keys || refused.keys;
  faults := array_fill(NULL::text, ARRAY[cardinality(done.ordinals)]) || refused.faults;
END
$$;

-- Writes down what became of a batch, and counts it; in a preview it only counts. Of each row what was done is one row of the undo's
-- journal, and what could not be done another, under the negative number, so that it can be tried again.
-- Plan: the journal's key for each row; everything else is one sort of the entries.
CREATE OR REPLACE FUNCTION linkage.note_customer_undo(
  of_run uuid, items text, action text, fault text, mode text, ordinals bigint[], kinds text[], entries text[], faults text[]) RETURNS jsonb
LANGUAGE plpgsql
AS $$
DECLARE
  result jsonb;
BEGIN
  EXECUTE linkage.customer_sql(
    $sql$
    WITH part AS (
      SELECT
        e.ordinal, e.is_done, count(*) OVER (PARTITION BY e.ordinal) AS parts,
        min(e.entries) FILTER (WHERE e.kind = 'lead') AS leads,
        (min(e.entries) FILTER (WHERE e.kind = 'customer'))[1] AS customer,
        jsonb_object_agg(e.kind, to_jsonb(e.entries)) FILTER (WHERE e.kind NOT IN ('lead', 'customer', 'item')) AS followers,
        left(string_agg(e.reason, '; ' ORDER BY e.reason), 500) AS reason
      FROM (
        SELECT
          e.ordinal, e.fault IS NULL AS is_done, e.kind, array_agg(e.entry) AS entries,
          -- told once for all of a kind
          CASE e.kind WHEN 'customer' THEN '' WHEN 'lead' THEN 'a lead: ' ELSE format('a row of %s: ', e.kind) END || min(e.fault) AS reason
        FROM unnest((SELECT $2), (SELECT $3), (SELECT $4), (SELECT $5)) AS e (ordinal, kind, entry, fault)
        GROUP BY e.ordinal, e.fault IS NULL, e.kind
        UNION ALL
        SELECT t.ordinal, NULL, 'item', '{}', NULL FROM linkage.customer_change AS t WHERE {1}
      ) AS e
      GROUP BY e.ordinal, e.is_done
    ),
    undone AS MATERIALIZED (
      SELECT
        abs(t.ordinal) AS ordinal, t.group_type, t.group_key, t.customer_id, t.name, t.phone, t.email, t.fingerprint, t.copy AS former,
        CASE WHEN $6 IS NULL THEN p.is_done ELSE false END AS is_done,
        CASE WHEN $6 IS NULL THEN COALESCE(p.leads, '{}') ELSE t.own_leads END AS leads,
        CASE WHEN $6 IS NULL THEN p.customer WHEN t.fingerprint IS NOT NULL OR t.copy IS NOT NULL THEN '{}' END AS customer,
        CASE WHEN $6 IS NULL THEN p.followers ELSE t.followers END AS followers,
        COALESCE($6, p.reason) AS reason
      FROM part p
      CROSS JOIN LATERAL (
        SELECT
          t.*,
          CASE WHEN t.group_type = 'follow' THEN '{}' ELSE
            ARRAY(SELECT l FROM unnest(t.lead_ids) AS l WHERE t.left_out IS NULL OR l <> ALL (t.left_out)) END AS own_leads
        FROM linkage.customer_change AS t
        WHERE {1} AND t.ordinal = p.ordinal
        OFFSET 0
      ) AS t
      WHERE p.is_done IS NOT NULL OR p.parts = 1
    ){2},
    examined AS (
      SELECT
        COALESCE(min(u.group_key), 'customer ' || min(u.customer_id)) AS record, bool_or(u.is_done) IS TRUE AS is_done,
        bool_or(NOT u.is_done) IS TRUE AS is_conflict, string_agg(u.reason, '; ') AS reason
      FROM undone u
      GROUP BY u.ordinal
      ORDER BY u.ordinal
    )
    {3}
    $sql$,
    items,
    CASE WHEN mode = 'preview' THEN '' ELSE
      $sql$,
      written AS (
        INSERT INTO linkage.customer_change (
          run_id, ordinal, action, group_type, group_key, lead_ids, customer_id, name, phone, email, outcome, followers, fingerprint, copy, reason,
          dry_run)
        SELECT
          $1, CASE WHEN u.is_done IS FALSE THEN -u.ordinal ELSE u.ordinal END, $7, u.group_type, u.group_key, u.leads, u.customer_id, u.name,
          u.phone, u.email,
          CASE
            WHEN u.is_done IS NULL THEN 'unchanged'
            WHEN NOT u.is_done THEN 'conflict'
            WHEN $7 = 'link' THEN 'restored'
            WHEN u.customer IS NOT NULL THEN 'removed'
            ELSE 'released'
          END,
          u.followers,
          -- by it a later undo knows the customer again, and so does this one if it still has to remove it
          CASE WHEN u.customer IS NOT NULL AND (u.is_done OR $7 = 'unlink') THEN u.fingerprint END,
          -- what a later undo brings back, and what this one still has to
          CASE
            WHEN u.customer IS NULL THEN NULL
            WHEN $7 = 'unlink' AND u.is_done THEN u.customer::jsonb
            WHEN $7 = 'link' AND NOT u.is_done THEN u.former
          END,
          u.reason, $8
        FROM undone u
      )
      $sql$ END,
    linkage.batch_summary(
      '{"rolled_back": "is_done", "unchanged": "NOT is_done AND NOT is_conflict", "conflicts": "is_conflict"}',
      $json${"record": "record", "outcome": "CASE WHEN is_conflict THEN 'conflict' WHEN is_done THEN 'undone' ELSE 'unchanged' END",
        "reason": "reason"}$json$))
  INTO result
  USING of_run, ordinals, kinds, entries, faults, fault, action, mode = 'dry run';
  RETURN result;
END
$$;

-- Ends an undo: the row of the application's audit that the backfill wrote says that it was undone, or no more when the undo was undone.
CREATE OR REPLACE FUNCTION linkage.finish_customer_undo(run_id uuid, walk jsonb) RETURNS void
LANGUAGE plpgsql
AS $$
DECLARE
  run    linkage.run := linkage.find_run(run_id);
  first  linkage.run := run;
  undone boolean := false;
BEGIN
  IF run.dry_run OR NOT linkage.customer_has('audit') THEN
    RETURN;
  END IF;
  WHILE first.undoes IS NOT NULL LOOP
    first := linkage.find_run(first.undoes);
    undone := NOT undone;
  END LOOP;
  EXECUTE linkage.customer_sql(
    $sql$
    UPDATE {audit} AS d
    SET {audit.payload} = (CASE WHEN $2 THEN d.{audit.payload}::jsonb || $3 ELSE d.{audit.payload}::jsonb - '{undoneAt,undoneBy}'::text[] END)
      ::{audit.payload:type}
    WHERE d.{audit.action} = 'backfill_customers' AND d.{audit.payload} ->> 'runId' = $1::text
    $sql$)
  USING first.id, undone, jsonb_build_object(
    'undoneAt', to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'), 'undoneBy', session_user);
END
$$;
