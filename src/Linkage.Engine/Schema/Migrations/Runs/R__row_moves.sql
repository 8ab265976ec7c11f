-- Rows that take the place of others: all that refers to the lost ones is moved to those kept, whatever the tables, and the lost ones are
-- removed. The rows are copies, {column: value} as linkage.row_text writes them; lost[i] gives way to kept[i].

-- Moves what refers to lost rows, all tables in one statement: foreign keys between them are checked at its end, when both sides have
-- moved.
-- wanted: [{"relation", "columns", "target_columns", "only"}], only being a condition on alias t or null. Returns, by relation, how many
-- rows were found and how many were moved: those that somebody else writes at the moment are left for a second statement.
-- Plan: for each reference the index of its columns, if there is one; then the rows by their place.
CREATE OR REPLACE FUNCTION linkage.move_rows(
  run_id uuid, step integer, target regclass, wanted jsonb, lost jsonb[], kept jsonb[], mode text) RETURNS jsonb
LANGUAGE plpgsql
AS $$
DECLARE
  ctes   text;
  sums   text;
  result jsonb;
BEGIN
  SELECT
    string_agg(CASE mode
      WHEN 'apply' THEN format(
        'found_%1$s AS MATERIALIZED (%2$s),
         next_%1$s AS MATERIALIZED (%3$s),
         moved_%1$s AS (
           UPDATE %4$s AS t SET %5$s FROM next_%1$s AS n WHERE t.ctid = n.place AND t.tableoid = n.part
           RETURNING n.before, %6$s AS row_key, %7$s AS after
         ),
         journal_%1$s AS (
           INSERT INTO linkage.row_move (run_id, step, relation, action, row_key, before, after)
           SELECT $3, $4, %8$L, ''moved'', m.row_key, m.before, m.after FROM moved_%1$s AS m
         )',
        s.place, s.found, s.next, s.relation, s.assignments, s.row_key, s.after, s.name)
      WHEN 'dry run' THEN format(
        'found_%1$s AS MATERIALIZED (%2$s),
         next_%1$s AS MATERIALIZED (%3$s),
         journal_%1$s AS (
           INSERT INTO linkage.row_move (run_id, step, relation, action, row_key, before, dry_run)
           SELECT $3, $4, %4$L, ''moved'', n.row_key, n.before, true FROM next_%1$s AS n
         )',
        s.place, s.found, s.next, s.name)
      ELSE format('found_%s AS MATERIALIZED (%s)', s.place, s.found)
    END, ', '),
    string_agg(format(
      'SELECT %L, (SELECT count(*) FROM found_%s), (SELECT count(*) FROM %s)',
      s.name, s.place, CASE mode WHEN 'apply' THEN 'moved_' ELSE 'found_' END || s.place), ' UNION ALL ')
  INTO ctes, sums
  FROM linkage.move_statements(target, wanted) s;
  IF ctes IS NULL THEN
    RETURN '{}';
  END IF;
  EXECUTE format(
    'WITH pair AS MATERIALIZED (SELECT * FROM unnest($1, $2) WITH ORDINALITY AS p (lost, kept, ordinal)), %s
     SELECT jsonb_object_agg(s.relation, jsonb_build_object(''found'', s.found, ''moved'', s.moved))
     FROM (%s) AS s (relation, found, moved)',
    ctes, sums)
  INTO result
  USING lost, kept, run_id, step;
  RETURN result;
END
$$;

-- The parts of that statement, a row for each table.
--   found        places of the rows that refer to a lost one, by whichever reference
--   next         the same with what they will have (value_1 ..., of the columns in touched), what they had, and their key
--   assignments  what is set
--   row_key, after  of an updated row t, whose row of next is n
--   is_kepts, is_losts  whether a row t refers to what is kept, or lost, in p
CREATE OR REPLACE FUNCTION linkage.move_statements(target regclass, wanted jsonb)
RETURNS TABLE (
  place bigint, relation regclass, name text, touched name[], found text, next text, assignments text, row_key text, after text,
  is_kepts text, is_losts text)
LANGUAGE sql STABLE
AS $$
  WITH reference AS MATERIALIZED (
    SELECT
      w.ordinal AS number, w.item ->> 'relation' AS name, o.relation, c.columns, c.target_columns,
      COALESCE(' AND (' || (w.item ->> 'only') || ')', '') AS only
    FROM jsonb_array_elements($2) WITH ORDINALITY AS w (item, ordinal)
    CROSS JOIN LATERAL (SELECT (w.item ->> 'relation')::regclass) AS o (relation)
    CROSS JOIN LATERAL (
      SELECT
        ARRAY(SELECT jsonb_array_elements_text(w.item -> 'columns'))::name[],
        ARRAY(SELECT jsonb_array_elements_text(w.item -> 'target_columns'))::name[]
    ) AS c (columns, target_columns)
  ),
  touched AS (
    SELECT
      r.relation, c.name, row_number() OVER (PARTITION BY r.relation ORDER BY c.name) AS n,
      format(
        'CASE %s ELSE t.%I END',
        string_agg(
          format(
            'WHEN p_%s.ordinal IS NOT NULL THEN %s', r.number,
            -- The row that is kept may itself refer to the lost one. It would refer to itself then; if it can, it refers to nothing.
            CASE WHEN r.relation = $1 AND NOT a.attnotnull THEN
              format(
                'CASE WHEN p_%1$s.kept ->> %2$L = p_%1$s.lost ->> %2$L OR NOT (%3$s) THEN %4$s END',
                r.number, c.of, linkage.is_row($1, format('p_%s.kept', r.number)), v.given)
            ELSE v.given END),
          ' ' ORDER BY r.number),
        c.name) AS value
    FROM reference r
    CROSS JOIN LATERAL unnest(r.columns, r.target_columns) AS c (name, of)
    JOIN pg_catalog.pg_attribute a ON a.attrelid = r.relation AND a.attname = c.name
    CROSS JOIN LATERAL (SELECT linkage.row_value(r.relation, c.name, format('p_%s.kept', r.number), c.of, true)) AS v (given)
    GROUP BY r.relation, c.name
  )
  SELECT
    r.place, r.relation, r.name, u.columns, r.found,
    format(
      'SELECT f.part, f.place, least(%s) AS rank, %s, %s, %s AS before, %s AS row_key
       FROM found_%s AS f JOIN %s AS t ON t.ctid = f.place AND t.tableoid = f.part %s',
      r.ordinals, r.flags, u.next_values, r.before, k.row_key, r.place, r.relation, r.pairs),
    u.assignments, k.row_key, r.after, r.is_kepts, r.is_losts
  FROM (
    SELECT
      row_number() OVER (ORDER BY r.relation::oid) AS place, r.relation, min(r.name) AS name,
      string_agg(
        format(
          'SELECT t.tableoid AS part, t.ctid AS place FROM pair AS p JOIN %s AS t ON %s%s%s', r.relation,
          linkage.row_has(r.relation, r.columns, 'p.lost', r.target_columns), r.only,
          CASE WHEN r.relation = $1 THEN format(' WHERE NOT EXISTS (SELECT FROM pair AS p WHERE %s)', linkage.is_row($1, 'p.lost')) END),
        ' UNION ' ORDER BY r.number) AS found,
      string_agg(
        format(
          'LEFT JOIN pair AS p_%1$s ON %2$s%3$s', r.number,
          linkage.row_has(r.relation, r.columns, format('p_%s.lost', r.number), r.target_columns), r.only),
        ' ' ORDER BY r.number) AS pairs,
      string_agg(format('p_%s.ordinal', r.number), ', ') AS ordinals,
      string_agg(format('p_%1$s.ordinal IS NOT NULL AS by_%1$s', r.number), ', ' ORDER BY r.number) AS flags,
      string_agg(
        format('CASE WHEN p_%s.ordinal IS NOT NULL THEN %s ELSE ''{}'' END', r.number, linkage.row_text('t', r.columns)), ' || '
        ORDER BY r.number) AS before,
      string_agg(format('CASE WHEN n.by_%s THEN %s ELSE ''{}'' END', r.number, linkage.row_text('t', r.columns)), ' || ' ORDER BY r.number)
        AS after,
      string_agg(format('(%s)', linkage.row_has(r.relation, r.columns, 'p.kept', r.target_columns)), ' OR ' ORDER BY r.number) AS is_kepts,
      string_agg(format('(%s)', linkage.row_has(r.relation, r.columns, 'p.lost', r.target_columns)), ' OR ' ORDER BY r.number) AS is_losts
    FROM reference r
    GROUP BY r.relation
  ) AS r
  CROSS JOIN LATERAL (SELECT linkage.row_text('t', linkage.row_key_columns(r.relation))) AS k (row_key)
  CROSS JOIN LATERAL (
    SELECT
      array_agg(t.name ORDER BY t.n) AS columns,
      string_agg(format('%s AS value_%s', t.value, t.n), ', ' ORDER BY t.n) AS next_values,
      string_agg(format('%I = n.value_%s', t.name, t.n), ', ' ORDER BY t.n) AS assignments
    FROM touched t
    WHERE t.relation = r.relation
  ) AS u
  ORDER BY r.place
$$;
