-- How keys are found: nothing outside these functions knows. A walk names a table, its key columns and its candidates; a key
-- set is what a batch works on, opaque to everybody but linkage.key_set_condition: {"after", "upto"}, exclusive and inclusive.
-- "at_most" limits how many keys are one batch.
--
-- Two walks, both once through the table and up to a bound that is fixed at the start:
--
--   by key       "key" names the columns of a unique key. A row is examined once however often it is updated meanwhile, on any
--                kind of table, for any ordered key. Rows are met all over the table.
--   by position  "key" is ["ctid"]: the table is read front to back, page after page, which is what disks, caches and
--                the write-ahead log like best. Updates move rows, so a second walk, "then", looks for those that moved out of the
--                first one's way. Plain tables on PostgreSQL 14 and later only: 13 reads the whole table for each range.

-- 'a', 'b' with alias t: t.a, t.b
CREATE OR REPLACE FUNCTION linkage.key_columns(walk jsonb) RETURNS text
LANGUAGE sql STABLE
AS $$
  SELECT pg_catalog.string_agg(pg_catalog.format('t.%I', k.name), ', ' ORDER BY k.position)
  FROM pg_catalog.jsonb_array_elements_text(walk -> 'key') WITH ORDINALITY AS k (name, position)
$$;

-- The same, for the last key first: t.a DESC, t.b DESC
CREATE OR REPLACE FUNCTION linkage.key_columns_descending(walk jsonb) RETURNS text
LANGUAGE sql STABLE
AS $$
  SELECT pg_catalog.string_agg(pg_catalog.format('t.%I DESC', k.name), ', ' ORDER BY k.position)
  FROM pg_catalog.jsonb_array_elements_text(walk -> 'key') WITH ORDINALITY AS k (name, position)
$$;

-- A key's values as typed literals: '17'::bigint, 'x'::text
CREATE OR REPLACE FUNCTION linkage.key_literals(walk jsonb, key_values jsonb) RETURNS text
LANGUAGE sql STABLE
AS $$
  SELECT pg_catalog.string_agg(
    pg_catalog.format('%L::%s', v.value, pg_catalog.format_type(a.atttypid, a.atttypmod)), ', ' ORDER BY k.position)
  FROM pg_catalog.jsonb_array_elements_text(walk -> 'key') WITH ORDINALITY AS k (name, position)
  JOIN pg_catalog.jsonb_array_elements_text(key_values) WITH ORDINALITY AS v (value, position) USING (position)
  JOIN pg_catalog.pg_attribute a ON a.attrelid = (walk ->> 'table')::regclass AND a.attname = k.name
$$;

-- The condition on alias t that holds for the keys of a key set.
CREATE OR REPLACE FUNCTION linkage.key_set_condition(walk jsonb, key_set jsonb) RETURNS text
LANGUAGE sql STABLE
AS $$
  SELECT pg_catalog.concat_ws(' AND ',
    CASE WHEN pg_catalog.jsonb_typeof(key_set -> 'after') = 'array' THEN
      pg_catalog.format('(%s) > (%s)', linkage.key_columns(walk), linkage.key_literals(walk, key_set -> 'after')) END,
    CASE WHEN pg_catalog.jsonb_typeof(key_set -> 'upto') = 'array' THEN
      pg_catalog.format('(%s) <= (%s)', linkage.key_columns(walk), linkage.key_literals(walk, key_set -> 'upto')) END,
    -- By position, what was written since the run began is left to the second walk: that one knows what was examined already.
    CASE WHEN walk ? 'before_xid' THEN
      pg_catalog.format('pg_catalog.age(t.xmin) > pg_catalog.age(%L::xid)', walk ->> 'before_xid') END,
    'true')
$$;

-- Candidates of a walk over a list that a run was given: its items.
CREATE OR REPLACE FUNCTION linkage.run_item_candidates(walk jsonb) RETURNS text
LANGUAGE sql STABLE
AS $$ SELECT pg_catalog.format('t.run_id = %L', walk ->> 'run') $$;

-- Drops that list: what such a work finishes with. Lists are tables of schema linkage; a run is data, and names no other to delete from.
CREATE OR REPLACE FUNCTION linkage.drop_run_items(run_id uuid, walk jsonb) RETURNS void
LANGUAGE plpgsql
AS $$
DECLARE
  list regclass := (
    SELECT c.oid FROM pg_catalog.pg_class c WHERE c.oid = (walk ->> 'table')::regclass AND c.relnamespace = 'linkage'::regnamespace);
BEGIN
  EXECUTE format('DELETE FROM %s AS i WHERE i.run_id = $1', list) USING run_id;
END
$$;

-- The run whose journal tells what an undo of a run has to take back: after an undo that left conflicts that undo, else the run itself.
CREATE OR REPLACE FUNCTION linkage.journal_to_undo(undone uuid) RETURNS uuid
LANGUAGE sql STABLE
AS $$
  SELECT COALESCE(
    (
      SELECT r.id
      FROM linkage.run r
      WHERE r.undoes = $1 AND r.status = 'completed' AND NOT r.dry_run
      ORDER BY r.id DESC
      LIMIT 1
    ),
    $1)
$$;

-- The condition on alias t, a journal with columns run_id, outcome and dry_run, for what an undo of a run has to take back: what has one of
-- these outcomes; after an undo with conflicts, only what is still open: its conflicts.
CREATE OR REPLACE FUNCTION linkage.changes_to_undo(undone uuid, outcomes text[]) RETURNS text
LANGUAGE sql STABLE
AS $$
  SELECT pg_catalog.format(
    't.run_id = %L AND t.outcome IN (%s) AND NOT t.dry_run', j.id,
    CASE WHEN j.id = $1 THEN (SELECT string_agg(pg_catalog.quote_literal(o), ', ') FROM unnest($2) AS o) ELSE '''conflict''' END)
  FROM (SELECT linkage.journal_to_undo($1)) AS j (id)
$$;

-- The condition on alias t for what the walk examines at all. Literal, never parameters: partial indexes need to see it.
CREATE OR REPLACE FUNCTION linkage.candidates(walk jsonb) RETURNS text
LANGUAGE plpgsql STABLE
AS $$
DECLARE
  condition text;
BEGIN
  EXECUTE format('SELECT %s($1)', linkage.own_function(walk ->> 'candidates')) INTO STRICT condition USING walk;
  RETURN condition;
END
$$;

-- An expression of a key column's type as text that means the same in every session: what DateStyle, TimeZone and bytea_output would
-- write in several ways has one here. The type reads it back.
CREATE OR REPLACE FUNCTION linkage.key_text(expression text, type oid) RETURNS text
LANGUAGE sql STABLE
AS $$
  SELECT CASE COALESCE((SELECT NULLIF(t.typbasetype, 0) FROM pg_catalog.pg_type t WHERE t.oid = $2), $2)
    WHEN 'timestamptz'::regtype THEN pg_catalog.format(
      'pg_catalog.concat(pg_catalog.to_jsonb(%1$s AT TIME ZONE ''UTC'') #>> ''{}'', CASE WHEN pg_catalog.isfinite(%1$s) THEN ''+00'' END)',
      $1)
    WHEN 'timestamp'::regtype THEN pg_catalog.format('(pg_catalog.to_jsonb(%s) #>> ''{}'')', $1)
    WHEN 'date'::regtype THEN pg_catalog.format('(pg_catalog.to_jsonb(%s) #>> ''{}'')', $1)
    WHEN 'bytea'::regtype THEN pg_catalog.format('(E''\\x'' || pg_catalog.encode(%s, ''hex''))', $1)
    ELSE $1 || '::text'
  END
$$;

-- The key of alias t as a jsonb array of text.
CREATE OR REPLACE FUNCTION linkage.key_array(walk jsonb) RETURNS text
LANGUAGE sql STABLE
AS $$
  SELECT pg_catalog.format(
    'pg_catalog.jsonb_build_array(%s)',
    pg_catalog.string_agg(linkage.key_text(pg_catalog.format('t.%I', k.name), a.atttypid), ', ' ORDER BY k.position))
  FROM pg_catalog.jsonb_array_elements_text(walk -> 'key') WITH ORDINALITY AS k (name, position)
  JOIN pg_catalog.pg_attribute a ON a.attrelid = (walk ->> 'table')::regclass AND a.attname = k.name
$$;

-- Whether the table is to be walked by position.
CREATE OR REPLACE FUNCTION linkage.is_by_position(walk jsonb) RETURNS boolean
LANGUAGE sql IMMUTABLE
AS $$ SELECT walk -> 'key' = '["ctid"]' $$;

-- The best walk of a table for work that visits all of its candidates: by position where that is cheap, else by key.
-- by_key is the walk by key. audited is a function of schema linkage (walk jsonb) that returns a condition on alias t: this run
-- has examined the row already.
CREATE OR REPLACE FUNCTION linkage.whole_table_walk(by_key jsonb, audited text) RETURNS jsonb
LANGUAGE sql STABLE
AS $$
  SELECT CASE
    WHEN c.relkind = 'r' AND a.amname = 'heap' AND pg_catalog.current_setting('server_version_num')::integer >= 140000 THEN
      by_key || pg_catalog.jsonb_build_object(
        'key', pg_catalog.jsonb_build_array('ctid'),
        'then', by_key || pg_catalog.jsonb_build_object('candidates', 'moved_candidates', 'base', by_key ->> 'candidates', 'audited', audited))
    ELSE by_key
  END
  FROM pg_catalog.pg_class c
  LEFT JOIN pg_catalog.pg_am a ON a.oid = c.relam
  WHERE c.oid = (by_key ->> 'table')::regclass
$$;

-- What a walk by position may have missed: candidates whose row was written since the run began (or any, if the table was
-- rewritten meanwhile), less those that the run has examined. xmin of very old rows may look young; then the audit decides.
-- Plan: one pass over the candidates (linkage.fence sees to it).
CREATE OR REPLACE FUNCTION linkage.moved_candidates(walk jsonb) RETURNS text
LANGUAGE plpgsql STABLE
AS $$
DECLARE
  examined text;
BEGIN
  EXECUTE format('SELECT %s($1)', linkage.own_function(walk ->> 'audited')) INTO STRICT examined USING walk;
  RETURN concat_ws(' AND ',
    '(' || linkage.candidates(walk || jsonb_build_object('candidates', walk ->> 'base')) || ')',
    CASE WHEN NOT COALESCE((walk ->> 'rewritten')::boolean, false) THEN
      format('pg_catalog.age(t.xmin) <= pg_catalog.age(%L::xid)', walk ->> 'since_xid') END,
    'NOT ' || examined);
END
$$;

-- What keeps a search for few rows in key order from being planned as many look-ups by that order: nobody knows beforehand how many
-- rows moved, and the planner would guess a third of all.
CREATE OR REPLACE FUNCTION linkage.fence(walk jsonb) RETURNS text
LANGUAGE sql IMMUTABLE
AS $$ SELECT CASE WHEN walk ? 'base' THEN ' OFFSET 0' ELSE '' END $$;

-- Where a walk ends, fixed at the start: the highest key that is a candidate now, or null where there is none; by position, behind
-- the table's last page. Plan: the key's index, backward.
CREATE OR REPLACE FUNCTION linkage.last_key(walk jsonb) RETURNS jsonb
LANGUAGE plpgsql STABLE
AS $$
DECLARE
  last_key jsonb;
BEGIN
  IF linkage.is_by_position(walk) THEN
    RETURN jsonb_build_array(format('(%s,0)', linkage.pages(walk)));
  END IF;
  EXECUTE format(
    'SELECT %s FROM (SELECT %s FROM %s AS t WHERE %s%s) AS t ORDER BY %s LIMIT 1',
    linkage.key_array(walk), linkage.key_columns(walk), (walk ->> 'table')::regclass, linkage.candidates(walk), linkage.fence(walk),
    linkage.key_columns_descending(walk))
  INTO last_key;
  RETURN last_key;
END
$$;

-- The number of pages of a walk's table.
CREATE OR REPLACE FUNCTION linkage.pages(walk jsonb) RETURNS bigint
LANGUAGE sql STABLE
AS $$
  SELECT pg_catalog.pg_relation_size((walk ->> 'table')::regclass) / pg_catalog.current_setting('block_size')::bigint
$$;

-- The walk with all that is fixed when a run starts: its bound and, by position, which file and which transactions it is about.
CREATE OR REPLACE FUNCTION linkage.fixed_walk(walk jsonb) RETURNS jsonb
LANGUAGE sql STABLE
AS $$
  SELECT walk
    || pg_catalog.jsonb_build_object('bound', linkage.last_key(walk))
    || CASE WHEN linkage.is_by_position(walk) THEN
      pg_catalog.jsonb_build_object(
        'file', pg_catalog.pg_relation_filenode((walk ->> 'table')::regclass),
        'before_xid', pg_catalog.pg_snapshot_xmax(pg_catalog.pg_current_snapshot())::text::numeric % 4294967296,
        'then', (walk -> 'then') || pg_catalog.jsonb_build_object(
          'run', walk -> 'run',
          -- the low half: what xmin is compared with
          'since_xid', pg_catalog.pg_snapshot_xmin(pg_catalog.pg_current_snapshot())::text::numeric % 4294967296))
      ELSE '{}' END
$$;

-- The walk that follows when this one has come to its end; null where none does.
CREATE OR REPLACE FUNCTION linkage.following_walk(walk jsonb) RETURNS jsonb
LANGUAGE sql STABLE
AS $$
  SELECT linkage.fixed_walk((walk -> 'then') || pg_catalog.jsonb_build_object('rewritten', linkage.is_rewritten(walk)))
  WHERE walk ? 'then'
$$;

-- Whether the table was rewritten (VACUUM FULL, CLUSTER, some ALTER TABLE) since a walk by position began: positions are void then.
-- A walk that was not fixed, a preview's, knows no file.
CREATE OR REPLACE FUNCTION linkage.is_rewritten(walk jsonb) RETURNS boolean
LANGUAGE sql STABLE
AS $$
  SELECT linkage.is_by_position(walk) AND walk ? 'file'
    AND (walk ->> 'file')::oid IS DISTINCT FROM pg_catalog.pg_relation_filenode((walk ->> 'table')::regclass)
$$;

-- The next key set: at most size candidates after the cursor, up to the walk's bound; null when nothing is left.
-- {"after": cursor, "upto": last key}, and "rows" where they were counted. It may hold no candidate at all.
CREATE OR REPLACE FUNCTION linkage.next_key_set(walk jsonb, cursor jsonb, size integer) RETURNS jsonb
LANGUAGE plpgsql STABLE
AS $$
DECLARE
  -- By position: rows that a page holds, where the cursor and the bound are, and the end of the cursor's page.
  density  float8;
  place    tid;
  bound    tid;
  page     bigint;
  page_end tid;
BEGIN
  -- A bound of null was fixed when there was no candidate at all.
  IF (walk ? 'bound' AND jsonb_typeof(walk -> 'bound') IS DISTINCT FROM 'array') OR linkage.is_rewritten(walk) THEN
    RETURN NULL;
  ELSIF NOT linkage.is_by_position(walk) THEN
    RETURN linkage.counted_key_set(walk, cursor, walk -> 'bound', LEAST(size, (walk ->> 'at_most')::integer));
  END IF;

  place := COALESCE(cursor ->> 0, '(0,0)')::tid;
  bound := COALESCE(walk #>> '{bound,0}', format('(%s,0)', linkage.pages(walk)))::tid;
  IF place >= bound THEN
    RETURN NULL;
  END IF;

  -- A table that was never analyzed may be as full as a page can be.
  SELECT CASE WHEN c.relpages > 0 AND c.reltuples > 0 THEN GREATEST(c.reltuples / c.relpages, 1) ELSE 291 END INTO density
  FROM pg_class c
  WHERE c.oid = (walk ->> 'table')::regclass;
  page := (place::text::point)[0];
  IF size >= density * 4 THEN
    -- As many pages as hold that many rows. Nothing is read for that: the batch reads them anyway.
    page_end := format('(%s,0)', LEAST(page + (size / density)::bigint, (bound::text::point)[0]::bigint + 1))::tid;
    RETURN jsonb_build_object('after', cursor, 'upto', jsonb_build_array(LEAST(page_end, bound)));
  END IF;

  -- A few rows, not even a few pages full of them: counted out, page by page.
  page_end := LEAST(format('(%s,0)', page + 1)::tid, bound);
  RETURN COALESCE(
    linkage.counted_key_set(walk, cursor, jsonb_build_array(page_end), size),
    jsonb_build_object('after', cursor, 'upto', jsonb_build_array(page_end), 'rows', 0));
END
$$;

-- The first size candidates after the cursor, counted; null where there is none up to the bound.
-- Plan: the key's index, forward, from the cursor; by position a TID range scan. Only the last key is made into JSON.
CREATE OR REPLACE FUNCTION linkage.counted_key_set(walk jsonb, cursor jsonb, bound jsonb, size integer) RETURNS jsonb
LANGUAGE plpgsql STABLE
AS $$
DECLARE
  key_set jsonb;
BEGIN
  EXECUTE format(
    'SELECT jsonb_build_object(''after'', $1, ''upto'', %1$s, ''rows'', t.row_number)
     FROM (
       SELECT *
       FROM (
         SELECT %2$s, row_number() OVER (ORDER BY %2$s)
         FROM (SELECT %2$s FROM %3$s AS t WHERE %4$s AND %5$s%6$s) AS t
         ORDER BY %2$s
         LIMIT $2
       ) AS t
       ORDER BY t.row_number DESC
       LIMIT 1
     ) AS t',
    linkage.key_array(walk), linkage.key_columns(walk), (walk ->> 'table')::regclass, linkage.candidates(walk),
    linkage.key_set_condition(walk, jsonb_build_object('after', cursor, 'upto', bound)), linkage.fence(walk))
  INTO key_set
  USING cursor, size;
  RETURN key_set;
END
$$;

-- How much of its whole walk a key set is, from 0 to 1: by position its pages of all pages, else its rows of those that the walk
-- expects; null where nobody knows how many there are.
CREATE OR REPLACE FUNCTION linkage.key_set_share(walk jsonb, key_set jsonb, examined bigint) RETURNS float8
LANGUAGE sql STABLE
AS $$
  SELECT CASE
    WHEN linkage.is_by_position(walk) THEN
      linkage.position_share(walk, key_set -> 'upto') - linkage.position_share(walk, key_set -> 'after')
    WHEN walk ? 'base' THEN 0
    ELSE examined / NULLIF((walk ->> 'expected')::float8, 0)
  END
$$;

-- How much of a walk by position lies before a position.
CREATE OR REPLACE FUNCTION linkage.position_share(walk jsonb, place jsonb) RETURNS float8
LANGUAGE sql STABLE
AS $$
  SELECT COALESCE(((place ->> 0)::point)[0], 0) / GREATEST(((walk #>> '{bound,0}')::point)[0], 1)
$$;

-- How much of a run's walk its earlier sessions did, where that is known.
CREATE OR REPLACE FUNCTION linkage.walked_share(run linkage.run) RETURNS float8
LANGUAGE sql STABLE
AS $$
  SELECT CASE
    WHEN linkage.is_by_position(run.walk) THEN
      linkage.position_share(run.walk, run.cursor) - COALESCE((
        SELECT sum(linkage.position_share(run.walk, g.upto) - linkage.position_share(run.walk, g.after))
        FROM linkage.run_range g
        WHERE g.run_id = run.id), 0)
    WHEN run.walk ? 'base' THEN 1
    ELSE (run.counts ->> 'processed')::bigint / NULLIF((run.walk ->> 'expected')::float8, 0)
  END
$$;
