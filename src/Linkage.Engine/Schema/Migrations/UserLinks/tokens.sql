-- What the scripts of user links need to know of the application's tables: types of keys. A null value means that the component does
-- not fit here; requires says what is missing.
WITH columns AS (
  SELECT
    c.relname AS table_name, a.attname AS column_name, format_type(a.atttypid, a.atttypmod) AS type,
    a.attnum = ANY (i.indkey::smallint[]) AS is_key
  FROM pg_class c
  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
  LEFT JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary
  WHERE c.relnamespace = '{{app}}'::regnamespace AND c.relkind IN ('r', 'p')
    AND c.relname IN ('users', 'event_guests', 'message_deliveries', 'user_link_audit')
),
delivery_key AS (
  SELECT count(*) AS size, min(type) AS type
  FROM columns
  WHERE table_name = 'message_deliveries' AND is_key
)
SELECT n.name AS "Name", n.value AS "Value", n.requires AS "Requires"
FROM (
  SELECT t.token, (SELECT c.type FROM columns c WHERE c.table_name = t.of_table AND c.column_name = t.of_column), t.of_table || '.' || t.of_column
  FROM (VALUES
    ('user_id', 'users', 'id'),
    ('guest_id', 'event_guests', 'id'),
    ('event_id', 'event_guests', 'event_id'),
    -- needed, though no script names their type
    ('users.phone', 'users', 'phone'),
    ('event_guests.phone', 'event_guests', 'phone'),
    ('event_guests.user_id', 'event_guests', 'user_id'),
    ('event_guests.removed_at', 'event_guests', 'removed_at'),
    ('message_deliveries.phone_number', 'message_deliveries', 'phone_number'),
    ('message_deliveries.user_id', 'message_deliveries', 'user_id'),
    ('message_deliveries.guest_id', 'message_deliveries', 'guest_id')
  ) AS t (token, of_table, of_column)
  UNION ALL
  -- the audit's key is its own where it stands already
  SELECT 'audit_id', COALESCE((SELECT c.type FROM columns c WHERE c.table_name = 'user_link_audit' AND c.column_name = 'id'), 'bigint'), NULL
  UNION ALL
  -- needed too
  SELECT 'message_deliveries.key', NULLIF(k.size, 0)::text, 'a primary key on message_deliveries, by which its rows are audited'
  FROM delivery_key k
  UNION ALL
  SELECT 'delivery_key_is_uuid', CASE WHEN k.size = 1 AND k.type = 'uuid' THEN 'true' ELSE 'false' END, NULL FROM delivery_key k
) AS n (name, value, requires)
