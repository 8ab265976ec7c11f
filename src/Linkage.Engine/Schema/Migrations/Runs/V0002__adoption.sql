-- What stood under a documented name before Linkage, as the statements that bring it back: Uninstall-LinkageSchema runs them.
CREATE TABLE IF NOT EXISTS linkage.replaced_definition (
  object        text PRIMARY KEY,
  kind          text NOT NULL CHECK (kind IN ('function', 'trigger', 'constraint', 'column', 'table')),
  component     text NOT NULL,
  restore       text[] NOT NULL,
  -- Whether bringing it back takes history away (a column that the install added).
  takes_history boolean NOT NULL DEFAULT false,
  replaced_at   timestamptz NOT NULL DEFAULT clock_timestamp()
);

COMMENT ON TABLE linkage.replaced_definition IS 'Linkage: definitions that an install replaced, for its uninstall';
