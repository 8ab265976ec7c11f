-- What the channels were told of a check. Plan: the primary key.
SELECT
  s.channel AS "Channel", s.checked_at AS "CheckedAt", s.troubled_since AS "TroubledSince", s.told_status AS "Told", s.told_at AS "ToldAt",
  s.undelivered_since AS "UndeliveredSince",
  COALESCE(s.sending_until > clock_timestamp() AND s.sender <> @sender, false) AS "IsHeld"
FROM linkage.alert_state s
WHERE s.check_name = @check AND s.subject = @subject AND s.channel = ANY (@channels)
