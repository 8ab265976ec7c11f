-- Undo of what was done to rows: batch by batch and statement by statement backwards, each row only if it still is what the run made of it.
-- Rows that were moved or filled in are undone in R__row_undo_changes.sql, those that were removed or created in R__row_undo_rows.sql.

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

-- Takes back what was done to rows: moved and filled get their values back, created goes, removed comes back. asked: the condition on alias
-- t for the rows of the journal.
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

-- What became of some rows of the journal, as a batch reports it. reasons: null where it was taken back, which is in the journal already,
-- empty where there was nothing left to take back. Rows that were left alone are noted, in a dry run all.
-- Plan: the journal by its key.
CREATE OR REPLACE FUNCTION linkage.note_undone(run_id uuid, ids bigint[], reasons text[], mode text) RETURNS jsonb
LANGUAGE plpgsql
AS $$
BEGIN
  IF mode <> 'preview' THEN
    INSERT INTO linkage.row_move (run_id, step, relation, action, row_key, before, after, outcome, reason, dry_run)
    SELECT
      note_undone.run_id, m.step, m.relation, m.action, m.row_key, m.before, m.after, linkage.outcome_of_undo(u.reason),
      NULLIF(u.reason, ''), mode = 'dry run'
    FROM unnest(ids, reasons) AS u (id, reason)
    JOIN linkage.row_move m ON m.id = u.id
    WHERE mode = 'dry run' OR u.reason IS NOT NULL
    ORDER BY m.id;
  END IF;
  RETURN (
    WITH judged AS MATERIALIZED (
      SELECT u.id, u.reason, linkage.outcome_of_undo(u.reason) AS outcome FROM unnest(ids, reasons) AS u (id, reason)
    )
    SELECT jsonb_build_object(
      'counts', jsonb_build_object(
        'processed', count(*),
        'rolled_back', count(*) FILTER (WHERE j.outcome = 'done'),
        'unchanged', count(*) FILTER (WHERE j.outcome = 'unchanged'),
        'conflicts', count(*) FILTER (WHERE j.outcome = 'conflict')),
      'sample', (
        SELECT COALESCE(jsonb_agg(linkage.undo_sample(m.relation, m.row_key, s.outcome, NULLIF(s.reason, ''))), '[]')
        FROM (SELECT * FROM judged ORDER BY judged.outcome = 'done', judged.id LIMIT 5) AS s
        JOIN linkage.row_move m ON m.id = s.id))
    FROM judged j);
END
$$;

-- What became of a row, by the reason for which it was left alone.
CREATE OR REPLACE FUNCTION linkage.outcome_of_undo(reason text) RETURNS text
LANGUAGE sql IMMUTABLE
AS $$ SELECT CASE WHEN $1 IS NULL THEN 'done' WHEN $1 = '' THEN 'unchanged' ELSE 'conflict' END $$;

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
