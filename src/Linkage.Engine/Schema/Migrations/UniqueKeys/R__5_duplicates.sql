-- Rows that share a key which a rule says is unique, and which of them stays.

-- Rows that the rule is about, as a SELECT of number (the same for those that share a key), place (in the rule's order among those: the
-- first one stays), label (what they share, for people) and member (the row's key, {column: value}). further: more expressions on alias t
-- and window same_key; condition: what else holds for a row; locking: a clause that locks the rows before they are ranked, or null.
CREATE OR REPLACE FUNCTION linkage.ranked_rows_sql(rule linkage.unique_key_rule, further text, condition text, locking text)
RETURNS text
LANGUAGE plpgsql STABLE
AS $$
DECLARE
  relation regclass := linkage.rule_relation(rule);
  keys     text[] := linkage.rule_keys_sql(rule);
BEGIN
  RETURN format(
    'SELECT
       dense_rank() OVER (ORDER BY %1$s) AS number, row_number() OVER same_key AS place, %3$s AS label, %4$s AS member%5$s
     FROM (SELECT t.*, t.tableoid, t.ctid FROM %6$s AS t WHERE %7$s %8$s) AS t
     WINDOW same_key AS (PARTITION BY %1$s ORDER BY %2$s)',
    array_to_string(keys, ', '), linkage.rule_order(rule),
    (
      SELECT string_agg(format('COALESCE((%s)::text, ''null'')', k.key), ' || '', '' || ' ORDER BY k.place)
      FROM unnest(keys) WITH ORDINALITY AS k (key, place)
    ),
    linkage.row_text('t', linkage.row_key_columns(relation)), further, relation,
    concat_ws(' AND ', linkage.rule_condition(rule), condition), locking);
END
$$;

-- Of those the ones that share their key with another one.
-- Plan: a pass that counts rows by key, then one that reads those whose key several have, by hash, and sorts them. Where nulls are equal,
-- which no hash finds, it is one pass that sorts all.
CREATE OR REPLACE FUNCTION linkage.duplicates_sql(rule linkage.unique_key_rule, further text DEFAULT '') RETURNS text
LANGUAGE plpgsql STABLE
AS $$
DECLARE
  keys text := array_to_string(linkage.rule_keys_sql(rule), ', ');
BEGIN
  IF rule.nulls_distinct THEN
    RETURN linkage.ranked_rows_sql(rule, further, format(
      '(%1$s) IN (SELECT %1$s FROM %2$s AS t WHERE %3$s GROUP BY %1$s HAVING count(*) > 1)', keys, linkage.rule_relation(rule),
      linkage.rule_condition(rule)), NULL);
  END IF;
  RETURN format(
    'SELECT d.* FROM (%s) AS d WHERE d.members > 1',
    linkage.ranked_rows_sql(rule, format('%s, count(*) OVER (PARTITION BY %s) AS members', further, keys), NULL, NULL));
END
$$;
