-- What linked lately, as a DBA counts it in the audit.
SELECT source, outcome, count(*)
FROM user_link_audit
WHERE created_at >= now() - interval '24 hours'
GROUP BY source, outcome
