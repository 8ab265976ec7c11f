-- What stands in the way of adopting what is there already: a row for each, with the remedy. Reads the catalog only.
WITH log AS (
  SELECT c.oid, c.relname, c.relowner
  FROM pg_class c
  WHERE c.relnamespace = '{{app}}'::regnamespace AND c.relname IN ('cleanup_audit_log', 'user_sync_monitoring_log') AND c.relkind IN ('r', 'p')
),
-- The application's own triggers on accounts.
own_trigger AS (
  SELECT t.tgname, t.tgfoid, t.tgtype, t.tgenabled
  FROM pg_trigger t
  WHERE t.tgrelid = to_regclass('auth.users') AND NOT t.tgisinternal
    AND COALESCE(obj_description(t.tgfoid, 'pg_proc') NOT LIKE 'Linkage: %', true)
),
-- Functions that Linkage would take the place of, and those of triggers on accounts; less their comments.
code AS (
  SELECT
    p.oid, l.lanname, regexp_replace(p.prosrc, '--[^\n]*', '', 'g') AS text,
    p.oid IN (SELECT t.tgfoid FROM own_trigger t WHERE t.tgname IN ('on_auth_user_created', 'on_auth_user_updated'))
      OR COALESCE(p.oid IN (to_regprocedure('{{app}}.handle_new_user()'), to_regprocedure('{{app}}.handle_user_update()')), false) AS is_replaced
  FROM pg_proc p
  JOIN pg_language l ON l.oid = p.prolang
  WHERE COALESCE(obj_description(p.oid, 'pg_proc') NOT LIKE 'Linkage: %', true)
    AND (p.oid IN (SELECT t.tgfoid FROM own_trigger t)
      OR p.oid = to_regprocedure('{{app}}.handle_new_user()') OR p.oid = to_regprocedure('{{app}}.handle_user_update()'))
),
written AS (
  SELECT
    c.oid, lower(regexp_replace(m.parts[1], '\s+', ' ', 'g')) AS verb, w.name,
    w.name IN (replace(lower('{{profiles}}'), '"', ''), split_part(replace(lower('{{profiles}}'), '"', ''), '.', 2)) AS is_profile
  FROM code c
  CROSS JOIN regexp_matches(
    c.text, '\m(insert\s+into|update|delete\s+from)\s+((?:"?\w+"?\.)?"?\w+"?)\s*(?=\(|\s|;)', 'gi') AS m (parts)
  CROSS JOIN LATERAL (SELECT lower(replace(m.parts[2], '"', ''))) AS w (name)
  WHERE NOT (lower(m.parts[1]) = 'update' AND w.name = 'set')
),
-- What they do besides making profiles: what they write to, and what they call for the effect alone.
other AS (
  SELECT w.oid, 'writes to ' || w.name AS deed FROM written w WHERE NOT w.is_profile
  UNION
  SELECT c.oid, 'calls ' || lower(replace(m.parts[1], '"', ''))
  FROM code c
  CROSS JOIN regexp_matches(c.text, '\mperform\s+((?:"?\w+"?\.)?"?\w+"?)\s*\(', 'gi') AS m (parts)
  UNION
  SELECT c.oid, format('does what only %s knows', c.lanname) FROM code c WHERE c.lanname <> 'plpgsql'
)
SELECT
  format('The existing function %s also %s, which Linkage''s does not.', o.oid::regprocedure, string_agg(o.deed, ', ' ORDER BY o.deed)) AS "Problem",
  format(
    'Move that to a function and a trigger of its own (ALTER FUNCTION %s RENAME TO ..., ALTER TRIGGER ... ON auth.users RENAME TO ..., less '
    'the insert of the profile), and install again.', o.oid::regprocedure) AS "Remedy"
FROM other o
JOIN code c ON c.oid = o.oid AND c.is_replaced
GROUP BY o.oid
UNION ALL
SELECT
  format(
    'Trigger %I on auth.users makes profiles too, after on_auth_user_created, and would fail every sign-up then: %s inserts into {{profiles}} '
    'without ON CONFLICT.', t.tgname, t.tgfoid::regprocedure),
  'Drop the trigger, or let its function insert with ON CONFLICT DO NOTHING, and install again.'
FROM own_trigger t
JOIN code c ON c.oid = t.tgfoid AND NOT c.is_replaced
-- after, on insert; for each row in the order of names, for statements after all rows
WHERE t.tgenabled <> 'D' AND t.tgtype & 2 = 0 AND t.tgtype & 4 <> 0 AND (t.tgname > 'on_auth_user_created' OR t.tgtype & 1 = 0)
  AND c.text !~* '\mon\s+conflict\M'
  AND EXISTS (SELECT FROM written w WHERE w.oid = c.oid AND w.verb = 'insert into' AND w.is_profile)
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
