-- Who refers to the rows of a table: by its foreign keys, by those that go through another table, and by what a component knows of without
-- one.

-- columns of relation hold what target_columns of the target's rows have. Foreign keys of any kind count: composite ones, those of
-- partitioned tables and of the target itself. Where a column of one foreign key is among those that another one refers to, both change
-- together or the second one breaks: Note (customer_id, address_no) refers to Address, whose customer_id refers to the customer, and so
-- Note's does.
-- Plan: the catalog.
CREATE OR REPLACE FUNCTION linkage.references_to(target regclass) RETURNS TABLE (relation regclass, columns name[], target_columns name[])
LANGUAGE sql STABLE
AS $$
  WITH RECURSIVE foreign_key AS (
    SELECT
      f.conrelid::regclass AS relation, f.confrelid::regclass AS target,
      array_agg(own.attname ORDER BY u.i) AS columns, array_agg(of.attname ORDER BY u.i) AS target_columns
    FROM pg_catalog.pg_constraint f
    CROSS JOIN LATERAL unnest(f.conkey, f.confkey) WITH ORDINALITY AS u (own_number, of_number, i)
    JOIN pg_catalog.pg_attribute own ON own.attrelid = f.conrelid AND own.attnum = u.own_number
    JOIN pg_catalog.pg_attribute of ON of.attrelid = f.confrelid AND of.attnum = u.of_number
    WHERE f.contype = 'f' AND f.conparentid = 0
    GROUP BY f.oid, f.conrelid, f.confrelid
  ),
  reference (relation, columns, target_columns) AS (
    (
      SELECT f.relation, f.columns, f.target_columns FROM foreign_key f WHERE f.target = $1
      UNION
      SELECT k.relation, k.columns::name[], k.target_columns::name[] FROM linkage.known_reference k WHERE k.target = $1
    )
    UNION
    SELECT f.relation, through.columns, r.target_columns
    FROM reference r
    JOIN foreign_key f ON f.target = r.relation
    CROSS JOIN LATERAL (
      SELECT array_agg(u.own ORDER BY c.i) AS columns
      FROM unnest(r.columns) WITH ORDINALITY AS c (name, i)
      JOIN unnest(f.columns, f.target_columns) AS u (own, of) ON u.of = c.name
    ) AS through
    WHERE cardinality(through.columns) = cardinality(r.columns)
  )
  SELECT r.relation, r.columns, r.target_columns FROM reference r ORDER BY r.relation::oid, r.columns, r.target_columns
$$;

-- Who refers to a row of a table: a SELECT of the tables' names. source is the row's {column: value}; going is a SELECT of copies of the
-- table's rows that are about to go, itself among them, and are no users of it; leaving is the condition on alias t for rows of the
-- journal that are about to be taken back, and so to refer to another row: null for none.
-- Plan: the index of each reference's columns; what is about to go by hash.
CREATE OR REPLACE FUNCTION linkage.referrers_sql(target regclass, source text, going text, leaving text) RETURNS text
LANGUAGE sql STABLE
AS $$
  SELECT COALESCE(
    string_agg(
      format(
        'SELECT %L WHERE EXISTS (SELECT FROM %s AS t WHERE %s%s OFFSET %s)', linkage.qualified_name(r.relation), r.relation,
        linkage.row_has(r.relation, r.columns, $2, r.target_columns),
        CASE WHEN r.relation = $1 THEN format(
          ' AND %s NOT IN (%s)', linkage.row_text('t', linkage.stored_columns($1)), $3)
        END,
        CASE WHEN $4 IS NULL THEN '0' ELSE format(
          '(SELECT count(*) FROM linkage.row_move AS t WHERE %s AND t.action = ''moved'' AND t.relation = %L AND %s)',
          $4, linkage.qualified_name(r.relation),
          (
            SELECT string_agg(format('t.after ->> %L = %s ->> %L', c.name, $2, c.of), ' AND ')
            FROM unnest(r.columns, r.target_columns) AS c (name, of)
          ))
        END),
      ' UNION ALL '),
    'SELECT NULL::text WHERE false')
  FROM linkage.references_to($1) r
$$;
