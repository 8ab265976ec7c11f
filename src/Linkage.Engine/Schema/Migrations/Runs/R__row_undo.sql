-- Undo of what was done to rows: statement by statement backwards, each row only if it still is what the run made of it.

-- Takes back what was done to rows: moved and filled get their values back, created goes, removed comes back. asked: the condition on alias t
-- for the rows of the journal.
CREATE OR REPLACE FUNCTION linkage.undo_row_moves(run_id uuid, asked text, mode text) RETURNS jsonb
LANGUAGE plpgsql
SET "TimeZone" = 'UTC' SET "DateStyle" = 'ISO, YMD' SET "IntervalStyle" = 'postgres' SET extra_float_digits = 1 SET bytea_output = 'hex'
AS $$
DECLARE
  past   record;
  number integer := 0;
  result jsonb := '{"counts": {"processed": 0, "rolled_back": 0, "unchanged": 0, "conflicts": 0}, "sample": []}';
  part   jsonb;
BEGIN
  FOR past IN EXECUTE format(
    'SELECT t.step, min(t.action) AS action FROM linkage.row_move AS t WHERE %s GROUP BY t.step ORDER BY t.step DESC', asked)
  LOOP
    number := number + 1;
    part := CASE
      WHEN past.action IN ('moved', 'filled') THEN linkage.undo_changes(run_id, number, format('%s AND t.step = %s', asked, past.step), mode)
      ELSE linkage.undo_rows(run_id, number, asked, past.step, mode)
    END;
    result := linkage.add_outcome(result, part);
  END LOOP;
  IF mode = 'apply' THEN
    SET CONSTRAINTS ALL IMMEDIATE;
  END IF;
  RETURN result;
END
$$;

-- Batches of a run that are to be undone, the last one first: each as one batch.
CREATE OR REPLACE FUNCTION linkage.row_batches_to_undo(walk jsonb) RETURNS text
LANGUAGE sql STABLE
AS $$ SELECT pg_catalog.format('t.run_id = %L', linkage.journal_to_undo(($1 ->> 'run')::uuid)) $$;

CREATE OR REPLACE FUNCTION linkage.undo_row_batches(run_id uuid, walk jsonb, key_set jsonb, mode text) RETURNS jsonb
LANGUAGE plpgsql
AS $$
DECLARE
  past   record;
  asked  text;
  result jsonb := '{"counts": {"processed": 0}, "sample": []}';
BEGIN
  FOR past IN EXECUTE format(
    'SELECT t.number, t.xact FROM linkage.row_batch AS t WHERE %s AND %s', linkage.candidates(walk), linkage.key_set_condition(walk, key_set))
  LOOP
    asked := format('%s AND t.xact = %L', linkage.changes_to_undo((walk ->> 'run')::uuid, ARRAY['done']), past.xact);
    result := CASE
      WHEN walk ? 'fault' THEN linkage.leave_row_moves(run_id, asked, format('batch %s', past.number), walk ->> 'fault', mode)
      ELSE linkage.undo_row_moves(run_id, asked, mode)
    END;
  END LOOP;
  IF mode = 'apply' THEN
    INSERT INTO linkage.row_batch (run_id) VALUES (undo_row_batches.run_id);
  END IF;
  RETURN result;
END
$$;

-- Notes that nothing of what was done to rows could be taken back, so that another undo tries it again.
CREATE OR REPLACE FUNCTION linkage.leave_row_moves(run_id uuid, asked text, label text, reason text, mode text) RETURNS jsonb
LANGUAGE plpgsql
AS $$
DECLARE
  amount bigint;
BEGIN
  EXECUTE format(
    'INSERT INTO linkage.row_move (run_id, step, relation, action, row_key, before, after, outcome, reason, dry_run)
     SELECT $1, t.step, t.relation, t.action, t.row_key, t.before, t.after, ''conflict'', $2, $3
     FROM linkage.row_move AS t
     WHERE %s
     ORDER BY t.id', asked)
  USING run_id, reason, mode = 'dry run';
  GET DIAGNOSTICS amount = ROW_COUNT;
  RETURN jsonb_build_object(
    'counts', jsonb_build_object('processed', amount, 'conflicts', amount),
    'sample', jsonb_build_array(jsonb_build_object('record', label, 'outcome', 'conflict', 'reason', reason)));
END
$$;

-- How such a run is undone: its undo, as Runs wants it described.
CREATE OR REPLACE FUNCTION linkage.undo_of_row_batches(relation regclass) RETURNS jsonb
LANGUAGE sql STABLE
AS $$
  SELECT jsonb_build_object(
    'batch', 'undo_row_batches', 'changes', '["removed", "rolled_back"]'::jsonb,
    'walk', jsonb_build_object(
      'changed', linkage.qualified_name($1), 'table', 'linkage.row_batch', 'key', '["number"]'::jsonb, 'candidates', 'row_batches_to_undo',
      'at_most', 1, 'is_sequential', true))
$$;

-- Gives moved and filled rows their values back, all tables in one statement, as they were changed. asked: the condition on alias t for the
-- rows of the journal. If the statement fails, each row is tried alone.
-- Plan: the rows by their key, then by their place; where a table has no key, the whole table once.
CREATE OR REPLACE FUNCTION linkage.undo_changes(
  run_id uuid, number integer, asked text, mode text, is_alone boolean DEFAULT false) RETURNS jsonb
LANGUAGE plpgsql
AS $$
DECLARE
  relation record;
  ctes     text[] := '{}';
  parts    text[] := '{}';
  result   jsonb;
  item     linkage.row_move;
BEGIN
  FOR relation IN EXECUTE format(
    'SELECT t.relation AS name, to_regclass(t.relation) AS id, array_agg(DISTINCT k.name)::name[] AS columns, row_number() OVER () AS place
     FROM linkage.row_move AS t CROSS JOIN LATERAL jsonb_object_keys(t.before) AS k (name)
     WHERE %s
     GROUP BY t.relation', asked)
  LOOP
    ctes := ctes || linkage.undo_statement(relation.place, relation.name, relation.id, relation.columns, asked, mode);
    parts := parts || format('SELECT * FROM outcome_%s', relation.place);
  END LOOP;

  BEGIN
    EXECUTE format(
      'WITH %s,
       outcome AS MATERIALIZED (%s)
       SELECT jsonb_build_object(
         ''counts'', jsonb_build_object(
           ''processed'', count(*),
           ''rolled_back'', count(*) FILTER (WHERE o.outcome = ''done''),
           ''unchanged'', count(*) FILTER (WHERE o.outcome = ''unchanged''),
           ''conflicts'', count(*) FILTER (WHERE o.outcome = ''conflict'')),
         ''sample'', (
           SELECT COALESCE(jsonb_agg(linkage.undo_sample(s.relation, s.row_key, s.outcome, s.reason)), ''[]'')
           FROM (SELECT * FROM outcome ORDER BY outcome.outcome = ''done'' LIMIT 5) AS s))
       FROM outcome o',
      array_to_string(ctes, ', '), array_to_string(parts, ' UNION ALL '))
    INTO result
    USING run_id, number;
    RETURN result;
  EXCEPTION WHEN OTHERS THEN
    IF NOT linkage.is_fault_of_a_row(SQLSTATE) OR SQLSTATE IN ('55P03', '57014') THEN
      RAISE;
    ELSIF is_alone THEN
      EXECUTE format('SELECT t.* FROM linkage.row_move AS t WHERE %s', asked) INTO item;
      RETURN linkage.undo_outcome(run_id, number, item, 'conflict', SQLERRM, mode);
    END IF;
  END;

  result := '{"counts": {}, "sample": []}';
  FOR item IN EXECUTE format('SELECT t.* FROM linkage.row_move AS t WHERE %s ORDER BY t.id', asked) LOOP
    result := linkage.add_outcome(result, linkage.undo_changes(run_id, number, format('t.id = %s', item.id), mode, true));
  END LOOP;
  RETURN result;
END
$$;

-- The part of that statement for one table: its CTE outcome_N has relation, row_key, outcome and reason of each row. Rows that are left
-- alone stand in the journal as the run's own rows do, so that another undo can try them again. Nobody can estimate these CTEs, so none is
-- joined with another one: a nested loop would take the square of the rows.
CREATE OR REPLACE FUNCTION linkage.undo_statement(
  place bigint, name text, relation regclass, columns name[], asked text, mode text) RETURNS text
LANGUAGE plpgsql STABLE
AS $$
DECLARE
  is_there boolean := relation IS NOT NULL AND columns <@ linkage.stored_columns(relation);
  met      text := CASE
    WHEN NOT is_there THEN
      'SELECT a.*, NULL::oid AS part, NULL::tid AS place, false AS is_after, false AS is_before FROM asked AS a'
    WHEN linkage.row_key(relation) IS NULL THEN format(
      -- Rows that are the same in all columns are told apart by a number: any of them is as good as the other. One that is found shares its
      -- group with what is looked for.
      'SELECT
         min(r.id) AS id, min(r.step) AS step, min(r.action) AS action, r.row_key,
         (array_agg(r.before) FILTER (WHERE r.id IS NOT NULL))[1] AS before,
         (array_agg(r.after) FILTER (WHERE r.id IS NOT NULL))[1] AS after,
         (array_agg(r.part) FILTER (WHERE r.id IS NULL))[1] AS part, (array_agg(r.place) FILTER (WHERE r.id IS NULL))[1] AS place,
         count(*) = 2 AS is_after, false AS is_before
       FROM (
         SELECT a.*, NULL::oid AS part, NULL::tid AS place, row_number() OVER (PARTITION BY a.row_key ORDER BY a.id) AS n
         FROM asked AS a
         UNION ALL
         SELECT
           NULL, NULL, NULL, t.row_key, NULL, NULL, t.part, t.place, row_number() OVER (PARTITION BY t.row_key ORDER BY t.part, t.place)
         FROM (SELECT t.tableoid AS part, t.ctid AS place, %s AS row_key FROM %s AS t) AS t
       ) AS r
       GROUP BY r.row_key, r.n
       HAVING min(r.id) IS NOT NULL',
      linkage.row_text('t', linkage.stored_columns(relation)), relation)
    ELSE format(
      'SELECT a.*, t.tableoid AS part, t.ctid AS place, t.ctid IS NOT NULL AND %s AS is_after, t.ctid IS NOT NULL AND %s AS is_before
       FROM asked AS a LEFT JOIN %s AS t ON %s',
      linkage.row_still_has('a.after', columns), linkage.row_still_has('a.before', columns), relation,
      linkage.is_row(relation, 'a.row_key'))
  END;
  undone   text := CASE WHEN mode = 'apply' AND is_there THEN
    format(
      'UPDATE %s AS t SET %s
       FROM met_%s AS m
       WHERE m.is_after AND t.ctid = m.place AND t.tableoid = m.part
       RETURNING
         m.id, m.action, %s AS row_key, m.after AS before,
         (SELECT jsonb_object_agg(v.key, v.value) FROM jsonb_each(%s) AS v WHERE m.before ? v.key) AS after',
      relation,
      (SELECT string_agg(
         format(
           '%1$I = CASE WHEN m.before ? %1$L THEN %2$s ELSE t.%1$I END', c.name,
           linkage.row_value(relation, c.name, 'm.before', c.name, true)), ', ')
       FROM unnest(columns) AS c (name)),
      place, linkage.row_text('t', linkage.row_key_columns(relation)), linkage.row_text('t', columns))
  ELSE
    format(
      'SELECT m.id, m.action, linkage.row_key_before(m.row_key, m.before) AS row_key, m.after AS before, m.before AS after
       FROM met_%s AS m WHERE m.is_after', place)
  END;
BEGIN
  RETURN format(
    'met_%1$s AS MATERIALIZED (
       WITH asked AS MATERIALIZED (
         SELECT t.id, t.step, t.action, t.row_key, t.before, t.after FROM linkage.row_move AS t WHERE %2$s AND t.relation = %3$L
       )
       %4$s
     ),
     undone_%1$s AS MATERIALIZED (%5$s),
     judged_%1$s AS MATERIALIZED (
       SELECT u.id, $2 AS step, u.action, u.row_key, u.before, u.after, ''done'' AS outcome, NULL AS reason FROM undone_%1$s AS u
       UNION ALL
       SELECT
         m.id, m.step, m.action, m.row_key, m.before, m.after, CASE WHEN m.is_before THEN ''unchanged'' ELSE ''conflict'' END,
         CASE
           WHEN m.is_before THEN NULL
           WHEN %6$L THEN ''the table or its columns are gone''
           WHEN m.place IS NULL THEN ''the row is gone, or was changed since''
           ELSE ''the row was changed since''
         END
       FROM met_%1$s AS m
       WHERE NOT m.is_after OR m.id NOT IN (SELECT u.id FROM undone_%1$s AS u)
     ),
     %7$s',
    place, asked, name, met, undone, NOT is_there,
    CASE WHEN mode = 'preview' THEN
      format('outcome_%s AS (SELECT %L::text AS relation, j.row_key, j.outcome, j.reason FROM judged_%1$s AS j)', place, name)
    ELSE format(
      'outcome_%1$s AS (
         INSERT INTO linkage.row_move (run_id, step, relation, action, row_key, before, after, outcome, reason, dry_run)
         SELECT $1, j.step, %2$L, j.action, j.row_key, j.before, j.after, j.outcome, j.reason, %3$L
         FROM judged_%1$s AS j
         ORDER BY j.id
         RETURNING relation, row_key, outcome, reason
       )', place, name, mode = 'dry run')
    END);
END
$$;

-- Whether row t of a table still has the values of {column: value}, as a condition.
CREATE OR REPLACE FUNCTION linkage.row_still_has(source text, columns name[]) RETURNS text
LANGUAGE sql IMMUTABLE
AS $$
  SELECT pg_catalog.format('(%s)', string_agg(
    pg_catalog.format('(NOT %1$s ? %2$L OR t.%2$I::text IS NOT DISTINCT FROM %1$s ->> %2$L)', $1, c.name), ' AND '))
  FROM unnest($2) AS c (name)
$$;

-- Takes back rows that were removed or created as a whole: judged one by one, since they are few, and changed in one statement, since they
-- may refer to each other. If that fails, each is tried alone.
CREATE OR REPLACE FUNCTION linkage.undo_rows(run_id uuid, number integer, open text, past integer, mode text) RETURNS jsonb
LANGUAGE plpgsql
AS $$
DECLARE
  items   linkage.row_move[];
  copies  jsonb[];
  reasons text[];
  item    linkage.row_move;
  failed  text;
  result  jsonb := '{"counts": {}, "sample": []}';
BEGIN
  EXECUTE format(
    'SELECT array_agg(t ORDER BY t.id) FROM linkage.row_move AS t WHERE %s AND t.step = %s', open, past)
  INTO items;
  SELECT array_agg(linkage.current_row(i, mode = 'apply') ORDER BY i.id) INTO copies FROM unnest(items) AS i;
  SELECT array_agg(linkage.why_row_stays(i, c.copy, copies, CASE WHEN mode <> 'apply' THEN open END) ORDER BY i.id)
  INTO reasons
  FROM ROWS FROM (unnest(items), unnest(copies)) AS c (
    id, run_id, step, relation, action, row_key, before, after, outcome, reason, dry_run, xact, copy)
  JOIN unnest(items) AS i ON i.id = c.id;

  IF mode = 'apply' THEN
    failed := linkage.try_undo_rows(run_id, number, items, copies, reasons);
  END IF;
  FOR i IN 1 .. cardinality(items) LOOP
    item := items[i];
    IF failed IS NOT NULL AND reasons[i] IS NULL THEN
      reasons[i] := linkage.try_undo_rows(run_id, number, items[i:i], copies[i:i], reasons[i:i]);
    END IF;
    result := linkage.add_outcome(result, linkage.undo_outcome(
      run_id, number, item,
      CASE WHEN reasons[i] IS NULL THEN 'done' WHEN reasons[i] = '' THEN 'unchanged' ELSE 'conflict' END, NULLIF(reasons[i], ''), mode));
  END LOOP;
  RETURN result;
END
$$;

-- A copy of the row that a journal row is about, as it is now; null where there is none. It is locked if asked for.
CREATE OR REPLACE FUNCTION linkage.current_row(item linkage.row_move, is_locked boolean) RETURNS jsonb
LANGUAGE plpgsql
AS $$
DECLARE
  relation regclass := to_regclass(item.relation);
  current  jsonb;
BEGIN
  -- Of what has no key nobody can say whether it is there.
  IF relation IS NOT NULL AND (item.action = 'created' OR linkage.row_key(relation) IS NOT NULL) THEN
    EXECUTE format(
      'SELECT %s FROM %s AS t WHERE %s LIMIT 1%s', linkage.row_text('t', linkage.stored_columns(relation)), relation,
      linkage.is_row(relation, '$1'), CASE WHEN is_locked THEN ' FOR UPDATE' END)
    INTO current
    USING item.row_key;
  END IF;
  RETURN current;
END
$$;

-- Why a row can't be taken back; null where it can, empty where it was already. going: copies of the rows that are about to be removed with
-- it.
CREATE OR REPLACE FUNCTION linkage.why_row_stays(item linkage.row_move, current jsonb, going jsonb[], leaving text) RETURNS text
LANGUAGE plpgsql STABLE
AS $$
BEGIN
  RETURN CASE
    WHEN to_regclass(item.relation) IS NULL THEN 'the table is gone'
    WHEN item.action = 'removed' AND current @> item.before THEN ''
    WHEN item.action = 'removed' AND current IS NOT NULL THEN 'another row has its key'
    WHEN item.action = 'created' AND current IS NULL THEN ''
    WHEN item.action = 'created' AND NOT current @> item.after THEN 'the row was changed since'
    WHEN item.action = 'created' THEN
      'it is referred to by ' || linkage.referrers_of(item.relation::regclass, current, array_remove(going, NULL), leaving)
  END;
END
$$;

-- Brings removed rows back, or removes created ones, those for which there is no reason not to; returns why they can't be, or null.
CREATE OR REPLACE FUNCTION linkage.try_undo_rows(
  run_id uuid, number integer, items linkage.row_move[], copies jsonb[], reasons text[]) RETURNS text
LANGUAGE plpgsql
AS $$
DECLARE
  part record;
BEGIN
  FOR part IN
    SELECT i.relation, i.action, array_agg(i.before) AS lost, array_agg(c.copy) AS made
    FROM unnest(items) WITH ORDINALITY AS i (
      id, run_id, step, relation, action, row_key, before, after, outcome, reason, dry_run, xact, n)
    JOIN unnest(copies, reasons) WITH ORDINALITY AS c (copy, reason, n) ON c.n = i.n
    WHERE c.reason IS NULL
    GROUP BY i.relation, i.action
  LOOP
    IF part.action = 'created' THEN
      PERFORM linkage.remove_rows(run_id, number, part.relation::regclass, part.made, 'apply');
    ELSIF linkage.create_rows(run_id, number, part.relation::regclass, part.lost) < cardinality(part.lost) THEN
      RAISE EXCEPTION USING
        ERRCODE = 'LK017', MESSAGE = format('a trigger or rule of the application keeps rows of %s from coming back', part.relation);
    END IF;
  END LOOP;
  RETURN NULL;
EXCEPTION WHEN OTHERS THEN
  IF (linkage.is_fault_of_a_row(SQLSTATE) OR SQLSTATE = 'LK017') AND SQLSTATE NOT IN ('55P03', '57014') THEN
    RETURN SQLERRM;
  END IF;
  RAISE;
END
$$;

-- What became of one row, as a batch reports it. What was done to a whole row is in the journal already.
CREATE OR REPLACE FUNCTION linkage.undo_outcome(
  run_id uuid, number integer, item linkage.row_move, outcome text, reason text, mode text) RETURNS jsonb
LANGUAGE plpgsql
AS $$
BEGIN
  IF mode = 'dry run' OR (mode = 'apply' AND outcome <> 'done') THEN
    INSERT INTO linkage.row_move (run_id, step, relation, action, row_key, before, after, outcome, reason, dry_run)
    VALUES (run_id, item.step, item.relation, item.action, item.row_key, item.before, item.after, outcome, reason, mode = 'dry run');
  END IF;
  RETURN jsonb_build_object(
    'counts', jsonb_build_object(
      'processed', 1, 'rolled_back', (outcome = 'done')::integer, 'unchanged', (outcome = 'unchanged')::integer,
      'conflicts', (outcome = 'conflict')::integer),
    'sample', jsonb_build_array(linkage.undo_sample(item.relation, item.row_key, outcome, reason)));
END
$$;

-- Two reports added up: the first five of the sample stay.
CREATE OR REPLACE FUNCTION linkage.add_outcome(one jsonb, other jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE
AS $$
  SELECT jsonb_build_object(
    'counts', linkage.add_counts($1 -> 'counts', $2 -> 'counts'),
    'sample', jsonb_path_query_array(($1 -> 'sample') || ($2 -> 'sample'), '$[0 to 4]'))
$$;

-- A row in a report.
CREATE OR REPLACE FUNCTION linkage.undo_sample(relation text, row_key jsonb, outcome text, reason text) RETURNS jsonb
LANGUAGE sql IMMUTABLE
AS $$
  SELECT jsonb_build_object(
    'record', format('%s %s', $1, (SELECT string_agg(k.value, ', ' ORDER BY k.key) FROM jsonb_each_text($2) AS k)),
    'outcome', CASE $3 WHEN 'done' THEN 'taken back' ELSE $3 END, 'reason', $4)
$$;
