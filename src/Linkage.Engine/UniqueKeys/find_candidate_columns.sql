-- What the catalog and the statistics tell of the columns that a key may be of: those of the application's schema, or of @tables. Columns that the
-- role may not read, and tables of Linkage's own, are left out. Nothing is read of the tables.
SELECT
  linkage.qualified_name(c.oid) AS "Table",
  c.relname AS "TableName",
  c.reltuples::float8 AS "EstimatedRows",
  a.attname AS "Column",
  t.typcategory::text AS "TypeCategory",
  a.attnotnull AS "IsNotNull",
  EXISTS (
    SELECT FROM pg_constraint f WHERE f.contype = 'f' AND f.conrelid = c.oid AND a.attnum = ANY (f.conkey)
  ) AS "IsForeignKey",
  a.attname = ANY (COALESCE(linkage.unique_key(c.oid, NULL), '{}')) AS "IsPrimaryKey",
  COALESCE(s.null_frac, 0)::float8 AS "NullShare",
  -- a negative one is a share of the rows
  CASE WHEN s.n_distinct < 0 THEN -s.n_distinct * GREATEST(c.reltuples, 0) ELSE s.n_distinct END::float8 AS "DistinctValues"
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_type t ON t.oid = a.atttypid
LEFT JOIN pg_stats s ON s.schemaname = n.nspname AND s.tablename = c.relname AND s.attname = a.attname
  AND s.inherited = (c.relkind = 'p')
WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relpersistence <> 't'
  AND CASE
    WHEN cardinality(@tables::text[]) > 0 THEN c.oid = ANY (SELECT linkage.find_table(w.name) FROM unnest(@tables::text[]) AS w (name))
    ELSE n.nspname = (SELECT i.application_schema FROM linkage.installation i)
  END
  AND COALESCE(obj_description(c.oid, 'pg_class'), '') NOT LIKE 'Linkage: %'
  AND has_schema_privilege(n.oid, 'USAGE') AND has_column_privilege(c.oid, a.attnum, 'SELECT')
ORDER BY 1, a.attnum
