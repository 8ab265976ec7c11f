-- The columns of the valid unique indexes of @tables. Those with expressions are left out; that some rows are left out by a predicate is not.
SELECT
  linkage.qualified_name(i.indrelid) AS "Table",
  array_agg(a.attname::text ORDER BY k.place) AS "Columns"
FROM pg_index i
CROSS JOIN LATERAL unnest(i.indkey::smallint[]) WITH ORDINALITY AS k (attnum, place)
LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum AND k.attnum > 0
WHERE i.indrelid = ANY (SELECT to_regclass(w.name) FROM unnest(@tables::text[]) AS w (name))
  AND i.indisunique AND i.indisvalid AND k.place <= i.indnkeyatts
GROUP BY i.indexrelid, i.indrelid
HAVING count(*) = count(a.attname)
