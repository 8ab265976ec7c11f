-- Valid indexes of the application's schema, by name.
SELECT c.relname::text
FROM pg_catalog.pg_index i
JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
WHERE c.relnamespace = @applicationSchema::regnamespace AND i.indisvalid
