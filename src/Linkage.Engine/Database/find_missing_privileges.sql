-- What this role lacks on the object that a message of the server names: with whose name it ends, or else that it quotes. (It leaves the
-- schema out, and where the name stands depends on the server's language.)
-- Plan: scans of three catalogs; it is asked after a failure only.
WITH object AS (
  SELECT 'schema' AS kind, quote_ident(n.nspname) AS object, n.nspname AS name, n.nspname, ARRAY['USAGE'] AS lacks, NULL::text[] AS partly
  FROM pg_namespace n
  WHERE NOT has_schema_privilege(n.oid, 'USAGE')
  UNION ALL
  SELECT 'function', p.oid::regprocedure::text, p.proname, n.nspname, ARRAY['EXECUTE'], NULL
  FROM pg_proc p
  JOIN pg_namespace n ON n.oid = p.pronamespace
  WHERE NOT has_function_privilege(p.oid, 'EXECUTE')
  UNION ALL
  SELECT 'sequence', format('%I.%I', n.nspname, c.relname), c.relname, n.nspname, ARRAY['USAGE'], NULL
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE CASE WHEN c.relkind = 'S' THEN NOT has_sequence_privilege(c.oid, 'USAGE') END
  UNION ALL
  SELECT
    'table', format('%I.%I', n.nspname, c.relname), c.relname, n.nspname,
    array_agg(p.name ORDER BY p.position) FILTER (WHERE NOT s.has_some),
    array_agg(p.name ORDER BY p.position) FILTER (WHERE s.has_some)
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
  CROSS JOIN unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) WITH ORDINALITY AS p (name, position)
  -- a row is deleted as a whole
  CROSS JOIN LATERAL (SELECT CASE WHEN p.name = 'DELETE' THEN false ELSE has_any_column_privilege(c.oid, p.name) END) AS s (has_some)
  WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT has_table_privilege(c.oid, p.name)
  GROUP BY c.oid, n.nspname
)
SELECT
  o.object,
  format(
    'role %I %s on %s %s. docs/privileges.md says what each cmdlet needs; docs/least-privilege.sql makes roles that have it.',
    current_user,
    concat_ws(
      ', and ',
      'lacks ' || array_to_string(o.lacks, ', '),
      'has ' || array_to_string(o.partly, ', ') || ' for some columns only'),
    o.kind, o.object) AS message
FROM object o
WHERE right(rtrim(@named, '"»“”«. '), length(o.name)) = o.name OR strpos(@named, format('"%s"', o.name)) > 0
ORDER BY
  length(o.name) DESC, o.nspname = 'linkage' DESC, o.nspname IN ('pg_catalog', 'information_schema'), o.object
LIMIT 1
