-- Undo of rows that were moved or filled in: they get their values back.

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
      RETURN linkage.note_undone(run_id, ARRAY[item.id], ARRAY[SQLERRM], mode);
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
