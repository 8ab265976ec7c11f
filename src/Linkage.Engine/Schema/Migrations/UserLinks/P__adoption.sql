-- What stands in the way of adopting an audit and flags that are there already: a row for each, with the remedy. Reads the catalog only.
WITH audit AS (
  SELECT to_regclass('{{app}}.user_link_audit')::oid AS id
),
audit_column AS (
  SELECT a.attname AS name, a.atttypid::regtype AS type, a.attnotnull AS is_required,
    a.atthasdef OR a.attidentity <> '' OR a.attgenerated <> '' AS has_value
  FROM pg_attribute a
  WHERE a.attrelid = (SELECT id FROM audit) AND a.attnum > 0 AND NOT a.attisdropped
),
flags AS (
  SELECT to_regclass('{{app}}.feature_flags')::oid AS id
),
flag_column AS (
  SELECT a.attname AS name, a.atttypid::regtype AS type
  FROM pg_attribute a
  WHERE a.attrelid = (SELECT id FROM flags) AND a.attnum > 0 AND NOT a.attisdropped
),
flag_function AS (
  SELECT p.prorettype::regtype AS type
  FROM pg_proc p
  WHERE p.pronamespace = '{{app}}'::regnamespace AND p.proname = 'get_feature_flag'
)
SELECT
  format('The existing table {{app}}.user_link_audit demands values that Linkage does not have: %s.', string_agg(c.name, ', ' ORDER BY c.name)) AS "Problem",
  'Give these columns a default or let them be null, and install again.' AS "Remedy"
FROM audit_column c
WHERE c.is_required AND NOT c.has_value
  AND c.name NOT IN (
    'table_name', 'outcome', 'created_at', 'dry_run', 'record_id', 'event_id', 'normalized_phone', 'matched_guest_id', 'linked_user_id')
HAVING count(*) > 0
UNION ALL
SELECT
  format('The existing table {{app}}.user_link_audit has no column %s, which tells its rows apart.', w.name),
  'Rename the table, or add the column, and install again.'
FROM (VALUES ('id'), ('table_name'), ('outcome'), ('created_at')) AS w (name)
WHERE (SELECT id FROM audit) IS NOT NULL AND NOT EXISTS (SELECT FROM audit_column c WHERE c.name = w.name)
UNION ALL
SELECT
  format('Column record_id of the existing table {{app}}.user_link_audit is %s, which no key of a delivery fits.', c.type),
  'Rename the column, and install again; its rows stay, but can''t be rolled back.'
FROM audit_column c
WHERE c.name = 'record_id' AND {{delivery_key_is_uuid}} AND c.type NOT IN ('uuid'::regtype, 'text'::regtype, 'varchar'::regtype)
UNION ALL
SELECT
  format('Index %s allows one audit row only for what Linkage audits more than once.', i.indexrelid::regclass),
  'Drop the key, and install again.'
FROM pg_index i
WHERE i.indrelid = (SELECT id FROM audit) AND i.indisunique
  AND NOT EXISTS (
    SELECT FROM pg_attribute a WHERE a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey::smallint[]) AND a.attname = 'id')
UNION ALL
SELECT
  format('%s {{app}}.user_link_audit belongs to role %I, and the install runs as %I.', 'The existing table', pg_get_userbyid(c.relowner), '{{installer}}'),
  format('Install as %1$I, or as a member of it: GRANT %1$I TO %2$I.', pg_get_userbyid(c.relowner), '{{installer}}')
FROM pg_class c
WHERE c.oid = (SELECT id FROM audit) AND NOT pg_has_role('{{installer}}', c.relowner, 'USAGE')
UNION ALL
SELECT
  format('The existing function {{app}}.get_feature_flag returns %s.', f.type),
  'Linkage asks it whether a feature is on: let it return boolean, and install again.'
FROM flag_function f
WHERE f.type <> 'boolean'::regtype
UNION ALL
SELECT
  'The existing table {{app}}.feature_flags has no column that Linkage knows as a flag''s name or state.',
  'Create {{app}}.get_feature_flag(text) returning boolean over it, and install again.'
WHERE (SELECT id FROM flags) IS NOT NULL
  AND NOT EXISTS (SELECT FROM flag_function)
  AND NOT (
    EXISTS (SELECT FROM flag_column c WHERE c.name = ANY (ARRAY['name', 'key', 'flag', 'flag_name', 'flag_key', 'feature_name']))
    AND EXISTS (
      SELECT FROM flag_column c
      WHERE c.name = ANY (ARRAY['enabled', 'is_enabled', 'value', 'state', 'active', 'is_active']) AND c.type = 'boolean'::regtype))
