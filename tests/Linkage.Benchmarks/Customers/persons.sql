-- The same of what joining transitively should find.
WITH lead AS MATERIALIZED (
  SELECT id, person, min(id::text) OVER (PARTITION BY person) AS first_id
  FROM truth.lead
)
SELECT format(
  '%s leads and %s jobs of %s customers, checksums %s and %s',
  count(*), count(j.id), count(DISTINCT l.person),
  sum(hashtextextended(l.id::text || l.first_id, 0)::numeric),
  sum(hashtextextended(j.id::text || l.first_id, 0)::numeric))
FROM lead l
JOIN "Job" j ON j.lead_id = l.id
