-- Rows of any table as text: how a journal keeps them, finds them again and brings them back. Each value is what its type writes, so that
-- it is read back exactly; to_jsonb is not enough (json loses its layout, an array its bounds, JSON null becomes null). The functions that
-- write and read set TimeZone, DateStyle and their like, so that the text is the same in every session.

-- The columns that a row consists of: generated ones follow from the others.
CREATE OR REPLACE FUNCTION linkage.stored_columns(relation regclass) RETURNS name[]
LANGUAGE sql STABLE
AS $$
  SELECT array_agg(a.attname ORDER BY a.attnum)
  FROM pg_catalog.pg_attribute a
  WHERE a.attrelid = $1 AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
$$;

-- The columns of the primary key, else of another unique key without nulls that a row consists of; null where a table has none.
CREATE OR REPLACE FUNCTION linkage.row_key(relation regclass) RETURNS name[]
LANGUAGE sql STABLE
AS $$
  SELECT k.columns
  FROM linkage.keys_of($1) k
  WHERE k.is_stored
  ORDER BY k.is_primary DESC, cardinality(k.columns), k.index_name::oid
  LIMIT 1
$$;

-- The columns by which a row is found again: those of its key, else all.
CREATE OR REPLACE FUNCTION linkage.row_key_columns(relation regclass) RETURNS name[]
LANGUAGE sql STABLE
AS $$ SELECT COALESCE(linkage.row_key($1), linkage.stored_columns($1)) $$;

-- Columns on an alias as an expression: {column: value}, values as text.
CREATE OR REPLACE FUNCTION linkage.row_text(alias text, columns name[]) RETURNS text
LANGUAGE sql IMMUTABLE
AS $$
  SELECT pg_catalog.format(
    'pg_catalog.jsonb_object(ARRAY[%s]::text[], ARRAY[%s]::text[])',
    string_agg(pg_catalog.quote_literal(c.name), ', ' ORDER BY c.position),
    string_agg(pg_catalog.format('%s.%I::text', $1, c.name), ', ' ORDER BY c.position))
  FROM unnest($2) WITH ORDINALITY AS c (name, position)
$$;

-- A column's value in {column: value}, an expression, in the column's own type. With its length and the like it is what is written; for a
-- comparison it is without, as a cast would cut.
CREATE OR REPLACE FUNCTION linkage.row_value(relation regclass, name name, source text, column_name name, is_written boolean) RETURNS text
LANGUAGE sql STABLE
AS $$
  SELECT pg_catalog.format(
    '(%s ->> %L)::%s', $3, $4, pg_catalog.format_type(a.atttypid, CASE WHEN $5 THEN a.atttypmod END))
  FROM pg_catalog.pg_attribute a
  WHERE a.attrelid = $1 AND a.attname = $2 AND NOT a.attisdropped
$$;

-- A statement that inserts rows of a table from a table of copies g, {column: text}: those of the columns that the first copy has, in their
-- own types. Columns that the table has no more are left out, those that came since get their defaults.
CREATE OR REPLACE FUNCTION linkage.insert_from_copies(relation regclass, first_copy jsonb) RETURNS text
LANGUAGE sql STABLE
AS $$
  SELECT pg_catalog.format(
    'INSERT INTO %s AS t (%s) OVERRIDING SYSTEM VALUE SELECT %s FROM unnest($1) AS g (copy)', $1,
    string_agg(pg_catalog.quote_ident(c.name), ', ' ORDER BY c.position),
    string_agg(linkage.row_value($1, c.name, 'g.copy', c.name, true), ', ' ORDER BY c.position))
  FROM unnest(linkage.stored_columns($1)) WITH ORDINALITY AS c (name, position)
  WHERE $2 ? c.name::text
$$;

-- The condition on alias t that a row has the values of some of its columns in {column: value}. columns: which; named: under which names
-- they are there.
CREATE OR REPLACE FUNCTION linkage.row_has(relation regclass, columns name[], source text, named name[]) RETURNS text
LANGUAGE sql STABLE
AS $$
  SELECT string_agg(
    pg_catalog.format('t.%I = %s', c.name, linkage.row_value($1, c.name, $3, c.named, false)), ' AND ' ORDER BY c.position)
  FROM unnest($2, $4) WITH ORDINALITY AS c (name, named, position)
$$;

-- The condition on alias t that a row is the one of a key; what has no key is compared as a whole.
CREATE OR REPLACE FUNCTION linkage.is_row(relation regclass, source text) RETURNS text
LANGUAGE sql STABLE
AS $$
  SELECT CASE
    WHEN linkage.row_key($1) IS NULL THEN pg_catalog.format('%s = %s', linkage.row_text('t', linkage.stored_columns($1)), $2)
    ELSE linkage.row_has($1, linkage.row_key($1), $2, linkage.row_key($1))
  END
$$;

-- A key as it was before a change of the row.
CREATE OR REPLACE FUNCTION linkage.row_key_before(row_key jsonb, before jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE
AS $$
  SELECT $1 || COALESCE((SELECT jsonb_object_agg(b.key, b.value) FROM jsonb_each($2) AS b WHERE $1 ? b.key), '{}')
$$;
