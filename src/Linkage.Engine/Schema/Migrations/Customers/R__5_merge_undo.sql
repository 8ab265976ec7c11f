-- Undo of merges, of splits and of their undo. One undo is one batch.

-- One undo, as one batch: what was done to a row is taken back, the last statement first.
CREATE OR REPLACE FUNCTION linkage.undo_customer_moves(run_id uuid, walk jsonb, key_set jsonb, mode text) RETURNS jsonb
LANGUAGE plpgsql
AS $$
DECLARE
  undone uuid := (walk ->> 'run')::uuid;
BEGIN
  PERFORM linkage.refuse_fault(walk, format('Run %s was not undone', undone));
  PERFORM linkage.refuse_later_moves(undone);
  RETURN linkage.undo_row_moves(run_id, linkage.changes_to_undo(undone, ARRAY['done']), mode);
END
$$;

-- Refuses to undo what later merges and splits went on with: they are to be undone first.
-- Plan: each later run's rows by their index, hashed.
CREATE OR REPLACE FUNCTION linkage.refuse_later_moves(undone uuid) RETURNS void
LANGUAGE plpgsql STABLE
AS $$
DECLARE
  customer     linkage.customer_table := linkage.customer_role('customer');
  -- whether a row had one of these customers: a condition on alias t
  went_back_to text := COALESCE(
    (
      SELECT string_agg(format('t.relation = %L AND t.before ->> %L = ANY ($3)', linkage.qualified_name(r.relation), c.name), ' OR ')
      FROM linkage.references_to(customer.relation::regclass) r
      CROSS JOIN LATERAL unnest(r.columns, r.target_columns) AS c (name, of)
      WHERE c.of = customer.columns ->> 'key'
    ), 'false');
  later        linkage.run;
  is_used      boolean;
BEGIN
  FOR later IN
    SELECT r.*
    FROM linkage.run r
    WHERE r.id > undone AND r.kind IN ('CustomerMerge', 'CustomerSplit') AND r.status NOT IN ('undone', 'partly undone') AND NOT r.dry_run
    ORDER BY r.id DESC
  LOOP
    EXECUTE format(
      'SELECT EXISTS (
         SELECT
         FROM linkage.row_move AS t
         WHERE %s
           -- a customer that the run made and that others were merged into since
           AND (t.action = ''created'' AND t.relation = %L AND t.row_key ->> %L = $2
             -- a customer that rows would go back to, and that was merged since
             OR t.action IN (''moved'', ''removed'') AND (%s)
             OR (t.relation, t.row_key) IN (
               SELECT y.relation, linkage.row_key_before(y.row_key, y.before)
               FROM linkage.row_move AS y
               WHERE y.run_id = $1 AND y.outcome = ''done'' AND y.action <> ''filled'')))',
      linkage.changes_to_undo(undone, ARRAY['done']), customer.relation, customer.columns ->> 'key', went_back_to)
    INTO is_used
    USING later.id, later.walk ->> 'into', ARRAY(SELECT jsonb_array_elements_text(COALESCE(later.walk -> 'from', '[]')));
    IF is_used THEN
      RAISE EXCEPTION USING
        ERRCODE = 'LK018',
        MESSAGE = format('What run %s changed was changed again by the later run %s (%s).', undone, later.id, later.kind),
        TABLE = later.id::text,
        HINT = format('Undo that one first: Undo-LinkageRun %s.', later.id);
    END IF;
  END LOOP;
END
$$;
