-- Which leads are one person: union-find over leads that share an identifier, guarded. docs/customer-matching.md states the rules. Within one
-- statement leads have numbers, by which arrays of integers serve as forests (R__2_clusters.sql).

-- The beginning of a statement that says which leads are one: a WITH clause, whose members are, among others,
--   lead      all leads as linkage.lead_query gives them, each with a number n
--   shared    each phone and each e-mail that several leads have, with their numbers; is_refused: it joins none of them, since they are too many
--   forest    one row; roots[n] is the least number among the leads that are one with lead n
-- By priority a lead uses one identifier, the first of PSID, phone and e-mail; transitively it uses all. More than max_shared records do
-- not share an identifier; null for any number. By priority there is no such limit.
-- Plan: the leads are read once, and sorted by each identifier. Names and addresses are read where an identifier's leads do not write them
-- alike, and compared in pairs there. The rest is arrays.
CREATE OR REPLACE FUNCTION linkage.match_statement(match text, max_shared integer, evidence boolean)
RETURNS text
LANGUAGE plpgsql
STABLE
AS $match_statement$
DECLARE
  is_transitive CONSTANT boolean := lower(match) = 'transitive';
  has_evidence  CONSTANT boolean := is_transitive AND evidence
    AND (linkage.customer_has('lead', 'name') OR linkage.customer_has('lead', 'address'));
BEGIN
  RETURN format($sql$
    WITH lead AS MATERIALIZED (
      SELECT (row_number() OVER ())::integer AS n, q.*, %s FROM (%s) AS q
    ),
    decision AS MATERIALIZED (
      SELECT d.decision, a.n AS a, b.n AS b
      FROM linkage.customer_decision d
      JOIN lead a ON a.lead_id = d.lead_a
      JOIN lead b ON b.lead_id = d.lead_b
      WHERE %s
    ),
    psid AS MATERIALIZED (
      SELECT p.*, row_number() OVER () AS place
      FROM (
        SELECT l.psid COLLATE "C" AS value, array_agg(l.n) AS members
        FROM lead l
        WHERE l.psid IS NOT NULL
        GROUP BY l.psid COLLATE "C"
        HAVING count(*) > 1
      ) AS p
    ),
    shared AS MATERIALIZED (
      SELECT
        s.kind, s.value, s.members, s.sample, s.is_alike, row_number() OVER () AS place,
        -- Leads of one PSID are one record.
        s.psids IS NOT NULL AND %s < (
          SELECT count(*) - count(p.psid) + count(DISTINCT p.psid COLLATE "C") FROM unnest(s.psids) AS p (psid)) AS is_refused
      FROM (
        SELECT
          i.kind, i.value COLLATE "C" AS value, array_agg(l.n) AS members, %s AS sample, %s AS is_alike,
          CASE WHEN count(*) > %s THEN array_agg(l.psid) END AS psids
        FROM lead l
        CROSS JOIN LATERAL (VALUES ('phone', l.used_phone), ('email', l.used_email)) AS i (kind, value)
        CROSS JOIN LATERAL (SELECT lower(l.name) COLLATE "C", lower(l.address) COLLATE "C") AS e (name, address)
        WHERE i.value IS NOT NULL
        GROUP BY i.kind, i.value COLLATE "C"
        HAVING count(*) > 1
      ) AS s
    ),
    size AS MATERIALIZED (
      SELECT
        (SELECT count(*)::integer FROM lead) AS leads, (SELECT count(*)::integer FROM shared) AS shared,
        (SELECT count(*)::integer FROM psid) AS psids
    ),
    member AS MATERIALIZED (
      SELECT s.place, l.n, l.psid, linkage.name_words(l.name) AS name, linkage.address_words(l.address) AS address
      FROM shared s
      CROSS JOIN LATERAL unnest(s.members) AS m (n)
      JOIN lead l ON l.n = m.n
      WHERE NOT s.is_alike AND NOT s.is_refused
    ),
    -- 2 they agree, 1 nothing is against it, -1 and -2 they do not agree (linkage.compare_evidence)
    pair AS MATERIALIZED (
      SELECT
        x.n AS a, y.n AS b,
        CASE WHEN x.psid = y.psid THEN 2 ELSE linkage.compare_evidence(x.name, y.name, x.address, y.address) END AS verdict
      FROM member x
      JOIN member y ON y.place = x.place AND y.n > x.n
    ),
    link (verdict, tail, head) AS MATERIALIZED (
      SELECT a.verdict, a.node, m.n
      FROM (
        SELECT linkage.compare_evidence(w.words, w.words, NULL, NULL), (size.leads + w.place)::integer, w.members
        FROM size
        CROSS JOIN (
          SELECT linkage.name_words(s.sample) AS words, s.place, s.members FROM shared s WHERE s.is_alike AND NOT s.is_refused OFFSET 0
        ) AS w
        OFFSET 0
      ) AS a (verdict, node, members)
      CROSS JOIN LATERAL unnest(a.members) AS m (n)
      UNION ALL
      SELECT p.verdict, p.a, p.b FROM pair p WHERE p.verdict > 0
    ),
    apart AS MATERIALIZED (
      SELECT COALESCE(array_agg(o.a), '{}') AS opponents, COALESCE(array_agg(o.b), '{}') AS rivals
      FROM (
        SELECT d.a, d.b FROM decision d WHERE d.decision = 'cannot-link'
        UNION ALL
        SELECT p.a, p.b FROM pair p WHERE p.verdict = -2
      ) AS o
    ),
    holder AS MATERIALIZED (
      SELECT ARRAY(SELECT l.n FROM lead l WHERE l.psid IS NOT NULL) AS leads
    ),
    -- what is certain: decisions and PSIDs
    certain AS MATERIALIZED (
      SELECT linkage.join_clusters(
        linkage.unite_nodes(
          ARRAY(SELECT generate_series(1, size.leads + size.shared + size.psids)),
          ARRAY(SELECT d.a FROM decision d WHERE d.decision = 'must-link' ORDER BY d.a, d.b),
          ARRAY(SELECT d.b FROM decision d WHERE d.decision = 'must-link' ORDER BY d.a, d.b)),
        size.leads, p.tails, p.heads, '{}',
        ARRAY(SELECT d.a FROM decision d WHERE d.decision = 'cannot-link' ORDER BY d.a, d.b),
        ARRAY(SELECT d.b FROM decision d WHERE d.decision = 'cannot-link' ORDER BY d.a, d.b)) AS roots
      FROM size
      CROSS JOIN (
        SELECT COALESCE(array_agg((size.leads + size.shared + p.place)::integer), '{}'), COALESCE(array_agg(m.n), '{}')
        FROM size
        CROSS JOIN psid p
        CROSS JOIN LATERAL unnest(p.members) AS m (n)
      ) AS p (tails, heads)
    ),
    -- and phones and e-mails under which names agree
    agreed AS MATERIALIZED (
      SELECT linkage.join_clusters(certain.roots, size.leads, l.tails, l.heads, holder.leads, apart.opponents, apart.rivals) AS roots
      FROM certain
      CROSS JOIN size
      CROSS JOIN holder
      CROSS JOIN apart
      CROSS JOIN (
        SELECT COALESCE(array_agg(l.tail), '{}'), COALESCE(array_agg(l.head), '{}') FROM link l WHERE l.verdict = 2
      ) AS l (tails, heads)
    ),
    -- and those under which nothing contradicts
    compatible AS MATERIALIZED (
      SELECT linkage.join_clusters(agreed.roots, size.leads, l.tails, l.heads, holder.leads, apart.opponents, apart.rivals) AS roots
      FROM agreed
      CROSS JOIN size
      CROSS JOIN holder
      CROSS JOIN apart
      CROSS JOIN (
        SELECT COALESCE(array_agg(l.tail), '{}'), COALESCE(array_agg(l.head), '{}') FROM link l WHERE l.verdict = 1
      ) AS l (tails, heads)
    ),
    -- but for chains whose ends contradict each other: all forms of names and addresses in what the last step joined
    loose AS MATERIALIZED (
      SELECT DISTINCT (SELECT c.roots FROM compatible c)[e.n] AS root
      FROM (
        SELECT l.head FROM link l WHERE l.verdict = 1
        UNION ALL
        SELECT l.tail FROM link l WHERE l.verdict = 1 AND l.tail <= (SELECT size.leads FROM size)
      ) AS e (n)
      WHERE %s AND (SELECT a.roots FROM agreed a)[e.n] <> (SELECT c.roots FROM compatible c)[e.n]
    ),
    chain AS MATERIALIZED (
      SELECT f.*, count(*) OVER (PARTITION BY f.root) AS forms
      FROM (
        SELECT l.root, (SELECT a.roots FROM agreed a)[l.n] AS cluster, linkage.name_words(l.name) AS name,
          linkage.address_words(l.address) AS address
        FROM (
          SELECT l.n, l.name, l.address, (SELECT c.roots FROM compatible c)[l.n] AS root
          FROM lead l
          WHERE l.name IS NOT NULL OR l.address IS NOT NULL
        ) AS l
        JOIN loose ON loose.root = l.root
        GROUP BY 1, 2, 3, 4
      ) AS f
    ),
    tangle AS MATERIALIZED (
      SELECT DISTINCT x.root
      FROM chain x
      JOIN chain y ON y.root = x.root AND y.cluster > x.cluster
      WHERE x.forms > 50 OR linkage.compare_evidence(x.name, y.name, x.address, y.address) < 0
    ),
    forest AS MATERIALIZED (
      SELECT CASE
        WHEN NOT EXISTS (SELECT FROM tangle) THEN compatible.roots
        ELSE linkage.join_clusters(agreed.roots, size.leads, l.tails, l.heads, holder.leads, apart.opponents, apart.rivals)
        END AS roots
      FROM agreed
      CROSS JOIN compatible
      CROSS JOIN size
      CROSS JOIN holder
      CROSS JOIN apart
      CROSS JOIN (
        SELECT COALESCE(array_agg(l.tail), '{}'), COALESCE(array_agg(l.head), '{}')
        FROM link l
        CROSS JOIN compatible
        WHERE l.verdict = 1
          AND compatible.roots[l.tail] NOT IN (SELECT t.root FROM tangle t)
          AND compatible.roots[l.head] NOT IN (SELECT t.root FROM tangle t)
      ) AS l (tails, heads)
    )
    $sql$,
    CASE
      WHEN is_transitive THEN 'q.phone AS used_phone, q.email AS used_email'
      ELSE 'CASE WHEN q.psid IS NULL THEN q.phone END AS used_phone,
            CASE WHEN COALESCE(q.psid, q.phone) IS NULL THEN q.email END AS used_email'
    END,
    linkage.lead_query(),
    -- most often there are none
    CASE WHEN EXISTS (SELECT FROM linkage.customer_decision) THEN 'true' ELSE 'false' END,
    CASE WHEN is_transitive THEN quote_nullable(max_shared) ELSE 'NULL' END || '::integer',
    CASE WHEN has_evidence THEN 'min(l.name)' ELSE 'NULL::text' END,
    CASE
      WHEN has_evidence
      THEN 'count(e.name) = count(*) AND min(e.name) = max(e.name) AND min(e.address) IS NOT DISTINCT FROM max(e.address)
            OR count(e.name) + count(e.address) = 0'
      ELSE 'true'
    END,
    CASE WHEN is_transitive THEN quote_nullable(max_shared) ELSE 'NULL' END || '::integer',
    CASE WHEN has_evidence THEN 'true' ELSE 'false' END);
END
$match_statement$;

-- The members of a WITH clause, behind those of linkage.match_statement, that name the groups:
--   numbered  the leads with the root of their group
--   split     identifiers that leads of several groups have
--   named     the leads with group_key, unlike that of every other group. An identifier that is split is the key of a group only if no other group
--             has it for its strongest
CREATE OR REPLACE FUNCTION linkage.naming_statement()
RETURNS text
LANGUAGE sql
IMMUTABLE
AS $naming_statement$
  SELECT $sql$,
    numbered AS (
      SELECT l.*, (SELECT f.roots FROM forest f)[l.n] AS root FROM lead l
    ),
    split AS MATERIALIZED (
      SELECT s.kind, s.value, s.members
      FROM (SELECT s.kind, s.value, s.members FROM shared s UNION ALL SELECT 'psid', p.value, p.members FROM psid p) AS s
      WHERE EXISTS (
        SELECT FROM unnest(s.members) AS m (n) WHERE (SELECT f.roots FROM forest f)[m.n] <> (SELECT f.roots FROM forest f)[s.members[1]])
    ),
    claim AS MATERIALIZED (
      SELECT c.kind, c.value, min(c.root) AS root
      FROM (
        SELECT DISTINCT s.kind, s.value, n.root
        FROM split s
        CROSS JOIN LATERAL unnest(s.members) AS m (n)
        JOIN numbered n ON n.n = m.n
        WHERE s.kind <> 'psid'
      ) AS c
      -- who has something stronger does not claim it
      LEFT JOIN (SELECT DISTINCT n.root FROM numbered n WHERE n.psid IS NOT NULL) AS p ON p.root = c.root
      LEFT JOIN (SELECT DISTINCT n.root FROM numbered n WHERE n.used_phone IS NOT NULL) AS q ON q.root = c.root AND c.kind = 'email'
      WHERE p.root IS NULL AND q.root IS NULL
      GROUP BY c.kind, c.value
      HAVING count(*) = 1
    ),
    owned AS (
      SELECT
        n.*,
        CASE WHEN sp.value IS NULL THEN n.psid END AS own_psid,
        CASE WHEN sh.value IS NULL OR ch.root = n.root THEN n.used_phone END AS own_phone,
        CASE WHEN se.value IS NULL OR ce.root = n.root THEN n.used_email END AS own_email
      FROM numbered n
      LEFT JOIN split sp ON sp.kind = 'psid' AND sp.value = n.psid COLLATE "C"
      LEFT JOIN split sh ON sh.kind = 'phone' AND sh.value = n.used_phone COLLATE "C"
      LEFT JOIN split se ON se.kind = 'email' AND se.value = n.used_email COLLATE "C"
      LEFT JOIN claim ch ON ch.kind = 'phone' AND ch.value = n.used_phone COLLATE "C"
      LEFT JOIN claim ce ON ce.kind = 'email' AND ce.value = n.used_email COLLATE "C"
    ),
    named AS (
      SELECT o.*, COALESCE(
        k.group_key, 'psid:' || o.own_psid, 'phone:' || o.own_phone, 'email:' || o.own_email, 'lead:' || o.lead_id) COLLATE "C" AS group_key
      FROM owned o
      LEFT JOIN (
        SELECT o.root, COALESCE(
          'psid:' || min(o.own_psid COLLATE "C"), 'phone:' || min(o.own_phone COLLATE "C"), 'email:' || min(o.own_email COLLATE "C"),
          'lead:' || min(o.lead_id COLLATE "C")) AS group_key
        FROM owned o
        JOIN (SELECT DISTINCT n.root FROM numbered n WHERE n.root <> n.n) AS several ON several.root = o.root
        GROUP BY o.root
      ) AS k ON k.root = o.root
    )
  $sql$
$naming_statement$;

-- The leads with the group that each belongs to, as linkage.keyed_leads gives them. Where the server keeps the phones or e-mails of
-- customers unique, a group has only those that are its own: what several groups share can't be written to each.
CREATE OR REPLACE FUNCTION linkage.matched_leads(match text, max_shared integer, evidence boolean)
RETURNS text
LANGUAGE sql
STABLE
AS $matched_leads$
  SELECT format(
    '%s%s SELECT n.lead_id, n.psid, %s AS phone, %s AS email, n.name, n.address,
       n.customer_id, n.created_at, n.mark, n.group_key FROM named n',
    linkage.match_statement(match, max_shared, evidence), linkage.naming_statement(),
    CASE WHEN lower(match) = 'transitive' AND 'phone' = ANY (u.columns) THEN 'n.own_phone' ELSE 'n.phone' END,
    CASE WHEN lower(match) = 'transitive' AND 'email' = ANY (u.columns) THEN 'n.own_email' ELSE 'n.email' END)
  FROM (SELECT linkage.unique_customer_columns()) AS u (columns)
$matched_leads$;
