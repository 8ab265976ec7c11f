-- Whether a rule's key is there, and what is in its way.

-- What follows the table in the definition of the index that a rule wants.
CREATE OR REPLACE FUNCTION linkage.rule_index_rest(rule linkage.unique_key_rule) RETURNS text
LANGUAGE sql STABLE
AS $$
  SELECT format(
    'USING btree (%s)%s%s', array_to_string(($1).keys, ', '), CASE WHEN NOT ($1).nulls_distinct THEN ' NULLS NOT DISTINCT' END,
    ' WHERE ' || CASE WHEN ($1).predicate LIKE '(%' THEN ($1).predicate ELSE '(' || ($1).predicate || ')' END)
$$;

-- The index that a rule wants, without CONCURRENTLY.
CREATE OR REPLACE FUNCTION linkage.rule_index_definition(rule linkage.unique_key_rule) RETURNS text
LANGUAGE sql STABLE
AS $$ SELECT format('CREATE UNIQUE INDEX %I ON %s %s', ($1).name, ($1).relation, linkage.rule_index_rest($1)) $$;

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
-- that meet the one and not the other contradict themselves, and it would not look for them. That a column which can't be null isn't, PostgreSQL
-- 17 and later forgets before it comes to that, so it is settled first. implied is as the server writes it. Nothing is read.
CREATE OR REPLACE FUNCTION linkage.is_implied(relation regclass, condition text, implied text) RETURNS boolean
LANGUAGE plpgsql SET constraint_exclusion = on
AS $$
DECLARE
  plan json;
  col  name;
BEGIN
  FOR col IN SELECT a.attname FROM pg_attribute a WHERE a.attrelid = relation AND a.attnum > 0 AND NOT a.attisdropped AND a.attnotnull LOOP
    implied := replace(implied, format('(%I IS NOT NULL)', col), '(true)');
  END LOOP;
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

-- The query that counts how many rows share their key with one that would stay, and in how many groups. Plan: one pass over the rows that
-- the rule covers, grouped by hash or sort.
CREATE OR REPLACE FUNCTION linkage.duplicates_query(rule linkage.unique_key_rule) RETURNS text
LANGUAGE sql STABLE
AS $$
  SELECT format(
    'SELECT count(*) AS groups, COALESCE(sum(g.members - 1), 0) AS duplicates '
    'FROM (SELECT count(*) AS members FROM %s AS t WHERE %s GROUP BY %s HAVING count(*) > 1) AS g',
    linkage.qualified_name(linkage.rule_relation($1)), linkage.rule_condition($1), array_to_string(linkage.rule_keys_sql($1, 't'), ', '))
$$;

-- Asks it.
CREATE OR REPLACE FUNCTION linkage.count_duplicates(rule linkage.unique_key_rule, OUT groups bigint, OUT duplicates bigint)
LANGUAGE plpgsql STABLE
AS $$
BEGIN
  EXECUTE linkage.duplicates_query(rule) INTO groups, duplicates;
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
  -- An index of the table is no stranger, even if somebody has made it since the look above.
  taken := (
    SELECT c.oid
    FROM pg_class c
    JOIN pg_class t ON t.relnamespace = c.relnamespace
    WHERE t.oid = linkage.rule_relation(rule) AND c.relname = rule.name
      AND NOT EXISTS (SELECT FROM pg_index i WHERE i.indexrelid = c.oid AND i.indrelid = t.oid));
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

-- What a check says of a rule: its status by its state and the duplicates that there are now.
CREATE OR REPLACE FUNCTION linkage.check_unique_key(wanted text)
RETURNS TABLE (check_name text, status text, value bigint, threshold bigint, message text, details jsonb)
LANGUAGE plpgsql
AS $$
DECLARE
  rule  linkage.unique_key_rule := linkage.find_unique_key_rule(wanted);
  found record;
  count text;
BEGIN
  SELECT * INTO found FROM linkage.unique_key_state(rule);
  check_name := rule.name;
  status := CASE
    WHEN found.state = 'Enforced' THEN 'healthy'
    WHEN found.state = 'Absent' THEN 'unknown'
    WHEN found.state = 'Missing' AND found.duplicates = 0 THEN 'warning'
    ELSE 'critical'
  END;
  value := found.duplicates;
  threshold := CASE WHEN found.state <> 'Absent' THEN 0 END;
  count := CASE
    WHEN found.duplicates = 0 THEN 'No row is there twice now'
    ELSE format('%s rows share their key with another that would stay, in %s groups: Get-DuplicateRecord lists them', found.duplicates, found.groups)
  END;
  message := CASE found.state
    WHEN 'Enforced' THEN format('Index %s of %s keeps duplicates out.', found.index_name, rule.relation)
    WHEN 'Absent' THEN found.problem || ' There is nothing to check.'
    WHEN 'Missing' THEN format('Table %s lacks this key. %s; Add-UniqueKey builds it.', rule.relation, count)
    WHEN 'Invalid' THEN format(
      'Index %s of %s is invalid, left by a build that failed: it costs writes and may refuse them, and keeps nothing out for certain. '
      '%s; Add-UniqueKey removes it and builds it anew.', found.index_name, rule.relation, count)
    ELSE format(
      '%s is the name of something else than this key (%s). %s; rename or drop it, then Add-UniqueKey.',
      found.index_name, COALESCE(found.definition, 'no unique index of this table'), count)
  END;
  details := jsonb_build_object(
    'Rule', rule.name, 'Origin', rule.origin, 'Table', rule.relation, 'State', found.state, 'Index', found.index_name,
    'Groups', found.groups, 'Duplicates', found.duplicates, 'Definition', linkage.rule_index_definition(rule),
    'ActualDefinition', found.definition);
  RETURN NEXT;
END
$$;
