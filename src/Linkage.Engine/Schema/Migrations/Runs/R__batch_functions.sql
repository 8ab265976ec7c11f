-- The batches of a run. Its workers share one walk: linkage.run.cursor is the frontier, before which all has been claimed. A claim is a row of
-- linkage.run_range, which its worker works off in one batch or in several; both move in the batch's own transaction.

-- The run, if it is still this session's to work on.
CREATE OR REPLACE FUNCTION linkage.own_run(wanted uuid, own_session integer) RETURNS linkage.run
LANGUAGE plpgsql STABLE
AS $$
DECLARE
  run linkage.run;
BEGIN
  SELECT * INTO run FROM linkage.run r WHERE r.id = wanted;
  IF run.status IN ('running', 'suspended') AND run.session = own_session THEN
    RETURN run;
  END IF;
  RAISE EXCEPTION USING
    ERRCODE = 'LK002',
    MESSAGE = format(
      'Run %s no longer holds %s: it is %s%s.', wanted, run.target, COALESCE(run.status, 'unknown'),
      CASE WHEN run.status IN ('running', 'suspended') THEN ' in another session' ELSE '' END),
    TABLE = wanted::text;
END
$$;

-- Gives a worker its next piece of the walk: what an earlier session left over, else at most size candidates beyond the frontier.
-- False when there is nothing left to claim. The key set is found before anything is locked, and found anew if another worker was faster.
CREATE OR REPLACE FUNCTION linkage.claim_range(current_run uuid, current_session integer, worker integer, size integer) RETURNS boolean
LANGUAGE plpgsql
AS $$
DECLARE
  run      linkage.run;
  key_set  jsonb;
  leftover linkage.run_range;
BEGIN
  LOOP
    run := linkage.own_run(current_run, current_session);
    IF linkage.is_rewritten(run.walk) THEN
      RETURN false;
    END IF;

    DELETE FROM linkage.run_range g
    WHERE (g.run_id, g.session, g.worker) = (
      SELECT o.run_id, o.session, o.worker
      FROM linkage.run_range o
      WHERE o.run_id = current_run AND o.session < current_session
      ORDER BY o.session, o.worker
      LIMIT 1
      FOR UPDATE SKIP LOCKED)
    RETURNING * INTO leftover;
    IF FOUND THEN
      INSERT INTO linkage.run_range (run_id, session, worker, after, upto, size, backend_start)
      VALUES (current_run, current_session, claim_range.worker, leftover.after, leftover.upto, leftover.size, linkage.backend_start());
      RETURN true;
    END IF;

    key_set := linkage.next_key_set(run.walk, run.cursor, size);
    IF key_set IS NULL THEN
      RETURN false;
    END IF;
    UPDATE linkage.run r
    SET cursor = key_set -> 'upto'
    WHERE r.id = current_run AND r.session = current_session AND r.cursor IS NOT DISTINCT FROM run.cursor;
    IF FOUND THEN
      INSERT INTO linkage.run_range (run_id, session, worker, after, upto, size, backend_start)
      VALUES (
        current_run, current_session, claim_range.worker,
        NULLIF(key_set -> 'after', 'null'), key_set -> 'upto', size, linkage.backend_start());
      RETURN true;
    END IF;
  END LOOP;
END
$$;

-- One batch of a worker: examines at most size candidates of its claim, and claims the next piece (of next_size; 0 for none) when that is
-- done. Change, audit, claim and counts are the caller's one transaction. Returns null when the worker has nothing left, else the
-- batch's {"counts", "sample", "rows", "asked", "share", "more"}: how many candidates it was to hold and how many it held, its share of
-- the walk, where that is known, and whether there is more to do.
--
-- isolate is for a batch that keeps failing and can't be made smaller: its one candidate is tried once more and, if it fails
-- again, recorded in linkage.run_fault and left as it is. What is wrong with more than a row (no disk, no privilege) is not caught.
CREATE OR REPLACE FUNCTION linkage.run_batch(
  current_run uuid, current_session integer, worker integer, size integer, next_size integer, isolate boolean DEFAULT false) RETURNS jsonb
-- Compiling a batch takes longer than running it; what a batch reads by index it reads next to what the last one read.
LANGUAGE plpgsql SET jit = off SET random_page_cost = 1.1
AS $$
DECLARE
  run        linkage.run := linkage.own_run(current_run, current_session);
  mode       text := CASE WHEN run.dry_run THEN 'dry run' ELSE 'apply' END;
  claimed    linkage.run_range;
  key_set    jsonb;
  result     jsonb;
  sql_state  text;
  fault      text;
  is_done    boolean;
  examined   bigint;
BEGIN
  IF linkage.is_by_position(run.walk) THEN
    -- From here on nobody rewrites the table under the positions. A query takes the lock that LOCK TABLE would take, and for it a
    -- role needs no privilege on the whole table.
    EXECUTE format('SELECT FROM %s WHERE false', (run.walk ->> 'table')::regclass);
  END IF;

  LOOP
    IF linkage.is_rewritten(run.walk) THEN
      RETURN NULL;
    END IF;
    SELECT * INTO claimed
    FROM linkage.run_range g
    WHERE g.run_id = current_run AND g.session = current_session AND g.worker = run_batch.worker;
    IF NOT FOUND THEN
      -- Claimed now and worked off by the next call: a claim keeps others from claiming until its transaction ends.
      RETURN CASE WHEN linkage.claim_range(current_run, current_session, worker, size) THEN
        '{"counts": {}, "sample": [], "rows": 0, "asked": 0, "share": 0, "more": true}'::jsonb END;
    END IF;

    IF claimed.size <= size AND NOT isolate THEN
      key_set := jsonb_build_object('after', claimed.after, 'upto', claimed.upto);
    ELSE
      key_set := linkage.next_key_set(
        run.walk || jsonb_build_object('bound', claimed.upto), claimed.after, CASE WHEN isolate THEN 1 ELSE size END);
    END IF;
    EXIT WHEN key_set IS NOT NULL;
    DELETE FROM linkage.run_range g
    WHERE g.run_id = current_run AND g.session = current_session AND g.worker = run_batch.worker;
  END LOOP;

  IF isolate THEN
    BEGIN
      result := linkage.examine(run.batch, run.id, run.walk, key_set, mode);
    EXCEPTION
      WHEN query_canceled OR assert_failure OR OTHERS THEN
        IF NOT linkage.is_fault_of_a_row(SQLSTATE) OR linkage.was_cancelled(SQLSTATE) THEN
          RAISE;
        END IF;
        sql_state := SQLSTATE;
        fault := SQLERRM;
    END;
  ELSE
    result := linkage.examine(run.batch, run.id, run.walk, key_set, mode);
  END IF;
  IF fault IS NOT NULL THEN
    result := linkage.examine(
      run.batch, run.id, run.walk || jsonb_build_object('fault', format('error %s: %s', sql_state, fault)), key_set, mode);
    INSERT INTO linkage.run_fault (run_id, record_key, sql_state, message)
    SELECT current_run, f ->> 'record', sql_state, fault
    FROM jsonb_array_elements(result -> 'sample') AS s (f);
    result := jsonb_set(result, '{counts,failed}', result #> '{counts,processed}');
  END IF;

  is_done := key_set -> 'upto' = claimed.upto;
  examined := COALESCE((key_set ->> 'rows')::bigint, (result #>> '{counts,processed}')::bigint);
  IF is_done THEN
    DELETE FROM linkage.run_range g
    WHERE g.run_id = current_run AND g.session = current_session AND g.worker = run_batch.worker
      AND g.after IS NOT DISTINCT FROM claimed.after;
  ELSE
    UPDATE linkage.run_range g
    SET after = key_set -> 'upto', size = GREATEST(g.size - examined, 1),
        backend_pid = pg_backend_pid(), backend_start = linkage.backend_start()
    WHERE g.run_id = current_run AND g.session = current_session AND g.worker = run_batch.worker
      AND g.after IS NOT DISTINCT FROM claimed.after;
  END IF;
  IF NOT FOUND THEN
    RAISE EXCEPTION USING
      ERRCODE = 'LK002',
      MESSAGE = format('Run %s was taken over while a batch was under way; the batch is rolled back.', current_run),
      TABLE = current_run::text;
  END IF;
  IF is_done AND next_size > 0 THEN
    is_done := NOT linkage.claim_range(current_run, current_session, worker, next_size);
  END IF;

  UPDATE linkage.run r
  SET counts = linkage.add_counts(r.counts, result -> 'counts'),
      sample = CASE
        WHEN jsonb_array_length(r.sample) < 5
          THEN jsonb_path_query_array(r.sample || COALESCE(result -> 'sample', '[]'), '$[0 to 4]')
        ELSE r.sample
      END,
      heartbeat_at = clock_timestamp()
  WHERE r.id = current_run AND r.session = current_session AND r.status IN ('running', 'suspended');
  IF NOT FOUND THEN
    RAISE EXCEPTION USING
      ERRCODE = 'LK002',
      MESSAGE = format('Run %s was taken over or ended while a batch was under way; the batch is rolled back.', current_run),
      TABLE = current_run::text;
  END IF;

  RETURN result || jsonb_build_object(
    'rows', examined, 'asked', LEAST(claimed.size, size), 'share', linkage.key_set_share(run.walk, key_set, examined),
    'more', NOT is_done);
END
$$;

-- Has a capability's function examine a key set, in mode apply, dry run or preview (run_id is null then).
CREATE OR REPLACE FUNCTION linkage.examine(batch text, run_id uuid, walk jsonb, key_set jsonb, mode text) RETURNS jsonb
LANGUAGE plpgsql
AS $$
DECLARE
  result jsonb;
BEGIN
  EXECUTE format('SELECT %s($1, $2, $3, $4)', linkage.own_function(batch))
  INTO result
  USING run_id, walk, key_set, mode;
  RETURN result;
END
$$;

-- Whether an error may be the fault of one row: its data, a constraint, what a trigger of the application raises for it, somebody's lock.
CREATE OR REPLACE FUNCTION linkage.is_fault_of_a_row(sql_state text) RETURNS boolean
LANGUAGE sql IMMUTABLE
AS $$
  SELECT pg_catalog."left"($1, 2) IN ('22', '23', '2F', '38', '39', '44', 'P0') OR $1 IN ('55P03', '57014')
$$;

-- Whether somebody cancelled the statement (Ctrl+C, pg_cancel_backend): the same state as the end of its time, but no fault of a row.
-- The clock of the limit starts a moment before the statement's.
CREATE OR REPLACE FUNCTION linkage.was_cancelled(sql_state text) RETURNS boolean
LANGUAGE sql STABLE
AS $$
  SELECT $1 = '57014' AND (
    l.time_limit = interval '0' OR pg_catalog.clock_timestamp() - pg_catalog.statement_timestamp() < l.time_limit * 0.9)
  FROM (SELECT pg_catalog.current_setting('statement_timeout')::interval) AS l (time_limit)
$$;

-- What is to be done after all workers of a walk have ended: 'first' or 'following', the walk in which something is left, else 'end'.
-- Beginning the one that follows takes as long as the table is big.
CREATE OR REPLACE FUNCTION linkage.follow_walk(current_run uuid, current_session integer) RETURNS text
LANGUAGE plpgsql
AS $$
DECLARE
  run linkage.run := linkage.own_run(current_run, current_session);
BEGIN
  IF linkage.is_rewritten(run.walk) THEN
    DELETE FROM linkage.run_range g WHERE g.run_id = current_run;
  ELSE
    -- A crash may have brought back a claim whose worker has ended, and perhaps none of that number comes again: it is anybody's now, like
    -- those of earlier sessions.
    UPDATE linkage.run_range g
    SET session = 0,
        worker = g.worker + (SELECT COALESCE(max(o.worker), 0) FROM linkage.run_range o WHERE o.run_id = current_run AND o.session = 0)
    WHERE g.run_id = current_run AND g.session = current_session;
    IF EXISTS (SELECT FROM linkage.run_range g WHERE g.run_id = current_run)
      OR linkage.next_key_set(run.walk, run.cursor, 1) IS NOT NULL
    THEN
      RETURN CASE WHEN run.walk ? 'base' THEN 'following' ELSE 'first' END;
    END IF;
  END IF;
  UPDATE linkage.run r
  SET walk = linkage.following_walk(run.walk), cursor = NULL
  WHERE r.id = current_run AND r.session = current_session AND r.walk ? 'then';
  RETURN CASE WHEN FOUND THEN 'following' ELSE 'end' END;
END
$$;

-- What run_batch would find from a cursor on, by the same batch function, in a transaction that may be READ ONLY.
-- Returns null when nothing is left, else what run_batch returns, and the "cursor" for the next call.
CREATE OR REPLACE FUNCTION linkage.preview_batch(work jsonb, cursor jsonb, size integer) RETURNS jsonb
-- Compiling a batch takes longer than running it; what a batch reads by index it reads next to what the last one read.
LANGUAGE plpgsql SET jit = off SET random_page_cost = 1.1
AS $$
DECLARE
  key_set  jsonb := linkage.next_key_set(work -> 'walk', cursor, size);
  result   jsonb;
  examined bigint;
BEGIN
  IF key_set IS NULL THEN
    RETURN NULL;
  END IF;
  result := linkage.examine(work ->> 'batch', NULL, work -> 'walk', key_set, 'preview');
  examined := COALESCE((key_set ->> 'rows')::bigint, (result #>> '{counts,processed}')::bigint);
  RETURN result
    || jsonb_build_object(
      'cursor', key_set -> 'upto', 'rows', examined, 'asked', size,
      'share', linkage.key_set_share(work -> 'walk', key_set, examined), 'more', true);
END
$$;

-- The query with which a batch ends: what became of the rows of a CTE named examined. counts are conditions by the name under which their rows
-- are counted, sample expressions by the name under which they show in the sample, which is of the first five rows; also: further columns.
CREATE OR REPLACE FUNCTION linkage.batch_summary(counts jsonb, sample jsonb, also text DEFAULT NULL) RETURNS text
LANGUAGE sql IMMUTABLE
AS $$
  SELECT pg_catalog.format(
    'SELECT
       jsonb_build_object(
         ''counts'', jsonb_build_object(''processed'', count(*), %s),
         ''sample'', (
           SELECT COALESCE(jsonb_agg(jsonb_build_object(%s)), ''[]'')
           FROM (SELECT * FROM examined LIMIT 5) AS examined)) %s
     FROM examined',
    (SELECT string_agg(pg_catalog.format('%L, count(*) FILTER (WHERE %s)', c.key, c.value), ', ') FROM jsonb_each_text($1) AS c),
    (SELECT string_agg(pg_catalog.format('%L, %s', s.key, s.value), ', ') FROM jsonb_each_text($2) AS s),
    ', ' || $3)
$$;

-- Two counts added up: {"linked": 2} and {"linked": 3, "skipped": 1} give {"linked": 5, "skipped": 1}.
CREATE OR REPLACE FUNCTION linkage.add_counts(one jsonb, other jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
  SELECT COALESCE(pg_catalog.jsonb_object_agg(name, total), '{}')
  FROM (
    SELECT name, sum(value::bigint) AS total
    FROM (
      SELECT * FROM pg_catalog.jsonb_each_text(one)
      UNION ALL
      SELECT * FROM pg_catalog.jsonb_each_text(other)
    ) AS c (name, value)
    GROUP BY name
  ) AS s
$$;

-- Candidates of a walk that is one batch: the run itself.
CREATE OR REPLACE FUNCTION linkage.run_of_walk(walk jsonb) RETURNS text
LANGUAGE sql STABLE
AS $$ SELECT pg_catalog.format('t.id = %L', walk ->> 'run') $$;

-- What work that is one batch would do, in a transaction that may be READ ONLY.
CREATE OR REPLACE FUNCTION linkage.preview_single_batch(work jsonb) RETURNS jsonb
LANGUAGE sql
AS $$ SELECT linkage.examine(work ->> 'batch', NULL, work -> 'walk', NULL, 'preview') $$;

-- A batch that failed even alone changes nothing, and its run has failed: there is nothing else that it could go on with.
CREATE OR REPLACE FUNCTION linkage.refuse_fault(walk jsonb, what text) RETURNS void
LANGUAGE plpgsql IMMUTABLE
AS $$
BEGIN
  IF walk ? 'fault' THEN
    RAISE EXCEPTION USING ERRCODE = 'LK017', MESSAGE = format('%s: %s.', what, walk ->> 'fault');
  END IF;
END
$$;

-- For the rest of a transaction, memory to sort a million short rows without files.
CREATE OR REPLACE FUNCTION linkage.allow_sorting() RETURNS void
LANGUAGE sql
AS $$
  SELECT pg_catalog.set_config('work_mem', '64MB', true)
  FROM pg_catalog.pg_settings s
  WHERE s.name = 'work_mem' AND s.setting::bigint < 65536
$$;
