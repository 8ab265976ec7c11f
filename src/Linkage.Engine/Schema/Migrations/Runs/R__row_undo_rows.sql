-- Undo of rows that were removed or created as a whole: they come back, or go.

-- Takes back the rows of one statement: all of a table are judged in one, and changed in one, since they may refer to each other. If that
-- fails, each is tried alone. open: the condition on alias t for the rows of the journal; past: the statement's number.
CREATE OR REPLACE FUNCTION linkage.undo_rows(run_id uuid, number integer, open text, past integer, mode text) RETURNS jsonb
LANGUAGE plpgsql
AS $$
DECLARE
  part   record;
  judged record;
  result jsonb := '{"counts": {}, "sample": []}';
BEGIN
  FOR part IN EXECUTE format(
    'SELECT t.relation, t.action FROM linkage.row_move AS t WHERE %s AND t.step = %s GROUP BY t.relation, t.action', open, past)
  LOOP
    judged := linkage.judge_rows(
      part.relation, part.action,
      format('%s AND t.step = %s AND t.relation = %L AND t.action = %L', open, past, part.relation, part.action),
      CASE WHEN mode <> 'apply' THEN open END, mode = 'apply');
    IF mode = 'apply' THEN
      judged.reasons := linkage.take_rows_back(run_id, number, part.relation, part.action, judged.ids, judged.rows, judged.reasons);
    END IF;
    result := linkage.add_outcome(result, linkage.note_undone(run_id, judged.ids, judged.reasons, mode));
  END LOOP;
  RETURN result;
END
$$;

-- Of rows of the journal about one table, as arrays in the same order: ids; rows, the copies that are to come back, or to go; reasons, why
-- one can't be taken back: null where it can, empty where it was already. asked: the condition on alias t; leaving: that for rows of the
-- journal that are about to be taken back before them, null for none.
CREATE OR REPLACE FUNCTION linkage.judge_rows(
  relation text, action text, asked text, leaving text, is_locked boolean, OUT ids bigint[], OUT rows jsonb[], OUT reasons text[])
LANGUAGE plpgsql
AS $$
DECLARE
  target  regclass := to_regclass(relation);
  staying bigint[] := '{}';
  left_at integer;
BEGIN
  IF target IS NULL THEN
    EXECUTE format(
      'SELECT array_agg(t.id), array_agg(t.before), array_agg(''the table is gone''::text) FROM linkage.row_move AS t WHERE %s', asked)
    INTO ids, rows, reasons;
    RETURN;
  ELSIF action = 'removed' THEN
    EXECUTE linkage.removed_rows_sql(target, asked, is_locked) INTO ids, rows, reasons;
    RETURN;
  END IF;
  -- What stays may be what keeps another one: once more, until no more stay.
  LOOP
    left_at := cardinality(staying);
    EXECUTE linkage.created_rows_sql(target, asked, leaving, is_locked) INTO ids, rows, reasons USING staying;
    staying := ARRAY(SELECT u.id FROM unnest(ids, reasons) AS u (id, reason) WHERE u.reason <> '');
    EXIT WHEN cardinality(staying) = left_at OR NOT EXISTS (
      SELECT FROM linkage.references_to(target) r WHERE r.relation = target);
  END LOOP;
END
$$;

-- The judgement of removed rows.
-- Plan: the rows by their key.
CREATE OR REPLACE FUNCTION linkage.removed_rows_sql(target regclass, asked text, is_locked boolean) RETURNS text
LANGUAGE sql STABLE
AS $$
  SELECT format(
    'SELECT
       array_agg(a.id ORDER BY a.id), array_agg(a.before ORDER BY a.id),
       array_agg(CASE WHEN c.copy @> a.before THEN '''' WHEN c.copy IS NOT NULL THEN ''another row has its key'' END ORDER BY a.id)
     FROM (SELECT t.* FROM linkage.row_move AS t WHERE %s) AS a
     LEFT JOIN LATERAL (%s) AS c ON true',
    $2,
    -- Of what has no key nobody can say whether it is there.
    CASE WHEN linkage.row_key($1) IS NULL THEN 'SELECT NULL::jsonb AS copy' ELSE linkage.row_as_now_sql($1, $3) END)
$$;

-- The judgement of created ones; $1 of that statement: ids of those that are known to stay.
-- Plan: the rows by their key, and for each reference the index of its columns.
CREATE OR REPLACE FUNCTION linkage.created_rows_sql(target regclass, asked text, leaving text, is_locked boolean) RETURNS text
LANGUAGE sql STABLE
AS $$
  SELECT format(
    'WITH met AS MATERIALIZED (
       SELECT a.id, a.after, c.copy
       FROM (SELECT t.* FROM linkage.row_move AS t WHERE %s) AS a
       LEFT JOIN LATERAL (%s) AS c ON true
     )
     SELECT
       array_agg(m.id ORDER BY m.id), array_agg(m.copy ORDER BY m.id),
       array_agg(
         CASE
           WHEN m.copy IS NULL THEN ''''
           WHEN NOT m.copy @> m.after THEN ''the row was changed since''
           ELSE ''it is referred to by '' || (SELECT string_agg(DISTINCT r.name, '', '') FROM (%s) AS r (name))
         END
         ORDER BY m.id)
     FROM met AS m',
    $2, linkage.row_as_now_sql($1, $4),
    linkage.referrers_sql($1, 'm.copy', 'SELECT p.copy FROM met AS p WHERE p.copy IS NOT NULL AND p.id <> ALL ($1)', $3))
$$;

-- A copy of the row that a row a of the journal is about, as it is now.
CREATE OR REPLACE FUNCTION linkage.row_as_now_sql(target regclass, is_locked boolean) RETURNS text
LANGUAGE sql STABLE
AS $$
  SELECT format(
    'SELECT %s AS copy FROM %s AS t WHERE %s LIMIT 1%s', linkage.row_text('t', linkage.stored_columns($1)), $1,
    linkage.is_row($1, 'a.row_key'), CASE WHEN $2 THEN ' FOR UPDATE' END)
$$;

-- Brings removed rows back, or removes created ones, those for which there is no reason not to; returns the reasons as they are then. Where
-- it can't be done at once it is done one by one: what refers to another comes after it, and goes before it, so they are gone through again
-- as long as one more can be.
CREATE OR REPLACE FUNCTION linkage.take_rows_back(
  run_id uuid, number integer, relation text, action text, ids bigint[], rows jsonb[], reasons text[]) RETURNS text[]
LANGUAGE plpgsql
AS $$
DECLARE
  waiting integer[] := ARRAY(SELECT u.i FROM unnest(reasons) WITH ORDINALITY AS u (reason, i) WHERE u.reason IS NULL);
  refused integer[];
  judged  record;
  i       integer;
BEGIN
  IF linkage.try_undo_rows(run_id, number, relation, action, ARRAY(SELECT rows[u.i] FROM unnest(waiting) AS u (i))) IS NULL THEN
    RETURN reasons;
  END IF;
  LOOP
    refused := '{}';
    FOREACH i IN ARRAY waiting LOOP
      judged := linkage.judge_rows(relation, action, format('t.id = %s', ids[i]), NULL, true);
      reasons[i] := COALESCE(judged.reasons[1], linkage.try_undo_rows(run_id, number, relation, action, judged.rows));
      IF reasons[i] <> '' THEN
        refused := refused || i;
      END IF;
    END LOOP;
    EXIT WHEN cardinality(refused) IN (0, cardinality(waiting));
    waiting := refused;
  END LOOP;
  RETURN reasons;
END
$$;

-- The same for all of some rows, or none: why they can't be taken back, or null.
CREATE OR REPLACE FUNCTION linkage.try_undo_rows(run_id uuid, number integer, relation text, action text, rows jsonb[]) RETURNS text
LANGUAGE plpgsql
AS $$
BEGIN
  IF cardinality(rows) = 0 THEN
    RETURN NULL;
  ELSIF action = 'created' THEN
    PERFORM linkage.remove_rows(run_id, number, relation::regclass, rows, 'apply');
  ELSIF linkage.create_rows(run_id, number, relation::regclass, rows) < cardinality(rows) THEN
    RAISE EXCEPTION USING
      ERRCODE = 'LK017', MESSAGE = format('a trigger or rule of the application keeps rows of %s from coming back', relation);
  END IF;
  RETURN NULL;
EXCEPTION WHEN OTHERS THEN
  IF (linkage.is_fault_of_a_row(SQLSTATE) OR SQLSTATE = 'LK017') AND SQLSTATE NOT IN ('55P03', '57014') THEN
    RETURN SQLERRM;
  END IF;
  RAISE;
END
$$;
