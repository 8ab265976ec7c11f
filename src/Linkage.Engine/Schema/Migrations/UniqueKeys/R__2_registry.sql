-- Registering rules.

-- What keys and a predicate mean, as the server writes it: names resolved by the search_path, with their schemas where pg_catalog does not have
-- them. An index on an empty copy of the table is made for it, and taken back with all else; so whatever an index refuses is refused here,
-- in the server's words. elements: SQL, as in CREATE INDEX.
CREATE OR REPLACE FUNCTION linkage.read_unique_key(
  relation regclass, elements text[], condition text, OUT keys text[], OUT predicate text, OUT columns name[], OUT problem text)
LANGUAGE plpgsql
AS $$
DECLARE
  element  text;
  copy_key regclass;
  written  text;
  path     text := current_setting('search_path');
BEGIN
  BEGIN
    EXECUTE format('CREATE TEMPORARY TABLE linkage_copy (LIKE %s INCLUDING GENERATED)', relation);
    FOREACH element IN ARRAY elements LOOP
      EXECUTE format('CREATE INDEX linkage_copy_key ON pg_temp.linkage_copy USING btree (%s)', element);
      copy_key := 'pg_temp.linkage_copy_key'::regclass;
      PERFORM set_config('search_path', 'pg_catalog, pg_temp', true);
      written := substring(pg_get_indexdef(copy_key) FROM ' USING btree \((.*)\)$');
      IF (SELECT i.indnatts FROM pg_index i WHERE i.indexrelid = copy_key) <> 1 THEN
        RAISE EXCEPTION USING ERRCODE = 'syntax_error', MESSAGE = format('%s is more than one key', element);
      END IF;
      keys := keys || CASE
        WHEN written = (SELECT quote_ident(a.attname) FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
                        WHERE i.indexrelid = copy_key)
          OR (written = pg_get_indexdef(copy_key, 1, false) AND written LIKE '(%') THEN written
        ELSE format('(%s)', written)
      END;
      DROP INDEX pg_temp.linkage_copy_key;
      PERFORM set_config('search_path', path, true);
    END LOOP;
    EXECUTE format(
      'CREATE UNIQUE INDEX linkage_copy_key ON pg_temp.linkage_copy USING btree (%s)%s', array_to_string(keys, ', '),
      -- on a line of its own, should the condition end in a comment
      E' WHERE (' || condition || E'\n)');
    PERFORM set_config('search_path', 'pg_catalog, pg_temp', true);
    SELECT
      pg_get_expr(i.indpred, i.indrelid),
      ARRAY(
        SELECT DISTINCT a.attname
        FROM pg_depend d
        JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
        WHERE d.classid = 'pg_class'::regclass AND d.objid = i.indexrelid AND d.refobjid = i.indrelid AND d.refobjsubid > 0)
    INTO predicate, columns
    FROM pg_index i
    WHERE i.indexrelid = 'pg_temp.linkage_copy_key'::regclass;
    -- Takes it all back, the search_path too.
    RAISE EXCEPTION USING ERRCODE = 'LK000', MESSAGE = 'read';
  EXCEPTION
    WHEN SQLSTATE 'LK000' THEN
      NULL;
    WHEN insufficient_privilege THEN
      RAISE;
    WHEN OTHERS THEN
      problem := SQLERRM;
  END;
END
$$;

-- Why rows of a table can't be put in an order, in the server's words; null if they can. They are not read.
CREATE OR REPLACE FUNCTION linkage.order_problem(relation regclass, items text[]) RETURNS text
LANGUAGE plpgsql
AS $$
DECLARE
  item text;
BEGIN
  FOREACH item IN ARRAY items LOOP
    BEGIN
      EXECUTE format('EXPLAIN SELECT row_number() OVER (ORDER BY %s' || E'\n' || ', t.tableoid) FROM %s AS t', item, relation);
    EXCEPTION
      WHEN insufficient_privilege THEN
        RAISE;
      WHEN OTHERS THEN
        RETURN format('%s in the order: %s', item, SQLERRM);
    END;
  END LOOP;
  RETURN NULL;
END
$$;

-- What a registration would come to. Every problem, with its remedy, is in the one error that it raises. wanted_keys are bare names of columns,
-- or expressions in parentheses. change is 'Registered', 'Replaced' or 'Unchanged'.
CREATE OR REPLACE FUNCTION linkage.plan_unique_key_rule(
  wanted_name text, wanted_table text, wanted_keys text[], wanted_predicate text, wanted_keep text[], wanted_on_conflict text,
  wanted_nulls_distinct boolean, OUT entry linkage.unique_key_rule, OUT change text)
LANGUAGE plpgsql
AS $$
DECLARE
  relation regclass := linkage.find_table(wanted_table);
  existing linkage.unique_key_rule;
  read     record;
  problems text[] := '{}';
BEGIN
  SELECT r.* INTO existing FROM linkage.unique_key_rule r WHERE r.name = wanted_name;
  IF octet_length(wanted_name) NOT BETWEEN 1 AND 63 THEN
    problems := problems || format('The name of a rule is that of its index, which has 63 bytes at most; this one has %s.', octet_length(wanted_name));
  END IF;
  IF existing.origin <> 'registered' THEN
    problems := problems || format('A rule of that name comes with Linkage, for %s: give yours another.', existing.relation);
  END IF;
  IF NOT wanted_nulls_distinct AND current_setting('server_version_num')::integer < 150000 THEN
    problems := problems || 'Nulls that are not distinct take PostgreSQL 15 or later: leave out -NullsNotDistinct.'::text;
  END IF;
  IF relation IS NULL THEN
    problems := problems || linkage.no_such_table(wanted_table);
  ELSE
    problems := problems || ARRAY(SELECT linkage.table_problems(relation));
    problems := problems || ARRAY(
      SELECT linkage.no_such_column(relation, k.key, 'key')
        || CASE WHEN k.key LIKE '%(%' THEN ' An expression stands in parentheses: (' || k.key || ').' ELSE '' END
      FROM unnest(wanted_keys) AS k (key)
      WHERE k.key !~ '^\(.*\)$'
        AND NOT EXISTS (
          SELECT FROM pg_attribute a WHERE a.attrelid = relation AND a.attname = k.key AND a.attnum > 0 AND NOT a.attisdropped));
  END IF;

  IF cardinality(problems) = 0 THEN
    SELECT * INTO read
    FROM linkage.read_unique_key(
      relation,
      ARRAY(
        SELECT CASE WHEN k.key ~ '^\(.*\)$' THEN k.key ELSE quote_ident(k.key) END
        FROM unnest(wanted_keys) WITH ORDINALITY AS k (key, place)
        ORDER BY k.place),
      wanted_predicate);
    problems := array_remove(
      problems || CASE
        WHEN read.problem IS NOT NULL THEN format('An index takes neither these keys nor this condition, or not both: %s.', read.problem)
        WHEN cardinality(read.columns) = 0 THEN 'The keys read no column of the table.'
      END || linkage.order_problem(relation, wanted_keep),
      NULL);
  END IF;
  IF cardinality(problems) > 0 THEN
    RAISE EXCEPTION USING
      ERRCODE = 'LK060',
      MESSAGE = array_to_string(format('Rule %s can''t be registered:', COALESCE(wanted_name, 'of no name')) || problems, E'\n');
  END IF;

  entry.name := wanted_name;
  entry.relation := linkage.qualified_name(relation);
  entry.keys := read.keys;
  entry.predicate := read.predicate;
  entry.keep := wanted_keep;
  entry.on_conflict := wanted_on_conflict;
  entry.nulls_distinct := wanted_nulls_distinct;
  entry.origin := 'registered';
  entry.columns := read.columns;
  entry.registered_by := COALESCE(existing.registered_by, session_user);
  entry.registered_at := existing.registered_at;
  change := CASE WHEN existing.name IS NULL THEN 'Registered' WHEN existing IS NOT DISTINCT FROM entry THEN 'Unchanged' ELSE 'Replaced' END;
END
$$;

-- Registers a rule, or replaces one.
CREATE OR REPLACE FUNCTION linkage.register_unique_key_rule(
  wanted_name text, wanted_table text, wanted_keys text[], wanted_predicate text, wanted_keep text[], wanted_on_conflict text,
  wanted_nulls_distinct boolean, OUT entry linkage.unique_key_rule, OUT change text)
LANGUAGE plpgsql
AS $$
DECLARE
  plan record;
BEGIN
  -- Two that register at once line up here.
  LOCK TABLE linkage.unique_key_rule IN SHARE ROW EXCLUSIVE MODE;
  SELECT * INTO plan
  FROM linkage.plan_unique_key_rule(
    wanted_name, wanted_table, wanted_keys, wanted_predicate, wanted_keep, wanted_on_conflict, wanted_nulls_distinct);
  entry := plan.entry;
  change := plan.change;
  IF change <> 'Unchanged' THEN
    entry.registered_by := session_user;
    entry.registered_at := clock_timestamp();
    DELETE FROM linkage.unique_key_rule r WHERE r.name = entry.name;
    INSERT INTO linkage.unique_key_rule SELECT entry.*;
  END IF;
END
$$;

-- Forgets a rule that somebody registered, or only says which it would be.
CREATE OR REPLACE FUNCTION linkage.unregister_unique_key_rule(wanted text, only_plan boolean) RETURNS linkage.unique_key_rule
LANGUAGE plpgsql
AS $$
DECLARE
  rule linkage.unique_key_rule := linkage.find_unique_key_rule(wanted);
BEGIN
  IF rule.origin <> 'registered' THEN
    RAISE EXCEPTION USING
      ERRCODE = 'LK060',
      MESSAGE = format('Rule %s comes with Linkage, and can''t be unregistered.', rule.name),
      HINT = 'It does nothing by itself.';
  END IF;
  IF NOT only_plan THEN
    DELETE FROM linkage.unique_key_rule r WHERE r.name = rule.name;
  END IF;
  RETURN rule;
END
$$;

-- The usual rules, whether their tables are there or not. Registered ones stay as they are, whatever their names.
DELETE FROM linkage.unique_key_rule r WHERE r.origin <> 'registered';

INSERT INTO linkage.unique_key_rule (name, relation, keys, predicate, keep, origin, columns)
SELECT u.name, format('{{app}}.%I', u.table_name), u.keys, u.predicate, u.keep, u.origin, u.columns
FROM (
  VALUES
      {{usual_rules}}
) AS u (place, name, origin, table_name, keys, predicate, keep, columns)
ORDER BY u.place
ON CONFLICT (name) DO NOTHING;
