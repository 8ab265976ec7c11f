-- Which rows may not share a key. What stands here says what is built and what is removed, so it is written by who owns schema linkage.
CREATE TABLE IF NOT EXISTS linkage.unique_key_rule (
  -- of the index that it wants too
  name            text PRIMARY KEY CHECK (octet_length(name) BETWEEN 1 AND 63),
  -- in SQL notation, with its schema
  relation        text NOT NULL,
  -- each a column's name in SQL notation, or an expression in parentheses
  keys            text[] NOT NULL CHECK (cardinality(keys) > 0),
  -- on the table's columns; null: all rows
  predicate       text,
  -- ORDER BY items: who of a group stays. The oldest of those who are equal by them: linkage.rule_order
  keep            text[] NOT NULL DEFAULT '{}',
  -- what becomes of rows of other tables that clash once they refer to the one who stays
  on_conflict     text NOT NULL DEFAULT 'KeepSurvivor' CHECK (on_conflict IN ('KeepSurvivor', 'KeepNewest', 'Fail')),
  -- whether nulls make no duplicates
  nulls_distinct  boolean NOT NULL DEFAULT true,
  origin          text NOT NULL DEFAULT 'registered' CHECK (origin IN ('built in', 'expected', 'registered')),
  -- those that keys and predicate read
  columns         name[] NOT NULL,
  registered_by   text NOT NULL DEFAULT session_user,
  registered_at   timestamptz NOT NULL DEFAULT clock_timestamp()
);

COMMENT ON TABLE linkage.unique_key_rule IS 'Linkage: which rows may not share a key';
