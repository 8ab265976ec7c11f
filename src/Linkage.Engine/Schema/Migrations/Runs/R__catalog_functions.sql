-- What every capability asks the catalog about tables that somebody named.

-- What a table in SQL notation is; null where there is none.
CREATE OR REPLACE FUNCTION linkage.find_table(wanted text) RETURNS regclass
LANGUAGE plpgsql STABLE
AS $$
BEGIN
  RETURN to_regclass(wanted);
EXCEPTION WHEN invalid_name OR syntax_error OR feature_not_supported THEN
  -- Before PostgreSQL 16, what is no name at all is an error.
  RETURN NULL;
END
$$;

-- A name as a set of trigrams.
CREATE OR REPLACE FUNCTION linkage.trigrams(name text) RETURNS text[]
LANGUAGE sql IMMUTABLE
AS $$
  SELECT array_agg(DISTINCT pg_catalog.substr(p.padded, i, 3))
  FROM (SELECT '  ' || pg_catalog.lower($1) || ' ') AS p (padded)
  CROSS JOIN pg_catalog.generate_series(1, pg_catalog.length(p.padded) - 2) AS i
$$;

-- Up to three of these names that a wanted one may have meant, in SQL notation, the likeliest first; null where none is like it.
CREATE OR REPLACE FUNCTION linkage.similar_names(wanted text, names text[]) RETURNS text
LANGUAGE sql IMMUTABLE
AS $$
  SELECT pg_catalog.string_agg(pg_catalog.quote_ident(s.name), ', ' ORDER BY s.likeness DESC, s.name)
  FROM (
    SELECT n.name, 2.0 * l.common / (cardinality(linkage.trigrams($1)) + cardinality(linkage.trigrams(n.name))) AS likeness
    FROM unnest($2) AS n (name)
    CROSS JOIN LATERAL (
      SELECT count(*) FROM (SELECT unnest(linkage.trigrams($1)) INTERSECT SELECT unnest(linkage.trigrams(n.name))) AS both_have
    ) AS l (common)
    ORDER BY likeness DESC, n.name
    LIMIT 3
  ) AS s
  WHERE s.likeness >= 0.3
$$;

-- The unique keys of a table by which a row is always known: whole ones, without nulls, those of the primary key first. columns stand in
-- their order in the index.
CREATE OR REPLACE FUNCTION linkage.keys_of(relation regclass)
RETURNS TABLE (index_name regclass, is_primary boolean, is_stored boolean, columns name[])
LANGUAGE sql STABLE
AS $$
  SELECT i.indexrelid::regclass, i.indisprimary, bool_and(a.attgenerated = ''), array_agg(a.attname ORDER BY k.position)
  FROM pg_catalog.pg_index i
  CROSS JOIN LATERAL unnest(i.indkey::smallint[]) WITH ORDINALITY AS k (attnum, position)
  LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum AND a.attnum > 0
  WHERE i.indrelid = $1 AND i.indisunique AND i.indisvalid AND i.indpred IS NULL AND k.position <= i.indnkeyatts
  GROUP BY i.indexrelid, i.indisprimary
  HAVING bool_and(a.attnotnull IS TRUE)
  ORDER BY i.indisprimary DESC, count(*), i.indexrelid
$$;

-- The columns of a key that has just the wanted columns; without those, of the primary key. Null where there is none.
CREATE OR REPLACE FUNCTION linkage.unique_key(relation regclass, wanted text[]) RETURNS name[]
LANGUAGE sql STABLE
AS $$
  SELECT k.columns
  FROM linkage.keys_of($1) k
  WHERE CASE
    WHEN $2 IS NULL THEN k.is_primary
    ELSE k.columns::text[] @> $2 AND k.columns::text[] <@ $2
  END
  ORDER BY k.is_primary DESC, k.columns::text[] = $2 DESC
  LIMIT 1
$$;

-- The type of a column as a value is cast to it, with its length and the like; null where there is no such column.
CREATE OR REPLACE FUNCTION linkage.cast_type(relation text, column_name text) RETURNS text
LANGUAGE sql STABLE
AS $$
  SELECT pg_catalog.format_type(a.atttypid, a.atttypmod)
  FROM pg_catalog.pg_attribute a
  WHERE a.attrelid = to_regclass($1) AND a.attname = $2 AND a.attnum > 0 AND NOT a.attisdropped
$$;

-- A table in SQL notation, with its schema.
CREATE OR REPLACE FUNCTION linkage.qualified_name(relation regclass) RETURNS text
LANGUAGE sql STABLE
AS $$
  SELECT pg_catalog.format('%I.%I', n.nspname, c.relname)
  FROM pg_catalog.pg_class c
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  WHERE c.oid = $1
$$;

-- That there is no table of a name, and which may have been meant.
CREATE OR REPLACE FUNCTION linkage.no_such_table(wanted text) RETURNS text
LANGUAGE sql STABLE
AS $$
  SELECT pg_catalog.format(
    'There is no table %s. %sA name is in SQL notation: in double quotes where it has capitals, spaces or the like, and with its schema '
    'unless the search_path (%s) has it.',
    COALESCE($1, 'of no name'),
    'Similar are: ' || linkage.similar_names(
      regexp_replace($1, '^.*\.|"', '', 'g'),
      ARRAY(
        SELECT c.relname::text
        FROM pg_catalog.pg_class c
        WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition
          AND c.relnamespace::regnamespace::text !~ '^pg_|^information_schema$')) || '. ',
    pg_catalog.current_setting('search_path'))
$$;

-- That a table has no column of a name, which was given for something, and which may have been meant.
CREATE OR REPLACE FUNCTION linkage.no_such_column(relation regclass, wanted text, given_for text) RETURNS text
LANGUAGE sql STABLE
AS $$
  SELECT pg_catalog.format(
    'Table %s has no column %I, given for the %s. %s', $1, $2, $3,
    COALESCE(
      'Similar are: ' || linkage.similar_names($2, c.names) || '.',
      'Its columns are: ' || (SELECT string_agg(quote_ident(n), ', ') FROM unnest(c.names) AS n) || '.',
      'It has no column at all.'))
  FROM (
    SELECT array_agg(a.attname::text ORDER BY a.attnum)
    FROM pg_catalog.pg_attribute a
    WHERE a.attrelid = $1 AND a.attnum > 0 AND NOT a.attisdropped
  ) AS c (names)
$$;

-- Why a relation can't be registered, whatever it is for: it is none that the application keeps rows in.
CREATE OR REPLACE FUNCTION linkage.table_problems(relation regclass) RETURNS SETOF text
LANGUAGE sql STABLE
AS $$
  WITH wanted AS (
    SELECT c.*, n.nspname
    FROM pg_catalog.pg_class c
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.oid = $1
  )
  SELECT format(
    '%s is %s: register a table that the application writes to.', $1,
    CASE c.relkind
      WHEN 'v' THEN 'a view' WHEN 'm' THEN 'a materialized view' WHEN 'f' THEN 'a foreign table' WHEN 'S' THEN 'a sequence'
      WHEN 'i' THEN 'an index' WHEN 'I' THEN 'an index' ELSE 'no table'
    END)
  FROM wanted c
  WHERE c.relkind NOT IN ('r', 'p')
  UNION ALL
  SELECT format('%s is a temporary table, which other sessions do not see: register one that lasts.', $1)
  FROM wanted c
  WHERE c.relpersistence = 't'
  UNION ALL
  SELECT format('%s is one of Linkage''s own tables, or of the server''s: register one of the application''s.', $1)
  FROM wanted c
  WHERE c.nspname IN ('linkage', 'pg_catalog', 'information_schema')
  UNION ALL
  SELECT format('%s is a partition of %s: register that.', $1, i.inhparent::regclass)
  FROM wanted c
  JOIN pg_catalog.pg_inherits i ON i.inhrelid = c.oid
  WHERE c.relispartition
$$;

-- Why a column can't be the key that rows are known by: its values have no text that is always the same.
CREATE OR REPLACE FUNCTION linkage.key_type_problem(relation regclass, column_name text) RETURNS text
LANGUAGE sql STABLE
AS $$
  SELECT format(
    'Key column %I of %s is of type %s, whose text depends on settings of the session, or is not exact. Give another unique key.',
    $2, $1, format_type(a.atttypid, a.atttypmod))
  FROM pg_catalog.pg_attribute a
  WHERE a.attrelid = $1 AND a.attname = $2 AND NOT a.attisdropped
    AND a.atttypid IN ('real'::regtype, 'double precision'::regtype, 'interval'::regtype, 'money'::regtype)
$$;
