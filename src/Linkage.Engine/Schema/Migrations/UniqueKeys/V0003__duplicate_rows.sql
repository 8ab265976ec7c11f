-- A row of a group of duplicates, as it was when the group was listed: its key, {column: value}, and the version of it that stood in a
-- place then. What is still there has not changed since; a row listed before there was this has no place.
CREATE TYPE linkage.listed_row AS (member jsonb, part oid, place tid, version xid);

ALTER TABLE linkage.duplicate_group ADD COLUMN rows linkage.listed_row[] NOT NULL DEFAULT '{}';

UPDATE linkage.duplicate_group g
SET rows = ARRAY(
  SELECT ROW(m.member, NULL, NULL, NULL)::linkage.listed_row FROM unnest(g.members) WITH ORDINALITY AS m (member, n) ORDER BY m.n);

ALTER TABLE linkage.duplicate_group DROP COLUMN members, ALTER COLUMN rows DROP DEFAULT;
