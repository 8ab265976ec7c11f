-- What stands in the way of adopting what is there already: a row for each, with the remedy. Reads the catalog only.
WITH log AS (
  SELECT c.oid, c.relname, c.relowner
  FROM pg_class c
  WHERE c.relnamespace = '{{app}}'::regnamespace AND c.relname IN ('cleanup_audit_log', 'user_sync_monitoring_log') AND c.relkind IN ('r', 'p')
),
handler AS (
  SELECT p.oid, p.prosrc
  FROM pg_proc p
  WHERE p.oid = to_regprocedure('{{app}}.handle_new_user()') AND COALESCE(obj_description(p.oid, 'pg_proc') NOT LIKE 'Linkage: %', true)
),
code AS (
  SELECT regexp_replace(h.prosrc, '--[^\n]*', '', 'g') AS text FROM handler h
),
-- What it writes to, and what it calls for the effect alone.
other AS (
  SELECT DISTINCT 'writes to ' || lower(replace(m.parts[2], '"', '')) AS deed
  FROM code c
  CROSS JOIN regexp_matches(
    c.text, '\m(insert\s+into|update|delete\s+from)\s+((?:"?\w+"?\.)?"?\w+"?)\s*(?=\(|\s|;)', 'gi') AS m (parts)
  WHERE NOT (m.parts[1] ~* '^update' AND m.parts[2] ~* '^set$')
    AND lower(replace(m.parts[2], '"', '')) NOT IN (
      replace(lower('{{profiles}}'), '"', ''), split_part(replace(lower('{{profiles}}'), '"', ''), '.', 2))
  UNION
  SELECT 'calls ' || lower(replace(m.parts[1], '"', ''))
  FROM code c
  CROSS JOIN regexp_matches(c.text, '\mperform\s+((?:"?\w+"?\.)?"?\w+"?)\s*\(', 'gi') AS m (parts)
)
SELECT
  format('The existing function {{app}}.handle_new_user() also %s, which Linkage''s does not.', string_agg(o.deed, ', ' ORDER BY o.deed)) AS "Problem",
  'Move that to a function and trigger of its own (ALTER FUNCTION {{app}}.handle_new_user() RENAME TO ..., if it keeps its trigger, less the '
  'insert of the profile), and install again.' AS "Remedy"
FROM other o
HAVING count(*) > 0
UNION ALL
SELECT
  format('The existing table {{app}}.%I demands values that Linkage does not have: %s.', l.relname, string_agg(a.attname, ', ' ORDER BY a.attname)),
  'Give these columns a default or let them be null, and install again.'
FROM log l
JOIN pg_attribute a ON a.attrelid = l.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE a.attnotnull AND NOT (a.atthasdef OR a.attidentity <> '' OR a.attgenerated <> '')
  AND a.attname NOT IN (
    'run_id', 'table_name', 'record_id', 'action', 'outcome', 'reason', 'details', 'dry_run', 'created_at', 'recorded_at', 'status',
    'auth_users', 'profiles', 'ghost_users', 'orphaned_profiles', 'soft_deleted_users', 'anonymous_users', 'discrepancy', 'open_faults',
    'trigger_enabled', 'oldest_ghost_at')
GROUP BY l.relname
UNION ALL
SELECT
  format('The existing table {{app}}.%I has no single column id as its key, which tells its rows apart.', l.relname),
  'Rename the table, or add the column, and install again.'
FROM log l
WHERE NOT EXISTS (
  SELECT
  FROM pg_index i
  JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
  WHERE i.indrelid = l.oid AND i.indisunique AND i.indnkeyatts = 1 AND a.attname = 'id')
UNION ALL
SELECT
  format('Column %s of the existing table {{app}}.%I is %s; Linkage needs %s.', a.attname, l.relname, format_type(a.atttypid, NULL), w.types[1]),
  'Rename the column, and install again; its values stay.'
FROM log l
CROSS JOIN (VALUES
  ('run_id', ARRAY['uuid']), ('details', ARRAY['jsonb']), ('dry_run', ARRAY['boolean']),
  ('record_id', ARRAY['text', 'character varying']), ('action', ARRAY['text', 'character varying']),
  ('trigger_enabled', ARRAY['boolean']), ('recorded_at', ARRAY['timestamp with time zone'])
) AS w (name, types)
JOIN pg_attribute a ON a.attrelid = l.oid AND a.attname = w.name AND NOT a.attisdropped
WHERE format_type(a.atttypid, NULL) <> ALL (w.types)
UNION ALL
SELECT
  format('The existing table {{app}}.%I belongs to role %I, and the install runs as %I.', l.relname, pg_get_userbyid(l.relowner), '{{installer}}'),
  format('Install as %1$I, or as a member of it: GRANT %1$I TO %2$I.', pg_get_userbyid(l.relowner), '{{installer}}')
FROM log l
WHERE NOT pg_has_role('{{installer}}', l.relowner, 'USAGE')
