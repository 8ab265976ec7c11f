-- What becomes of merged customers, and the journal of merges, of splits and of their undo.

-- Which customer took the place of one that was merged. Chains are followed: linkage.resolve_customer.
CREATE TABLE IF NOT EXISTS linkage.customer_redirect (
  from_id    text PRIMARY KEY,
  into_id    text NOT NULL,
  run_id     uuid NOT NULL,
  merged_at  timestamptz NOT NULL DEFAULT clock_timestamp()
);

COMMENT ON TABLE linkage.customer_redirect IS 'Linkage: which customer took the place of one that was merged';

-- Every row that a merge, a split or an undo of one wrote, whatever its table; undo reads it. Values stand in it as text, as the types write
-- and read them, so that they come back exactly.
CREATE TABLE IF NOT EXISTS linkage.customer_move (
  id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  run_id    uuid NOT NULL,
  -- the statement of its run that wrote it; an undo goes through them backwards
  step      integer NOT NULL,
  -- in SQL notation, with its schema
  relation  text NOT NULL,
  -- moved: refers to another row now; filled: a value that was missing; removed, created: the whole row
  action    text NOT NULL CHECK (action IN ('moved', 'filled', 'removed', 'created')),
  -- {column: value} of a unique key, as it is after the change; all columns where the table has none
  row_key   jsonb NOT NULL,
  -- {column: value} of what was changed; of a row that was removed (before) or created (after) a copy of the whole
  before    jsonb,
  after     jsonb,
  -- of an undo also unchanged (it was taken back already) and conflict (left alone, for the reason)
  outcome   text NOT NULL DEFAULT 'done' CHECK (outcome IN ('done', 'unchanged', 'conflict')),
  reason    text,
  dry_run   boolean NOT NULL DEFAULT false
);

-- A run's rows, statement by statement; those of later runs.
CREATE INDEX IF NOT EXISTS customer_move_run ON linkage.customer_move (run_id, step);

COMMENT ON TABLE linkage.customer_move IS 'Linkage: rows that merges and splits of customers moved, filled, removed and created; undo reads it';
