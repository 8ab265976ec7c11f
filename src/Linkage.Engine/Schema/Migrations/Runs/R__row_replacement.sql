-- Replacing rows: what refers to lost ones is moved to those kept, then the lost ones go.

-- Replaces rows of a table, whatever refers to them: rows that would clash are replaced first, by the same function. Who calls it has
-- locked the lost rows FOR UPDATE, so that nobody can come to refer to them. step: the number of the next statement; counts: {"moved
-- RELATION": n, "removed RELATION": n}. In a dry run and a preview nothing changes, so that what depends on what a clash has moved is
-- counted as it is now. parts and places: where the lost rows are, which spares looking them up, if it is known.
CREATE OR REPLACE FUNCTION linkage.replace_rows(
  run_id uuid, first_step integer, target regclass, lost jsonb[], kept jsonb[], policy text, mode text, parts oid[] DEFAULT NULL,
  places tid[] DEFAULT NULL, OUT step integer, OUT counts jsonb)
LANGUAGE plpgsql
AS $$
DECLARE
  wanted    jsonb := linkage.wanted_moves(target);
  statement record;
  key       record;
  clash     record;
  inner_run record;
  moves     jsonb;
  losers    jsonb := '{}';
  found     boolean;
  attempts  integer := 0;
  amount    bigint;
BEGIN
  step := first_step;
  counts := '{}';
  PERFORM linkage.refuse_lost_references(target, wanted, lost, kept);

  -- Rows that would clash, one unique index after the other: each is made free before the next is looked at, and all are looked at again.
  LOOP
    found := false;
    FOR statement IN SELECT * FROM linkage.move_statements(target, wanted) LOOP
      FOR key IN SELECT * FROM linkage.unique_keys_with(statement.relation, statement.touched) LOOP
        clash := linkage.find_clashes(target, linkage.wanted_of(wanted, statement.name), key.index_name, lost, kept, policy);
        CONTINUE WHEN clash.losers IS NULL;
        PERFORM linkage.refuse_clash(target, statement.relation, key.index_name, clash.losers, clash.strangers, policy);
        IF mode = 'apply' THEN
          PERFORM linkage.lock_rows(statement.relation, clash.losers);
        END IF;
        inner_run := linkage.replace_rows(run_id, step, statement.relation, clash.losers, clash.winners, policy, mode);
        step := inner_run.step;
        counts := linkage.add_counts(counts, inner_run.counts);
        losers := linkage.add_counts(losers, jsonb_build_object(statement.name, clash.movers));
        found := true;
      END LOOP;
    END LOOP;
    EXIT WHEN NOT found OR mode <> 'apply';
  END LOOP;

  LOOP
    moves := linkage.move_rows(run_id, step, target, wanted, lost, kept, mode);
    SELECT linkage.add_counts(counts, COALESCE(jsonb_object_agg('moved ' || m.key, n.moved), '{}'))
    INTO counts
    FROM jsonb_each(moves) AS m
    CROSS JOIN LATERAL (
      -- where nothing changes, those that give way are still among those that were found
      SELECT (m.value ->> 'moved')::bigint - CASE WHEN mode = 'apply' THEN 0 ELSE COALESCE((losers ->> m.key)::bigint, 0) END
    ) AS n (moved)
    WHERE n.moved > 0;
    step := step + 1;
    EXIT WHEN mode <> 'apply' OR NOT EXISTS (
      SELECT
      FROM jsonb_each(moves) AS m
      WHERE (m.value ->> 'found')::bigint > (m.value ->> 'moved')::bigint
         OR (m.value ->> 'found')::bigint > 0 AND linkage.is_intercepted(m.key::regclass));
    -- Somebody may have been writing a row: once more. A trigger that keeps it from moving does so each time.
    attempts := attempts + 1;
    IF attempts > 10 THEN
      RAISE EXCEPTION USING
        ERRCODE = 'LK017',
        MESSAGE = format(
          'Rows of %s can''t be moved: a trigger or rule of the application keeps them from it.',
          (SELECT string_agg(m.key, ', ') FROM jsonb_each(moves) AS m WHERE (m.value ->> 'found')::bigint > 0));
    END IF;
  END LOOP;

  amount := linkage.remove_rows(run_id, step, target, lost, mode, parts, places);
  counts := linkage.add_counts(counts, jsonb_build_object('removed ' || linkage.qualified_name(target), amount));
  step := step + 1;
END
$$;

-- Locks rows, in the order of their places.
-- Plan: their key.
CREATE OR REPLACE FUNCTION linkage.lock_rows(relation regclass, rows jsonb[]) RETURNS void
LANGUAGE plpgsql
AS $$
BEGIN
  EXECUTE format(
    'SELECT FROM %s AS t, unnest($1) AS p (wanted) WHERE %s ORDER BY t.tableoid, t.ctid FOR UPDATE OF t', relation,
    linkage.is_row(relation, 'p.wanted'))
  USING rows;
END
$$;

-- Whether the application's own code has a hand in what happens to rows of a table or of its partitions: triggers and rules, which may do
-- something else than what a statement says.
CREATE OR REPLACE FUNCTION linkage.is_intercepted(relation regclass) RETURNS boolean
LANGUAGE sql STABLE
AS $$
  SELECT EXISTS (
    SELECT
    FROM (SELECT $1 AS id UNION SELECT p.relid FROM pg_partition_tree($1) p) AS part
    JOIN pg_catalog.pg_class c ON c.oid = part.id
    WHERE c.relhasrules
       OR EXISTS (SELECT FROM pg_catalog.pg_trigger t WHERE t.tgrelid = c.oid AND NOT t.tgisinternal AND t.tgenabled <> 'D'))
$$;

-- All references to a table, as linkage.move_rows takes them.
CREATE OR REPLACE FUNCTION linkage.wanted_moves(target regclass) RETURNS jsonb
LANGUAGE sql STABLE
AS $$
  SELECT COALESCE(
    jsonb_agg(
      jsonb_build_object('relation', linkage.qualified_name(r.relation), 'columns', r.columns, 'target_columns', r.target_columns)),
    '[]')
  FROM linkage.references_to($1) r
$$;

-- Those of one table.
CREATE OR REPLACE FUNCTION linkage.wanted_of(wanted jsonb, name text) RETURNS jsonb
LANGUAGE sql IMMUTABLE
AS $$ SELECT jsonb_agg(w.item) FROM jsonb_array_elements($1) AS w (item) WHERE w.item ->> 'relation' = $2 $$;

-- Removes rows, with a copy of each.
-- Plan: their places; by their key those that are there no more, since this transaction has updated them, and all whose place is not known.
CREATE OR REPLACE FUNCTION linkage.remove_rows(
  run_id uuid, step integer, target regclass, lost jsonb[], mode text, parts oid[] DEFAULT NULL, places tid[] DEFAULT NULL)
RETURNS bigint
LANGUAGE plpgsql
AS $$
DECLARE
  amount  bigint := 0;
  removed bigint;
  is_it   text;
BEGIN
  IF mode = 'apply' THEN
    FOREACH is_it IN ARRAY
      CASE WHEN places IS NOT NULL THEN ARRAY['t.ctid = p.place AND t.tableoid = p.part AND %s', '%s'] ELSE ARRAY['%s'] END
    LOOP
      EXECUTE format(
        'WITH gone AS (
           DELETE FROM %s AS t USING unnest($1, $4, $5) AS p (lost, part, place) WHERE %s RETURNING %s AS copy, %s AS row_key
         ),
         journal AS (
           INSERT INTO linkage.row_move (run_id, step, relation, action, row_key, before)
           SELECT $2, $3, %L, ''removed'', g.row_key, g.copy FROM gone AS g
         )
         SELECT count(*) FROM gone',
        target, format(is_it, linkage.is_row(target, 'p.lost')), linkage.row_text('t', linkage.stored_columns(target)),
        linkage.row_text('t', linkage.row_key_columns(target)), linkage.qualified_name(target))
      INTO removed
      USING lost, run_id, step, parts, places;
      amount := amount + removed;
      EXIT WHEN amount = cardinality(lost);
    END LOOP;
    IF amount < cardinality(lost) THEN
      RAISE EXCEPTION USING
        ERRCODE = 'LK017',
        MESSAGE = format(
          'Rows of %s can''t be removed: a trigger or rule of the application keeps them from it.', linkage.qualified_name(target));
    END IF;
  ELSIF mode = 'dry run' THEN
    INSERT INTO linkage.row_move (run_id, step, relation, action, row_key, before, dry_run)
    SELECT $1, $2, linkage.qualified_name(target), 'removed', k.row_key, p.copy, true
    FROM unnest(lost) AS p (copy)
    CROSS JOIN LATERAL (
      SELECT jsonb_object_agg(c.name, p.copy -> c.name::text) FROM unnest(linkage.row_key_columns(target)) AS c (name)
    ) AS k (row_key);
  END IF;
  RETURN cardinality(lost);
END
$$;

-- Refuses where rows refer to a lost one by a column that is empty in the one that is kept: they would refer to nothing.
-- Plan: the index of each reference that is by a column which may be empty.
CREATE OR REPLACE FUNCTION linkage.refuse_lost_references(target regclass, wanted jsonb, lost jsonb[], kept jsonb[]) RETURNS void
LANGUAGE plpgsql STABLE
AS $$
DECLARE
  reference record;
  is_used   boolean;
BEGIN
  FOR reference IN
    SELECT (w.item ->> 'relation')::regclass AS relation, c.columns, c.target_columns, array_agg(p.lost) AS lost
    FROM jsonb_array_elements(wanted) AS w (item)
    CROSS JOIN LATERAL (
      SELECT
        ARRAY(SELECT jsonb_array_elements_text(w.item -> 'columns'))::name[],
        ARRAY(SELECT jsonb_array_elements_text(w.item -> 'target_columns'))::name[]
    ) AS c (columns, target_columns)
    CROSS JOIN LATERAL (
      SELECT array_agg(a.attname::text) AS names
      FROM pg_catalog.pg_attribute a
      WHERE a.attrelid = target AND a.attname = ANY (c.target_columns) AND NOT a.attnotnull
    ) AS nullable
    JOIN unnest(lost, kept) AS p (lost, kept)
      ON nullable.names IS NOT NULL AND EXISTS (SELECT FROM unnest(nullable.names) AS t (name) WHERE p.kept ->> t.name IS NULL)
    GROUP BY 1, 2, 3
  LOOP
    EXECUTE format(
      'SELECT EXISTS (SELECT FROM %s AS t, unnest($1) AS p (lost) WHERE %s)',
      reference.relation, linkage.row_has(reference.relation, reference.columns, 'p.lost', reference.target_columns))
    INTO is_used
    USING reference.lost;
    IF is_used THEN
      RAISE EXCEPTION USING
        ERRCODE = 'LK016',
        MESSAGE = format(
          'Rows of %s refer to %s by %s, which is empty in the row that they would move to.', linkage.qualified_name(reference.relation),
          linkage.qualified_name(target), array_to_string(reference.target_columns, ', ')),
        HINT = 'Give it a value first.';
    END IF;
  END LOOP;
END
$$;

-- Refuses a clash where the policy says so, or where it is about more than rows that refer to what is lost and kept.
CREATE OR REPLACE FUNCTION linkage.refuse_clash(
  target regclass, relation regclass, unique_index regclass, losers jsonb[], strangers bigint, policy text) RETURNS void
LANGUAGE plpgsql STABLE
AS $$
DECLARE
  clash text := format(
    '%s of %s would have the same %s as another', CASE cardinality(losers) WHEN 1 THEN 'A row' ELSE cardinality(losers) || ' rows' END,
    linkage.qualified_name(relation), (SELECT c.relname FROM pg_class c WHERE c.oid = unique_index));
BEGIN
  IF policy = 'Fail' THEN
    RAISE EXCEPTION USING
      ERRCODE = 'LK016', MESSAGE = clash || '.', HINT = '-OnConflict KeepSurvivor or KeepNewest says which of them goes.';
  ELSIF strangers > 0 THEN
    RAISE EXCEPTION USING
      ERRCODE = 'LK016',
      MESSAGE = format('%s, which refers to another row of %s, so that it is not for this run to remove either.', clash, linkage.qualified_name(target)),
      HINT = 'Remove or change one of them first.';
  ELSIF relation = target THEN
    RAISE EXCEPTION USING
      ERRCODE = 'LK016', MESSAGE = clash || ', and no other row of that table is to go.', HINT = 'Change one of them first.';
  END IF;
END
$$;

-- How many rows were moved and removed in all.
CREATE OR REPLACE FUNCTION linkage.sums_of_moves(counts jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE
AS $$
  SELECT jsonb_build_object(
    'moved', COALESCE(sum(c.value::bigint) FILTER (WHERE c.key LIKE 'moved %'), 0),
    'removed', COALESCE(sum(c.value::bigint) FILTER (WHERE c.key LIKE 'removed %'), 0))
  FROM jsonb_each_text($1) AS c
$$;

-- Makes rows that have the same columns, each {column: value}, in one statement, and returns how many; fewer than given where a trigger or
-- rule of the application kept one from being made.
CREATE OR REPLACE FUNCTION linkage.create_rows(run_id uuid, step integer, target regclass, given jsonb[]) RETURNS bigint
LANGUAGE plpgsql
AS $$
DECLARE
  amount bigint;
BEGIN
  EXECUTE format(
    'WITH made AS (
       %s
       RETURNING %s AS row_key, %s AS copy
     ),
     journal AS (
       INSERT INTO linkage.row_move (run_id, step, relation, action, row_key, after)
       SELECT $2, $3, %L, ''created'', m.row_key, m.copy FROM made AS m
     )
     SELECT count(*) FROM made',
    linkage.insert_from_copies(target, given[1]), linkage.row_text('t', linkage.row_key_columns(target)),
    linkage.row_text('t', linkage.stored_columns(target)), linkage.qualified_name(target))
  INTO amount
  USING given, run_id, step;
  RETURN amount;
END
$$;

-- Makes a row, and returns a copy of it; null where a trigger or rule kept it from being made.
CREATE OR REPLACE FUNCTION linkage.create_row(run_id uuid, step integer, target regclass, given jsonb) RETURNS jsonb
LANGUAGE plpgsql
AS $$
BEGIN
  PERFORM linkage.create_rows($1, $2, target, ARRAY[given]);
  RETURN (SELECT m.after FROM linkage.row_move m WHERE m.run_id = $1 AND m.step = $2 ORDER BY m.id DESC LIMIT 1);
END
$$;
