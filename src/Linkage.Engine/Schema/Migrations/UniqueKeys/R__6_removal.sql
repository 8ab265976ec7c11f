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

-- Hands a run its list. Plan: that of linkage.find_duplicate_groups.
CREATE OR REPLACE FUNCTION linkage.list_duplicates(run_id uuid, rule_name text) RETURNS void
LANGUAGE plpgsql
AS $$
BEGIN
  PERFORM linkage.allow_sorting();
  INSERT INTO linkage.duplicate_group (run_id, ordinal, label, rows)
  SELECT $1, g.number, g.label, g.rows
  FROM linkage.find_duplicate_groups(linkage.find_unique_key_rule(rule_name), for_people => false) g;
END
$$;

-- One batch of the list.
CREATE OR REPLACE FUNCTION linkage.remove_listed_duplicates(run_id uuid, walk jsonb, key_set jsonb, mode text) RETURNS jsonb
LANGUAGE plpgsql
AS $$
DECLARE
  groups linkage.duplicate_group[];
  result jsonb;
BEGIN
  EXECUTE format(
    'SELECT COALESCE(array_agg(t), ''{}'') FROM linkage.duplicate_group AS t WHERE %s AND %s',
    linkage.candidates(walk), linkage.key_set_condition(walk, key_set))
  INTO groups;
  IF walk ? 'fault' THEN
    RETURN jsonb_build_object(
      'counts', jsonb_build_object('processed', cardinality(groups)),
      'sample', jsonb_build_array(jsonb_build_object('record', groups[1].label, 'outcome', 'failed', 'reason', walk ->> 'fault')));
  END IF;
  result := linkage.remove_duplicates(run_id, jsonb_populate_record(NULL::linkage.unique_key_rule, walk -> 'rule'), groups, mode);
  IF mode = 'apply' THEN
    INSERT INTO linkage.row_batch (run_id) VALUES (remove_listed_duplicates.run_id);
  END IF;
  RETURN result;
END
$$;

-- Removes the duplicates of some groups. Settings make the copies of rows the same in every session. Counts: processed (groups), kept
-- (groups that had duplicates), removed, repointed, clashed (rows of other tables that went since they clashed once they were re-pointed),
-- and by table as linkage.replace_rows has it.
CREATE OR REPLACE FUNCTION linkage.remove_duplicates(run_id uuid, rule linkage.unique_key_rule, groups linkage.duplicate_group[], mode text)
RETURNS jsonb
LANGUAGE plpgsql
SET "TimeZone" = 'UTC' SET "DateStyle" = 'ISO, YMD' SET "IntervalStyle" = 'postgres' SET extra_float_digits = 1 SET bytea_output = 'hex'
AS $$
DECLARE
  relation   regclass := linkage.rule_relation(rule);
  table_name text := linkage.qualified_name(relation);
  -- what refers to a row is found by these columns; a dry run keeps whole copies
  columns    name[] := CASE mode WHEN 'dry run' THEN linkage.stored_columns(relation) ELSE linkage.known_by_columns(relation) END;
  found      record;
  counts     jsonb := '{}';
BEGIN
  IF mode = 'apply' THEN
    found := linkage.lock_duplicates(rule, columns, groups);
  ELSE
    found := linkage.rank_duplicates(rule, columns, linkage.members_of(groups), NULL);
  END IF;
  IF found.lost IS NOT NULL THEN
    BEGIN
      SELECT r.counts INTO counts
      FROM linkage.replace_rows(run_id, 1, relation, found.lost, found.kept, rule.on_conflict, mode, found.parts, found.places) r;
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
      'processed', cardinality(groups), 'kept', found.amount, 'removed', COALESCE(cardinality(found.lost), 0),
      'repointed', linkage.sums_of_moves(counts) -> 'moved',
      'clashed', (linkage.sums_of_moves(counts) ->> 'removed')::bigint - COALESCE(cardinality(found.lost), 0)),
    'sample', (
      SELECT COALESCE(jsonb_agg(jsonb_build_object('record', l, 'outcome', 'one stays')), '[]') FROM unnest(found.labels) AS l));
END
$$;

-- Locks the rows of groups and says which of them go (lost), each with the one that stays instead (kept) and its place, how many groups
-- have such, and what the first of these share (labels). A group of which every row is as it was listed is as it was listed; others are
-- ranked anew.
-- Plan: the rows by their place. How many there are is hidden from the planner, which would else read the whole table.
CREATE OR REPLACE FUNCTION linkage.lock_duplicates(
  rule linkage.unique_key_rule, columns name[], groups linkage.duplicate_group[],
  OUT lost jsonb[], OUT kept jsonb[], OUT parts oid[], OUT places tid[], OUT amount bigint, OUT labels text[])
LANGUAGE plpgsql
AS $$
DECLARE
  unchanged bigint[];
  anew      record;
BEGIN
  EXECUTE format(
    'WITH listed AS (
       SELECT g.ordinal, cardinality(g.rows) AS size, unnest(g.rows) AS row, generate_subscripts(g.rows, 1) AS n
       FROM unnest((SELECT $1)) AS g
     ),
     locked AS (
       SELECT l.ordinal, l.size, l.n, t.tableoid AS part, t.ctid AS place, %s AS copy
       FROM listed AS l
       JOIN %s AS t ON t.ctid = (l.row).place AND t.tableoid = (l.row).part AND t.xmin = (l.row).version
       FOR UPDATE OF t
     ),
     ranked AS (
       SELECT
         k.ordinal, k.n, k.part, k.place, k.copy, first_value(k.copy) OVER listed AS kept, k.size = count(*) OVER whole AS is_whole
       FROM locked AS k
       WINDOW listed AS (PARTITION BY k.ordinal ORDER BY k.n), whole AS (PARTITION BY k.ordinal)
     )
     SELECT
       array_agg(r.copy) FILTER (WHERE r.n > 1), array_agg(r.kept) FILTER (WHERE r.n > 1), array_agg(r.part) FILTER (WHERE r.n > 1),
       array_agg(r.place) FILTER (WHERE r.n > 1), array_agg(r.ordinal) FILTER (WHERE r.n = 1)
     FROM ranked AS r
     WHERE r.is_whole', linkage.row_text('t', columns), linkage.rule_relation(rule))
  INTO lost, kept, parts, places, unchanged
  USING groups;
  amount := COALESCE(cardinality(unchanged), 0);
  labels := ARRAY(SELECT g.label FROM unnest(groups) AS g WHERE g.ordinal = ANY (unchanged[1:5]));
  IF amount < cardinality(groups) THEN
    anew := linkage.rank_duplicates(
      rule, columns,
      linkage.members_of(ARRAY(SELECT g FROM unnest(groups) AS g WHERE g.ordinal NOT IN (SELECT unnest(COALESCE(unchanged, '{}'))))),
      'FOR UPDATE');
    lost := lost || anew.lost;
    kept := kept || anew.kept;
    parts := parts || anew.parts;
    places := places || anew.places;
    amount := amount + anew.amount;
    labels := (labels || anew.labels)[1:5];
  END IF;
END
$$;

-- The same of rows by their keys, as they are now: ranked as the rule says, and locked before that if locking says so.
-- Plan: the rows by their key, in its order. How many there are is hidden from the planner.
CREATE OR REPLACE FUNCTION linkage.rank_duplicates(
  rule linkage.unique_key_rule, columns name[], members jsonb[], locking text, OUT lost jsonb[], OUT kept jsonb[],
  OUT parts oid[], OUT places tid[], OUT amount bigint, OUT labels text[])
LANGUAGE plpgsql
AS $$
DECLARE
  relation  regclass := linkage.rule_relation(rule);
  values    text;
  row_order text;
BEGIN
  SELECT
    string_agg(linkage.row_value(relation, k.name, 'm.member', k.name, false), ', ' ORDER BY k.place),
    string_agg(format('t.%I', k.name), ', ' ORDER BY k.place)
  INTO values, row_order
  FROM unnest(linkage.row_key(relation)) WITH ORDINALITY AS k (name, place);
  EXECUTE format(
    'SELECT
       array_agg(d.copy), array_agg(d.kept), array_agg(d.tableoid), array_agg(d.ctid), count(*) FILTER (WHERE d.place = 2),
       (array_agg(d.label) FILTER (WHERE d.place = 2))[1:5]
     FROM (
       SELECT
         t.tableoid, t.ctid, row_number() OVER same_key AS place, %1$s AS label, %2$s AS copy, first_value(%2$s) OVER same_key AS kept
       FROM (
         SELECT t.*, t.tableoid, t.ctid
         FROM %3$s AS t
         WHERE %4$s AND (%5$s) IN (SELECT %6$s FROM unnest((SELECT $1)) AS m (member))
         ORDER BY %5$s
         %7$s
       ) AS t
       WINDOW same_key AS (PARTITION BY %8$s ORDER BY %9$s)
     ) AS d
     WHERE d.place > 1',
    linkage.rule_label_sql(rule), linkage.row_text('t', columns), relation, linkage.rule_condition(rule), row_order, values, locking,
    array_to_string(linkage.rule_keys_sql(rule), ', '), linkage.rule_order(rule))
  INTO lost, kept, parts, places, amount, labels
  USING members;
END
$$;

-- The keys of the rows of groups.
CREATE OR REPLACE FUNCTION linkage.members_of(groups linkage.duplicate_group[]) RETURNS jsonb[]
LANGUAGE sql IMMUTABLE
AS $$ SELECT array_agg(r.member) FROM unnest($1) AS g CROSS JOIN LATERAL unnest(g.rows) AS r $$;

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
LANGUAGE plpgsql
AS $$
DECLARE
  rule   linkage.unique_key_rule := linkage.find_unique_key_rule(rule_name);
  part   record;
  result jsonb := '{"counts": {"processed": 0}, "sample": []}';
BEGIN
  PERFORM linkage.allow_sorting();
  FOR part IN
    SELECT array_agg(ROW(NULL, g.number, g.label, g.rows)::linkage.duplicate_group) AS groups
    FROM linkage.find_duplicate_groups(rule, for_people => false) g
    GROUP BY g.number / 1000
    ORDER BY g.number / 1000
  LOOP
    result := linkage.add_outcome(result, linkage.remove_duplicates(NULL, rule, part.groups, 'preview'));
  END LOOP;
  RETURN result;
END
$$;

-- Each group, as people look at it: what its rows share, the key of the one that stays, those of the others, and how many rows of each
-- table refer to the others. Plan: that of linkage.find_duplicate_groups; for each reference the index of its columns, or one hash join.
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
    'WITH found AS MATERIALIZED (SELECT * FROM linkage.find_duplicate_groups($1, for_people => true)),
     lost AS MATERIALIZED (SELECT f.number, c.copy FROM found f CROSS JOIN LATERAL unnest(f.copies[2:]) AS c (copy)),
     referring AS (
       SELECT n.number, jsonb_object_agg(n.name, n.amount) AS tables
       FROM (SELECT r.number, r.name, count(*) AS amount FROM (%s) AS r GROUP BY r.number, r.name) AS n
       GROUP BY n.number
     )
     SELECT
       f.label, f.rows[1].member,
       ARRAY(SELECT r.member FROM unnest(f.rows[2:]) WITH ORDINALITY AS r (member, part, place, version, n) ORDER BY r.n),
       COALESCE(r.tables, ''{}'')
     FROM found f
     LEFT JOIN referring r ON r.number = f.number
     ORDER BY f.number', COALESCE(counted, 'SELECT 0::bigint AS number, NULL::text AS name WHERE false'))
  USING rule;
END
$$;
