-- What a run's session and other sessions say to each other, through the run's row: a sign of life, and what is asked of it.

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
