-- Undo of rows that were removed or created as a whole: they come back, or go.

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
