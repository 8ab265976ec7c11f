-- Rows that would have the same unique key once they are moved: which gives way to which.

-- The unique indexes of a table that see it when some of its columns change: their expressions and their predicate, on columns without
-- alias.
-- Plan: the catalog.
CREATE OR REPLACE FUNCTION linkage.unique_keys_with(relation regclass, changed name[])
RETURNS TABLE (index_name regclass, keys text[], predicate text, nulls_are_equal boolean)
LANGUAGE sql STABLE
AS $$
  WITH changed AS (
    SELECT a.attnum
    FROM pg_catalog.pg_attribute a
    WHERE a.attrelid = $1 AND a.attname = ANY ($2)
    UNION
    -- what is generated from them
    SELECT g.attnum
    FROM pg_catalog.pg_attribute g
    JOIN pg_catalog.pg_attrdef e ON e.adrelid = g.attrelid AND e.adnum = g.attnum
    JOIN pg_catalog.pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = g.attrelid
     AND (d.classid = 'pg_attrdef'::regclass AND d.objid = e.oid
       OR d.classid = 'pg_class'::regclass AND d.objid = g.attrelid AND d.objsubid = g.attnum)
    JOIN pg_catalog.pg_attribute a ON a.attrelid = g.attrelid AND a.attnum = d.refobjsubid
    WHERE g.attrelid = $1 AND g.attgenerated <> '' AND a.attname = ANY ($2)
  )
  SELECT
    i.indexrelid::regclass,
    ARRAY(SELECT pg_get_indexdef(i.indexrelid, n, true) FROM generate_series(1, i.indnkeyatts::integer) AS n ORDER BY n),
    COALESCE(pg_get_expr(i.indpred, i.indrelid, true), 'true'),
    -- since PostgreSQL 15
    COALESCE((to_jsonb(i) ->> 'indnullsnotdistinct')::boolean, false)
  FROM pg_catalog.pg_index i
  WHERE i.indrelid = $1 AND i.indisunique AND i.indisvalid
    AND EXISTS (
      SELECT
      FROM changed c
      WHERE c.attnum = ANY (i.indkey::smallint[])
        OR EXISTS (
          SELECT
          FROM pg_catalog.pg_depend d
          WHERE d.classid = 'pg_class'::regclass AND d.objid = i.indexrelid AND d.refclassid = 'pg_class'::regclass
            AND d.refobjid = i.indrelid AND d.refobjsubid = c.attnum))
  ORDER BY i.indisprimary DESC, i.indexrelid
$$;

-- Rows of one table that would have the same key of a unique index once what refers to lost rows is moved to those kept: copies of those
-- that give way, and for each of the one that it gives way to; how many of them were to be moved; how many clash with a row that refers to
-- none of the kept ones. wanted: the references of that table, as linkage.move_rows takes them.
-- policy KeepNewest: the youngest stays, by created_at where there is one; otherwise, and among those of the same age, the row that refers
-- to the kept one already, then the rows in the order of what is lost.
-- Plan: the rows to be moved by their place, the others by the unique index.
CREATE OR REPLACE FUNCTION linkage.find_clashes(
  target regclass, wanted jsonb, unique_index regclass, lost jsonb[], kept jsonb[], policy text,
  OUT losers jsonb[], OUT winners jsonb[], OUT movers bigint, OUT strangers bigint)
LANGUAGE plpgsql STABLE
AS $$
DECLARE
  statement record;
  key       record;
  columns   record;
BEGIN
  SELECT * INTO STRICT statement FROM linkage.move_statements(target, wanted);
  SELECT
    u.predicate,
    string_agg(format('(%s) AS key_%s', k.key, k.n), ', ' ORDER BY k.n) AS keys,
    string_agg(format('i.key_%s', k.n), ', ' ORDER BY k.n) AS names,
    string_agg(
      format(CASE WHEN u.nulls_are_equal THEN '(%s) IS NOT DISTINCT FROM i.key_%s' ELSE '(%s) = i.key_%s' END, k.key, k.n), ' AND ')
      AS is_same,
    CASE WHEN u.nulls_are_equal THEN 'true' ELSE string_agg(format('k.key_%s IS NOT NULL', k.n), ' AND ') END AS counts
  INTO STRICT key
  FROM linkage.unique_keys_with(statement.relation, statement.touched) u
  CROSS JOIN LATERAL unnest(u.keys) WITH ORDINALITY AS k (key, n)
  WHERE u.index_name = unique_index
  GROUP BY u.predicate, u.nulls_are_equal;
  SELECT
    -- a row as it will be, and what is generated from that
    string_agg(
      format('%s AS %I', COALESCE('n.value_' || array_position(statement.touched, a.attname), format('t.%I', a.attname)), a.attname), ', ')
      FILTER (WHERE a.attgenerated = '') AS next_row,
    COALESCE(
      string_agg(format(', %s AS %I', pg_get_expr(d.adbin, d.adrelid), a.attname), '') FILTER (WHERE a.attgenerated <> ''), '')
      AS generated,
    COALESCE(
      min(format('t.%I', a.attname)) FILTER (
        WHERE a.attname IN ('created_at', 'createdAt') AND a.atttypid IN ('timestamptz'::regtype, 'timestamp'::regtype, 'date'::regtype)),
      'NULL::timestamptz') AS born
  INTO STRICT columns
  FROM pg_catalog.pg_attribute a
  LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
  WHERE a.attrelid = statement.relation AND a.attnum > 0 AND NOT a.attisdropped;

  EXECUTE format(
    'WITH pair AS MATERIALIZED (SELECT * FROM unnest($1, $2) WITH ORDINALITY AS p (lost, kept, ordinal)),
     found_1 AS MATERIALIZED (%1$s),
     next_1 AS MATERIALIZED (%2$s),
     image AS MATERIALIZED (
       SELECT n.part, n.place, n.rank, %3$s AS born, k.*
       FROM next_1 AS n
       JOIN %4$s AS t ON t.ctid = n.place AND t.tableoid = n.part
       CROSS JOIN LATERAL (SELECT %5$s) AS x
       CROSS JOIN LATERAL (SELECT %6$s FROM (SELECT x.*%7$s FROM (SELECT x.*) AS x) AS x WHERE %8$s) AS k
       WHERE %9$s
     ),
     member AS (
       SELECT i.part, i.place, i.rank, i.born, true AS is_mover, false AS is_strange, %10$s FROM image AS i
       UNION ALL
       SELECT o.part, o.place, 0, o.born, false, o.is_strange, %10$s
       FROM (SELECT DISTINCT %10$s FROM image AS i) AS i
       JOIN LATERAL (
         SELECT t.tableoid AS part, t.ctid AS place, %3$s AS born, NOT EXISTS (SELECT FROM pair AS p WHERE %11$s) AS is_strange
         FROM %4$s AS t
         WHERE %12$s AND (%8$s) AND NOT EXISTS (SELECT FROM pair AS p WHERE %16$s)%13$s
       ) AS o ON true
     ),
     ranked AS (
       SELECT
         i.part, i.place, i.is_mover, bool_or(i.is_strange) OVER (PARTITION BY %10$s) AS is_strange, row_number() OVER w AS n,
         first_value(i.part) OVER w AS kept_part, first_value(i.place) OVER w AS kept_place
       FROM member AS i
       WINDOW w AS (PARTITION BY %10$s ORDER BY %14$s i.is_mover, i.rank, i.place)
     )
     SELECT
       array_agg(%15$s ORDER BY r.part, r.place), array_agg(k.copy ORDER BY r.part, r.place),
       count(*) FILTER (WHERE r.is_mover), count(*) FILTER (WHERE r.is_strange)
     FROM ranked AS r
     JOIN %4$s AS t ON t.ctid = r.place AND t.tableoid = r.part
     CROSS JOIN LATERAL (SELECT %15$s AS copy FROM %4$s AS t WHERE t.ctid = r.kept_place AND t.tableoid = r.kept_part) AS k
     WHERE r.n > 1',
    statement.found, statement.next, columns.born, statement.relation, columns.next_row, key.keys, columns.generated, key.predicate,
    key.counts, key.names, statement.is_kepts, key.is_same,
    CASE WHEN statement.relation = target THEN
      format(' AND NOT EXISTS (SELECT FROM pair AS p WHERE %s)', linkage.is_row(target, 'p.lost'))
    END,
    CASE policy WHEN 'KeepNewest' THEN 'i.born DESC NULLS LAST,' END,
    linkage.row_text('t', linkage.stored_columns(statement.relation)), statement.is_losts)
  INTO losers, winners, movers, strangers
  USING lost, kept;
END
$$;
