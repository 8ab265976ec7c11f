-- Removing duplicates: what refers to them is moved to the row that stays, then they go, each with a full copy in the journal
-- (linkage.replace_rows). A batch is some groups; nothing hangs on which. Rows are looked at again when they are locked: what is no
-- duplicate any more stays, and so does whatever came since.

-- The work, as Runs wants it described. The rule goes with the run as it is now. What stands in the way is said before there is a run.
CREATE OR REPLACE FUNCTION linkage.duplicate_removal_work(rule_name text) RETURNS jsonb
LANGUAGE plpgsql STABLE
AS $$
DECLARE
  rule     linkage.unique_key_rule := linkage.find_unique_key_rule(rule_name);
  relation regclass := linkage.rule_relation(rule);
BEGIN
  PERFORM linkage.refuse_rows_without_key(relation);
  RETURN jsonb_build_object(
    'kind', 'DuplicateRemoval',
    'target', linkage.qualified_name(relation),
    'batch', 'remove_listed_duplicates',
    'finish', 'drop_run_items',
    'walk', jsonb_build_object(
      'changed', linkage.qualified_name(relation), 'rule', to_jsonb(rule), 'table', 'linkage.duplicate_group', 'key', '["ordinal"]'::jsonb,
      'candidates', 'run_item_candidates'),
    'undo', linkage.undo_of_row_batches(relation));
END
$$;

-- Refuses a table in which nobody could say which of two rows is which.
CREATE OR REPLACE FUNCTION linkage.refuse_rows_without_key(relation regclass) RETURNS void
LANGUAGE plpgsql STABLE
AS $$
BEGIN
  IF linkage.row_key(relation) IS NULL THEN
    RAISE EXCEPTION USING
      ERRCODE = 'LK064',
      MESSAGE = format('Table %s has no primary key, nor another unique key without nulls, by which its rows could be told apart.', relation),
      HINT = format('Add one: ALTER TABLE %s ADD COLUMN id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY.', relation);
  END IF;
END
$$;

-- Hands a run its list. Plan: that of linkage.duplicates_sql, and a sort of the duplicates.
CREATE OR REPLACE FUNCTION linkage.list_duplicates(run_id uuid, rule_name text) RETURNS void
LANGUAGE plpgsql SET jit = off
AS $$
BEGIN
  PERFORM linkage.allow_sorting();
  EXECUTE format(
    'INSERT INTO linkage.duplicate_group (run_id, ordinal, label, members)
     SELECT $1, d.number, min(d.label), array_agg(d.member ORDER BY d.place)
     FROM (%s) AS d
     GROUP BY d.number', linkage.duplicates_sql(linkage.find_unique_key_rule(rule_name)))
  USING run_id;
END
$$;

-- One batch of the list.
CREATE OR REPLACE FUNCTION linkage.remove_listed_duplicates(run_id uuid, walk jsonb, key_set jsonb, mode text) RETURNS jsonb
LANGUAGE plpgsql
AS $$
DECLARE
  asked  record;
  result jsonb;
BEGIN
  EXECUTE format(
    'SELECT count(DISTINCT t.ordinal) AS groups, array_agg(m.member) AS members, min(t.label) AS label
     FROM linkage.duplicate_group AS t
     CROSS JOIN LATERAL unnest(t.members) AS m (member)
     WHERE %s AND %s', linkage.candidates(walk), linkage.key_set_condition(walk, key_set))
  INTO asked;
  IF walk ? 'fault' THEN
    RETURN jsonb_build_object(
      'counts', jsonb_build_object('processed', asked.groups),
      'sample', jsonb_build_array(jsonb_build_object('record', asked.label, 'outcome', 'failed', 'reason', walk ->> 'fault')));
  END IF;
  result := linkage.remove_duplicates(
    run_id, jsonb_populate_record(NULL::linkage.unique_key_rule, walk -> 'rule'), asked.groups, asked.members, mode);
  IF mode = 'apply' THEN
    INSERT INTO linkage.row_batch (run_id) VALUES (remove_listed_duplicates.run_id);
  END IF;
  RETURN result;
END
$$;

-- Removes the duplicates among some rows, which were some groups. Settings make the copies of rows the same in every session. Counts:
-- processed (groups), kept (groups that had duplicates), removed, repointed, clashed (rows of other tables that went since they clashed
-- once they were re-pointed), and by table as linkage.replace_rows has it.
-- Plan: the rows by their key, once. How many there are is hidden from the planner, which would else read the whole table.
CREATE OR REPLACE FUNCTION linkage.remove_duplicates(
  run_id uuid, rule linkage.unique_key_rule, groups bigint, members jsonb[], mode text) RETURNS jsonb
LANGUAGE plpgsql
SET "TimeZone" = 'UTC' SET "DateStyle" = 'ISO, YMD' SET "IntervalStyle" = 'postgres' SET extra_float_digits = 1 SET bytea_output = 'hex'
AS $$
DECLARE
  relation   regclass := linkage.rule_relation(rule);
  table_name text := linkage.qualified_name(relation);
  -- what refers to a row is found by these columns; a dry run keeps whole copies
  copy       text := linkage.row_text(
    't', CASE mode WHEN 'dry run' THEN linkage.stored_columns(relation) ELSE linkage.known_by_columns(relation) END);
  are_asked  text;
  row_order  text;
  found      record;
  counts     jsonb := '{}';
BEGIN
  SELECT
    format(
      '(%s) IN (SELECT %s FROM unnest((SELECT $1)) AS m (member))', string_agg(format('t.%I', k.name), ', ' ORDER BY k.place),
      string_agg(linkage.row_value(relation, k.name, 'm.member', k.name, false), ', ' ORDER BY k.place)),
    string_agg(format('t.%I', k.name), ', ' ORDER BY k.place)
  INTO are_asked, row_order
  FROM unnest(linkage.row_key(relation)) WITH ORDINALITY AS k (name, place);
  EXECUTE format(
    'SELECT
       count(*) FILTER (WHERE d.place = 2) AS groups, array_agg(d.copy) AS lost, array_agg(d.kept) AS kept,
       (array_agg(d.label) FILTER (WHERE d.place = 2))[1:5] AS labels
     FROM (%s) AS d
     WHERE d.place > 1',
    linkage.ranked_rows_sql(
      rule, format(', %s AS copy, first_value(%1$s) OVER same_key AS kept', copy), are_asked,
      CASE mode WHEN 'apply' THEN format('ORDER BY %s FOR UPDATE', row_order) END))
  INTO found
  USING members;
  IF found.groups > 0 THEN
    BEGIN
      counts := (linkage.replace_rows(run_id, 1, relation, found.lost, found.kept, rule.on_conflict, mode)).counts;
    EXCEPTION WHEN SQLSTATE 'LK016' OR SQLSTATE 'LK017' THEN
      -- Of a group, not of the run: the batch is divided until the group is found, and that stays as it is.
      RAISE EXCEPTION USING ERRCODE = 'integrity_constraint_violation', MESSAGE = SQLERRM;
    END;
    IF mode = 'apply' THEN
      SET CONSTRAINTS ALL IMMEDIATE;
    END IF;
  END IF;
  RETURN jsonb_build_object(
    'counts', counts - ('removed ' || table_name) || jsonb_build_object(
      'processed', groups, 'kept', found.groups, 'removed', COALESCE(cardinality(found.lost), 0),
      'repointed', linkage.sums_of_moves(counts) -> 'moved',
      'clashed', (linkage.sums_of_moves(counts) ->> 'removed')::bigint - COALESCE(cardinality(found.lost), 0)),
    'sample', (
      SELECT COALESCE(jsonb_agg(jsonb_build_object('record', l, 'outcome', 'one stays')), '[]') FROM unnest(found.labels) AS l));
END
$$;

-- The columns by which a row is known: its key, and what others refer to.
CREATE OR REPLACE FUNCTION linkage.known_by_columns(relation regclass) RETURNS name[]
LANGUAGE sql STABLE
AS $$
  SELECT array_agg(DISTINCT c.name)
  FROM (
    SELECT unnest(linkage.row_key_columns($1))
    UNION ALL
    SELECT unnest(r.target_columns) FROM linkage.references_to($1) r
  ) AS c (name)
$$;

-- What such a run would do, in a transaction that may be READ ONLY: the same, a thousand groups at a time.
CREATE OR REPLACE FUNCTION linkage.preview_duplicate_removal(rule_name text) RETURNS jsonb
LANGUAGE plpgsql SET jit = off
AS $$
DECLARE
  rule   linkage.unique_key_rule := linkage.find_unique_key_rule(rule_name);
  part   record;
  result jsonb := '{"counts": {"processed": 0}, "sample": []}';
BEGIN
  PERFORM linkage.allow_sorting();
  FOR part IN EXECUTE format(
    'SELECT count(*) FILTER (WHERE d.place = 1) AS groups, array_agg(d.member) AS members
     FROM (%s) AS d
     GROUP BY d.number / 1000
     ORDER BY d.number / 1000', linkage.duplicates_sql(rule))
  LOOP
    result := linkage.add_outcome(
      result, linkage.remove_duplicates(NULL, rule, part.groups, part.members, 'preview'));
  END LOOP;
  RETURN result;
END
$$;

-- Each group, as people look at it: what its rows share, the key of the one that stays, those of the others, and how many rows of each
-- table refer to the others. Plan: that of linkage.duplicates_sql; for each reference the index of its columns, or one hash join.
CREATE OR REPLACE FUNCTION linkage.find_duplicates(rule_name text)
RETURNS TABLE (label text, survivor jsonb, duplicates jsonb[], referring jsonb)
LANGUAGE plpgsql STABLE SET jit = off SET work_mem = '64MB'
SET "TimeZone" = 'UTC' SET "DateStyle" = 'ISO, YMD' SET "IntervalStyle" = 'postgres' SET extra_float_digits = 1 SET bytea_output = 'hex'
AS $$
DECLARE
  rule     linkage.unique_key_rule := linkage.find_unique_key_rule(rule_name);
  relation regclass := linkage.rule_relation(rule);
  counted  text;
BEGIN
  PERFORM linkage.refuse_rows_without_key(relation);
  SELECT string_agg(
    format(
      'SELECT p.number, %L AS name, t.tableoid, t.ctid FROM lost AS p JOIN %s AS t ON %s', linkage.qualified_name(r.relation), r.relation,
      linkage.row_has(r.relation, r.columns, 'p.copy', r.target_columns)),
    ' UNION ')
  INTO counted
  FROM linkage.references_to(relation) r;
  RETURN QUERY EXECUTE format(
    'WITH found AS MATERIALIZED (%s),
     lost AS MATERIALIZED (SELECT f.number, f.copy FROM found f WHERE f.place > 1),
     referring AS (
       SELECT n.number, jsonb_object_agg(n.name, n.amount) AS tables
       FROM (SELECT r.number, r.name, count(*) AS amount FROM (%s) AS r GROUP BY r.number, r.name) AS n
       GROUP BY n.number
     )
     SELECT g.label, g.members[1], g.members[2:], COALESCE(r.tables, ''{}'')
     FROM (
       SELECT f.number, min(f.label) AS label, array_agg(f.member ORDER BY f.place) AS members FROM found f GROUP BY f.number
     ) AS g
     LEFT JOIN referring r ON r.number = g.number
     ORDER BY g.number',
    linkage.duplicates_sql(rule, ', ' || linkage.row_text('t', linkage.known_by_columns(relation)) || ' AS copy'),
    COALESCE(counted, 'SELECT 0::bigint AS number, NULL::text AS name WHERE false'));
END
$$;
