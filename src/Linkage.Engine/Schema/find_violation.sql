-- What lists the rows that break a CHECK constraint, and an expression that tells each of them: its primary key, or else its place.
SELECT
  COALESCE(
    (
      SELECT format('concat_ws('', '', %s)', string_agg(format('%L || %I', quote_ident(a.attname) || ' = ', a.attname), ', ' ORDER BY a.attnum))
      FROM pg_index i
      JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)
      WHERE i.indrelid = k.conrelid AND i.indisprimary
      HAVING count(*) > 0
    ), '''ctid = '' || ctid') AS "Key",
  format('FROM %s WHERE NOT (%s)', k.conrelid::regclass, pg_get_expr(k.conbin, k.conrelid)) AS "Rows"
FROM pg_constraint k
WHERE k.conrelid = to_regclass(@Table) AND k.conname = @Name
