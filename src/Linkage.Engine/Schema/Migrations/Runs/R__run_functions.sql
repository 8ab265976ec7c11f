-- What a run is, in SQL. Cmdlets and psql functions alike start, advance and finish runs through these, so there is one
-- way only.
--
-- A capability describes its work as jsonb:
--   kind    what the run is called
--   target  what it owns while it runs: one run at a time per target
--   batch   a function of schema linkage (run_id uuid, walk jsonb, key_set jsonb, mode text) returns jsonb
--           {"counts": {name: n, ...}, "sample": [...]} that examines every candidate of a key set. mode is 'apply', 'dry run'
--           (record, change nothing) or 'preview' (write nothing at all; run_id is null then). A walk with a "fault" asks for its
--           one candidate to be recorded as impossible, for that reason, and left as it is
--   walk    where the keys are: {"table", "key": [columns], "candidates": function of schema linkage (walk jsonb) returns a
--           condition on alias t}, and whatever else the capability's functions want to find in it. See walk_functions. "changed" is
--           the table that the work changes, where that is not the one it walks
--   prepare optional: a function of schema linkage (run_id uuid, walk jsonb) that lists what to do, under the run's id
--   finish  optional: the same, when everything is done
--   undo    the same two, {"batch", "walk"}, for undoing it; the undone run's id is added to that walk as "run". "changes" names the
--           counts that tell how many changes there are to undo
--
-- Workers of one run share its walk. linkage.run.cursor is the frontier: what lies before it has been claimed. A claim is a row of
-- linkage.run_range, which its worker works off in one batch or in several; both move in the batch's own transaction.

-- A uuid of version 7 (RFC 9562): 48 bits of unix milliseconds, then random. PostgreSQL has none before 18.
CREATE OR REPLACE FUNCTION linkage.new_run_id() RETURNS uuid
LANGUAGE sql VOLATILE PARALLEL SAFE
AS $$
  SELECT pg_catalog.encode(
    pg_catalog.set_bit(
      pg_catalog.set_bit(
        pg_catalog.overlay(
          pg_catalog.uuid_send(pg_catalog.gen_random_uuid()),
          pg_catalog.substring(pg_catalog.int8send((EXTRACT(epoch FROM pg_catalog.clock_timestamp()) * 1000)::bigint), 3),
          1, 6),
        52, 1),
      53, 1),
    'hex')::uuid
$$;

-- A run is alive while a backend that worked for it exists and its heartbeat is younger than 15 seconds.
-- Backends that are gone settle it at once. (Behind a pooler the backend may outlive the client: the heartbeat decides then.)
CREATE OR REPLACE FUNCTION linkage.run_is_alive(candidate linkage.run) RETURNS boolean
LANGUAGE sql STABLE
AS $$
  SELECT candidate.status IN ('running', 'suspended')
    AND candidate.heartbeat_at > pg_catalog.clock_timestamp() - interval '15 seconds'
    AND EXISTS (
      SELECT
      FROM (
        SELECT candidate.backend_pid, candidate.backend_start
        UNION ALL
        SELECT g.backend_pid, g.backend_start
        FROM linkage.run_range g
        WHERE g.run_id = candidate.id AND g.session = candidate.session
      ) AS known (pid, started)
      JOIN pg_catalog.pg_stat_activity a
        ON a.pid = known.pid
        -- null without the privilege to see another role's session
        AND (a.backend_start = known.started OR a.backend_start IS NULL OR known.started IS NULL))
$$;

-- The start of this session's backend, which with its pid tells it from every other.
CREATE OR REPLACE FUNCTION linkage.backend_start() RETURNS timestamptz
LANGUAGE sql STABLE
AS $$
  SELECT a.backend_start FROM pg_catalog.pg_stat_activity a WHERE a.pid = pg_catalog.pg_backend_pid()
$$;

-- Takes the target, or says who holds it (SQLSTATE LK001, the holder's run id as the related table's name).
-- A holder that is dead is marked 'interrupted' and its target taken over.
CREATE OR REPLACE FUNCTION linkage.take_target(wanted text) RETURNS void
LANGUAGE plpgsql
AS $$
DECLARE
  holder linkage.run;
BEGIN
  -- Two that start at once line up here; the lock ends with the transaction, so a pooler can't leak it.
  PERFORM pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended('linkage.run ' || wanted, 0));

  SELECT * INTO holder FROM linkage.run r WHERE r.target = wanted AND r.status IN ('running', 'suspended');
  IF NOT FOUND THEN
    RETURN;
  END IF;

  IF linkage.run_is_alive(holder) THEN
    RAISE EXCEPTION USING
      ERRCODE = 'LK001',
      MESSAGE = format(
        '%s is held by the %s run %s (%s), started %s UTC by %s%s.',
        wanted, holder.status, holder.id, holder.kind, to_char(holder.started_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS'), holder.started_by,
        COALESCE(' from ' || holder.client_host, '')),
      TABLE = holder.id::text,
      HINT = 'Wait until it has finished, or end it with Stop-LinkageRun first.';
  END IF;

  UPDATE linkage.run
  SET status = 'interrupted', requested = NULL, held_for = NULL, finished_at = heartbeat_at,
      message = 'The session that ran it ended before the run did.'
  WHERE id = holder.id;
END
$$;

CREATE OR REPLACE FUNCTION linkage.start_run(
  work jsonb, dry_run boolean, parameters jsonb, undoes uuid, client_host text, module_version text,
  run_id uuid DEFAULT linkage.new_run_id()) RETURNS uuid
LANGUAGE plpgsql
AS $$
BEGIN
  PERFORM linkage.take_target(work ->> 'target');
  INSERT INTO linkage.run (
    id, kind, target, dry_run, parameters, batch, walk, finish, undo, undoes, client_host, module_version, backend_start)
  VALUES (
    run_id, work ->> 'kind', work ->> 'target', dry_run, COALESCE(parameters, '{}'), work ->> 'batch',
    -- a walk over a list needs to know whose
    jsonb_build_object('run', run_id) || (work -> 'walk'),
    work ->> 'finish', work -> 'undo', undoes, client_host, module_version, linkage.backend_start());
  IF work ? 'prepare' THEN
    EXECUTE format('SELECT %s($1, $2)', linkage.own_function(work ->> 'prepare')) USING run_id, work -> 'walk';
  END IF;
  PERFORM linkage.fix_bound(run_id);
  RETURN run_id;
END
$$;

-- Fixes where a run ends: what arrives beyond it later is not this run's, so every run ends.
CREATE OR REPLACE FUNCTION linkage.fix_bound(run_id uuid) RETURNS void
LANGUAGE sql
AS $$
  UPDATE linkage.run r
  SET walk = linkage.fixed_walk(r.walk)
  WHERE r.id = run_id
$$;

-- Lets a run that did not finish go on, in this session; returns the session's number. What the last one had claimed and not finished is
-- taken up first.
CREATE OR REPLACE FUNCTION linkage.resume_run(resumed uuid) RETURNS integer
LANGUAGE plpgsql
AS $$
DECLARE
  run         linkage.run := linkage.find_run(resumed);
  undo        uuid;
  own_session integer;
BEGIN
  PERFORM linkage.take_target(run.target);
  -- An undo that has begun knows only of what the run had done by then.
  SELECT u.id INTO undo
  FROM linkage.run u
  WHERE u.undoes = resumed AND NOT u.dry_run AND u.status IN ('interrupted', 'stopped', 'failed');
  IF FOUND THEN
    RAISE EXCEPTION USING
      ERRCODE = 'LK009',
      MESSAGE = format('Run %s is being undone by run %s, which did not finish.', resumed, undo),
      TABLE = resumed::text,
      HINT = 'Undo-LinkageRun goes on with that.';
  END IF;
  UPDATE linkage.run r
  SET status = 'running', session = r.session + 1, requested = NULL, held_for = NULL, finished_at = NULL, message = NULL,
      heartbeat_at = clock_timestamp(), backend_pid = pg_backend_pid(), backend_start = linkage.backend_start()
  WHERE r.id = resumed AND r.status IN ('interrupted', 'stopped', 'failed')
  RETURNING r.session INTO own_session;
  IF NOT FOUND THEN
    RAISE EXCEPTION USING
      ERRCODE = 'LK009',
      MESSAGE = format('Run %s is %s; only a run that did not finish can be resumed.', run.id, run.status),
      TABLE = run.id::text;
  END IF;
  RETURN own_session;
END
$$;

CREATE OR REPLACE FUNCTION linkage.find_run(wanted uuid) RETURNS linkage.run
LANGUAGE plpgsql STABLE
AS $$
DECLARE
  run linkage.run;
BEGIN
  SELECT * INTO run FROM linkage.run r WHERE r.id = wanted;
  IF NOT FOUND THEN
    RAISE EXCEPTION USING
      ERRCODE = 'LK004',
      MESSAGE = format('There is no run %s in this database.', wanted),
      TABLE = wanted::text,
      HINT = 'Get-LinkageRun lists the runs.';
  END IF;
  RETURN run;
END
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

-- A function by name, but only one of schema linkage: runs are data, and data must not name what an administrator's undo executes.
CREATE OR REPLACE FUNCTION linkage.own_function(name text) RETURNS text
LANGUAGE plpgsql STABLE
AS $$
DECLARE
  found text;
BEGIN
  SELECT format('linkage.%I', p.proname) INTO found
  FROM pg_catalog.pg_proc p
  WHERE p.pronamespace = 'linkage'::regnamespace AND p.proname = name
  LIMIT 1;
  IF found IS NULL THEN
    RAISE EXCEPTION USING
      ERRCODE = 'LK003',
      MESSAGE = format('Linkage has no function %s in this database.', name),
      HINT = 'Run Install-LinkageSchema with the module that started the run.';
  END IF;
  RETURN found;
END
$$;

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
  claimed    linkage.run_range;
  key_set    jsonb;
  result     jsonb;
  sql_state  text;
  fault      text;
  is_done    boolean;
  examined   bigint;
BEGIN
  IF linkage.is_by_position(run.walk) THEN
    -- From here on nobody rewrites the table under the positions.
    EXECUTE format('LOCK TABLE %s IN ACCESS SHARE MODE', (run.walk ->> 'table')::regclass);
  END IF;

  LOOP
    IF linkage.is_rewritten(run.walk) THEN
      RETURN NULL;
    END IF;
    SELECT * INTO claimed
    FROM linkage.run_range g
    WHERE g.run_id = current_run AND g.session = current_session AND g.worker = run_batch.worker;
    IF NOT FOUND THEN
      IF NOT linkage.claim_range(current_run, current_session, worker, size) THEN
        RETURN NULL;
      END IF;
      CONTINUE;
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
      result := linkage.examine(run, run.walk, key_set);
    EXCEPTION
      WHEN query_canceled OR OTHERS THEN
        IF NOT linkage.is_fault_of_a_row(SQLSTATE) OR linkage.was_cancelled(SQLSTATE) THEN
          RAISE;
        END IF;
        sql_state := SQLSTATE;
        fault := SQLERRM;
    END;
  ELSE
    result := linkage.examine(run, run.walk, key_set);
  END IF;
  IF fault IS NOT NULL THEN
    result := linkage.examine(run, run.walk || jsonb_build_object('fault', format('error %s: %s', sql_state, fault)), key_set);
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

-- Has the capability's function examine a key set, as the run wants it.
CREATE OR REPLACE FUNCTION linkage.examine(run linkage.run, walk jsonb, key_set jsonb) RETURNS jsonb
LANGUAGE plpgsql
AS $$
DECLARE
  result jsonb;
BEGIN
  EXECUTE format('SELECT %s($1, $2, $3, $4)', linkage.own_function(run.batch))
  INTO result
  USING run.id, walk, key_set, CASE WHEN run.dry_run THEN 'dry run' ELSE 'apply' END;
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
  ELSIF EXISTS (SELECT FROM linkage.run_range g WHERE g.run_id = current_run)
    OR linkage.next_key_set(run.walk, run.cursor, 1) IS NOT NULL
  THEN
    RETURN CASE WHEN run.walk ? 'base' THEN 'following' ELSE 'first' END;
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
  key_set jsonb := linkage.next_key_set(work -> 'walk', cursor, size);
  result  jsonb;
BEGIN
  IF key_set IS NULL THEN
    RETURN NULL;
  END IF;
  EXECUTE format('SELECT %s($1, $2, $3, $4)', linkage.own_function(work ->> 'batch'))
  INTO result
  USING NULL::uuid, work -> 'walk', key_set, 'preview';
  RETURN result
    || jsonb_build_object(
      'cursor', key_set -> 'upto',
      'rows', COALESCE(key_set -> 'rows', result #> '{counts,processed}'),
      'asked', size,
      'share', linkage.key_set_share(work -> 'walk', key_set, (result #>> '{counts,processed}')::bigint),
      'more', true);
END
$$;

-- The work of undoing a run, whatever its capability.
CREATE OR REPLACE FUNCTION linkage.undo_work(undone uuid, options jsonb) RETURNS jsonb
LANGUAGE plpgsql STABLE
AS $$
DECLARE
  run linkage.run := linkage.find_run(undone);
BEGIN
  IF run.undo IS NULL OR run.dry_run THEN
    RAISE EXCEPTION USING
      ERRCODE = 'LK005',
      MESSAGE = concat_ws(' ',
        format('Run %s (%s) changed nothing that could be undone.', run.id, CASE WHEN run.dry_run THEN 'a dry run' ELSE run.kind END),
        run.message);
  ELSIF run.status = 'undone' THEN
    RAISE EXCEPTION USING
      ERRCODE = 'LK005',
      MESSAGE = format('Run %s is undone already.', run.id);
  ELSIF linkage.run_is_alive(run) THEN
    RAISE EXCEPTION USING
      ERRCODE = 'LK001',
      MESSAGE = format('Run %s is still %s.', run.id, run.status),
      TABLE = run.id::text,
      HINT = 'End it with Stop-LinkageRun first.';
  END IF;
  RETURN jsonb_build_object(
    'kind', 'Undo',
    'target', run.target,
    'batch', run.undo ->> 'batch',
    'walk', (run.undo -> 'walk') || COALESCE(options, '{}') || jsonb_build_object(
      'run', run.id,
      'expected', (
        SELECT sum((run.counts ->> c.name)::bigint) FROM jsonb_array_elements_text(run.undo -> 'changes') AS c (name))),
    'undo', run.undo);
END
$$;

-- What there is to say of the records that a run could not change; null if there are none.
CREATE OR REPLACE FUNCTION linkage.faults_of_run(wanted uuid) RETURNS text
LANGUAGE sql STABLE
AS $$
  SELECT pg_catalog.format(
    'Not changed, since each failed when it was tried alone: %s (linkage.run_fault has them all). The first: %s: error %s: %s',
    f.faults, f.record_key, f.sql_state, f.message)
  FROM (
    SELECT f.*, count(*) OVER () AS faults FROM linkage.run_fault f WHERE f.run_id = $1 ORDER BY f.created_at LIMIT 1
  ) AS f
$$;

-- Ends a run. An undo also says what became of the run that it undoes; an undo that is itself undone brings that one back.
CREATE OR REPLACE FUNCTION linkage.finish_run(finished uuid, current_session integer, outcome text, reason text) RETURNS linkage.run
LANGUAGE plpgsql
AS $$
DECLARE
  run    linkage.run;
  undone linkage.run;
BEGIN
  UPDATE linkage.run r
  SET status = outcome, message = NULLIF(concat_ws(' ', reason, linkage.faults_of_run(finished)), ''), requested = NULL, held_for = NULL,
      finished_at = clock_timestamp(), heartbeat_at = clock_timestamp()
  WHERE r.id = finished AND r.session = current_session AND r.status IN ('running', 'suspended')
  RETURNING * INTO run;
  IF NOT FOUND THEN
    RAISE EXCEPTION USING
      ERRCODE = 'LK002',
      MESSAGE = format('Run %s was taken over or ended by another session.', finished),
      TABLE = finished::text;
  END IF;

  IF outcome = 'completed' AND run.finish IS NOT NULL THEN
    EXECUTE format('SELECT %s($1, $2)', linkage.own_function(run.finish)) USING run.id, run.walk;
  END IF;

  IF outcome = 'completed' AND run.undoes IS NOT NULL AND NOT run.dry_run THEN
    UPDATE linkage.run r
    SET status = CASE WHEN COALESCE((run.counts ->> 'conflicts')::bigint, 0) > 0 THEN 'partly undone' ELSE 'undone' END
    WHERE r.id = run.undoes
    RETURNING * INTO undone;
    IF undone.undoes IS NOT NULL THEN
      UPDATE linkage.run r
      SET status = CASE
        -- Another undo of it may still stand: one that met conflicts is followed by one for those.
        WHEN undone.status = 'undone' AND NOT EXISTS (
          SELECT FROM linkage.run other
          WHERE other.undoes = r.id AND other.id <> undone.id AND NOT other.dry_run
            AND other.status NOT IN ('undone', 'running')
            AND COALESCE((other.counts ->> 'rolled_back')::bigint, 0) > 0)
          THEN 'completed'
        ELSE 'partly undone'
      END
      WHERE r.id = undone.undoes;
    END IF;
  END IF;
  RETURN run;
END
$$;

-- A sign of life of the session that works on a run, with what it has to say; returns what others ask of it, as
-- {"requested", "settings"}, or null if the run is no longer this session's.
CREATE OR REPLACE FUNCTION linkage.beat(
  current_run uuid, current_session integer, is_suspended boolean, reason text, held jsonb) RETURNS jsonb
LANGUAGE sql
AS $$
  UPDATE linkage.run r
  SET heartbeat_at = pg_catalog.clock_timestamp(),
      backend_pid = pg_catalog.pg_backend_pid(),
      backend_start = linkage.backend_start(),
      status = CASE WHEN is_suspended THEN 'suspended' ELSE 'running' END,
      held_for = reason,
      holds = held
  WHERE r.id = current_run AND r.session = current_session AND r.status IN ('running', 'suspended')
  RETURNING pg_catalog.jsonb_build_object('requested', r.requested, 'settings', r.settings)
$$;

-- Asks the session that works on a run to stop after its batch, or ends a run whose session is gone.
CREATE OR REPLACE FUNCTION linkage.request_stop(wanted uuid) RETURNS linkage.run
LANGUAGE plpgsql
AS $$
DECLARE
  run linkage.run := linkage.unfinished_run(wanted, 'stopped');
BEGIN
  IF linkage.run_is_alive(run) THEN
    UPDATE linkage.run r SET requested = 'stop' WHERE r.id = wanted RETURNING * INTO run;
  ELSE
    UPDATE linkage.run r
    SET status = 'stopped', requested = NULL, held_for = NULL, finished_at = r.heartbeat_at,
        message = 'The session that ran it ended before the run did; it was then stopped by another.'
    WHERE r.id = wanted
    RETURNING * INTO run;
  END IF;
  RETURN run;
END
$$;

-- Asks the session that works on a run to stand still after its batch. It keeps the target.
CREATE OR REPLACE FUNCTION linkage.request_suspend(wanted uuid) RETURNS linkage.run
LANGUAGE plpgsql
AS $$
DECLARE
  run linkage.run := linkage.living_run(wanted, 'suspended');
BEGIN
  UPDATE linkage.run r SET requested = 'suspend' WHERE r.id = wanted RETURNING * INTO run;
  RETURN run;
END
$$;

-- Lets a suspended run go on in the session that holds it. False if there is none any more: then linkage.resume_run takes it up.
CREATE OR REPLACE FUNCTION linkage.request_continue(wanted uuid) RETURNS boolean
LANGUAGE plpgsql
AS $$
DECLARE
  run linkage.run := linkage.find_run(wanted);
BEGIN
  IF NOT linkage.run_is_alive(run) THEN
    RETURN false;
  ELSIF run.status = 'running' AND run.requested IS DISTINCT FROM 'suspend' THEN
    RAISE EXCEPTION USING
      ERRCODE = 'LK009', MESSAGE = format('Run %s is running; there is nothing to resume.', wanted), TABLE = wanted::text;
  END IF;
  UPDATE linkage.run r SET requested = NULL WHERE r.id = wanted AND r.requested = 'suspend';
  RETURN true;
END
$$;

-- Changes how a run goes on, while it does. Settings that are not named stay.
CREATE OR REPLACE FUNCTION linkage.change_settings(wanted uuid, changed jsonb) RETURNS linkage.run
LANGUAGE plpgsql
AS $$
DECLARE
  run linkage.run := linkage.living_run(wanted, 'changed');
BEGIN
  UPDATE linkage.run r SET settings = r.settings || changed WHERE r.id = wanted RETURNING * INTO run;
  RETURN run;
END
$$;

-- A run that has not ended, locked; what is to be done with it stands in the message if it has.
CREATE OR REPLACE FUNCTION linkage.unfinished_run(wanted uuid, done text) RETURNS linkage.run
LANGUAGE plpgsql
AS $$
DECLARE
  run linkage.run := linkage.find_run(wanted);
BEGIN
  SELECT * INTO run FROM linkage.run r WHERE r.id = wanted FOR UPDATE;
  IF run.status NOT IN ('running', 'suspended') THEN
    RAISE EXCEPTION USING
      ERRCODE = 'LK009', MESSAGE = format('Run %s is %s; it can''t be %s.', wanted, run.status, done), TABLE = wanted::text;
  END IF;
  RETURN run;
END
$$;

-- The same, if a session works on it.
CREATE OR REPLACE FUNCTION linkage.living_run(wanted uuid, done text) RETURNS linkage.run
LANGUAGE plpgsql
AS $$
DECLARE
  run linkage.run := linkage.unfinished_run(wanted, done);
BEGIN
  IF NOT linkage.run_is_alive(run) THEN
    RAISE EXCEPTION USING
      ERRCODE = 'LK009',
      MESSAGE = format('Run %s can''t be %s: the session that ran it is gone.', wanted, done),
      TABLE = wanted::text,
      HINT = 'Resume-LinkageRun takes it up, Stop-LinkageRun ends it.';
  END IF;
  RETURN run;
END
$$;
