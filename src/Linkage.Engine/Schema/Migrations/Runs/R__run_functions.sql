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
--           the table that the work changes, where that is not the one it walks; "is_sequential" says that one worker does it, one batch
--           after the other, each of which takes as long as it needs
--   prepare optional: a function of schema linkage (run_id uuid, walk jsonb) that lists what to do, under the run's id
--   finish  optional: the same, when everything is done
--   undo    the same, {"batch", "walk", "finish"}, for undoing it; the undone run's id is added to that walk as "run". "changes" names the
--           counts that tell how many changes there are to undo; "refuse", optional, a function of schema linkage (run_id uuid) that raises
--           an error where the run can't be undone as things are
--
-- How its batches are done stands in batch_functions, how it is controlled in control_functions.

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
      undone_from = NULL,
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
  IF run.undo ? 'refuse' THEN
    EXECUTE format('SELECT %s($1)', linkage.own_function(run.undo ->> 'refuse')) USING run.id;
  END IF;
  RETURN jsonb_build_object(
    'kind', 'Undo',
    'target', run.target,
    'batch', run.undo ->> 'batch',
    'finish', run.undo ->> 'finish',
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
  back   linkage.run;
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

  IF outcome = 'completed' AND NOT run.dry_run THEN
    back := run;
    LOOP
      -- What stands has undone the run that it undoes ...
      EXIT WHEN back.undoes IS NULL;
      UPDATE linkage.run r
      SET status = CASE WHEN COALESCE((back.counts ->> 'conflicts')::bigint, 0) > 0 THEN 'partly undone' ELSE 'undone' END,
          undone_from = COALESCE(r.undone_from, r.status)
      WHERE r.id = back.undoes
      RETURNING * INTO undone;
      -- ... and so brings back what that one had undone.
      EXIT WHEN undone.undoes IS NULL;
      UPDATE linkage.run r
      SET status = CASE
        -- Another undo of it may still stand: one that met conflicts is followed by one for those.
        WHEN undone.status = 'undone' AND NOT EXISTS (
          SELECT FROM linkage.run other
          WHERE other.undoes = r.id AND other.id <> undone.id AND NOT other.dry_run
            AND other.status NOT IN ('undone', 'running')
            AND COALESCE((other.counts ->> 'rolled_back')::bigint, 0) > 0)
          THEN COALESCE(r.undone_from, 'completed')
        ELSE 'partly undone'
      END
      WHERE r.id = undone.undoes
      RETURNING * INTO back;
      EXIT WHEN back.status IN ('undone', 'partly undone');
    END LOOP;
  END IF;
  RETURN run;
END
$$;
