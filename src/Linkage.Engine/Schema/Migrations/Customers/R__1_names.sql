-- Names from the registry in SQL. Whatever the tables and their columns are called, the functions of customers name them by tokens, which
-- linkage.customer_sql replaces.

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
AS $$ SELECT linkage.cast_type(($1).relation, ($1).columns ->> $2) $$;

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
