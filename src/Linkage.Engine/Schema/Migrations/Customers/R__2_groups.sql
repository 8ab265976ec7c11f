-- Which leads are one person, and which customer that is.

-- An expression that sorts keys which stand as text like those keys.
CREATE OR REPLACE FUNCTION linkage.key_order(key_as_text text, key_type text) RETURNS text
LANGUAGE sql IMMUTABLE
AS $$
  SELECT CASE WHEN $2 IN ('smallint', 'integer', 'bigint') THEN format('%s::bigint', $1) ELSE format('%s COLLATE "C"', $1) END
$$;

-- The leads with the group that each belongs to: a SELECT of what linkage.lead_query gives, and group_key. By priority: PSID, phone,
-- e-mail, else the lead is alone; transitively, or where somebody decided about leads, as linkage.matched_leads says.
CREATE OR REPLACE FUNCTION linkage.keyed_leads(match text, max_shared integer, evidence boolean) RETURNS text
LANGUAGE plpgsql STABLE
AS $$
BEGIN
  IF lower(match) = 'transitive' OR lower(match) = 'priority' AND EXISTS (SELECT FROM linkage.customer_decision) THEN
    RETURN linkage.matched_leads(match, max_shared, evidence);
  ELSIF lower(match) = 'priority' THEN
    RETURN format(
      'SELECT l.*, COALESCE(''psid:'' || l.psid, ''phone:'' || l.phone, ''email:'' || l.email, ''lead:'' || l.lead_id) COLLATE "C" AS group_key
       FROM (%s) AS l', linkage.lead_query());
  END IF;
  RAISE EXCEPTION USING
    ERRCODE = 'LK042',
    MESSAGE = format('%s is no way to group leads: Priority and Transitive are.', COALESCE(quote_literal(match), 'Null'));
END
$$;

-- Which of a customer's phone and email the server keeps unique by themselves. Two customers can't have the same one then.
CREATE OR REPLACE FUNCTION linkage.unique_customer_columns() RETURNS text[]
LANGUAGE sql STABLE
AS $$
  SELECT ARRAY(
    SELECT DISTINCT m.key
    FROM linkage.customer_table t
    CROSS JOIN LATERAL jsonb_each_text(t.columns) AS m
    JOIN pg_catalog.pg_attribute a ON a.attrelid = to_regclass(t.relation) AND a.attname = m.value
    JOIN pg_catalog.pg_index i ON i.indrelid = a.attrelid AND i.indisunique AND i.indisvalid AND i.indnkeyatts = 1
    WHERE t.role = 'customer' AND m.key IN ('phone', 'email')
      AND (i.indkey[0] = a.attnum
        -- an expression of the column
        OR i.indkey[0] = 0 AND EXISTS (
          SELECT
          FROM pg_catalog.pg_depend d
          WHERE d.classid = 'pg_class'::regclass AND d.objid = i.indexrelid AND d.refclassid = 'pg_class'::regclass
            AND d.refobjid = a.attrelid AND d.refobjsubid = a.attnum))
    ORDER BY m.key)
$$;

-- Groups that would write the same value where it must be unique are one. They come with the first one first, and each is given the first
-- one of all that it is joined to, by phone or by e-mail, directly or through others; those that stand alone are left out.
CREATE OR REPLACE FUNCTION linkage.united_groups(group_keys text[], phones text[], emails text[])
RETURNS TABLE (group_key text, united_key text)
LANGUAGE plpgsql STABLE
AS $$
DECLARE
  -- for each group the first one that is known to be joined to it
  firsts integer[] := ARRAY(SELECT i FROM generate_subscripts(group_keys, 1) AS i);
  nearer integer[];
BEGIN
  LOOP
    nearer := ARRAY(
      SELECT LEAST(
        min(l.first) OVER (PARTITION BY COALESCE(l.phone, 'none of ' || l.i)),
        min(l.first) OVER (PARTITION BY COALESCE(l.email, 'none of ' || l.i)),
        firsts[l.first])
      FROM unnest(firsts, phones, emails) WITH ORDINALITY AS l (first, phone, email, i)
      ORDER BY l.i);
    EXIT WHEN nearer = firsts;
    firsts := nearer;
  END LOOP;
  RETURN QUERY
  SELECT group_keys[f.i], group_keys[f.first]
  FROM unnest(firsts) WITH ORDINALITY AS f (first, i)
  WHERE f.first IN (SELECT o.first FROM unnest(firsts) AS o (first) GROUP BY o.first HAVING count(*) > 1);
END
$$;

-- The groups of keyed leads, as a SELECT of
--   group_type    psid, phone, email or individual
--   group_key     what its leads have in common
--   lead_ids      its leads, the oldest first; beside them marks, and customer_ids, whom each has now
--   customer_id   the customer that is there already and is reused; null where one is to be made
--   name, phone, email
--                 what a customer that is made gets: the oldest that there is
--   reason        what somebody should know who asks why
--   place         where its first lead stands in the table
-- only_open leaves out the groups whose leads all have a customer.
--
-- A customer is reused that has the group's key in its metadata, else one that leads of the group have, else one with the phone or the e-mail by
-- which the leads are a group (where the server keeps those unique: whatever the group is). Of several, the oldest.
-- Plan: one pass over the leads and one over the customers, one sort of each and hash joins; no index.
CREATE OR REPLACE FUNCTION linkage.group_statement(keyed text, only_open boolean) RETURNS text
LANGUAGE plpgsql STABLE
AS $$
DECLARE
  customer linkage.customer_table := linkage.customer_role('customer');
  uniques  text[] := linkage.unique_customer_columns();
  statement text;
BEGIN
  statement := linkage.customer_sql(
    'WITH grouped AS MATERIALIZED (
       SELECT
         k.group_key,
         CASE split_part(k.group_key, '':'', 1) WHEN ''lead'' THEN ''individual'' ELSE split_part(k.group_key, '':'', 1) END AS group_type,
         array_agg(k.lead_id) AS lead_ids,
         array_agg(k.mark) AS marks,
         array_agg(k.customer_id) AS customer_ids,
         count(k.customer_id) AS linked,
         (array_agg(k.name) FILTER (WHERE k.name IS NOT NULL))[1] AS name,
         (array_agg(k.phone) FILTER (WHERE k.phone IS NOT NULL))[1] AS phone,
         (array_agg(k.email) FILTER (WHERE k.email IS NOT NULL))[1] AS email,
         min(k.created_at) AS created_at,
         min(k.place) AS place
       FROM (
         SELECT k.group_key, k.lead_id, k.mark, k.customer_id, k.name, k.phone, k.email, k.created_at, row_number() OVER () AS place
         FROM (' || keyed || ') AS k
         ORDER BY k.group_key, k.created_at, ' || linkage.key_order('k.lead_id', linkage.customer_type(linkage.customer_role('lead'), 'key')) || '
       ) AS k
       GROUP BY k.group_key'
       || CASE WHEN only_open THEN ' HAVING count(*) > count(k.customer_id)' ELSE '' END || '
     ),
     known AS MATERIALIZED (
       SELECT
         {c.key} AS id,
         row_number() OVER (ORDER BY {c.created_at}, ' || linkage.key_order('{c.key}', linkage.customer_type(customer, 'key')) || ') AS age,
         '
         || CASE WHEN customer.columns ? 'metadata' THEN 'linkage.comparable_group_key(c.{customer.metadata} ->> ''groupKey'')' ELSE 'NULL::text' END
         || ' AS group_key,
         linkage.identifying_phone({c.phone}) COLLATE "C" AS phone,
         linkage.identifying_email({c.email}) COLLATE "C" AS email
       FROM {customer} AS c
     ),
     found AS (
       SELECT g.group_key, 1 AS rank, k.id, k.age
       FROM grouped g
       JOIN known k ON k.group_key = g.group_key
       UNION ALL
       SELECT DISTINCT g.group_key, 2, k.id, k.age
       FROM grouped g
       CROSS JOIN LATERAL unnest(g.customer_ids) AS l (customer_id)
       JOIN known k ON k.id = l.customer_id
       WHERE g.linked > 0
       UNION ALL
       SELECT g.group_key, 3, k.id, k.age
       FROM grouped g
       JOIN known k ON ' || CASE WHEN 'phone' = ANY (uniques) THEN 'k.phone = g.phone' ELSE '''phone:'' || k.phone = g.group_key' END || '
       UNION ALL
       SELECT g.group_key, 4, k.id, k.age
       FROM grouped g
       JOIN known k ON ' || CASE WHEN 'email' = ANY (uniques) THEN 'k.email = g.email' ELSE '''email:'' || k.email = g.group_key' END || '
     ),
     reused AS (
       SELECT DISTINCT ON (f.group_key)
         f.group_key, f.id, f.rank, f.best,
         count(*) OVER (PARTITION BY f.group_key) AS many,
         string_agg(f.id, '', '') OVER (PARTITION BY f.group_key ORDER BY f.age ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS all_of_them
       FROM (SELECT f.*, min(f.rank) OVER (PARTITION BY f.group_key) AS best FROM found f) AS f
       WHERE f.rank = f.best
       ORDER BY f.group_key, f.age
     ),
     judged AS MATERIALIZED (
       SELECT
         g.*, r.id AS customer_id,
         CASE WHEN r.many > 1 THEN
           format(''%s customers fit (%s): the oldest is taken'', r.many, left(r.all_of_them, 200))
         END AS reason
       FROM grouped g
       LEFT JOIN reused r ON r.group_key = g.group_key
     )');
  IF cardinality(uniques) > 0 THEN
    statement := statement || format(
      ', united AS MATERIALIZED (
         SELECT u.group_key, u.united_key
         FROM (
           SELECT array_agg(n.group_key ORDER BY n.place) AS group_keys, array_agg(n.phone ORDER BY n.place) AS phones,
             array_agg(n.email ORDER BY n.place) AS emails
           FROM (
             SELECT
               j.group_key, %s AS phone, %s AS email,
               row_number() OVER (ORDER BY array_position(ARRAY[''psid'', ''phone'', ''email''], j.group_type), j.created_at, j.group_key) AS place
             FROM judged j
             WHERE j.customer_id IS NULL
           ) AS n
           WHERE COALESCE(n.phone, n.email) IS NOT NULL
         ) AS n
         CROSS JOIN LATERAL linkage.united_groups(n.group_keys, n.phones, n.emails) u
       ),
       final AS (
         SELECT j.*
         FROM judged j
         WHERE NOT EXISTS (SELECT FROM united u WHERE u.group_key = j.group_key)
         UNION ALL
         SELECT
           f.group_key, f.group_type, w.lead_ids, w.marks, w.customer_ids, w.linked, w.name, w.phone, w.email, f.created_at, w.place,
           NULL, ''would have the phone or the e-mail of others, which must be unique: '' || left(w.group_keys, 200)
         FROM judged f
         JOIN (
           SELECT
             u.united_key, string_agg(DISTINCT j.group_key, '', '') FILTER (WHERE j.group_key <> u.united_key) AS group_keys,
             array_agg(l.lead_id ORDER BY j.group_key <> u.united_key, j.created_at, j.group_key, l.i) AS lead_ids,
             array_agg(l.mark ORDER BY j.group_key <> u.united_key, j.created_at, j.group_key, l.i) AS marks,
             array_agg(l.customer_id ORDER BY j.group_key <> u.united_key, j.created_at, j.group_key, l.i) AS customer_ids,
             count(l.customer_id) AS linked,
             (array_agg(j.name ORDER BY j.group_key <> u.united_key, j.created_at, j.group_key) FILTER (WHERE j.name IS NOT NULL))[1] AS name,
             (array_agg(j.phone ORDER BY j.group_key <> u.united_key, j.created_at, j.group_key) FILTER (WHERE j.phone IS NOT NULL))[1] AS phone,
             (array_agg(j.email ORDER BY j.group_key <> u.united_key, j.created_at, j.group_key) FILTER (WHERE j.email IS NOT NULL))[1] AS email,
             min(j.place) AS place
           FROM united u
           JOIN judged j ON j.group_key = u.group_key
           CROSS JOIN LATERAL unnest(j.lead_ids, j.marks, j.customer_ids) WITH ORDINALITY AS l (lead_id, mark, customer_id, i)
           GROUP BY u.united_key
         ) AS w ON w.united_key = f.group_key
       )',
      CASE WHEN 'phone' = ANY (uniques) THEN 'j.phone' ELSE 'NULL::text' END,
      CASE WHEN 'email' = ANY (uniques) THEN 'j.email' ELSE 'NULL::text' END);
  END IF;
  RETURN statement || format(
    ' SELECT g.group_type, g.group_key::text, g.lead_ids, g.marks, g.customer_ids, g.linked, g.customer_id, g.name, g.phone, g.email, g.reason, g.place
      FROM %s g', CASE WHEN cardinality(uniques) > 0 THEN 'final' ELSE 'judged' END);
END
$$;

-- The groups of leads, those with the first leads first. is_linked says of each lead whether it has a customer already.
CREATE OR REPLACE FUNCTION linkage.customer_groups(match text, max_shared integer, evidence boolean)
RETURNS TABLE (
  group_type text, group_key text, lead_ids text[], marks bigint[], is_linked boolean[], customer_id text, name text, phone text, email text,
  reason text)
-- as linkage.list_customer_groups does it
LANGUAGE plpgsql STABLE SET jit = off SET enable_nestloop = off SET work_mem = '64MB'
AS $$
BEGIN
  RETURN QUERY EXECUTE format(
    'SELECT
       g.group_type, g.group_key, g.lead_ids, g.marks, ARRAY(SELECT c IS NOT NULL FROM unnest(g.customer_ids) AS c), g.customer_id, g.name, g.phone,
       g.email, g.reason
     FROM (%s) AS g
     ORDER BY g.place',
    linkage.group_statement(linkage.keyed_leads(match, max_shared, evidence), false));
END
$$;
