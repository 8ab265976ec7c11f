-- One row per run: one execution of anything that changes data in batches.
-- The row is also the lease on the target: run_one_per_target lets one run at a time be 'running' there, and every batch
-- ends with a compare-and-set on this row (linkage.run_batch), so a client that lost its lease can't commit another batch.
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
  cursor          jsonb,
  finish          text,
  -- How the run is undone: {"batch": ..., "walk": ...}; null where there is nothing to undo.
  undo            jsonb,
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
  CONSTRAINT run_status_known CHECK (status IN (
    'running', 'suspended', 'stopped', 'interrupted', 'completed', 'failed', 'undone', 'partly undone'))
)
-- Heartbeats and cursors update the row in place (HOT).
WITH (fillfactor = 50);

CREATE UNIQUE INDEX IF NOT EXISTS run_one_per_target ON linkage.run (target) WHERE status = 'running';
CREATE INDEX IF NOT EXISTS run_undoes ON linkage.run (undoes) WHERE undoes IS NOT NULL;

COMMENT ON TABLE linkage.run IS 'Linkage: one row per run, which is also the lease on its target';
