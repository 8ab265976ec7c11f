-- Triggers that are off although they are enabled, since whoever switched them off may not alter their table: their functions look here.
CREATE TABLE IF NOT EXISTS linkage.trigger_switch (
  -- what linkage.known_triggers numbers together
  number           integer PRIMARY KEY,
  switched_off_by  text NOT NULL DEFAULT session_user,
  switched_off_at  timestamptz NOT NULL DEFAULT clock_timestamp()
);
