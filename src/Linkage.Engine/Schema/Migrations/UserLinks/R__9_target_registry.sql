-- The registry of targets: a table is linked (trigger, backfill, undo, audit, integrity) once it is registered, whatever it and its
-- columns are called. What stands in the way of it is said all at once.

-- A name as a set of trigrams.
CREATE OR REPLACE FUNCTION linkage.trigrams(name text) RETURNS text[]
LANGUAGE sql IMMUTABLE
AS $$
  SELECT array_agg(DISTINCT pg_catalog.substr(p.padded, i, 3))
  FROM (SELECT '  ' || pg_catalog.lower($1) || ' ') AS p (padded)
  CROSS JOIN pg_catalog.generate_series(1, pg_catalog.length(p.padded) - 2) AS i
$$;

-- Up to three of these names that a wanted one may have meant, in SQL notation, the likeliest first; null where none is like it.
CREATE OR REPLACE FUNCTION linkage.similar_names(wanted text, names text[]) RETURNS text
LANGUAGE sql IMMUTABLE
AS $$
  SELECT pg_catalog.string_agg(pg_catalog.quote_ident(s.name), ', ' ORDER BY s.likeness DESC, s.name)
  FROM (
    SELECT n.name, 2.0 * l.common / (cardinality(linkage.trigrams($1)) + cardinality(linkage.trigrams(n.name))) AS likeness
    FROM unnest($2) AS n (name)
    CROSS JOIN LATERAL (
      SELECT count(*) FROM (SELECT unnest(linkage.trigrams($1)) INTERSECT SELECT unnest(linkage.trigrams(n.name))) AS both_have
    ) AS l (common)
    ORDER BY likeness DESC, n.name
    LIMIT 3
  ) AS s
  WHERE s.likeness >= 0.3
$$;

-- What a table in SQL notation is; null where there is none.
CREATE OR REPLACE FUNCTION linkage.find_table(wanted text) RETURNS regclass
LANGUAGE plpgsql STABLE
AS $$
BEGIN
  RETURN to_regclass(wanted);
EXCEPTION WHEN invalid_name OR syntax_error OR feature_not_supported THEN
  -- Before PostgreSQL 16, what is no name at all is an error.
  RETURN NULL;
END
$$;

-- Why a relation can't be a target, whatever its columns are.
CREATE OR REPLACE FUNCTION linkage.target_table_problems(relation regclass) RETURNS SETOF text
LANGUAGE sql STABLE
AS $$
  WITH wanted AS (
    SELECT c.*, n.nspname, pg_catalog.pg_get_userbyid(c.relowner) AS owner, pg_catalog.pg_get_userbyid(l.nspowner) AS installer
    FROM pg_catalog.pg_class c
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_catalog.pg_namespace l ON l.nspname = 'linkage'
    WHERE c.oid = $1
  )
  SELECT format(
    '%s is %s: register a table that the application writes to.', $1,
    CASE c.relkind
      WHEN 'v' THEN 'a view' WHEN 'm' THEN 'a materialized view' WHEN 'f' THEN 'a foreign table' WHEN 'S' THEN 'a sequence'
      WHEN 'i' THEN 'an index' WHEN 'I' THEN 'an index' ELSE 'no table'
    END)
  FROM wanted c
  WHERE c.relkind NOT IN ('r', 'p')
  UNION ALL
  SELECT format('%s is a temporary table, which other sessions do not see: register one that lasts.', $1)
  FROM wanted c
  WHERE c.relpersistence = 't'
  UNION ALL
  SELECT format('%s is one of Linkage''s own tables, or of the tables that its rules read: register another.', $1)
  FROM wanted c
  WHERE c.nspname IN ('linkage', 'pg_catalog', 'information_schema')
    OR $1 IN (to_regclass('{{app}}.users'), to_regclass('{{app}}.event_guests'), to_regclass('{{app}}.user_link_audit'))
  UNION ALL
  SELECT format('%s is a partition of %s: register that.', $1, i.inhparent::regclass)
  FROM wanted c
  JOIN pg_catalog.pg_inherits i ON i.inhrelid = c.oid
  WHERE c.relispartition
  UNION ALL
  SELECT format(
    'Tables inherit from %1$s (%2$s is one): its rows can''t be told from theirs. Make it a partitioned table, or end the inheritance: '
    'ALTER TABLE %2$s NO INHERIT %1$s.', $1, min(i.inhrelid)::regclass)
  FROM wanted c
  JOIN pg_catalog.pg_inherits i ON i.inhparent = c.oid
  WHERE c.relkind = 'r'
  HAVING count(*) > 0
  UNION ALL
  SELECT format('Partition %s of %s is a foreign table, whose rows can''t be locked: detach it.', l, $1)
  FROM linkage.leaf_tables($1) l
  JOIN pg_catalog.pg_class p ON p.oid = l AND p.relkind = 'f'
  WHERE l <> $1
  UNION ALL
  SELECT format(
    'Schema linkage belongs to role %1$I, and %2$I is no member of it. Connect as %1$I, or as a member of it: GRANT %1$I TO %2$I.',
    c.installer, current_user)
  FROM wanted c
  WHERE NOT pg_catalog.pg_has_role(c.installer, 'USAGE')
  UNION ALL
  SELECT format(
    'Table %1$s belongs to role %2$I, and Linkage''s objects to %3$I, which must be a member of it to keep triggers there: GRANT %2$I TO %3$I.',
    $1, c.owner, c.installer)
  FROM wanted c
  WHERE NOT pg_catalog.pg_has_role(c.installer, c.relowner, 'USAGE')
  UNION ALL
  SELECT format('Role %1$I, to which Linkage''s objects belong, may not use schema %2$I: GRANT USAGE ON SCHEMA %2$I TO %1$I.', c.installer, c.nspname)
  FROM wanted c
  WHERE NOT pg_catalog.has_schema_privilege(c.installer, c.relnamespace, 'USAGE')
  UNION ALL
  SELECT format(
    '%1$s is published and has no replica identity, so that no link could be written: ALTER TABLE %1$s REPLICA IDENTITY %2$s.',
    l,
    CASE
      WHEN EXISTS (SELECT FROM pg_catalog.pg_index i WHERE i.indrelid = l AND i.indisprimary) THEN 'DEFAULT'
      ELSE 'FULL, or USING INDEX with a unique one'
    END)
  FROM linkage.leaf_tables($1) l
  JOIN pg_catalog.pg_class p ON p.oid = l
  WHERE (p.relreplident = 'n'
      OR p.relreplident = 'd' AND NOT EXISTS (SELECT FROM pg_catalog.pg_index i WHERE i.indrelid = l AND i.indisprimary)
      OR p.relreplident = 'i' AND NOT EXISTS (SELECT FROM pg_catalog.pg_index i WHERE i.indrelid = l AND i.indisreplident))
    AND EXISTS (
      SELECT
      FROM pg_catalog.pg_publication u
      JOIN pg_catalog.pg_publication_tables t ON t.pubname = u.pubname
      WHERE u.pubupdate
        -- by name: to_regclass fails for schemas that the role may not use, and the server's own are among them
        AND (t.schemaname, t.tablename) IN (
          SELECT n.nspname, c.relname
          FROM (SELECT l UNION ALL SELECT a.relid FROM pg_catalog.pg_partition_ancestors(l) AS a (relid)) AS r (relation)
          JOIN pg_catalog.pg_class c ON c.oid = r.relation
          JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace))
$$;

-- What is wrong with the columns that a relation is to be registered with.
CREATE OR REPLACE FUNCTION linkage.target_column_problems(
  relation regclass, key_columns text[], phone_column text, user_column text, guest_column text, event_column text)
RETURNS SETOF text
LANGUAGE sql STABLE
AS $$
  WITH given AS MATERIALIZED (
    SELECT r.role, r.name, r.needed, r.of_column, a.attnum IS NOT NULL AS is_there, a.atttypid AS type, a.attnotnull AS is_required,
      a.attgenerated <> '' AS is_generated, a.attidentity <> '' AS is_identity, a.atttypmod AS modifier
    FROM (
      SELECT 'key', k.name, NULL::oid, NULL, k.i
      FROM unnest($2) WITH ORDINALITY AS k (name, i)
      UNION ALL
      VALUES
        ('phone', $3, NULL, NULL, 101),
        ('user', $4, '{{user_id}}'::regtype, 'users.id', 102),
        ('guest', $5, '{{guest_id}}'::regtype, 'event_guests.id', 103),
        ('event', $6, '{{event_id}}'::regtype, 'event_guests.event_id', 104)
    ) AS r (role, name, needed, of_column, i)
    LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = $1 AND a.attname = r.name AND a.attnum > 0 AND NOT a.attisdropped
    WHERE r.name IS NOT NULL
    ORDER BY r.i
  )
  SELECT 'Neither a guest column nor an event column is given: without one of them no event is known, and nothing can be linked.'
  WHERE $5 IS NULL AND $6 IS NULL
  UNION ALL
  SELECT format('No %s column is given.', r.role)
  FROM (VALUES ('phone', $3), ('user', $4)) AS r (role, name)
  WHERE r.name IS NULL
  UNION ALL
  SELECT format(
    'Table %s has no column %I, given for the %s. %s', $1, g.name, g.role,
    COALESCE(
      'Similar are: ' || linkage.similar_names(g.name, c.names) || '.',
      'Its columns are: ' || (SELECT string_agg(quote_ident(n), ', ') FROM unnest(c.names) AS n) || '.',
      'It has no column at all.'))
  FROM given g
  CROSS JOIN (
    SELECT array_agg(a.attname::text ORDER BY a.attnum)
    FROM pg_catalog.pg_attribute a
    WHERE a.attrelid = $1 AND a.attnum > 0 AND NOT a.attisdropped
  ) AS c (names)
  WHERE $1 IS NOT NULL AND NOT g.is_there
  UNION ALL
  SELECT format('Column %I is given for the %s: each needs a column of its own.', g.name, string_agg(g.role, ' and for the '))
  FROM given g
  WHERE g.role <> 'key'
  GROUP BY g.name
  HAVING count(*) > 1
  UNION ALL
  SELECT format(
    'Column %1$I of %2$s, given for the %3$s, is of type %4$s, and %5$s of %6$s. Give another, or change its type: '
    'ALTER TABLE %2$s ALTER COLUMN %1$I TYPE %6$s USING %1$I::text::%6$s.',
    g.name, $1, g.role, format_type(g.type, g.modifier), g.of_column, format_type(g.needed, NULL))
  FROM given g
  WHERE g.type <> g.needed
  UNION ALL
  SELECT format(
    'Column %I of %s, given for the phone, is of type %s, which is no text and no number. Give the column in which the phone stands.',
    g.name, $1, format_type(g.type, g.modifier))
  FROM given g
  JOIN pg_catalog.pg_type t ON t.oid = g.type
  WHERE g.role = 'phone' AND t.typcategory NOT IN ('S', 'N')
    AND NOT (t.typcategory = 'U' AND EXISTS (
      SELECT FROM pg_catalog.pg_cast c WHERE c.castsource = t.oid AND c.casttarget IN ('text'::regtype, 'varchar'::regtype)))
  UNION ALL
  SELECT format(
    CASE g.role
      WHEN 'user' THEN 'Column %I of %s, given for the %s, is generated: no link can be written to it. Give a plain column.'
      ELSE 'Column %I of %s, given for the %s, is generated, and has no value yet when a trigger links its row. Give the column it comes from.'
    END,
    g.name, $1, g.role)
  FROM given g
  WHERE g.is_generated OR g.role = 'user' AND g.is_identity
  UNION ALL
  SELECT format(
    'Column %1$I of %2$s, given for the user, is NOT NULL, so that there is nothing to link: ALTER TABLE %2$s ALTER COLUMN %1$I DROP NOT NULL.',
    g.name, $1)
  FROM given g
  WHERE g.role = 'user' AND g.is_required
  UNION ALL
  SELECT format(
    'Key column %I of %s is of type %s, whose text depends on settings of the session, or is not exact. Give another unique key.',
    g.name, $1, format_type(g.type, g.modifier))
  FROM given g
  WHERE g.role = 'key' AND g.type IN ('real'::regtype, 'double precision'::regtype, 'interval'::regtype, 'money'::regtype)
$$;

-- The columns, in their order in the index, of a unique key without nulls that has just the wanted columns; without those, of the
-- primary key. Null where there is none.
CREATE OR REPLACE FUNCTION linkage.unique_key(relation regclass, wanted text[]) RETURNS name[]
LANGUAGE sql STABLE
AS $$
  SELECT array_agg(a.attname ORDER BY k.position)
  FROM pg_catalog.pg_index i
  CROSS JOIN LATERAL unnest(i.indkey::smallint[]) WITH ORDINALITY AS k (attnum, position)
  LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum AND a.attnum > 0
  WHERE i.indrelid = $1 AND i.indisunique AND i.indisvalid AND i.indpred IS NULL AND k.position <= i.indnkeyatts
    AND ($2 IS NOT NULL OR i.indisprimary)
  GROUP BY i.indexrelid, i.indisprimary
  HAVING bool_and(a.attnotnull IS TRUE)
    AND ($2 IS NULL OR array_agg(a.attname::text ORDER BY a.attname) = ARRAY(SELECT DISTINCT w.name FROM unnest($2) AS w (name) ORDER BY w.name))
  ORDER BY i.indisprimary DESC, array_agg(a.attname::text ORDER BY k.position) = $2 DESC
  LIMIT 1
$$;

CREATE OR REPLACE FUNCTION linkage.target_key_problem(relation regclass, wanted text[]) RETURNS text
LANGUAGE sql STABLE
AS $$
  SELECT CASE
    WHEN linkage.unique_key($1, $2) IS NOT NULL OR (SELECT c.relkind NOT IN ('r', 'p') FROM pg_catalog.pg_class c WHERE c.oid = $1) THEN NULL
    WHEN $2 IS NULL THEN format(
      'Table %s has no primary key: name the columns of a unique key without nulls, by which its rows are audited, or add a primary key.', $1)
    -- what is not there, or no table, is said already
    WHEN (SELECT count(*) FROM unnest($2) AS w (name)) = count(a.attnum) THEN format(
      'The key columns %1$s of %2$s are neither its primary key nor unique without nulls%3$s: give such columns, or make them so: '
      'ALTER TABLE %2$s ADD UNIQUE (%1$s)%4$s.',
      string_agg(quote_ident(a.attname), ', ' ORDER BY array_position($2, a.attname::text)), $1,
      CASE WHEN bool_or(NOT a.attnotnull) THEN
        format(' (%s may be null)', string_agg(quote_ident(a.attname), ', ') FILTER (WHERE NOT a.attnotnull)) ELSE '' END,
      COALESCE(string_agg(format(', ALTER COLUMN %I SET NOT NULL', a.attname), '') FILTER (WHERE NOT a.attnotnull), ''))
  END
  FROM unnest($2) AS w (name)
  JOIN pg_catalog.pg_attribute a ON a.attrelid = $1 AND a.attname = w.name AND a.attnum > 0 AND NOT a.attisdropped
$$;

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
    EXISTS (
      SELECT
      FROM pg_catalog.pg_index i
      JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
      WHERE i.indrelid = w.relation AND i.indisvalid AND a.attname = w.column_name
        AND pg_catalog.pg_get_expr(i.indpred, i.indrelid) = format('(%I IS NULL)', target.user_column)),
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

-- Whether a name in the audit could mean two targets: a target's own, or that of its guest links.
CREATE OR REPLACE FUNCTION linkage.target_name_collides(wanted text, other text) RETURNS boolean
LANGUAGE sql IMMUTABLE
AS $$
  SELECT $1 = $2 OR linkage.guest_link_audit_name($1) = $2 OR $1 = linkage.guest_link_audit_name($2)
$$;

-- Whether records that are known by one definition can't be found by another: another table, key or user, while the former still stands.
-- What is gone was renamed.
CREATE OR REPLACE FUNCTION linkage.parts_records(
  former_table text, former_key text[], former_user text, new_table text, new_key text[], new_user text) RETURNS boolean
LANGUAGE sql STABLE
AS $$
  SELECT ($1, $2, $3) IS DISTINCT FROM ($4, $5, $6)
    AND NOT EXISTS (
      SELECT
      FROM unnest($2 || $3) AS c (name)
      WHERE NOT EXISTS (
        SELECT
        FROM pg_catalog.pg_attribute a
        WHERE a.attrelid = to_regclass($1) AND a.attname = c.name AND NOT a.attisdropped))
$$;

-- What is wrong with the name of a target, and with what it is to take the place of.
CREATE OR REPLACE FUNCTION linkage.target_name_problems(wanted linkage.link_target, is_named boolean, may_replace boolean) RETURNS SETOF text
LANGUAGE sql STABLE
AS $$
  SELECT 'The name of a target can''t be empty.'
  WHERE wanted.name = ''
  UNION ALL
  SELECT format('Name %s is that of the audit, whose runs would be taken for the target''s. Choose another name.', wanted.name)
  WHERE linkage.target_name_collides(wanted.name, 'user_link_audit')
  UNION ALL
  SELECT format(
    'Table %s is registered already, as %s. Leave the name out, or unregister that one first: Unregister-LinkTarget.',
    linkage.target_table(wanted), t.name)
  FROM linkage.link_target t
  WHERE (t.table_schema, t.table_name) = (wanted.table_schema, wanted.table_name) AND t.name <> wanted.name
  UNION ALL
  SELECT format(
    'Name %s collides in the audit with target %s (%s), whose guest links are audited as %s. Choose another name.',
    wanted.name, t.name, linkage.target_table(t), linkage.guest_link_audit_name(t.name))
  FROM linkage.link_target t
  WHERE t.name <> wanted.name AND linkage.target_name_collides(wanted.name, t.name)
    AND (t.table_schema, t.table_name) <> (wanted.table_schema, wanted.table_name)
  UNION ALL
  SELECT format('Name %s means the table of target %s. Choose another name.', wanted.name, t.name)
  FROM linkage.link_target t
  WHERE is_named AND t.name <> wanted.name
    AND (t.table_schema, t.table_name) <> (wanted.table_schema, wanted.table_name)
    AND linkage.find_table(wanted.name) = to_regclass(linkage.target_table(t))
  UNION ALL
  SELECT CASE
    WHEN t.name = 'message_deliveries' THEN
      'message_deliveries is what Linkage was installed for; its definition is the install''s. Choose another name.'
    WHEN linkage.parts_records(
      linkage.target_table(t), t.key_columns, t.user_column, linkage.target_table(wanted), wanted.key_columns, wanted.user_column)
    THEN format(
      'Target %s is registered with another table, key or user column (%s), which still stands, and by which its runs are undone. '
      'Choose another name, or unregister it first: Unregister-LinkTarget.', t.name, linkage.describe_target(t))
    WHEN NOT may_replace THEN format(
      'Target %s is registered already, and differently: %s. Replace it with -Force.', t.name, linkage.describe_target(t))
  END
  FROM linkage.link_target t
  WHERE t.name = wanted.name AND linkage.describe_target(t) <> linkage.describe_target(wanted)
    AND (may_replace IS NOT TRUE OR t.name = 'message_deliveries' OR linkage.parts_records(
      linkage.target_table(t), t.key_columns, t.user_column, linkage.target_table(wanted), wanted.key_columns, wanted.user_column))
  UNION ALL
  -- of a target that is registered this is said above
  SELECT format(
    'Name %s is what %s undoable runs on %s are known by. Choose another name, so that no undo goes to the wrong table.',
    wanted.name, count(*), min(r.undo #>> '{walk,changed}'))
  FROM linkage.run r
  WHERE r.target = wanted.name AND r.undo IS NOT NULL AND NOT r.dry_run
    AND NOT EXISTS (SELECT FROM linkage.link_target t WHERE t.name = wanted.name)
    AND linkage.parts_records(
      r.undo #>> '{walk,changed}', ARRAY(SELECT jsonb_array_elements_text(r.undo #> '{walk,record_key}')),
      r.undo #>> '{walk,user_column}', linkage.target_table(wanted), wanted.key_columns, wanted.user_column)
  HAVING count(*) > 0
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
    problems := problems || format(
      'There is no table %s. %sA name is in SQL notation: in double quotes where it has capitals, spaces or the like, and with its schema '
      'unless the search_path (%s) has it.',
      COALESCE(given_table, 'of no name'),
      COALESCE('Similar are: ' || linkage.similar_names(
        regexp_replace(given_table, '^.*\.|"', '', 'g'),
        ARRAY(
          SELECT c.relname::text FROM pg_class c
          WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relnamespace::regnamespace::text !~ '^pg_|^information_schema$')) || '. ', ''),
      current_setting('search_path'));
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
    PERFORM linkage.drop_link_triggers(target.name);
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
