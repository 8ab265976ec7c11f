-- What a run is, in SQL. Cmdlets and psql functions alike start, advance and finish runs through these, so there is one
-- way only.
--
-- A capability describes its work as jsonb:
--   kind    what the run is called
--   target  what it owns while it runs: one run at a time per target
--   batch   a function of schema linkage (run_id uuid, walk jsonb, key_set jsonb, mode text) returns jsonb
--           {"counts": {name: n, ...}, "sample": [...]} that examines every candidate of a key set. mode is 'apply', 'dry run'
--           (record, change nothing) or 'preview' (write nothing at all; run_id is null then)
--   walk    where the keys are: {"table", "key": [columns], "candidates": function of schema linkage (walk jsonb) returns a
--           condition on alias t}, and whatever else the capability's functions want to find in it. See walk_functions.
--   prepare optional: a function of schema linkage (run_id uuid, walk jsonb) that lists what to do, under the run's id
--   finish  optional: the same, when everything is done
--   undo    the same two, {"batch", "walk"}, for undoing it; the undone run's id is added to that walk as "run"

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

-- A running run is alive while its last backend exists and its heartbeat is younger than 15 seconds.
-- A backend that is gone settles it at once. (Behind a pooler the backend may outlive the client: the heartbeat decides then.)
CREATE OR REPLACE FUNCTION linkage.run_is_alive(candidate linkage.run) RETURNS boolean
LANGUAGE sql STABLE
AS $$
  SELECT candidate.status = 'running'
    AND candidate.heartbeat_at > pg_catalog.clock_timestamp() - interval '15 seconds'
    AND EXISTS (
      SELECT
      FROM pg_catalog.pg_stat_activity a
      WHERE a.pid = candidate.backend_pid
        -- null without the privilege to see another role's session
        AND (a.backend_start = candidate.backend_start OR a.backend_start IS NULL OR candidate.backend_start IS NULL))
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

  SELECT * INTO holder FROM linkage.run r WHERE r.target = wanted AND r.status = 'running';
  IF NOT FOUND THEN
    RETURN;
  END IF;

  IF linkage.run_is_alive(holder) THEN
    RAISE EXCEPTION USING
      ERRCODE = 'LK001',
      MESSAGE = format(
        '%s is being worked on by run %s (%s), started %s UTC by %s%s.',
        wanted, holder.id, holder.kind, to_char(holder.started_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS'), holder.started_by,
        COALESCE(' from ' || holder.client_host, '')),
      TABLE = holder.id::text,
      HINT = 'Wait until it has finished, or stop it first.';
  END IF;

  UPDATE linkage.run
  SET status = 'interrupted', finished_at = heartbeat_at, message = 'The session that ran it ended before the run did.'
  WHERE id = holder.id;
END
$$;

CREATE OR REPLACE FUNCTION linkage.start_run(
  work jsonb, dry_run boolean, parameters jsonb, undoes uuid, client_host text, module_version text) RETURNS uuid
LANGUAGE plpgsql
AS $$
DECLARE
  run_id uuid := linkage.new_run_id();
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

-- Lets an interrupted or stopped run go on from its cursor, in this session.
CREATE OR REPLACE FUNCTION linkage.resume_run(resumed uuid) RETURNS void
LANGUAGE plpgsql
AS $$
DECLARE
  run linkage.run;
BEGIN
  SELECT * INTO STRICT run FROM linkage.run r WHERE r.id = resumed;
  PERFORM linkage.take_target(run.target);
  UPDATE linkage.run r
  SET status = 'running', finished_at = NULL, message = NULL,
      heartbeat_at = clock_timestamp(), backend_pid = pg_backend_pid(), backend_start = linkage.backend_start()
  WHERE r.id = resumed AND r.status IN ('interrupted', 'stopped', 'suspended', 'failed');
  IF NOT FOUND THEN
    RAISE EXCEPTION USING
      ERRCODE = 'LK002',
      MESSAGE = format('Run %s is %s; only a run that did not finish can be resumed.', run.id, run.status);
  END IF;
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

-- Examines the next key set of at most size candidates: change, audit and cursor in the caller's one transaction.
-- Returns null when nothing is left, else the batch's {"counts", "sample", "rows"}.
-- The walk that follows the first one begins with a pass over all candidates, which takes as long as the table is big: without
-- may_take_long the call does nothing then but say so, {"takes_long": true}, and the next one comes with the time it needs.
CREATE OR REPLACE FUNCTION linkage.run_batch(current_run uuid, size integer, may_take_long boolean DEFAULT false) RETURNS jsonb
-- Compiling a batch takes longer than running it; what a batch reads by index it reads next to what the last one read.
LANGUAGE plpgsql SET jit = off SET random_page_cost = 1.1
AS $$
DECLARE
  run     linkage.run;
  key_set jsonb;
  result  jsonb;
BEGIN
  SELECT * INTO run FROM linkage.run r WHERE r.id = current_run;
  IF run.status IS DISTINCT FROM 'running' THEN
    RAISE EXCEPTION USING
      ERRCODE = 'LK002',
      MESSAGE = format('Run %s no longer holds %s: it is %s.', current_run, run.target, COALESCE(run.status, 'unknown')),
      TABLE = current_run::text;
  END IF;

  LOOP
    key_set := linkage.next_key_set(run.walk, run.cursor, size);
    EXIT WHEN key_set IS NOT NULL;
    IF run.walk ? 'then' AND NOT may_take_long THEN
      RETURN '{"counts": {}, "sample": [], "rows": 0, "takes_long": true}';
    END IF;
    UPDATE linkage.run r
    SET walk = linkage.following_walk(r.walk), cursor = NULL
    WHERE r.id = current_run AND r.walk ? 'then'
    RETURNING r.* INTO run;
    IF NOT FOUND THEN
      RETURN NULL;
    END IF;
  END LOOP;

  EXECUTE format('SELECT %s($1, $2, $3, $4)', linkage.own_function(run.batch))
  INTO result
  USING run.id, run.walk, key_set, CASE WHEN run.dry_run THEN 'dry run' ELSE 'apply' END;

  UPDATE linkage.run r
  SET cursor = key_set -> 'upto',
      counts = linkage.add_counts(r.counts, result -> 'counts'),
      sample = CASE
        WHEN jsonb_array_length(r.sample) < 5
          THEN jsonb_path_query_array(r.sample || COALESCE(result -> 'sample', '[]'), '$[0 to 4]')
        ELSE r.sample
      END,
      heartbeat_at = clock_timestamp(),
      backend_pid = pg_backend_pid(),
      backend_start = linkage.backend_start()
  WHERE r.id = current_run AND r.status = 'running' AND r.cursor IS NOT DISTINCT FROM run.cursor;
  IF NOT FOUND THEN
    RAISE EXCEPTION USING
      ERRCODE = 'LK002',
      MESSAGE = format('Run %s was taken over or ended while a batch was under way; the batch is rolled back.', current_run);
  END IF;

  RETURN result || jsonb_build_object('rows', COALESCE(key_set -> 'rows', result #> '{counts,processed}'));
END
$$;

-- What run_batch would find from a cursor on, by the same batch function, in a transaction that may be READ ONLY.
-- Returns null when nothing is left, else {"counts", "sample", "cursor"}.
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
    || jsonb_build_object('cursor', key_set -> 'upto', 'rows', COALESCE(key_set -> 'rows', result #> '{counts,processed}'));
END
$$;

-- The work of undoing a run, whatever its capability.
CREATE OR REPLACE FUNCTION linkage.undo_work(undone uuid, options jsonb) RETURNS jsonb
LANGUAGE plpgsql STABLE
AS $$
DECLARE
  run linkage.run;
BEGIN
  SELECT * INTO run FROM linkage.run r WHERE r.id = undone;
  IF NOT FOUND THEN
    RAISE EXCEPTION USING
      ERRCODE = 'LK004',
      MESSAGE = format('There is no run %s in this database.', undone),
      HINT = 'Get-LinkageRun lists the runs.';
  ELSIF run.undo IS NULL OR run.dry_run THEN
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
      MESSAGE = format('Run %s is still running.', run.id),
      TABLE = run.id::text,
      HINT = 'Stop it first.';
  END IF;
  RETURN jsonb_build_object(
    'kind', 'Undo',
    'target', run.target,
    'batch', run.undo ->> 'batch',
    'walk', (run.undo -> 'walk') || COALESCE(options, '{}') || jsonb_build_object('run', run.id),
    'undo', run.undo);
END
$$;

-- Ends a run. An undo also says what became of the run that it undoes; an undo that is itself undone brings that one back.
CREATE OR REPLACE FUNCTION linkage.finish_run(finished uuid, outcome text, reason text) RETURNS linkage.run
LANGUAGE plpgsql
AS $$
DECLARE
  run    linkage.run;
  undone linkage.run;
BEGIN
  UPDATE linkage.run r
  SET status = outcome, message = reason, finished_at = clock_timestamp(), heartbeat_at = clock_timestamp()
  WHERE r.id = finished AND r.status = 'running'
  RETURNING * INTO run;
  IF NOT FOUND THEN
    RAISE EXCEPTION USING
      ERRCODE = 'LK002',
      MESSAGE = format('Run %s was taken over or ended by another session.', finished);
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
