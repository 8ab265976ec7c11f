-- Who is with whom, whatever the customers' ids are: how many leads and jobs have a customer, how many customers there are, and sums over
-- each lead and job with the first lead of its customer.
WITH lead AS MATERIALIZED (
  SELECT id, customer_id, min(id::text) OVER (PARTITION BY customer_id) AS first_id
  FROM "Lead"
  WHERE customer_id IS NOT NULL
)
SELECT format(
  '%s leads and %s jobs of %s customers, checksums %s and %s',
  (SELECT count(*) FROM lead),
  count(j.id),
  (SELECT count(*) FROM "Customer"),
  (SELECT sum(hashtextextended(id::text || first_id, 0)::numeric) FROM lead),
  sum(hashtextextended(j.id::text || c.first_id, 0)::numeric))
FROM "Job" j
JOIN (SELECT DISTINCT customer_id, first_id FROM lead) AS c ON c.customer_id = j.customer_id
