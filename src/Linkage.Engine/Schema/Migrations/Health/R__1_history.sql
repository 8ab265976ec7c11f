-- Adds records to the history and takes out those from before the time to keep, or only says how many that would be. A record that is
-- there already is not added again. records: an array of objects with check_name, subject, status, value, threshold, message, details and
-- checked_at. keep: null leaves the old ones.
-- Plan: an index scan of health_history_checked_at; the unique index for each record.
CREATE OR REPLACE FUNCTION linkage.save_health(
  records jsonb, keep interval, only_plan boolean, OUT saved bigint, OUT removed bigint)
LANGUAGE plpgsql
AS $$
DECLARE
  oldest timestamptz := clock_timestamp() - keep;
BEGIN
  IF only_plan THEN
    removed := (SELECT count(*) FROM linkage.health_history h WHERE h.checked_at < oldest);
    saved := (
      SELECT count(DISTINCT (r.check_name, r.subject, r.checked_at))
      FROM jsonb_to_recordset(records) AS r (check_name text, subject text, checked_at timestamptz)
      WHERE NOT EXISTS (
        SELECT FROM linkage.health_history h
        WHERE h.check_name = r.check_name AND h.subject = r.subject AND h.checked_at = r.checked_at));
    RETURN;
  END IF;

  DELETE FROM linkage.health_history h WHERE h.checked_at < oldest;
  GET DIAGNOSTICS removed = ROW_COUNT;
  INSERT INTO linkage.health_history (check_name, subject, status, value, threshold, message, details, checked_at)
  SELECT r.check_name, r.subject, r.status, r.value, r.threshold, r.message, r.details, r.checked_at
  FROM jsonb_to_recordset(records) AS r (
    check_name text, subject text, status text, value double precision, threshold double precision, message text, details jsonb,
    checked_at timestamptz)
  ON CONFLICT (check_name, subject, checked_at) DO NOTHING;
  GET DIAGNOSTICS saved = ROW_COUNT;
END
$$;
