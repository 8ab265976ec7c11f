-- The registry of targets: a table is linked (trigger, backfill, undo, audit, integrity) once it is registered, whatever it and its
-- columns are called. What stands in the way is in R__9_target_problems.sql.

-- The name of an index of a table; what would be too long is told apart by a digest.
CREATE OR REPLACE FUNCTION linkage.index_name(table_name name, serves text) RETURNS text
LANGUAGE sql IMMUTABLE
AS $$
  SELECT CASE WHEN octet_length(n.long) <= 63 THEN n.long ELSE format('idx_%s_%s_user_null', left(md5($1), 16), $2) END
  FROM (SELECT format('idx_%s_%s_user_null', $1, $2)) AS n (long)
$$;

-- The indexes that a target wants, whether they are there, and the statements that create them: on a partitioned table ONLY on the
-- parent, concurrently on each partition, attached.
CREATE OR REPLACE FUNCTION linkage.target_indexes(target linkage.link_target)
RETURNS TABLE (column_name name, serves text, is_there boolean, statements text[])
LANGUAGE sql STABLE
AS $$
  WITH wanted AS (
    SELECT
      w.name, w.serves, w.column_name, format('(%s) WHERE %I IS NULL', w.columns, target.user_column) AS rest,
      to_regclass(format('%I.%I', target.table_schema, target.table_name)) AS relation
    FROM (
      SELECT
        'phone', 'unlinked records by phone', target.phone_column,
        -- of an event's own column the integrity check reads both
        concat_ws(', ', quote_ident(target.phone_column), CASE WHEN target.guest_column IS NULL THEN quote_ident(target.event_column) END)
      UNION ALL
      SELECT 'guest', 'a guest''s unlinked records', target.guest_column, quote_ident(target.guest_column)
      WHERE target.guest_column IS NOT NULL
    ) AS w (name, serves, column_name, columns)
  )
  SELECT
    w.column_name,
    w.serves,
    linkage.find_index(w.relation, w.column_name, format('(%I IS NULL)', target.user_column)) IS NOT NULL,
    (
      SELECT
        array_agg(
          format(
            CASE WHEN p.isleaf THEN 'CREATE INDEX CONCURRENTLY %I ON %s %s;' ELSE 'CREATE INDEX %I ON ONLY %s %s;' END,
            p.index_name, p.relid, w.rest) ORDER BY p.level, p.relid::text)
        || array_agg(
          format('ALTER INDEX %I.%I ATTACH PARTITION %I.%I;', up.nspname, linkage.index_name(up.relname, w.name), p.nspname, p.index_name)
          ORDER BY p.level DESC, p.relid::text) FILTER (WHERE up.oid IS NOT NULL)
      FROM (
        SELECT t.relid, t.parentrelid, t.isleaf, t.level, n.nspname, linkage.index_name(c.relname, w.name) AS index_name
        FROM (
          SELECT t.relid::regclass, t.parentrelid::regclass, t.isleaf, t.level FROM pg_catalog.pg_partition_tree(w.relation) t
          UNION
          -- what is not partitioned has no tree before PostgreSQL 18
          SELECT w.relation, NULL, true, 0 WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_partition_tree(w.relation))
        ) AS t
        JOIN pg_catalog.pg_class c ON c.oid = t.relid
        JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      ) AS p
      LEFT JOIN (
        SELECT c.oid, c.relname, n.nspname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      ) AS up ON up.oid = p.parentrelid AND p.level > 0
    )
  FROM wanted w
$$;

-- A definition in words; equal ones have the same.
CREATE OR REPLACE FUNCTION linkage.describe_target(target linkage.link_target) RETURNS text
LANGUAGE sql STABLE
AS $$
  SELECT concat_ws(', ',
    'table ' || linkage.target_table(target),
    'key ' || (SELECT string_agg(quote_ident(k.name), ' + ' ORDER BY k.i) FROM unnest(target.key_columns) WITH ORDINALITY AS k (name, i)),
    'phone ' || quote_ident(target.phone_column),
    'user ' || quote_ident(target.user_column),
    'guest ' || quote_ident(target.guest_column),
    'event ' || quote_ident(target.event_column))
$$;

-- What a registration would come to. Every problem, with its remedy, is in the one error that it raises; what only costs time is in
-- warnings. change is 'Registered', 'Replaced' or 'Unchanged'.
CREATE OR REPLACE FUNCTION linkage.plan_link_target(
  given_table text, given_key text[], given_phone text, given_user text, given_guest text, given_event text, given_name text,
  may_replace boolean, OUT target linkage.link_target, OUT change text, OUT warnings text[])
LANGUAGE plpgsql STABLE
AS $$
DECLARE
  relation regclass := linkage.find_table(given_table);
  existing linkage.link_target;
  problems text[] := '{}';
BEGIN
  IF relation IS NULL THEN
    problems := problems || linkage.no_such_table(given_table);
  ELSE
    SELECT n.nspname, c.relname INTO target.table_schema, target.table_name
    FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.oid = relation;
    problems := problems || ARRAY(SELECT linkage.target_table_problems(relation));
  END IF;

  target.key_columns := COALESCE(linkage.unique_key(relation, given_key), given_key);
  target.phone_column := given_phone;
  target.user_column := given_user;
  target.guest_column := given_guest;
  target.event_column := given_event;
  problems := problems || ARRAY(
    SELECT linkage.target_column_problems(relation, target.key_columns::text[], given_phone, given_user, given_guest, given_event));
  IF relation IS NOT NULL THEN
    problems := array_remove(problems || linkage.target_key_problem(relation, given_key), NULL);
  END IF;

  -- Its own name, else that of its table, with the schema where another target could be meant.
  SELECT * INTO existing FROM linkage.link_target t WHERE (t.table_schema, t.table_name) = (target.table_schema, target.table_name);
  target.name := COALESCE(
    given_name, existing.name,
    CASE
      WHEN EXISTS (SELECT FROM linkage.link_target t WHERE linkage.target_name_collides(t.name, target.table_name)) THEN
        linkage.target_table(target)
      ELSE target.table_name
    END);
  problems := problems || ARRAY(SELECT linkage.target_name_problems(target, given_name IS NOT NULL, may_replace));

  IF cardinality(problems) > 0 THEN
    RAISE EXCEPTION USING
      ERRCODE = 'LK011',
      MESSAGE = array_to_string(
        format('Table %s can''t be registered as a target:', COALESCE(relation::text, given_table, 'of no name')) || problems, E'\n');
  END IF;

  SELECT * INTO existing FROM linkage.link_target t WHERE t.name = target.name;
  target.created_at := existing.created_at;
  change := CASE
    WHEN existing.name IS NULL THEN 'Registered'
    WHEN linkage.describe_target(existing) = linkage.describe_target(target) THEN 'Unchanged'
    ELSE 'Replaced'
  END;
  warnings := ARRAY(
    SELECT format('%s has no index for %s; without it the whole table is read: %s', relation, i.serves, array_to_string(i.statements, ' '))
    FROM linkage.target_indexes(target) i
    WHERE NOT i.is_there);
END
$$;

-- Registers a table as a target and installs its triggers, or neither. The caller bounds how long it waits for the table's lock.
CREATE OR REPLACE FUNCTION linkage.register_link_target(
  given_table text, given_key text[], given_phone text, given_user text, given_guest text, given_event text, given_name text,
  may_replace boolean, OUT target linkage.link_target, OUT change text, OUT warnings text[])
LANGUAGE plpgsql
AS $$
DECLARE
  plan record;
BEGIN
  -- Two that register at once line up here.
  LOCK TABLE linkage.link_target IN SHARE ROW EXCLUSIVE MODE;
  SELECT * INTO plan
  FROM linkage.plan_link_target(
    given_table, given_key, given_phone, given_user, given_guest, given_event, given_name, may_replace);
  target := plan.target;
  change := plan.change;
  warnings := plan.warnings;

  IF change = 'Replaced' THEN
    PERFORM linkage.take_target(target.name);
    PERFORM linkage.drop_link_triggers(target.name, to_regclass(linkage.target_table(target)));
    UPDATE linkage.link_target t
    SET table_schema = target.table_schema, table_name = target.table_name, key_columns = target.key_columns,
        phone_column = target.phone_column, user_column = target.user_column, guest_column = target.guest_column,
        event_column = target.event_column
    WHERE t.name = target.name;
    DELETE FROM linkage.link_cursor c WHERE c.target = target.name;
  ELSIF change = 'Registered' THEN
    INSERT INTO linkage.link_target (
      name, table_schema, table_name, key_columns, phone_column, user_column, guest_column, event_column)
    VALUES (
      target.name, target.table_schema, target.table_name, target.key_columns, target.phone_column, target.user_column,
      target.guest_column, target.event_column);
  END IF;
  SELECT t.* INTO target FROM linkage.link_target t WHERE t.name = target.name;
  PERFORM linkage.create_link_triggers(target.name);
END
$$;

-- The targets of these names, or with these tables in SQL notation; all of them where none is named.
CREATE OR REPLACE FUNCTION linkage.find_link_targets(names text[], tables text[]) RETURNS SETOF linkage.link_target
LANGUAGE plpgsql STABLE
AS $$
BEGIN
  RETURN QUERY
  SELECT t.*
  FROM linkage.link_target t
  WHERE names IS NULL AND tables IS NULL
    OR t.name IN (SELECT (linkage.find_link_target(w.name)).name FROM unnest(names || tables) AS w (name))
  ORDER BY t.name;
END
$$;

-- Ends the registration of a target: its triggers go. Audit, runs and suppressions stay; runs counts those that could be undone if the
-- target were registered again. With only_plan it tells what would go, and what stays, and writes nothing.
CREATE OR REPLACE FUNCTION linkage.unregister_link_target(
  wanted text, only_plan boolean, OUT target linkage.link_target, OUT runs bigint, OUT suppressions bigint)
LANGUAGE plpgsql
AS $$
BEGIN
  target := linkage.find_link_target(wanted);
  IF target.name = 'message_deliveries' THEN
    RAISE EXCEPTION USING
      ERRCODE = 'LK012',
      MESSAGE = 'message_deliveries is what Linkage was installed for, and can''t be unregistered.',
      HINT = 'Disable-LinkageTrigger stops its triggers, Uninstall-LinkageSchema removes everything.';
  END IF;
  SELECT count(*) INTO runs
  FROM linkage.run r
  WHERE r.target = target.name AND r.undo IS NOT NULL AND NOT r.dry_run AND r.status <> 'undone';
  SELECT count(*) INTO suppressions FROM linkage.link_suppression s WHERE s.target = target.name;
  IF only_plan THEN
    RETURN;
  END IF;
  PERFORM linkage.take_target(target.name);
  PERFORM linkage.drop_link_triggers(target.name);
  DELETE FROM linkage.link_target t WHERE t.name = target.name;
  DELETE FROM linkage.trigger_switch o WHERE o.number = target.number;
  DELETE FROM linkage.link_cursor c WHERE c.target = target.name;
END
$$;
