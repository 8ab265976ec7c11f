-- How good a grouping is, against labels: pairs of leads that are one in truth, and pairs that were put together.

-- labels are {"lead": key, "entity": anything}; match null measures the customers that the leads have now. Leads without label do not
-- count; a lead without customer is alone.
-- Plan: the grouping, or one pass over the leads; then hash joins and sums, never a row per pair.
CREATE OR REPLACE FUNCTION linkage.measure_customer_match(
  leads text[], entities text[], match text, max_shared integer, evidence boolean,
  OUT leads_labelled bigint, OUT leads_missing bigint, OUT true_pairs bigint, OUT joined_pairs bigint, OUT right_pairs bigint,
  OUT over_merged bigint, OUT under_merged bigint)
LANGUAGE plpgsql
STABLE
SET jit = off
SET work_mem = '64MB'
AS $measure_customer_match$
BEGIN
  EXECUTE format($sql$
    WITH label AS MATERIALIZED (
      SELECT DISTINCT ON (l.lead_id) l.lead_id, l.entity FROM unnest($1, $2) AS l (lead_id, entity) ORDER BY l.lead_id, l.entity
    ),
    placed AS MATERIALIZED (
      SELECT l.lead_id, l.entity, k.group_key, k.lead_id IS NULL AS is_missing
      FROM label l
      LEFT JOIN (%s) AS k ON k.lead_id = l.lead_id
    ),
    cell AS (
      SELECT p.entity, p.group_key, count(*) AS n FROM placed p WHERE NOT p.is_missing GROUP BY p.entity, p.group_key
    ),
    by_entity AS (
      SELECT c.entity, sum(c.n) AS n, count(*) AS parts FROM cell c GROUP BY c.entity
    ),
    by_group AS (
      SELECT c.group_key, sum(c.n) AS n, count(*) AS parts FROM cell c GROUP BY c.group_key
    )
    SELECT
      (SELECT count(*) FROM placed p WHERE NOT p.is_missing), (SELECT count(*) FROM placed p WHERE p.is_missing),
      (SELECT COALESCE(sum(e.n * (e.n - 1) / 2), 0) FROM by_entity e),
      (SELECT COALESCE(sum(g.n * (g.n - 1) / 2), 0) FROM by_group g),
      (SELECT COALESCE(sum(c.n * (c.n - 1) / 2), 0) FROM cell c),
      (SELECT count(*) FROM by_group g WHERE g.parts > 1),
      (SELECT count(*) FROM by_entity e WHERE e.parts > 1)$sql$,
    CASE
      WHEN match IS NULL
      THEN linkage.customer_sql(
        'SELECT {l.key} AS lead_id, COALESCE(''c:'' || {l.customer}, ''l:'' || {l.key}) AS group_key FROM {lead} AS l')
      ELSE linkage.keyed_leads(match, max_shared, evidence)
    END)
  INTO leads_labelled, leads_missing, true_pairs, joined_pairs, right_pairs, over_merged, under_merged
  USING leads, entities;
END
$measure_customer_match$;
