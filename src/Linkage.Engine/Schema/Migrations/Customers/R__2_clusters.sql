-- Union-find: trees in arrays of integers, by which numbered leads come together. Whatever the order of rows, of links and of numbers is, the
-- same leads do: clusters that contradict each other are kept apart by what they are, never by who came first.

-- Unites the trees of a forest along links. parents[n] <= n, a root is its own parent, and in the result each node's parent is its root.
-- In PL/pgSQL, whose arrays are changed in place. Label propagation by SQL reads and writes everything once more for each link of the
-- longest chain (docs/customer-matching.md has the figures).
CREATE OR REPLACE FUNCTION linkage.unite_nodes(parents integer[], tails integer[], heads integer[])
RETURNS integer[]
LANGUAGE plpgsql
IMMUTABLE
AS $unite_nodes$
DECLARE
  a integer;
  b integer;
BEGIN
  FOR i IN 1 .. cardinality(tails) LOOP
    a := tails[i];
    WHILE parents[a] <> a LOOP
      parents[a] := parents[parents[a]];
      a := parents[a];
    END LOOP;
    b := heads[i];
    WHILE parents[b] <> b LOOP
      parents[b] := parents[parents[b]];
      b := parents[b];
    END LOOP;
    IF a < b THEN
      parents[b] := a;
    ELSIF b < a THEN
      parents[a] := b;
    END IF;
  END LOOP;
  FOR i IN 1 .. cardinality(parents) LOOP
    IF parents[i] <> i THEN
      parents[i] := parents[parents[i]];
    END IF;
  END LOOP;
  RETURN parents;
END
$unite_nodes$;

-- Joins clusters along links, except where two would come together that must stay apart: of such a component, each cluster joins only those
-- that have the same opponents as it has.
--   parents           the clusters so far, each node's parent being its root. Nodes up to "leads" are leads, those above are identifiers, each
--                     of which joins what stands around it
--   tails, heads      the links; an identifier is a tail
--   holders           leads of which no two clusters come together: those with a PSID
--   opponents, rivals pairs of leads that stay apart
CREATE OR REPLACE FUNCTION linkage.join_clusters(
  parents integer[], leads integer, tails integer[], heads integer[], holders integer[], opponents integer[], rivals integer[])
RETURNS integer[]
LANGUAGE plpgsql
IMMUTABLE
AS $join_clusters$
DECLARE
  joined     integer[] := linkage.unite_nodes(parents, tails, heads);
  -- by root: the first cluster there that has a PSID
  holder     integer[] := array_fill(0, ARRAY[leads]);
  -- by root: whether two clusters there have a PSID; whether two have that or are opponents
  is_crowded boolean[] := array_fill(false, ARRAY[leads]);
  is_tangled boolean[] := array_fill(false, ARRAY[leads]);
  is_any     boolean := false;
  -- by cluster: a number for its opponents, 0 for none
  class      integer[] := array_fill(0, ARRAY[leads]);
  opposed    record;
  root       integer;
BEGIN
  FOR i IN 1 .. cardinality(holders) LOOP
    root := joined[holders[i]];
    IF holder[root] = 0 THEN
      holder[root] := parents[holders[i]];
    ELSIF holder[root] <> parents[holders[i]] THEN
      is_crowded[root] := true;
      is_tangled[root] := true;
      is_any := true;
    END IF;
  END LOOP;
  FOR i IN 1 .. cardinality(opponents) LOOP
    root := joined[opponents[i]];
    IF root = joined[rivals[i]] AND parents[opponents[i]] <> parents[rivals[i]] THEN
      is_tangled[root] := true;
      is_any := true;
    END IF;
  END LOOP;
  IF NOT is_any THEN
    RETURN joined;
  END IF;

  FOR opposed IN
    SELECT o.cluster, dense_rank() OVER (ORDER BY array_agg(DISTINCT o.opponent ORDER BY o.opponent))::integer AS class
    FROM (
      SELECT parents[p.a], parents[p.b], joined[p.a] = joined[p.b] FROM unnest(opponents, rivals) AS p (a, b)
      UNION ALL
      SELECT parents[p.b], parents[p.a], joined[p.a] = joined[p.b] FROM unnest(opponents, rivals) AS p (a, b)
    ) AS o (cluster, opponent, are_joined)
    WHERE o.are_joined AND o.cluster <> o.opponent
    GROUP BY o.cluster
  LOOP
    class[opposed.cluster] := opposed.class;
  END LOOP;
  -- Who has a PSID among others who have one has opponents that no one else has: it stands alone.
  FOR i IN 1 .. cardinality(holders) LOOP
    IF is_crowded[joined[holders[i]]] THEN
      class[parents[holders[i]]] := -parents[holders[i]];
    END IF;
  END LOOP;

  -- What is tangled falls back to what it was, and is joined anew within the classes.
  RETURN (
    SELECT linkage.unite_nodes(
      ARRAY(
        SELECT CASE WHEN n.root <= leads AND is_tangled[n.root] THEN parents[n.node] ELSE n.root END
        FROM unnest(joined) WITH ORDINALITY AS n (root, node)
        ORDER BY n.node),
      COALESCE(array_agg(l.tail), '{}'),
      COALESCE(array_agg(l.head), '{}'))
    FROM (
      SELECT CASE WHEN e.tail > leads THEN min(e.head) OVER (PARTITION BY e.tail, class[parents[e.head]]) ELSE e.tail END, e.head
      FROM unnest(tails, heads) AS e (tail, head)
      WHERE is_tangled[joined[e.head]]
    ) AS l (tail, head)
    WHERE class[parents[l.tail]] = class[parents[l.head]]);
END
$join_clusters$;
