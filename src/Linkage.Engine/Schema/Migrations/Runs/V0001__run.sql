-- One row per run: one execution of anything that changes data in batches.
-- The row is also the lease on the target: run_one_per_target lets one run at a time hold it, and every batch ends with an update of
-- this row that asks for the session which began the batch (linkage.run_batch), so a client that lost its lease commits nothing more.
CREATE TABLE IF NOT EXISTS linkage.run (
  id              uuid PRIMARY KEY,
  kind            text NOT NULL,
  target          text NOT NULL,
  status          text NOT NULL DEFAULT 'running',
  dry_run         boolean NOT NULL DEFAULT false,
  parameters      jsonb NOT NULL DEFAULT '{}',
  -- How the work is done; see linkage.run_batch.
  batch           text NOT NULL,
  walk            jsonb NOT NULL,
  -- Everything up to here has been claimed by workers; what they have not finished is in linkage.run_range.
  cursor          jsonb,
  -- Counts the sessions that have worked on it: the start, and each resume.
  session         integer NOT NULL DEFAULT 1,
  -- What another session asks of the one that works on it.
  requested       text,
  -- What may be changed while it runs: {"throttle_limit", "target_batch_ms", "max_duration_s"}.
  settings        jsonb NOT NULL DEFAULT '{}',
  -- Why it holds back at the moment, and for how many seconds in all by signal.
  held_for        text,
  holds           jsonb NOT NULL DEFAULT '{}',
  finish          text,
  -- How the run is undone: {"batch": ..., "walk": ...}; null where there is nothing to undo.
  undo            jsonb,
  -- What it was before it was undone, and is again when the undo is undone.
  undone_from     text,
  -- The run that this one undoes.
  undoes          uuid REFERENCES linkage.run (id),
  counts          jsonb NOT NULL DEFAULT '{}',
  sample          jsonb NOT NULL DEFAULT '[]',
  message         text,
  started_by      text NOT NULL DEFAULT session_user,
  client_address  inet DEFAULT inet_client_addr(),
  client_host     text,
  module_version  text,
  backend_pid     integer NOT NULL DEFAULT pg_backend_pid(),
  backend_start   timestamptz,
  started_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
  heartbeat_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
  finished_at     timestamptz,
  CONSTRAINT run_request_known CHECK (requested IN ('stop', 'suspend')),
  CONSTRAINT run_status_known CHECK (status IN (
    'running', 'suspended', 'stopped', 'interrupted', 'completed', 'failed', 'undone', 'partly undone'))
)
-- Heartbeats, counts and cursors update the row in place (HOT).
WITH (fillfactor = 50);

CREATE UNIQUE INDEX IF NOT EXISTS run_one_per_target ON linkage.run (target) WHERE status IN ('running', 'suspended');
CREATE INDEX IF NOT EXISTS run_undoes ON linkage.run (undoes) WHERE undoes IS NOT NULL;

COMMENT ON TABLE linkage.run IS 'Linkage: one row per run, which is also the lease on its target';

-- What workers have claimed and not finished: the keys after one and up to the other. A crash leaves the row, and the next session of the
-- run takes it up.
CREATE TABLE IF NOT EXISTS linkage.run_range (
  run_id         uuid NOT NULL,
  session        integer NOT NULL,
  worker         integer NOT NULL,
  after          jsonb,
  upto           jsonb NOT NULL,
  -- How many candidates it may hold: what was asked for when it was claimed, less what was done since.
  size           integer NOT NULL,
  -- Where its last batch ran: while one of these lives, so does the run.
  backend_pid    integer NOT NULL DEFAULT pg_backend_pid(),
  backend_start  timestamptz,
  PRIMARY KEY (run_id, session, worker)
)
WITH (fillfactor = 50);

-- Records that a run could not change, each tried alone before it was given up.
CREATE TABLE IF NOT EXISTS linkage.run_fault (
  run_id      uuid NOT NULL,
  record_key  text NOT NULL,
  sql_state   text NOT NULL,
  message     text NOT NULL,
  created_at  timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE INDEX IF NOT EXISTS run_fault_run ON linkage.run_fault (run_id);

COMMENT ON TABLE linkage.run_range IS 'Linkage: what workers of runs have claimed and not finished';
COMMENT ON TABLE linkage.run_fault IS 'Linkage: records that runs could not change';
