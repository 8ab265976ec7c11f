-- What checks found, a row for each record that a Test- cmdlet emitted, healthy ones too. It belongs to no application table, so every database
-- fits.
CREATE TABLE IF NOT EXISTS linkage.health_history (
  id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  check_name  text NOT NULL,
  -- What it is about where one cmdlet makes the same check for several things: the Table of its details; else empty.
  subject     text NOT NULL DEFAULT '',
  status      text NOT NULL,
  -- both in the check's own unit
  value       double precision,
  threshold   double precision,
  message     text NOT NULL,
  details     jsonb NOT NULL DEFAULT '{}',
  checked_at  timestamptz NOT NULL,
  saved_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
  saved_by    text NOT NULL DEFAULT session_user,
  CONSTRAINT health_status_known CHECK (status IN ('healthy', 'warning', 'critical', 'unknown')),
  -- The same record piped twice, or by a job that is tried again, is one row. The trend of one check is read by it too.
  CONSTRAINT health_history_record UNIQUE (check_name, subject, checked_at)
);

-- The history is read backward from now, and what is too old goes.
CREATE INDEX IF NOT EXISTS health_history_checked_at ON linkage.health_history (checked_at);

COMMENT ON TABLE linkage.health_history IS 'Linkage: what checks found, record by record';
