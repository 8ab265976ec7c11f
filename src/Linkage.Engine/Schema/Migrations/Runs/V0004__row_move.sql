-- The journal of runs that replace rows of any table by others, and what they have to know of references.

-- Every row that a run changed as a row, whatever its table; undo reads it. Values stand in it as text, as the types write and read them, so
-- that they come back exactly.
CREATE TABLE IF NOT EXISTS linkage.row_move (
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
  dry_run   boolean NOT NULL DEFAULT false,
  -- the batch
  xact      xid8 NOT NULL DEFAULT pg_current_xact_id()
);

-- A run's rows, batch by batch and statement by statement; those of later runs.
CREATE INDEX IF NOT EXISTS row_move_run ON linkage.row_move (run_id, xact, step);

COMMENT ON TABLE linkage.row_move IS 'Linkage: rows that runs moved, filled, removed and created, whatever their table; undo reads it';

-- The batches of runs that have many. A batch gets its number when it has locked all it changes, so that of two that change the same row the
-- later one has the lesser number: in the order of their numbers they are undone.
CREATE TABLE IF NOT EXISTS linkage.row_batch (
  run_id  uuid NOT NULL,
  number  bigint GENERATED ALWAYS AS IDENTITY (INCREMENT BY -1),
  xact    xid8 NOT NULL DEFAULT pg_current_xact_id(),
  PRIMARY KEY (run_id, number)
);

COMMENT ON TABLE linkage.row_batch IS 'Linkage: batches of the runs in row_move, in the order in which they are undone';

-- References that no foreign key tells of: a component that knows of some puts them into this view.
CREATE OR REPLACE VIEW linkage.known_reference AS
SELECT NULL::regclass AS relation, NULL::text[] AS columns, NULL::regclass AS target, NULL::text[] AS target_columns
WHERE false;
