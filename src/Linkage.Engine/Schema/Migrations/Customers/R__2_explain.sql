-- Why a lead is in its group, and what could have put it into another and did not.

-- Every lead with its group, what put it there, and what was refused: a SELECT of lead_id, group_key, via, refused (text[]). via is
-- decision, psid:..., phone:... or email:... that others of the group have too, else the group's key.
-- Plan: the statement that groups, then one pass over the identifiers that leads share; names are compared where one did not join its
-- leads.
CREATE OR REPLACE FUNCTION linkage.explained_leads(match text, max_shared integer, evidence boolean)
RETURNS TABLE (lead_id text, group_key text, via text, refused text[])
LANGUAGE plpgsql
STABLE
SET jit = off
SET work_mem = '64MB'
AS $explained_leads$
BEGIN
  RETURN QUERY EXECUTE format($sql$%s%s,
    placed AS MATERIALIZED (
      SELECT n.n, n.root, n.lead_id, n.group_key, n.psid, n.name, n.address FROM named n
    ),
    standing AS (
      SELECT s.kind, s.value, m.n, s.members, s.is_refused
      FROM (
        SELECT s.kind, s.value, s.members, s.is_refused FROM shared s UNION ALL SELECT 'psid', p.value, p.members, false FROM psid p
      ) AS s
      CROSS JOIN LATERAL unnest(s.members) AS m (n)
    ),
    judged AS MATERIALIZED (
      SELECT
        s.n, s.kind, s.value, array_position(ARRAY['psid', 'phone', 'email'], s.kind) AS rank,
        NOT s.is_refused AND EXISTS (
          SELECT FROM unnest(s.members) AS o (n)
          WHERE o.n <> s.n AND (SELECT f.roots FROM forest f)[o.n] = (SELECT f.roots FROM forest f)[s.n]) AS joins,
        CASE WHEN s.is_refused THEN format('more than %%s records share it', %s) ELSE w.reason END AS reason
      FROM standing s
      JOIN placed p ON p.n = s.n
      LEFT JOIN LATERAL (
        SELECT CASE
            WHEN d.decision IS NOT NULL THEN format('it was decided that this is not lead %%s', o.lead_id)
            WHEN o.psid <> p.psid THEN format('lead %%s has another PSID: %%s', o.lead_id, o.psid)
            WHEN %s AND linkage.compare_evidence(
              linkage.name_words(p.name), linkage.name_words(o.name),
              linkage.address_words(p.address), linkage.address_words(o.address)) < 0
            THEN format('lead %%s is somebody else: %%s', o.lead_id, concat_ws(', ', o.name, o.address))
            ELSE format('it may or may not be lead %%s: others that share something with both contradict each other', o.lead_id)
          END AS reason
        FROM unnest(s.members) AS m (n)
        JOIN placed o ON o.n = m.n
        LEFT JOIN decision d ON d.decision = 'cannot-link' AND (d.a, d.b) IN ((p.n, o.n), (o.n, p.n))
        WHERE NOT s.is_refused AND o.root <> p.root
        ORDER BY d.decision, o.psid <> p.psid DESC NULLS LAST, o.lead_id COLLATE "C"
        LIMIT 1
      ) AS w ON true
    )
    SELECT
      p.lead_id, p.group_key::text,
      COALESCE(
        (SELECT 'decision' FROM decision d WHERE d.decision = 'must-link' AND p.n IN (d.a, d.b) LIMIT 1),
        j.via, p.group_key),
      COALESCE(j.refused, '{}')
    FROM placed p
    LEFT JOIN (
      SELECT
        j.n,
        (array_agg(j.kind || ':' || j.value ORDER BY j.rank) FILTER (WHERE j.joins))[1] AS via,
        array_agg(format('%%s:%%s: %%s', j.kind, j.value, j.reason) ORDER BY j.rank) FILTER (WHERE j.reason IS NOT NULL) AS refused
      FROM judged j
      GROUP BY j.n
    ) AS j ON j.n = p.n$sql$,
    linkage.match_statement(match, max_shared, evidence), linkage.naming_statement(), COALESCE(max_shared::text, 'NULL'),
    CASE WHEN evidence THEN 'true' ELSE 'false' END);
END
$explained_leads$;
