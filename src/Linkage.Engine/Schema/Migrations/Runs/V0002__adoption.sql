-- What stood under a documented name before Linkage: Uninstall-LinkageSchema puts it back.
CREATE TABLE IF NOT EXISTS linkage.replaced_definition (
  object      text PRIMARY KEY,
  component   text NOT NULL,
  definition  text NOT NULL,
  -- Statements that bring owner and grants back.
  grants      text[] NOT NULL DEFAULT '{}',
  replaced_at timestamptz NOT NULL DEFAULT now()
);

COMMENT ON TABLE linkage.replaced_definition IS 'Linkage: definitions that an install replaced, for its uninstall';
