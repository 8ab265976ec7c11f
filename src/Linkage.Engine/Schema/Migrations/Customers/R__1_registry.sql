-- The registry of customers: which tables hold leads, customers, addresses, the application's audit, and rows that follow a lead. Whatever
-- they and their columns are called, all other functions of customers name them by tokens that linkage.customer_sql replaces.

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
  WITH relation AS (
    SELECT c.*, n.nspname
    FROM pg_catalog.pg_class c
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.oid = $2
  ),
  wanted AS (
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
  SELECT format(
    '%s is %s: register a table that the application writes to.', $2,
    CASE r.relkind
      WHEN 'v' THEN 'a view' WHEN 'm' THEN 'a materialized view' WHEN 'f' THEN 'a foreign table' WHEN 'S' THEN 'a sequence'
      WHEN 'i' THEN 'an index' WHEN 'I' THEN 'an index' ELSE 'no table'
    END)
  FROM relation r
  WHERE r.relkind NOT IN ('r', 'p')
  UNION ALL
  SELECT format('%s is a temporary table, which other sessions do not see: register one that lasts.', $2)
  FROM relation r
  WHERE r.relpersistence = 't'
  UNION ALL
  SELECT format('%s is one of Linkage''s own tables: register one of the application''s.', $2)
  FROM relation r
  WHERE r.nspname IN ('linkage', 'pg_catalog', 'information_schema')
  UNION ALL
  SELECT format('%s is a partition of %s: register that.', $2, i.inhparent::regclass)
  FROM relation r
  JOIN pg_catalog.pg_inherits i ON i.inhrelid = r.oid
  WHERE r.relispartition
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
  SELECT format(
    'Table %s has no column %I, given for the %s. %s', $2, w.column_name, w.name,
    COALESCE(
      'Similar are: ' || linkage.similar_names(w.column_name, c.names) || '.',
      'Its columns are: ' || (SELECT string_agg(quote_ident(n), ', ') FROM unnest(c.names) AS n) || '.',
      'It has no column at all.'))
  FROM wanted w
  CROSS JOIN (
    SELECT array_agg(a.attname::text ORDER BY a.attnum)
    FROM pg_catalog.pg_attribute a
    WHERE a.attrelid = $2 AND a.attnum > 0 AND NOT a.attisdropped
  ) AS c (names)
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
  SELECT format(
    'Key column %I of %s is of type %s, whose text depends on settings of the session, or is not exact. Give another unique key.',
    w.column_name, $2, format_type(w.atttypid, NULL))
  FROM wanted w
  WHERE w.name = 'key' AND w.atttypid IN ('real'::regtype, 'double precision'::regtype, 'interval'::regtype, 'money'::regtype)
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

-- What a registration would come to. Every problem, with its remedy, is in the one error that it raises; what only costs time is in
-- warnings. change is 'Registered', 'Replaced' or 'Unchanged'.
CREATE OR REPLACE FUNCTION linkage.plan_customer_table(
  wanted_role text, wanted text, given jsonb, OUT entry linkage.customer_table, OUT change text, OUT warnings text[])
LANGUAGE plpgsql STABLE
AS $$
DECLARE
  relation regclass := linkage.find_table(wanted);
  existing linkage.customer_table;
  problems text[] := '{}';
BEGIN
  IF relation IS NULL THEN
    problems := problems || format(
      'There is no table %s. %sA name is in SQL notation: in double quotes where it has capitals, spaces or the like, and with its schema '
      'unless the search_path (%s) has it.',
      COALESCE(wanted, 'of no name'),
      COALESCE('Similar are: ' || linkage.similar_names(
        regexp_replace(wanted, '^.*\.|"', '', 'g'),
        ARRAY(
          SELECT c.relname::text FROM pg_class c
          WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relnamespace::regnamespace::text !~ '^pg_|^information_schema$')) || '. ', ''),
      current_setting('search_path'));
  ELSE
    SELECT format('%I.%I', n.nspname, c.relname) INTO entry.relation
    FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.oid = relation;
    entry.role := wanted_role;
    entry.columns := linkage.find_customer_columns(wanted_role, relation, given);
    problems := problems || ARRAY(
      SELECT linkage.customer_table_problems(
        wanted_role, relation,
        -- with those that the role can't have
        entry.columns || (SELECT COALESCE(jsonb_object_agg(g.key, g.value), '{}') FROM jsonb_each_text(given) AS g WHERE g.value <> '')));
    SELECT * INTO existing FROM linkage.customer_table t WHERE t.relation = entry.relation;
    IF existing.role <> wanted_role THEN
      problems := problems || format('%s is registered already, in the role of %s: Unregister-CustomerTable first.', entry.relation, existing.role);
    END IF;
    problems := problems || ARRAY(
      SELECT format('The %s is %s already: Unregister-CustomerTable first.', t.role, t.relation)
      FROM linkage.customer_table t
      WHERE t.role = wanted_role AND wanted_role <> 'follower' AND t.relation <> entry.relation);
  END IF;
  IF cardinality(problems) > 0 THEN
    RAISE EXCEPTION USING
      ERRCODE = 'LK040',
      MESSAGE = array_to_string(
        format('Table %s can''t be registered in the role of %s:', COALESCE(relation::text, wanted, 'of no name'), wanted_role) || problems, E'\n');
  END IF;

  entry.registered_by := COALESCE(existing.registered_by, session_user);
  entry.registered_at := existing.registered_at;
  change := CASE
    WHEN existing.relation IS NULL THEN 'Registered'
    WHEN existing.columns = entry.columns THEN 'Unchanged'
    ELSE 'Replaced'
  END;
  warnings := ARRAY(SELECT linkage.customer_index_warnings(entry));
END
$$;

-- Registers a table in its role, or changes its columns.
CREATE OR REPLACE FUNCTION linkage.register_customer_table(
  wanted_role text, wanted text, given jsonb, OUT entry linkage.customer_table, OUT change text, OUT warnings text[])
LANGUAGE plpgsql
AS $$
DECLARE
  plan record;
BEGIN
  -- Two that register at once line up here.
  LOCK TABLE linkage.customer_table IN SHARE ROW EXCLUSIVE MODE;
  SELECT * INTO plan FROM linkage.plan_customer_table(wanted_role, wanted, given);
  entry := plan.entry;
  change := plan.change;
  warnings := plan.warnings;
  IF change <> 'Unchanged' THEN
    PERFORM linkage.take_target(t.relation) FROM linkage.customer_table t WHERE t.role = 'customer';
    INSERT INTO linkage.customer_table AS t (relation, role, columns)
    VALUES (entry.relation, entry.role, entry.columns)
    ON CONFLICT ON CONSTRAINT customer_table_pkey DO UPDATE
    SET columns = EXCLUDED.columns, registered_by = EXCLUDED.registered_by, registered_at = EXCLUDED.registered_at
    RETURNING t.* INTO entry;
  END IF;
END
$$;

-- The registered table that a name in SQL notation means.
CREATE OR REPLACE FUNCTION linkage.find_customer_table(wanted text) RETURNS linkage.customer_table
LANGUAGE plpgsql STABLE
AS $$
DECLARE
  entry linkage.customer_table;
BEGIN
  SELECT t.* INTO entry
  FROM linkage.customer_table t
  WHERE t.relation = wanted OR to_regclass(t.relation) = linkage.find_table(wanted);
  IF NOT FOUND THEN
    RAISE EXCEPTION USING
      ERRCODE = 'LK041',
      MESSAGE = format('%s is not registered among the tables of customers.', COALESCE(wanted, 'A null name')),
      HINT = 'Get-CustomerTable lists those that are.';
  END IF;
  RETURN entry;
END
$$;

-- Forgets a table. What runs changed in it can't be undone until it is registered again.
CREATE OR REPLACE FUNCTION linkage.unregister_customer_table(wanted text, only_plan boolean) RETURNS linkage.customer_table
LANGUAGE plpgsql
AS $$
DECLARE
  entry linkage.customer_table := linkage.find_customer_table(wanted);
BEGIN
  IF NOT only_plan THEN
    PERFORM linkage.take_target(t.relation) FROM linkage.customer_table t WHERE t.role = 'customer';
    DELETE FROM linkage.customer_table t WHERE t.relation = entry.relation;
  END IF;
  RETURN entry;
END
$$;

-- The table in a role, as a row of the registry; an error where there is none, or where it is gone.
CREATE OR REPLACE FUNCTION linkage.customer_role(wanted_role text) RETURNS linkage.customer_table
LANGUAGE plpgsql STABLE
AS $$
DECLARE
  entry linkage.customer_table;
BEGIN
  SELECT t.* INTO entry FROM linkage.customer_table t WHERE t.role = wanted_role;
  IF NOT FOUND THEN
    RAISE EXCEPTION USING
      ERRCODE = 'LK041',
      MESSAGE = format('No table is registered in the role of %s.', wanted_role),
      HINT = format('Register-CustomerTable -Role %s -Table ... registers one.', initcap(wanted_role));
  ELSIF to_regclass(entry.relation) IS NULL THEN
    RAISE EXCEPTION USING
      ERRCODE = 'LK041',
      MESSAGE = format('Table %s, registered in the role of %s, is gone.', entry.relation, wanted_role),
      HINT = 'Unregister-CustomerTable forgets it, Register-CustomerTable registers the one that took its place.';
  END IF;
  RETURN entry;
END
$$;

-- Whether a role has a table, or that table a column.
CREATE OR REPLACE FUNCTION linkage.customer_has(role text, col text DEFAULT NULL) RETURNS boolean
LANGUAGE sql STABLE
AS $$
  SELECT EXISTS (
    SELECT FROM linkage.customer_table t WHERE t.role = $1 AND to_regclass(t.relation) IS NOT NULL AND ($2 IS NULL OR t.columns ? $2))
$$;

-- The tables whose rows follow a lead.
CREATE OR REPLACE FUNCTION linkage.customer_followers()
RETURNS TABLE (relation text, key_column name, lead_column name, customer_column name)
LANGUAGE sql STABLE
AS $$
  SELECT t.relation, (t.columns ->> 'key')::name, (t.columns ->> 'lead')::name, (t.columns ->> 'customer')::name
  FROM linkage.customer_table t
  WHERE t.role = 'follower' AND to_regclass(t.relation) IS NOT NULL
  ORDER BY t.relation
$$;

-- An expression that reads a column on an alias as text (created_at as timestamptz); null of that type where the role has no such column.
CREATE OR REPLACE FUNCTION linkage.customer_expression(entry linkage.customer_table, col text, alias text) RETURNS text
LANGUAGE sql STABLE
AS $$
  SELECT COALESCE(
    (
      SELECT CASE
        WHEN $2 IN ('key', 'lead', 'customer') THEN linkage.key_text(format('%s.%I', $3, a.attname), a.atttypid)
        WHEN $2 <> 'created_at' THEN format('%s.%I::text', $3, a.attname)
        WHEN a.atttypid = 'timestamp'::regtype THEN format('(%s.%I AT TIME ZONE ''UTC'')', $3, a.attname)
        ELSE format('%s.%I', $3, a.attname)
      END
      FROM pg_catalog.pg_attribute a
      WHERE a.attrelid = to_regclass(($1).relation) AND a.attname = ($1).columns ->> $2 AND NOT a.attisdropped
    ),
    CASE WHEN ($1).columns ? $2 THEN NULL WHEN $2 = 'created_at' THEN 'NULL::timestamptz' ELSE 'NULL::text' END)
$$;

-- A column on an alias as text: of a table that may be any.
CREATE OR REPLACE FUNCTION linkage.column_text(relation text, column_name text, alias text) RETURNS text
LANGUAGE sql STABLE
AS $$
  SELECT linkage.key_text(format('%s.%I', $3, a.attname), a.atttypid)
  FROM pg_catalog.pg_attribute a
  WHERE a.attrelid = to_regclass($1) AND a.attname = $2 AND NOT a.attisdropped
$$;

-- The type of a column, as it is cast to.
CREATE OR REPLACE FUNCTION linkage.customer_type(entry linkage.customer_table, col text) RETURNS text
LANGUAGE sql STABLE
AS $$
  SELECT format_type(a.atttypid, a.atttypmod)
  FROM pg_catalog.pg_attribute a
  WHERE a.attrelid = to_regclass(($1).relation) AND a.attname = ($1).columns ->> $2 AND NOT a.attisdropped
$$;

-- A template with its tokens replaced, so that dynamic SQL reads like SQL:
--   {lead} {customer} {address} {audit}            the tables
--   {lead.key} {customer.phone} ...                their columns, quoted; one that the table does not have is an error
--   {lead.key:type} ...                            the types of those, to cast keys back from text
--   {l.key} {l.phone} {c.name} {a.customer} ...    what alias l (a lead), c (a customer) or a (an address) has there, as text; created_at as
--                                                  timestamptz; null where the table has no such column
--   {1} {2} ...                                    the further arguments: SQL
-- Nothing is looked for in what was put in, so names may look like tokens. Values are no business of a template: they are parameters.
CREATE OR REPLACE FUNCTION linkage.customer_sql(template text, VARIADIC parts text[] DEFAULT '{}') RETURNS text
LANGUAGE plpgsql STABLE
AS $$
DECLARE
  pattern constant text := '\{(?:(lead|customer|address|audit|[lca])(?:\.([a-z_]+)(:type)?)?|([0-9]))\}';
  token   text[];
  texts   text[] := regexp_split_to_array(template, pattern);
  result  text := texts[1];
  i       integer := 1;
BEGIN
  FOR token IN SELECT m FROM regexp_matches(template, pattern, 'g') AS m LOOP
    i := i + 1;
    result := result || CASE
      WHEN token[4] IS NOT NULL THEN parts[token[4]::integer]
      ELSE linkage.customer_token(token[1], token[2], token[3] IS NOT NULL)
    END || texts[i];
  END LOOP;
  RETURN result;
END
$$;

-- What a token stands for.
CREATE OR REPLACE FUNCTION linkage.customer_token(of text, col text, is_type boolean) RETURNS text
LANGUAGE plpgsql STABLE
AS $$
DECLARE
  entry       linkage.customer_table :=
    linkage.customer_role(CASE of WHEN 'l' THEN 'lead' WHEN 'c' THEN 'customer' WHEN 'a' THEN 'address' ELSE of END);
  replacement text := CASE
    WHEN col IS NULL THEN entry.relation
    WHEN NOT EXISTS (SELECT FROM linkage.customer_columns() c WHERE (c.role, c.name) = (entry.role, col)) THEN NULL
    WHEN is_type THEN linkage.customer_type(entry, col)
    WHEN of = entry.role THEN quote_ident(entry.columns ->> col)
    ELSE linkage.customer_expression(entry, col, of)
  END;
BEGIN
  IF replacement IS NULL THEN
    RAISE EXCEPTION USING
      ERRCODE = 'LK041',
      MESSAGE = format('Table %s, registered in the role of %s, has no column for %s.', entry.relation, entry.role, col),
      HINT = format('Register-CustomerTable -Role %s -Table ''%s'' maps its columns.', initcap(entry.role), entry.relation);
  END IF;
  RETURN replacement;
END
$$;

-- Registers what has the usual names in the application's schema, as far as it fits, unless somebody registered a table already.
CREATE OR REPLACE FUNCTION linkage.register_usual_customer_tables() RETURNS void
LANGUAGE plpgsql
AS $$
DECLARE
  usual record;
BEGIN
  FOR usual IN
    SELECT u.role, format('{{app}}.%I', u.name) AS relation
    FROM (VALUES ('customer', 'Customer'), ('lead', 'Lead'), ('address', 'CustomerAddress'), ('audit', 'Audit'), ('follower', 'Job')) AS u (role, name)
    WHERE NOT EXISTS (SELECT FROM linkage.customer_table t WHERE t.role <> 'audit')
      AND to_regclass(format('{{app}}.%I', u.name)) IS NOT NULL
  LOOP
    BEGIN
      PERFORM linkage.register_customer_table(usual.role, usual.relation, '{}');
    EXCEPTION WHEN SQLSTATE 'LK040' THEN
      -- The cmdlets say what is missing, and so does registering it by hand.
      NULL;
    END;
  END LOOP;
END
$$;

-- The usual tables were {{usual_tables}} when this was installed.
SELECT linkage.register_usual_customer_tables();
