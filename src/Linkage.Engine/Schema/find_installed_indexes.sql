-- Indexes that an install built, as they are now.
SELECT
  substr(i.object, 7) AS "Name",
  COALESCE(x.indisvalid, false) AS "IsValid",
  pg_get_indexdef(x.indexrelid) AS "Definition",
  i.fingerprint AS "Recorded"
FROM linkage.installed_object i
LEFT JOIN pg_index x ON x.indexrelid = to_regclass(substr(i.object, 7))
WHERE i.kind = 'index'
ORDER BY 1
