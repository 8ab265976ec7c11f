-- Whether a rule's key is there, and what is in its way.

-- The index that a rule wants, without CONCURRENTLY.
CREATE OR REPLACE FUNCTION linkage.rule_index_definition(rule linkage.unique_key_rule) RETURNS text
LANGUAGE sql STABLE
AS $$
  SELECT format(
    'CREATE UNIQUE INDEX %I ON %s USING btree (%s)%s%s',
    ($1).name, ($1).relation, array_to_string(($1).keys, ', '), CASE WHEN NOT ($1).nulls_distinct THEN ' NULLS NOT DISTINCT' END,
    ' WHERE ' || CASE WHEN ($1).predicate LIKE '(%' THEN ($1).predicate ELSE '(' || ($1).predicate || ')' END)
$$;

-- Expressions on a table's columns as the server writes them, so that two that mean the same are the same text as far as the planner knows.
-- Nothing is read. Plan: any.
CREATE OR REPLACE FUNCTION linkage.written_expressions(relation regclass, expressions text[]) RETURNS text[]
LANGUAGE plpgsql
AS $$
DECLARE
  plan json;
BEGIN
  EXECUTE format('EXPLAIN (VERBOSE, COSTS OFF, FORMAT JSON) SELECT %s FROM ONLY %s', array_to_string(expressions, ', '), relation) INTO plan;
  RETURN ARRAY(SELECT json_array_elements_text(plan #> '{0,Plan,Output}'));
END
$$;

-- Whether all rows for which one condition holds meet another, as far as the planner can prove: what it uses partial indexes by. Then rows
-- that meet the one and not the other contradict themselves, and it would not look for them. Nothing is read.
CREATE OR REPLACE FUNCTION linkage.is_implied(relation regclass, condition text, implied text) RETURNS boolean
LANGUAGE plpgsql SET constraint_exclusion = on
AS $$
DECLARE
  plan json;
BEGIN
  EXECUTE format('EXPLAIN (COSTS OFF, FORMAT JSON) SELECT FROM %s WHERE %s AND (%s) IS NOT TRUE', relation, condition, implied) INTO plan;
  RETURN plan #>> '{0,Plan,One-Time Filter}' IS NOT DISTINCT FROM 'false';
END
$$;

-- The unique indexes of a rule's table, and which of them keep duplicates of the rule out if they are valid: those whose keys are among the
-- rule's, in whatever order, and that cover all of its rows.
CREATE OR REPLACE FUNCTION linkage.rule_indexes(rule linkage.unique_key_rule)
RETURNS TABLE (index_name regclass, is_named boolean, is_valid boolean, is_ready boolean, enforces boolean, definition text)
LANGUAGE plpgsql
AS $$
DECLARE
  relation  regclass := linkage.rule_relation(rule);
  condition text := linkage.rule_condition(rule);
  keys      text[] := linkage.written_expressions(relation, rule.keys);
  found     record;
BEGIN
  FOR found IN
    SELECT
      i.indexrelid, c.relname = rule.name AS is_named, i.indisvalid, i.indisready, i.indimmediate,
      pg_get_expr(i.indpred, i.indrelid) AS predicate,
      -- PostgreSQL before 15 does not know it
      COALESCE((to_jsonb(i) ->> 'indnullsnotdistinct')::boolean, false) AS nulls_are_equal,
      ARRAY(SELECT pg_get_indexdef(i.indexrelid, k, false) FROM generate_series(1, i.indnkeyatts) AS k) AS keys,
      -- texts that look different may be equal by others
      NOT EXISTS (
        SELECT FROM unnest(i.indcollation) AS u (oid) JOIN pg_collation l ON l.oid = u.oid WHERE NOT l.collisdeterministic) AS is_exact
    FROM pg_index i
    JOIN pg_class c ON c.oid = i.indexrelid
    WHERE i.indrelid = relation AND (i.indisunique OR c.relname = rule.name)
    ORDER BY c.relname = rule.name DESC, c.relname
  LOOP
    index_name := found.indexrelid;
    is_named := found.is_named;
    is_valid := found.indisvalid;
    is_ready := found.indisready;
    definition := pg_get_indexdef(found.indexrelid);
    enforces := found.indimmediate AND found.is_exact
      AND (SELECT i.indisunique FROM pg_index i WHERE i.indexrelid = found.indexrelid)
      AND (rule.nulls_distinct OR found.nulls_are_equal)
      AND keys @> linkage.written_expressions(relation, found.keys)
      AND (found.predicate IS NULL OR linkage.is_implied(relation, condition, found.predicate));
    RETURN NEXT;
  END LOOP;
END
$$;

-- How many rows share their key with an older one, and in how many groups. Plan: one pass over the rows that the rule covers, grouped by hash
-- or sort.
CREATE OR REPLACE FUNCTION linkage.count_duplicates(rule linkage.unique_key_rule, OUT groups bigint, OUT duplicates bigint)
LANGUAGE plpgsql STABLE
AS $$
BEGIN
  EXECUTE format(
    'SELECT count(*), COALESCE(sum(g.members - 1), 0)
     FROM (SELECT count(*) AS members FROM %s AS t WHERE %s GROUP BY %s HAVING count(*) > 1) AS g',
    linkage.rule_relation(rule), linkage.rule_condition(rule), array_to_string(linkage.rule_keys_sql(rule, 't'), ', '))
  INTO groups, duplicates;
END
$$;

-- What stands of a rule's key: Enforced, Invalid (an index that a failed build left), Different (another index, or something else, has its
-- name), Missing, or Absent (no such table or column). Duplicates are counted where nothing keeps them out.
CREATE OR REPLACE FUNCTION linkage.unique_key_state(
  rule linkage.unique_key_rule, OUT state text, OUT index_name text, OUT definition text, OUT problem text, OUT groups bigint,
  OUT duplicates bigint)
LANGUAGE plpgsql
AS $$
DECLARE
  found record;
  taken regclass;
BEGIN
  problem := linkage.rule_problem(rule);
  IF problem IS NOT NULL THEN
    state := 'Absent';
    RETURN;
  END IF;

  SELECT i.* INTO found
  FROM linkage.rule_indexes(rule) i
  WHERE i.is_named OR i.enforces
  ORDER BY i.is_valid AND i.enforces DESC, i.is_named DESC
  LIMIT 1;
  taken := (
    SELECT c.oid
    FROM pg_class c
    JOIN pg_class t ON t.relnamespace = c.relnamespace
    WHERE t.oid = linkage.rule_relation(rule) AND c.relname = rule.name);
  index_name := linkage.qualified_name(COALESCE(found.index_name, taken));
  definition := found.definition;
  state := CASE
    WHEN found.enforces AND found.is_valid THEN 'Enforced'
    WHEN NOT found.is_valid THEN 'Invalid'
    WHEN found.index_name IS NOT NULL OR taken IS NOT NULL THEN 'Different'
    ELSE 'Missing'
  END;
  IF state = 'Enforced' THEN
    groups := 0;
    duplicates := 0;
  ELSE
    SELECT * INTO groups, duplicates FROM linkage.count_duplicates(rule);
  END IF;
END
$$;
