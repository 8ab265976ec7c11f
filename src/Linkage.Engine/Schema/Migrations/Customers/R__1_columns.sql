-- What the columns are called that the tables of customers have, and whether a table has what its role takes.

-- What the columns are called that a role can have: which of them it must have, and the names by which they are found where none is given.
CREATE OR REPLACE FUNCTION linkage.customer_columns()
RETURNS TABLE (role text, name text, is_required boolean, parameter text, usual_names text[])
LANGUAGE sql IMMUTABLE
AS $$
  VALUES
    ('lead', 'key', true, 'KeyColumn', '{}'::text[]),
    ('lead', 'customer', true, 'CustomerColumn', ARRAY['customer_id', 'customerId']),
    ('lead', 'name', false, 'NameColumn', ARRAY['name', 'full_name', 'fullName']),
    ('lead', 'phone', false, 'PhoneColumn', ARRAY['phone', 'phone_number', 'phoneNumber']),
    ('lead', 'email', false, 'EmailColumn', ARRAY['email']),
    ('lead', 'psid', false, 'PsidColumn', ARRAY['messenger_psid', 'messengerPsid', 'psid']),
    ('lead', 'address', false, 'AddressColumn', ARRAY['address']),
    ('lead', 'created_at', false, 'CreatedAtColumn', ARRAY['created_at', 'createdAt']),
    ('customer', 'key', true, 'KeyColumn', '{}'),
    ('customer', 'name', false, 'NameColumn', ARRAY['name', 'full_name', 'fullName']),
    ('customer', 'phone', false, 'PhoneColumn', ARRAY['phone', 'phone_number', 'phoneNumber']),
    ('customer', 'email', false, 'EmailColumn', ARRAY['email']),
    ('customer', 'metadata', false, 'MetadataColumn', ARRAY['metadata']),
    ('customer', 'created_at', false, 'CreatedAtColumn', ARRAY['created_at', 'createdAt']),
    ('address', 'customer', true, 'CustomerColumn', ARRAY['customer_id', 'customerId']),
    ('audit', 'action', true, NULL, ARRAY['action']),
    ('audit', 'payload', true, NULL, ARRAY['payload']),
    ('audit', 'created_at', false, 'CreatedAtColumn', ARRAY['created_at', 'createdAt']),
    ('follower', 'key', true, 'KeyColumn', '{}'),
    ('follower', 'lead', true, 'LeadColumn', ARRAY['lead_id', 'leadId']),
    ('follower', 'customer', true, 'CustomerColumn', ARRAY['customer_id', 'customerId'])
$$;

-- The columns that a table in a role has: those given ({"phone": name}; an empty name leaves the column out), else those of a usual name.
-- The key is the primary key, if that is one column.
CREATE OR REPLACE FUNCTION linkage.find_customer_columns(wanted_role text, relation regclass, given jsonb) RETURNS jsonb
LANGUAGE sql STABLE
AS $$
  SELECT COALESCE(jsonb_object_agg(c.name, f.found) FILTER (WHERE f.found <> ''), '{}')
  FROM linkage.customer_columns() c
  CROSS JOIN LATERAL (
    SELECT COALESCE(
      $3 ->> c.name,
      CASE WHEN c.name = 'key' THEN (SELECT k[1]::text FROM linkage.unique_key($2, NULL) AS k WHERE cardinality(k) = 1) END,
      (
        SELECT a.attname::text
        FROM pg_catalog.pg_attribute a
        WHERE a.attrelid = $2 AND a.attname = ANY (c.usual_names) AND a.attnum > 0 AND NOT a.attisdropped
        ORDER BY array_position(c.usual_names, a.attname::text)
        LIMIT 1
      ))
  ) AS f (found)
  WHERE c.role = $1
$$;

-- Every problem that a table has in a role, with its remedy.
CREATE OR REPLACE FUNCTION linkage.customer_table_problems(wanted_role text, relation regclass, mapped jsonb) RETURNS SETOF text
LANGUAGE sql STABLE
AS $$
  WITH wanted AS (
    SELECT
      c.name, c.is_required, c.parameter, c.usual_names, m.value AS column_name, a.attnum, a.atttypid, a.attnotnull,
      a.attgenerated <> '' OR a.attidentity = 'a' AS is_generated
    FROM linkage.customer_columns() c
    LEFT JOIN jsonb_each_text($3) AS m ON m.key = c.name
    LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = $2 AND a.attname = m.value AND a.attnum > 0 AND NOT a.attisdropped
    WHERE c.role = $1
  ),
  -- Whose keys stand in a column.
  reference AS (
    SELECT w.name, w.column_name, w.atttypid, t.relation AS of_relation, a.attname AS of_column, a.atttypid AS of_type
    FROM wanted w
    JOIN linkage.customer_table t ON t.role = w.name
    JOIN pg_catalog.pg_attribute a ON a.attrelid = to_regclass(t.relation) AND a.attname = t.columns ->> 'key' AND NOT a.attisdropped
    WHERE w.name IN ('lead', 'customer') AND w.attnum IS NOT NULL
  )
  SELECT linkage.table_problems($2)
  UNION ALL
  SELECT CASE
    WHEN w.name = 'key' THEN format('Table %s has no primary key of one column: name another unique one without nulls, by -KeyColumn.', $2)
    ELSE format(
      'No column is given for the %s, and table %s has none of a usual name (%s)%s.',
      w.name, $2, array_to_string(w.usual_names, ', '), COALESCE(': name it by -' || w.parameter, ''))
  END
  FROM wanted w
  WHERE w.is_required AND w.column_name IS NULL
  UNION ALL
  SELECT linkage.no_such_column($2, w.column_name, w.name)
  FROM wanted w
  WHERE w.column_name IS NOT NULL AND w.attnum IS NULL
  UNION ALL
  SELECT format('Table %s in the role of %s has no column for %s.', $2, $1, string_agg(m.key, ', '))
  FROM jsonb_each_text($3) AS m
  WHERE m.key NOT IN (SELECT w.name FROM wanted w)
  HAVING count(*) > 0
  UNION ALL
  SELECT format('Column %I is given for the %s: each needs a column of its own.', w.column_name, string_agg(w.name, ' and for the '))
  FROM wanted w
  WHERE w.attnum IS NOT NULL
  GROUP BY w.column_name
  HAVING count(*) > 1
  UNION ALL
  SELECT format(
    'Column %1$I of %2$s, given for the key, is not unique without nulls by itself: give another, or make it so: '
    'ALTER TABLE %2$s ADD UNIQUE (%1$I), ALTER COLUMN %1$I SET NOT NULL.', w.column_name, $2)
  FROM wanted w
  WHERE w.name = 'key' AND w.attnum IS NOT NULL AND linkage.unique_key($2, ARRAY[w.column_name]) IS NULL
  UNION ALL
  SELECT linkage.key_type_problem($2, w.column_name)
  FROM wanted w
  WHERE w.name = 'key' AND linkage.key_type_problem($2, w.column_name) IS NOT NULL
  UNION ALL
  SELECT format('Column %I of %s, given for the %s, is generated, and can''t be filled in. Give a plain column.', w.column_name, $2, w.name)
  FROM wanted w
  WHERE w.is_generated AND (w.name = 'customer' OR $1 IN ('customer', 'audit') AND w.name NOT IN ('key', 'created_at'))
  UNION ALL
  SELECT format(
    'Column %1$I of %2$s, given for the customer, is NOT NULL, so that there is nothing to link: ALTER TABLE %2$s ALTER COLUMN %1$I DROP NOT NULL.',
    w.column_name, $2)
  FROM wanted w
  WHERE $1 IN ('lead', 'follower') AND w.name = 'customer' AND w.attnotnull
  UNION ALL
  SELECT format(
    'Column %I of %s, given for the %s, is of type %s, and must be jsonb or json.', w.column_name, $2, w.name, format_type(w.atttypid, NULL))
  FROM wanted w
  WHERE w.name IN ('metadata', 'payload') AND w.atttypid NOT IN ('jsonb'::regtype, 'json'::regtype)
  UNION ALL
  SELECT format(
    'Column %I of %s, given for the %s, is of type %s, and must be a timestamp.', w.column_name, $2, w.name, format_type(w.atttypid, NULL))
  FROM wanted w
  WHERE w.name = 'created_at' AND w.atttypid NOT IN ('timestamptz'::regtype, 'timestamp'::regtype)
  UNION ALL
  SELECT format(
    'Column %I of %s is of type %s, and %I of %s of %s: keys of one table are in the other. Give another, or change its type.',
    r.column_name, $2, format_type(r.atttypid, NULL), r.of_column, r.of_relation, format_type(r.of_type, NULL))
  FROM reference r
  WHERE r.atttypid <> r.of_type
    AND NOT (r.atttypid IN ('text'::regtype, 'varchar'::regtype) AND r.of_type IN ('text'::regtype, 'varchar'::regtype))
$$;

-- Columns by which rows are looked up and that no index begins with.
CREATE OR REPLACE FUNCTION linkage.customer_index_warnings(entry linkage.customer_table) RETURNS SETOF text
LANGUAGE sql STABLE
AS $$
  SELECT format(
    '%1$s has no index on %2$I, by which %3$s; without it every batch reads the whole table: CREATE INDEX CONCURRENTLY ON %1$s (%2$I);',
    entry.relation, entry.columns ->> n.name, n.serves)
  FROM (VALUES
    ('follower', 'lead', 'a lead''s rows are found'),
    ('lead', 'customer', 'a customer''s leads are found'),
    ('follower', 'customer', 'a customer''s rows are found'),
    ('address', 'customer', 'a customer''s addresses are found')
  ) AS n (role, name, serves)
  WHERE n.role = entry.role
    AND NOT EXISTS (
      SELECT
      FROM pg_catalog.pg_index i
      JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
      WHERE i.indrelid = to_regclass(entry.relation) AND i.indisvalid AND i.indpred IS NULL AND a.attname = entry.columns ->> n.name)
$$;
