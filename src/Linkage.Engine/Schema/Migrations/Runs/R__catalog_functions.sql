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

-- The columns, in their order in the index, of a unique key without nulls that has just the wanted columns; without those, of the
-- primary key. Null where there is none.
CREATE OR REPLACE FUNCTION linkage.unique_key(relation regclass, wanted text[]) RETURNS name[]
LANGUAGE sql STABLE
AS $$
  SELECT array_agg(a.attname ORDER BY k.position)
  FROM pg_catalog.pg_index i
  CROSS JOIN LATERAL unnest(i.indkey::smallint[]) WITH ORDINALITY AS k (attnum, position)
  LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum AND a.attnum > 0
  WHERE i.indrelid = $1 AND i.indisunique AND i.indisvalid AND i.indpred IS NULL AND k.position <= i.indnkeyatts
    AND ($2 IS NOT NULL OR i.indisprimary)
  GROUP BY i.indexrelid, i.indisprimary
  HAVING bool_and(a.attnotnull IS TRUE)
    AND ($2 IS NULL OR array_agg(a.attname::text ORDER BY a.attname) = ARRAY(SELECT DISTINCT w.name FROM unnest($2) AS w (name) ORDER BY w.name))
  ORDER BY i.indisprimary DESC, array_agg(a.attname::text ORDER BY k.position) = $2 DESC
  LIMIT 1
$$;
