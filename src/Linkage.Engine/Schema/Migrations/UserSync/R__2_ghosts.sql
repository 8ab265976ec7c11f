-- Who lacks a profile, and whether one can be made: one answer for report, preview and repair.

-- The query for what is in one of the two tables only: accounts without profile (id), soft-deleted and anonymous ones too, and profiles
-- without account (key). Profiles that name no account are not among them.
-- Plan: full merge joins of index-only scans, each of a sixteenth of the keys, side by side in several processes: small parts, so that at the
-- end none is left to one process alone. They need no memory, and take less time than hashing: hence the settings of the functions that
-- run it. Where keys of two types are compared, it is one join of all of them.
CREATE OR REPLACE FUNCTION linkage.user_sync_gaps_query() RETURNS text
LANGUAGE plpgsql STABLE
AS $$
DECLARE
  -- where the parts meet, by the statistics: they say how even the parts are, not what is in them
  bounds text[];
BEGIN
  IF '{{account_id}}' = '{{profile_id}}' THEN
    SELECT array_agg(b.histogram[1 + (cardinality(b.histogram) - 1) * q / 16] ORDER BY q) INTO bounds
    FROM (
      SELECT s.histogram_bounds::text::text[] AS histogram
      FROM pg_catalog.pg_stats s
      WHERE s.schemaname = 'auth' AND s.tablename = 'users' AND s.attname = 'id' AND NOT s.inherited
    ) AS b
    CROSS JOIN generate_series(1, 15) AS q
    WHERE cardinality(b.histogram) > 16;
  END IF;

  RETURN (
    SELECT string_agg(
      format(
        'SELECT i.id, p.key
         FROM (SELECT a.id FROM auth.users a WHERE %s) AS i
         FULL JOIN (SELECT p.{{profile_key}} AS key FROM {{profiles}} p WHERE %s) AS p ON p.key = i.id::{{profile_id}}
         WHERE i.id IS NULL OR p.key IS NULL',
        concat_ws(' AND ', 'a.id >= ' || r.lower, 'a.id < ' || r.upper, 'true'),
        concat_ws(' AND ', 'p.{{profile_key}} >= ' || r.lower, 'p.{{profile_key}} < ' || r.upper, 'p.{{profile_key}} IS NOT NULL')),
      ' UNION ALL ')
    FROM (
      SELECT
        quote_literal(lag(b.bound) OVER (ORDER BY b.i)) || '::{{account_id}}' AS lower, quote_literal(b.bound) || '::{{account_id}}' AS upper
      FROM unnest(COALESCE(bounds, '{}') || NULL::text) WITH ORDINALITY AS b (bound, i)
    ) AS r);
END
$$;

-- The accounts without profile, soft-deleted and anonymous ones too.
-- Plan: that of linkage.user_sync_gaps_query.
CREATE OR REPLACE FUNCTION linkage.accounts_without_profile() RETURNS {{account_id}}[]
LANGUAGE plpgsql STABLE SET jit = off SET enable_hashjoin = off SET random_page_cost = 1.1
AS $$
DECLARE
  accounts {{account_id}}[];
BEGIN
  EXECUTE format('SELECT array_agg(g.id) FROM (%s) AS g WHERE g.id IS NOT NULL', linkage.user_sync_gaps_query()) INTO accounts;
  RETURN COALESCE(accounts, '{}');
END
$$;

-- The columns of a profile as it would be written, as a select list on alias a of the accounts; with the columns that are not copied, as
-- far as it is plain what they will be: null, or a literal default.
CREATE OR REPLACE FUNCTION linkage.profile_row(OUT columns name[], OUT column_values text)
LANGUAGE sql STABLE
AS $$
  SELECT
    COALESCE(array_agg(c.attname), '{}'),
    string_agg(pg_catalog.format('%s AS %I', c.value, c.attname), ', ')
  FROM (
    SELECT a.attname, v.value
    FROM pg_catalog.pg_attribute a
    JOIN linkage.profile_columns() c ON c."position" = a.attnum
    LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    CROSS JOIN LATERAL (SELECT pg_catalog.pg_get_expr(d.adbin, d.adrelid)) AS f (given)
    CROSS JOIN LATERAL (
      SELECT CASE
        WHEN c.expression IS NOT NULL THEN c.expression
        WHEN a.attgenerated <> '' OR a.attidentity <> '' THEN NULL
        WHEN f.given IS NULL THEN pg_catalog.format('NULL::%s', pg_catalog.format_type(linkage.base_type(a.atttypid), NULL))
        WHEN f.given ~ '^(''([^'']|'''')*''(::[a-z_. ]+(\[\])?)?|true|false|NULL(::[a-z_. ]+)?|-?[0-9.]+)$' THEN f.given
      END
    ) AS v (value)
    WHERE a.attrelid = '{{profiles}}'::regclass AND v.value IS NOT NULL
    ORDER BY a.attnum
  ) AS c
$$;

-- What has to be unique among profiles besides their key, as far as it can be told beforehand: expressions and predicate as they stand
-- in the index, on columns without alias. What hangs on a default that is computed can't be; the server refuses it then.
CREATE OR REPLACE FUNCTION linkage.profile_uniques()
RETURNS TABLE (place bigint, label text, keys text, names text, defined text, equal text, predicate text)
LANGUAGE sql STABLE
AS $$
  WITH known AS MATERIALIZED (
    SELECT r.columns FROM linkage.profile_row() r
  )
  SELECT
    row_number() OVER (ORDER BY i.indexrelid),
    string_agg(k.key, ', ' ORDER BY k.n),
    string_agg(pg_catalog.format('(%s) AS k%s', k.key, k.n), ', ' ORDER BY k.n),
    string_agg('k' || k.n, ', ' ORDER BY k.n),
    CASE WHEN nulls.are_equal THEN 'true' ELSE string_agg(pg_catalog.format('q.k%s IS NOT NULL', k.n), ' AND ' ORDER BY k.n) END,
    string_agg(
      pg_catalog.format(CASE WHEN nulls.are_equal THEN 'p.k%1$s IS NOT DISTINCT FROM q.k%1$s' ELSE 'p.k%1$s = q.k%1$s' END, k.n),
      ' AND ' ORDER BY k.n),
    COALESCE(pg_catalog.pg_get_expr(i.indpred, i.indrelid, true), 'true')
  FROM pg_catalog.pg_index i
  CROSS JOIN LATERAL pg_catalog.generate_series(1, i.indnkeyatts::integer) AS s (n)
  CROSS JOIN LATERAL (SELECT s.n, pg_catalog.pg_get_indexdef(i.indexrelid, s.n, true)) AS k (n, key)
  -- since PostgreSQL 15
  CROSS JOIN LATERAL (SELECT COALESCE((pg_catalog.to_jsonb(i) ->> 'indnullsnotdistinct')::boolean, false)) AS nulls (are_equal)
  WHERE i.indrelid = '{{profiles}}'::regclass AND i.indisunique AND i.indisvalid AND i.indislive
    AND NOT (i.indnkeyatts = 1 AND pg_catalog.pg_get_indexdef(i.indexrelid, 1, true) = $key${{profile_key}}$key$)
    -- every column that it looks at is known beforehand
    AND NOT EXISTS (
      SELECT
      FROM pg_catalog.pg_attribute a
      CROSS JOIN known
      WHERE a.attrelid = i.indrelid AND a.attname <> ALL (known.columns)
        AND (a.attnum = ANY (i.indkey::smallint[])
          OR EXISTS (
            SELECT
            FROM pg_catalog.pg_depend d
            WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = i.indexrelid
              AND d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid = i.indrelid AND d.refobjsubid = a.attnum)))
  GROUP BY i.indexrelid, i.indrelid, i.indpred, nulls.are_equal
$$;

-- What becomes of accounts: no_ghost says why one needs no profile; obstacle, why one can't be made; both null where it can.
-- Plan: for each account its primary key, that of its profile, and an index of each unique key: nested loops.
CREATE OR REPLACE FUNCTION linkage.judge_ghosts(ids {{account_id}}[])
RETURNS TABLE (ordinal bigint, account_id {{account_id}}, email text, phone text, created_at timestamptz, no_ghost text, obstacle text)
LANGUAGE plpgsql STABLE SET jit = off
AS $$
DECLARE
  conflicts text;
  found     text;
BEGIN
  SELECT
    string_agg(format(
      'LEFT JOIN LATERAL (
         SELECT format(''%%s %%s is taken by profile %%s'', %L, concat_ws('', '', %s), p.key) AS reason
         FROM (SELECT %s FROM (SELECT v.*) AS r WHERE %s) AS q
         JOIN LATERAL (SELECT p.* FROM (SELECT {{profile_key}} AS key, %s FROM {{profiles}} WHERE %s) AS p WHERE %s LIMIT 1) AS p ON true
       ) AS u%s ON true',
      u.label, regexp_replace(u.names, 'k', 'q.k', 'g'), u.keys, u.predicate, u.keys, u.predicate, u.equal, u.place), ' ' ORDER BY u.place),
    string_agg(format('u%s.reason', u.place), ', ' ORDER BY u.place)
  INTO conflicts, found
  FROM linkage.profile_uniques() u;

  RETURN QUERY EXECUTE format(
    'SELECT
       s.ordinal, s.account_id, %s, %s, a.created_at::timestamptz,
       CASE
         WHEN a.id IS NULL THEN ''the account is gone''
         WHEN p.key IS NOT NULL THEN ''it has a profile''
         WHEN NOT (%s) THEN ''the account is soft-deleted or anonymous''
       END,
       COALESCE((%s), %s)
     FROM unnest($1) WITH ORDINALITY AS s (account_id, ordinal)
     LEFT JOIN auth.users a ON a.id = s.account_id
     LEFT JOIN LATERAL (SELECT p.{{profile_key}} AS key FROM {{profiles}} p WHERE p.{{profile_key}} = s.account_id::{{profile_id}} OFFSET 0) AS p ON true
     LEFT JOIN LATERAL (SELECT %s) AS v ON true
     %s
     ORDER BY s.ordinal',
    CASE WHEN linkage.column_type('auth.users', 'email') IS NULL THEN 'NULL::text' ELSE 'a.email::text' END,
    CASE WHEN linkage.column_type('auth.users', 'phone') IS NULL THEN 'NULL::text' ELSE 'a.phone::text' END,
    linkage.active_account('a'), (linkage.profile_insert()).refusal, COALESCE(found, 'NULL'),
    (linkage.profile_row()).column_values, conflicts)
  USING ids;
END
$$;

-- A list of accounts, null for all ghosts: each once, those who signed up first before the others. obstacle says of some that they can't be
-- repaired, since a ghost before them has in common with them what has to be unique: the first one that can be repaired gets its profile.
-- Plan: the accounts are read once, by primary key, or in the order of the table if they are many; what several have in common is found by
-- a hash aggregate per unique key.
CREATE OR REPLACE FUNCTION linkage.list_accounts(account_ids text[]) RETURNS TABLE (ordinal bigint, account_id {{account_id}}, obstacle text)
LANGUAGE plpgsql STABLE SET jit = off SET work_mem = '32MB'
AS $$
DECLARE
  ids     {{account_id}}[];
  keys    text;
  joins   text;
  sharing text;
  list    record;
BEGIN
  SELECT
    string_agg(format(', u%s.*', u.place), '' ORDER BY u.place),
    string_agg(format(
      'LEFT JOIN LATERAL (SELECT %s AS has_%s, %s FROM (SELECT %s FROM (SELECT v.*) AS r WHERE %s) AS q) AS u%2$s ON true',
      u.defined, u.place, regexp_replace(u.names, 'k([0-9]+)', format('q.k\1 AS k%s_\1', u.place), 'g'), u.keys, u.predicate),
      ' ' ORDER BY u.place),
    string_agg(format(
      'SELECT g.ordinal, g.account_id, %L AS label, %s AS place, min(g.ordinal) OVER (PARTITION BY %s) AS first
       FROM ghost g
       WHERE g.has_%2$s AND (%3$s) IN (SELECT %3$s FROM ghost g WHERE g.has_%2$s GROUP BY %3$s HAVING count(*) > 1)',
      u.label, u.place, regexp_replace(u.names, 'k([0-9]+)', format('g.k%s_\1', u.place), 'g')),
      ' UNION ALL ' ORDER BY u.place)
  INTO keys, joins, sharing
  FROM linkage.profile_uniques() u;

  ids := CASE
    WHEN account_ids IS NULL THEN linkage.accounts_without_profile()
    ELSE ARRAY(SELECT DISTINCT i.id FROM unnest(account_ids) AS u (text), linkage.read_account_id(u.text) AS i (id) WHERE i.id IS NOT NULL)
  END;
  EXECUTE format(
    'WITH ghost AS MATERIALIZED (
       SELECT row_number() OVER (ORDER BY a.created_at, l.id) AS ordinal, l.id AS account_id%s
       FROM %s
       CROSS JOIN LATERAL (SELECT %s) AS v
       %s
       WHERE %s
     ),
     shared AS (
       SELECT s.account_id, s.label, dense_rank() OVER (ORDER BY s.first, s.place)::integer AS number
       FROM (%s) AS s
     )
     SELECT
       (SELECT array_agg(g.account_id ORDER BY g.ordinal) FROM ghost g) AS ids,
       array_agg(s.account_id) AS accounts, array_agg(s.number) AS numbers, array_agg(s.label) AS labels
     FROM shared s',
    keys,
    CASE
      WHEN account_ids IS NULL THEN 'auth.users a CROSS JOIN LATERAL (SELECT a.id) AS l'
      ELSE 'unnest($1) AS l (id) LEFT JOIN auth.users a ON a.id = l.id'
    END,
    (linkage.profile_row()).column_values, joins,
    CASE WHEN account_ids IS NULL THEN 'a.id = ANY ($1) AND ' || linkage.active_account('a') ELSE 'true' END,
    COALESCE(sharing, 'SELECT g.account_id, '''' AS label, 0 AS place, 0 AS first FROM ghost g WHERE false'))
  INTO list
  USING ids;

  RETURN QUERY
  SELECT i.ordinal, i.id, r.obstacle
  FROM unnest(list.ids) WITH ORDINALITY AS i (id, ordinal)
  LEFT JOIN linkage.rival_ghosts(list.ids, list.accounts, list.numbers, list.labels) r ON r.account_id = i.id;
END
$$;

-- Who of a list loses to a ghost before them. accounts, numbers and labels say, in parallel, who has what in common with others.
-- Plan: those who share something only; they are judged like any ghost.
CREATE OR REPLACE FUNCTION linkage.rival_ghosts(
  ids {{account_id}}[], accounts {{account_id}}[], numbers integer[], labels text[])
RETURNS TABLE (account_id {{account_id}}, obstacle text)
LANGUAGE plpgsql STABLE SET jit = off
AS $$
DECLARE
  ghost  record;
  -- who has it, by the number of what is shared
  taken  {{account_id}}[] := '{}';
  number integer;
BEGIN
  IF accounts IS NULL THEN
    RETURN;
  END IF;
  <<ghosts>>
  FOR ghost IN
    WITH rival AS MATERIALIZED (
      SELECT s.id, array_agg(s.number ORDER BY s.number) AS numbers, array_agg(s.label ORDER BY s.number) AS labels
      FROM unnest(accounts, rival_ghosts.numbers, rival_ghosts.labels) AS s (id, number, label)
      GROUP BY s.id
    )
    SELECT r.id, r.numbers, r.labels
    FROM linkage.judge_ghosts(ARRAY(
      SELECT i.id FROM unnest(ids) WITH ORDINALITY AS i (id, ordinal) JOIN rival r ON r.id = i.id ORDER BY i.ordinal)) j
    JOIN rival r ON r.id = j.account_id
    WHERE j.no_ghost IS NULL AND j.obstacle IS NULL
    ORDER BY j.ordinal
  LOOP
    FOR i IN 1 .. cardinality(ghost.numbers) LOOP
      IF taken[ghost.numbers[i]] IS NOT NULL THEN
        account_id := ghost.id;
        obstacle := format('ghost %s, who signed up before, has the same %s', taken[ghost.numbers[i]], ghost.labels[i]);
        RETURN NEXT;
        CONTINUE ghosts;
      END IF;
    END LOOP;
    FOREACH number IN ARRAY ghost.numbers LOOP
      taken[number] := ghost.id;
    END LOOP;
  END LOOP;
END
$$;

-- All ghosts with the reason, oldest first: why they can't be repaired, else what the trigger said when they signed up.
CREATE OR REPLACE FUNCTION linkage.ghost_users()
RETURNS TABLE (account_id text, email text, phone text, created_at timestamptz, reason text, repairable boolean)
LANGUAGE sql STABLE SET jit = off
AS $$
  WITH list AS MATERIALIZED (
    SELECT * FROM linkage.list_accounts(NULL)
  )
  SELECT
    j.account_id::text, j.email, j.phone, j.created_at,
    COALESCE(
      j.obstacle, l.obstacle, 'the trigger failed: error ' || f.sql_state || ': ' || f.message,
      'signed up while no trigger was at work'),
    j.obstacle IS NULL AND l.obstacle IS NULL
  FROM linkage.judge_ghosts(ARRAY(SELECT l.account_id FROM list l ORDER BY l.ordinal)) j
  JOIN list l ON l.ordinal = j.ordinal
  LEFT JOIN linkage.user_sync_fault f ON f.account_id = j.account_id AND f.operation = 'create'
  WHERE j.no_ghost IS NULL
  ORDER BY j.ordinal
$$;

-- Profiles without account: of an account that is gone, or of none. Their own primary key as text, of several columns as a row.
-- Plan: an anti-join of the profiles, which are read whole, with an index-only scan of the accounts.
CREATE OR REPLACE FUNCTION linkage.orphaned_profiles()
RETURNS TABLE (profile_id text, email text, created_at timestamptz, reason text)
LANGUAGE plpgsql STABLE SET jit = off
AS $$
DECLARE
  key_text text;
BEGIN
  SELECT CASE count(*)
    WHEN 0 THEN 'p.{{profile_key}}::text'
    WHEN 1 THEN min(format('p.%I::text', a.attname))
    ELSE format('jsonb_build_array(%s)::text', string_agg(format('p.%I', a.attname), ', ' ORDER BY k.i))
  END
  INTO key_text
  FROM pg_catalog.pg_index i
  CROSS JOIN unnest(i.indkey::smallint[]) WITH ORDINALITY AS k (attnum, i)
  JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
  WHERE i.indrelid = '{{profiles}}'::regclass AND i.indisprimary;

  RETURN QUERY EXECUTE format(
    'SELECT %s, %s, %s,
       CASE WHEN p.{{profile_key}} IS NULL THEN ''it names no account'' ELSE format(''account %%s does not exist'', p.{{profile_key}}) END
     FROM {{profiles}} p
     WHERE NOT EXISTS (SELECT FROM auth.users a WHERE a.id::{{profile_id}} = p.{{profile_key}})
     ORDER BY 3, 1',
    key_text,
    CASE WHEN linkage.column_type('{{profiles}}', 'email') IS NULL THEN 'NULL::text' ELSE 'p.email::text' END,
    CASE WHEN linkage.column_type('{{profiles}}', 'created_at') IS NULL THEN 'NULL::timestamptz' ELSE 'p.created_at::timestamptz' END);
END
$$;
