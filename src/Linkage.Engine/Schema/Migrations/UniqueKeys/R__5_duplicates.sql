-- Rows that share a key which a rule says is unique, and which of them stays.

-- What rows share, for people, on alias t.
CREATE OR REPLACE FUNCTION linkage.rule_label_sql(rule linkage.unique_key_rule) RETURNS text
LANGUAGE sql STABLE
AS $$
  SELECT string_agg(format('COALESCE((%s)::text, ''null'')', k.key), ' || '', '' || ' ORDER BY k.place)
  FROM unnest(linkage.rule_keys_sql($1)) WITH ORDINALITY AS k (key, place)
$$;

-- A hash of the rule's key, the same for equal keys and never null; null where a type has none, or an expression fails on nulls.
CREATE OR REPLACE FUNCTION linkage.rule_hash_sql(rule linkage.unique_key_rule) RETURNS text
LANGUAGE plpgsql STABLE
AS $$
DECLARE
  -- a row of nulls: only the expressions know what they return
  nulls text := format('(SELECT (NULL::%s).*) AS t', linkage.rule_relation(rule));
  types regtype[];
  hash  text;
BEGIN
  EXECUTE format(
    'SELECT ARRAY[%s] FROM %s',
    (
      SELECT string_agg(format('pg_typeof(%s)', k.key), ', ' ORDER BY k.n)
      FROM unnest(linkage.rule_keys_sql(rule)) WITH ORDINALITY AS k (key, n)
    ), nulls)
  INTO types;
  SELECT string_agg(
    CASE WHEN h.name IS NULL THEN format('pg_catalog.hash_record_extended(ROW(%s), %s)', k.key, k.n)
      ELSE format('COALESCE(%s((%s)::%s, %s), 0)', h.name, k.key, h.type, k.n) END,
    ' # ' ORDER BY k.n)
  INTO hash
  FROM unnest(linkage.rule_keys_sql(rule), types) WITH ORDINALITY AS k (key, type, n)
  LEFT JOIN LATERAL (
    -- that of the type's own hash indexes, which is much faster than that of a row
    SELECT p.amproc::text AS name, c.opcintype::regtype AS type
    FROM pg_catalog.pg_type t
    CROSS JOIN pg_catalog.pg_opclass c
    JOIN pg_catalog.pg_am m ON m.oid = c.opcmethod AND m.amname = 'hash'
    -- 2: the hash of 64 bits
    JOIN pg_catalog.pg_amproc p
      ON p.amprocfamily = c.opcfamily AND p.amproclefttype = c.opcintype AND p.amprocrighttype = c.opcintype AND p.amprocnum = 2
    JOIN pg_catalog.pg_proc f ON f.oid = p.amproc AND f.proargtypes[0] = c.opcintype
    LEFT JOIN pg_catalog.pg_cast b ON b.castsource = t.oid AND b.casttarget = c.opcintype AND b.castmethod = 'b'
    WHERE t.oid = k.type AND c.opcdefault AND (c.opcintype = t.oid OR b.oid IS NOT NULL)
    ORDER BY b.oid IS NOT NULL
    LIMIT 1
  ) AS h ON true;
  EXECUTE format('SELECT %s FROM %s', hash, nulls);
  RETURN '(' || hash || ')';
EXCEPTION WHEN others THEN
  RETURN NULL;
END
$$;

-- The groups of rows that share their key with another one: number, label, and rows (in the rule's order: the first one stays). For people,
-- numbers are in the order of keys, and there are copies of the rows too (of the columns by which they are known, {column: value}). Settings
-- make keys and copies the same in every session, so that another finds the rows by them.
-- Plan: two halves of the keys by their hash, side by side in two processes (before PostgreSQL 14, one after the other), each as
-- linkage.duplicate_rows_sql has it, and a sort of the duplicates.
CREATE OR REPLACE FUNCTION linkage.find_duplicate_groups(rule linkage.unique_key_rule, for_people boolean)
RETURNS TABLE (number bigint, label text, rows linkage.listed_row[], copies jsonb[])
LANGUAGE plpgsql STABLE SET jit = off SET min_parallel_table_scan_size = 715827882
SET "TimeZone" = 'UTC' SET "DateStyle" = 'ISO, YMD' SET "IntervalStyle" = 'postgres' SET extra_float_digits = 1 SET bytea_output = 'hex'
AS $$
DECLARE
  relation  regclass := linkage.rule_relation(rule);
  hash      text := linkage.rule_hash_sql(rule);
  named     text;
  key_names text;
  halves    text;
BEGIN
  SELECT
    string_agg(format('%s AS key_%s', k.key, k.place), ', ' ORDER BY k.place),
    string_agg(format('g.key_%s', k.place), ', ' ORDER BY k.place)
  INTO named, key_names
  FROM unnest(linkage.rule_keys_sql(rule)) WITH ORDINALITY AS k (key, place);
  SELECT
    string_agg(
      format(
        'SELECT
           %s, min(%s) AS label, array_agg(ROW(%s, t.tableoid, t.ctid, t.xmin)::linkage.listed_row ORDER BY %s) AS rows, %s AS copies
         FROM %s
         GROUP BY %s
         HAVING count(*) > 1',
        named, linkage.rule_label_sql(rule), linkage.row_text('t', linkage.row_key_columns(relation)), linkage.rule_order(rule),
        CASE WHEN for_people
          THEN format('array_agg(%s ORDER BY %s)', linkage.row_text('t', linkage.known_by_columns(relation)), linkage.rule_order(rule))
          ELSE 'NULL::jsonb[]' END,
        linkage.duplicate_rows_sql(rule, hash, h.half), array_to_string(linkage.rule_keys_sql(rule), ', ')),
      ' UNION ALL ')
  INTO halves
  FROM unnest(CASE WHEN hash IS NULL THEN ARRAY[''] ELSE ARRAY['< 0', '>= 0'] END) AS h (half);
  RETURN QUERY EXECUTE format(
    'SELECT row_number() OVER (%s), g.label, g.rows, g.copies FROM (%s) AS g',
    CASE WHEN for_people THEN 'ORDER BY ' || key_names END, halves);
END
$$;

-- The rows among which the duplicates of half the keys are, or of all where there is no hash, as what stands after FROM, on alias t.
-- Plan: one pass, of which hash and place are sorted; then the rows whose hash several have, by their place. Those that have no more than the
-- hash in common fall out when they are grouped by key. In a table of several parts, or without a hash: a pass that counts rows by key and
-- one that reads those whose key several have; where nulls are equal, which no hash join finds, all rows.
CREATE OR REPLACE FUNCTION linkage.duplicate_rows_sql(rule linkage.unique_key_rule, hash text, half text) RETURNS text
LANGUAGE plpgsql STABLE
AS $$
DECLARE
  relation regclass := linkage.rule_relation(rule);
  keys     text := array_to_string(linkage.rule_keys_sql(rule), ', ');
  covered  text := concat_ws(' AND ', linkage.rule_condition(rule), hash || ' ' || half);
BEGIN
  IF hash IS NOT NULL AND (SELECT c.relkind = 'r' AND NOT c.relhassubclass FROM pg_catalog.pg_class c WHERE c.oid = relation) THEN
    RETURN format(
      '(
         SELECT t.*, t.tableoid, t.ctid, t.xmin
         FROM (
           SELECT unnest(array_agg(h.place)) AS place
           FROM (SELECT %s AS hash, t.ctid AS place FROM %s AS t WHERE %s ORDER BY 1) AS h
           GROUP BY h.hash
           HAVING count(*) > 1
         ) AS p
         JOIN %2$s AS t ON t.ctid = p.place
       ) AS t', hash, relation, covered);
  ELSIF rule.nulls_distinct THEN
    RETURN format(
      '%1$s AS t WHERE %2$s AND (%3$s) IN (SELECT %3$s FROM %1$s AS t WHERE %2$s GROUP BY %3$s HAVING count(*) > 1)', relation, covered, keys);
  END IF;
  RETURN format('%s AS t WHERE %s', relation, covered);
END
$$;
