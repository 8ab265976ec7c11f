-- What a removal of duplicates has to do: a row for each group of rows that share a key. It is the run's, and goes when the run is done;
-- what the run did is in linkage.row_move.
CREATE TABLE IF NOT EXISTS linkage.duplicate_group (
  run_id   uuid NOT NULL,
  ordinal  bigint NOT NULL,
  -- what they share, for people to read
  label    text NOT NULL,
  -- linkage.row_key of each row, the one that stays first
  members  jsonb[] NOT NULL,
  PRIMARY KEY (run_id, ordinal)
);

COMMENT ON TABLE linkage.duplicate_group IS 'Linkage: groups of duplicates that runs still have to look at';
