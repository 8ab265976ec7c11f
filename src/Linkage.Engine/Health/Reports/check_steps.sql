-- How each check came out, step by step: the gravest status, the highest value, and how often it was checked. Steps without a check are
-- absent. Plan: the index on checked_at, or a scan where the period is most of the table, then one hash aggregate.
SELECT
  g.check_name AS "Check", g.subject AS "Subject", g.step AS "Step", g.gravity AS "Gravity", g.value AS "Value", g.times AS "Times"
FROM (
  SELECT
    h.check_name, h.subject, floor(extract(epoch FROM h.checked_at - @since) / @seconds)::integer AS step,
    max(CASE h.status WHEN 'critical' THEN 3 WHEN 'warning' THEN 2 WHEN 'unknown' THEN 1 ELSE 0 END) AS gravity,
    max(h.value) AS value, count(*) AS times
  FROM linkage.health_history h
  WHERE h.checked_at >= @since AND h.checked_at < @until
  GROUP BY 1, 2, 3
) AS g
ORDER BY 1, 2, 3
