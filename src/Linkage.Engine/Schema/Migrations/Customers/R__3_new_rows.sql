-- How a row is made of what is known: of a customer, or of the application's audit.

-- What a new row of a table gets where it is given nothing: the values of columns that demand one and have no default. A key is made, a
-- time is now; null where nobody can know.
CREATE OR REPLACE FUNCTION linkage.demanded_values(relation text, given text[]) RETURNS TABLE (column_name text, expression text)
LANGUAGE sql STABLE
AS $$
  SELECT
    a.attname::text,
    CASE
      WHEN a.atttypid IN ('timestamptz'::regtype, 'date'::regtype) THEN 'now()'
      WHEN a.atttypid = 'timestamp'::regtype THEN 'now() AT TIME ZONE ''UTC'''
      WHEN NOT EXISTS (
        SELECT
        FROM pg_catalog.pg_index i
        WHERE i.indrelid = a.attrelid AND i.indisunique AND i.indnkeyatts = 1 AND i.indkey[0] = a.attnum)
        THEN NULL
      WHEN a.atttypid = 'uuid'::regtype THEN 'gen_random_uuid()'
      WHEN a.atttypid IN ('text'::regtype, 'varchar'::regtype) THEN 'gen_random_uuid()::text'
    END
  FROM pg_catalog.pg_attribute a
  WHERE a.attrelid = to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped AND a.attnotnull
    AND NOT a.atthasdef AND a.attidentity = '' AND a.attname <> ALL ($2)
  ORDER BY a.attnum
$$;

-- Refuses to write to a table that demands what nobody can know.
CREATE OR REPLACE FUNCTION linkage.refuse_unknown_values(relation text, given text[]) RETURNS void
LANGUAGE plpgsql STABLE
AS $$
DECLARE
  missing text := (
    SELECT string_agg(quote_ident(d.column_name), ', ') FROM linkage.demanded_values(relation, given) d WHERE d.expression IS NULL);
BEGIN
  IF missing IS NOT NULL THEN
    RAISE EXCEPTION USING
      ERRCODE = 'LK042',
      MESSAGE = format('No row can be added to %s: it demands values that Linkage does not have: %s.', relation, missing),
      HINT = 'Give these columns a default, let them be null, or map them with Register-CustomerTable.';
  END IF;
END
$$;

-- How a customer is made from alias i, which has customer_id, name, phone, email, group_key and metadata: {"key": an expression that makes a
-- customer_id, "columns": [names], "values": [expressions]}. The key is made before the row, so that the row is known by it. A name that is
-- too long is cut off; a phone or an e-mail that does not fit is left out, as part of it would be another's.
-- inherited: columns that it has from another customer, whose copy is then the alias' column source.
CREATE OR REPLACE FUNCTION linkage.new_customer_values(inherited name[] DEFAULT '{}') RETURNS jsonb
LANGUAGE plpgsql STABLE
AS $$
DECLARE
  entry linkage.customer_table := linkage.customer_role('customer');
  given text[] := ARRAY(SELECT m.value FROM jsonb_each_text(entry.columns) AS m WHERE m.key <> 'created_at') || inherited::text[];
  made  jsonb;
BEGIN
  PERFORM linkage.refuse_unknown_values(entry.relation, array_remove(given, entry.columns ->> 'key'));
  SELECT jsonb_build_object(
    'key', (
      SELECT COALESCE(
        pg_catalog.pg_get_expr(d.adbin, d.adrelid),
        CASE WHEN a.attidentity <> '' THEN
          format('nextval(%L::regclass)', pg_catalog.pg_get_serial_sequence(entry.relation, entry.columns ->> 'key')) END,
        v.expression)
      FROM pg_catalog.pg_attribute a
      LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
      LEFT JOIN linkage.demanded_values(entry.relation, '{}') v ON v.column_name = a.attname
      WHERE a.attrelid = to_regclass(entry.relation) AND a.attname = entry.columns ->> 'key'
    ),
    'columns', jsonb_agg(w.column_name ORDER BY w.column_name),
    'values', jsonb_agg(w.expression ORDER BY w.column_name))
  INTO made
  FROM (
    SELECT
      a.attname::text,
      CASE
        WHEN m.key = 'key' THEN format('i.customer_id::%s', t.name)
        WHEN m.key = 'name' THEN format(
          CASE WHEN a.attnotnull THEN 'COALESCE(i.name, i.phone, i.email, i.group_key)::%s' ELSE 'i.name::%s' END, t.name)
        WHEN m.key IN ('phone', 'email') THEN format(
          -- a column that demands one gets what the table gives, else an empty one
          CASE WHEN a.attnotnull THEN 'COALESCE(%s, %s)' ELSE '%s' END,
          format(
            CASE WHEN a.atttypmod > -1 THEN 'CASE WHEN i.%1$s::%2$s::text = i.%1$s THEN i.%1$s::%2$s END' ELSE 'i.%1$s::%2$s' END,
            m.key, t.name),
          COALESCE(pg_catalog.pg_get_expr(d.adbin, d.adrelid), format('''''::%s', t.name)))
        ELSE format('i.%s::%s', m.key, t.name)
      END
    FROM jsonb_each_text(entry.columns) AS m
    JOIN pg_catalog.pg_attribute a ON a.attrelid = to_regclass(entry.relation) AND a.attname = m.value AND NOT a.attisdropped
    LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    CROSS JOIN LATERAL (SELECT format_type(a.atttypid, a.atttypmod)) AS t (name)
    WHERE m.key <> 'created_at'
    UNION ALL
    SELECT d.column_name, d.expression FROM linkage.demanded_values(entry.relation, given) d
    UNION ALL
    SELECT c.name::text, linkage.row_value(entry.relation::regclass, c.name, 'i.source', c.name, true) FROM unnest(inherited) AS c (name)
  ) AS w (column_name, expression);
  IF made ->> 'key' IS NULL THEN
    RAISE EXCEPTION USING
      ERRCODE = 'LK042',
      MESSAGE = format('Customers can''t be made: key %I of %s has no default.', entry.columns ->> 'key', entry.relation),
      HINT = format(
        'Give it one: ALTER TABLE %s ALTER COLUMN %I ADD GENERATED BY DEFAULT AS IDENTITY.', entry.relation, entry.columns ->> 'key');
  END IF;
  RETURN made;
END
$$;

-- How a row of the application's audit is made from $1, its payload: {"columns", "values"}; null where there is no such table.
CREATE OR REPLACE FUNCTION linkage.new_audit_values() RETURNS jsonb
LANGUAGE plpgsql STABLE
AS $$
DECLARE
  entry linkage.customer_table;
BEGIN
  IF NOT linkage.customer_has('audit') THEN
    RETURN NULL;
  END IF;
  entry := linkage.customer_role('audit');
  PERFORM linkage.refuse_unknown_values(entry.relation, ARRAY[entry.columns ->> 'action', entry.columns ->> 'payload']);
  RETURN (
    SELECT jsonb_build_object('columns', string_agg(quote_ident(w.column_name), ', '), 'values', string_agg(w.expression, ', '))
    FROM (
      SELECT entry.columns ->> 'action', quote_literal('backfill_customers')
      UNION ALL
      SELECT entry.columns ->> 'payload', format('$1::%s', linkage.customer_type(entry, 'payload'))
      UNION ALL
      SELECT d.column_name, d.expression
      FROM linkage.demanded_values(entry.relation, ARRAY[entry.columns ->> 'action', entry.columns ->> 'payload']) d
    ) AS w (column_name, expression));
END
$$;
