-- What stands in the way of registering a table as a target: every problem is a text with its remedy, and all of them are said at once.

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
  SELECT linkage.table_problems($1)
  UNION ALL
  SELECT format('%s is one of the tables that Linkage''s rules read: register another.', $1)
  WHERE $1 IN (to_regclass('{{app}}.users'), to_regclass('{{app}}.event_guests'), to_regclass('{{app}}.user_link_audit'))
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
      a.attgenerated <> '' AS is_generated, a.attidentity <> '' AS is_identity, a.atttypmod AS modifier,
      EXISTS (SELECT FROM pg_catalog.pg_index x WHERE x.indrelid = $1 AND x.indisprimary AND a.attnum = ANY (x.indkey::smallint[])) AS is_primary
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
  SELECT linkage.no_such_column($1, g.name, g.role)
  FROM given g
  WHERE $1 IS NOT NULL AND NOT g.is_there
  UNION ALL
  SELECT format('Column %I is given for the %s: each needs a column of its own.', g.name, string_agg(g.role, ' and for the '))
  FROM given g
  WHERE g.role <> 'key'
  GROUP BY g.name
  HAVING count(*) > 1
  UNION ALL
  SELECT format('Column %I of %s, given for the user, is part of the key, by which its records are known. Give the column to fill in.', g.name, $1)
  FROM given g
  WHERE g.role = 'user' AND (g.name = ANY ($2) OR g.is_primary)
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
  WHERE g.role = 'user' AND g.is_required AND g.name <> ALL (COALESCE($2, '{}')) AND NOT g.is_primary
  UNION ALL
  SELECT linkage.key_type_problem($1, g.name)
  FROM given g
  WHERE g.role = 'key' AND linkage.key_type_problem($1, g.name) IS NOT NULL
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
