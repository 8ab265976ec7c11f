-- What somebody decided about two leads, whatever identifies them. It outlasts the leads, as it outlasts the runs.
CREATE TABLE IF NOT EXISTS linkage.customer_decision (
  -- the lesser key first
  lead_a      text NOT NULL COLLATE "C",
  lead_b      text NOT NULL COLLATE "C",
  decision    text NOT NULL CHECK (decision IN ('must-link', 'cannot-link')),
  reason      text,
  decided_by  text NOT NULL DEFAULT session_user,
  decided_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (lead_a, lead_b),
  CHECK (lead_a < lead_b)
);

COMMENT ON TABLE linkage.customer_decision IS 'Linkage: which leads are one person, and which are not, because somebody said so';
