-- What an undo keeps from being linked again.

-- Suppressions, the oldest first; an argument of null does not matter. Keys and users are text.
-- Plan: a scan and a sort; by table and record the primary key.
CREATE OR REPLACE FUNCTION linkage.find_link_suppressions(
  wanted text, record text, suppressed_user text, run uuid)
RETURNS TABLE (
  target text, record_key text, user_id text, guest_id text, run_id uuid, created_by text, created_at timestamptz)
LANGUAGE plpgsql STABLE
AS $$
DECLARE
  chosen text := CASE WHEN wanted IS NOT NULL THEN (linkage.find_audited_target(wanted)).name END;
BEGIN
  RETURN QUERY
  SELECT s.target, s.record_key, s.user_id::text, s.matched_guest_id::text, s.run_id, s.created_by, s.created_at
  FROM linkage.link_suppression s
  WHERE (chosen IS NULL OR s.target = chosen)
    -- a uuid may be written in capitals
    AND (record IS NULL OR s.record_key = record COLLATE "C" OR s.record_key = lower(record) COLLATE "C")
    AND (suppressed_user IS NULL OR s.user_id = suppressed_user::{{user_id}})
    AND (run IS NULL OR s.run_id = run)
  ORDER BY s.created_at, s.target, s.record_key, s.user_id;
END
$$;

-- The suppressions of these records from these users, as far as there are any. Plan: the primary key, a nested loop over the lists.
CREATE OR REPLACE FUNCTION linkage.find_link_suppressions(targets text[], record_keys text[], users text[])
RETURNS TABLE (
  target text, record_key text, user_id text, guest_id text, run_id uuid, created_by text, created_at timestamptz)
LANGUAGE sql STABLE
AS $$
  SELECT s.target, s.record_key, s.user_id::text, s.matched_guest_id::text, s.run_id, s.created_by, s.created_at
  FROM unnest($1, $2, $3) WITH ORDINALITY AS i (target, record_key, user_id, position)
  JOIN linkage.link_suppression s
    ON s.target = i.target AND s.record_key = i.record_key COLLATE "C" AND s.user_id = i.user_id::{{user_id}}
  ORDER BY i.position
$$;

-- Lifts suppressions: these records may be linked to these users again. Returns what was lifted.
-- Plan: the primary key, a nested loop over the lists.
CREATE OR REPLACE FUNCTION linkage.release_link_suppressions(targets text[], record_keys text[], users text[])
RETURNS TABLE (
  target text, record_key text, user_id text, guest_id text, run_id uuid, created_by text, created_at timestamptz)
LANGUAGE sql
AS $$
  DELETE FROM linkage.link_suppression s
  USING unnest($1, $2, $3) AS i (target, record_key, user_id)
  WHERE s.target = i.target AND s.record_key = i.record_key COLLATE "C" AND s.user_id = i.user_id::{{user_id}}
  RETURNING s.target, s.record_key, s.user_id::text, s.matched_guest_id::text, s.run_id, s.created_by, s.created_at
$$;
