-- Customers that a run made go when it is undone, and come back when that is undone.

-- Who refers to a customer (alias c), as an expression: the tables, or null. The rows in g.own, {table: [keys]}, are about to lose it and
-- do not count, nor do its addresses, which go with it; what refers to those counts. Found from the catalog and the registry each time.
CREATE OR REPLACE FUNCTION linkage.customer_referrers() RETURNS text
LANGUAGE sql STABLE
AS $$
  WITH customer AS (
    SELECT to_regclass(t.relation) AS relation, t.columns ->> 'key' AS key FROM linkage.customer_table t WHERE t.role = 'customer'
  ),
  address AS (
    SELECT to_regclass(t.relation) AS relation, t.columns ->> 'customer' AS customer FROM linkage.customer_table t WHERE t.role = 'address'
  ),
  reference AS (
    SELECT
      linkage.qualified_name(r.relation) AS name,
      concat(
        'SELECT FROM ', linkage.qualified_name(r.relation), ' AS r WHERE ',
        (
          SELECT string_agg(format('r.%I = c.%I', u.own, u.target), ' AND ' ORDER BY u.i)
          FROM unnest(r.columns, r.target_columns) WITH ORDINALITY AS u (own, target, i)
        ),
        -- a customer that refers to itself is no user of itself
        CASE WHEN r.relation = u.relation THEN format(' AND r.%1$I IS DISTINCT FROM c.%1$I', u.key) END,
        (
          SELECT string_agg(
            format(' AND NOT COALESCE(g.own -> %L ? %s, false)', t.relation, linkage.column_text(t.relation, t.columns ->> 'key', 'r')), '')
          FROM linkage.customer_table t
          WHERE t.role IN ('lead', 'follower') AND to_regclass(t.relation) = r.relation
        )) AS query
    FROM customer u
    CROSS JOIN LATERAL linkage.references_to(u.relation) r
    WHERE NOT EXISTS (SELECT FROM address a WHERE a.relation = r.relation)
    UNION ALL
    SELECT
      linkage.qualified_name(r.relation),
      format(
        'SELECT FROM %s AS a JOIN %s AS r ON %s WHERE a.%I = c.%I',
        linkage.qualified_name(a.relation), linkage.qualified_name(r.relation),
        (
          SELECT string_agg(format('r.%I = a.%I', u.own, u.target), ' AND ' ORDER BY u.i)
          FROM unnest(r.columns, r.target_columns) WITH ORDINALITY AS u (own, target, i)
        ),
        a.customer, u.key)
    FROM customer u
    CROSS JOIN address a
    CROSS JOIN LATERAL linkage.references_to(a.relation) r
    WHERE r.relation <> a.relation
    UNION ALL
    SELECT
      'linkage.customer_redirect',
      format('SELECT FROM linkage.customer_redirect r WHERE r.into_id = %s', linkage.column_text(linkage.qualified_name(u.relation), u.key, 'c'))
    FROM customer u
  )
  SELECT format(
    'NULLIF(concat_ws('', '', NULL%s), '''')',
    string_agg(format(', CASE WHEN EXISTS (%s) THEN %L END', r.query, r.name), '' ORDER BY r.name, r.query))
  FROM reference r
$$;

-- Of customers that a run made and that are still there: why they can't go, null if they can, and copies of them and of their addresses.
-- The settings are those in which a fingerprint was taken, and in which a copy is read back. Plan: the customers' key, the indexes of what
-- refers to them: nested loops over the batch.
CREATE OR REPLACE FUNCTION linkage.judge_made_customers(
  asked_ordinals bigint[], asked_keys text[], fingerprints bigint[], own jsonb[], columns jsonb,
  OUT ordinals bigint[], OUT keys text[], OUT reasons text[], OUT copies text[])
LANGUAGE plpgsql SET TimeZone = 'UTC' SET DateStyle = 'ISO' SET IntervalStyle = 'postgres' SET bytea_output = 'hex' SET extra_float_digits = 1
AS $$
DECLARE
  judged record;
BEGIN
  EXECUTE linkage.customer_sql(
    $sql$
    SELECT
      COALESCE(array_agg(g.ordinal), '{}') AS ordinals, COALESCE(array_agg(g.key), '{}') AS keys,
      COALESCE(
        array_agg(CASE
          WHEN c.is_same IS NOT TRUE THEN 'the customer was changed since'
          ELSE 'the customer is referred to by ' || c.referrers
        END), '{}') AS reasons,
      COALESCE(array_agg(c.copy::text), '{}') AS copies
    FROM unnest((SELECT $1), (SELECT $2), (SELECT $3), (SELECT $4)) AS g (ordinal, key, fingerprint, own)
    CROSS JOIN LATERAL (
      SELECT
        {1} = g.fingerprint AS is_same, {2} AS referrers, jsonb_build_object('customer', {3}, 'addresses', {4}) AS copy
      FROM {customer} AS c
      WHERE c.{customer.key} = g.key::{customer.key:type}
      OFFSET 0
    ) AS c
    $sql$,
    linkage.row_fingerprint(columns), linkage.customer_referrers(),
    linkage.row_text('c', linkage.stored_columns(linkage.customer_sql('{customer}')::regclass)),
    CASE WHEN linkage.customer_has('address') THEN linkage.customer_sql(
      $sql$(SELECT COALESCE(jsonb_agg({1}), '[]') FROM {address} AS a WHERE a.{address.customer} = c.{customer.key})$sql$,
      linkage.row_text('a', linkage.stored_columns(linkage.customer_sql('{address}')::regclass)))
    ELSE $sql$'[]'::jsonb$sql$ END)
  INTO judged
  USING asked_ordinals, asked_keys, fingerprints, own;
  ordinals := judged.ordinals;
  keys := judged.keys;
  reasons := judged.reasons;
  copies := judged.copies;
END
$$;

-- Removes the customers that a run made, with their addresses. An entry of kind customer has the copy, and a fault where it had to stay.
CREATE OR REPLACE FUNCTION linkage.remove_made_customers(
  items text, columns jsonb, mode text, OUT ordinals bigint[], OUT kinds text[], OUT entries text[], OUT faults text[])
LANGUAGE plpgsql
AS $$
DECLARE
  asked   record;
  judged  record;
  removed bigint;
BEGIN
  EXECUTE linkage.customer_sql(
    $sql$
    SELECT
      COALESCE(array_agg(t.ordinal), '{}') AS ordinals, COALESCE(array_agg(t.customer_id), '{}') AS keys,
      COALESCE(array_agg(t.fingerprint), '{}') AS fingerprints,
      -- by then they have lost it
      COALESCE(
        array_agg(CASE WHEN $2 THEN '{}' ELSE COALESCE(t.followers, '{}') || jsonb_build_object($1::text, t.lead_ids) END), '{}') AS own
    FROM linkage.customer_change AS t
    WHERE t.fingerprint IS NOT NULL AND t.copy IS NULL AND {1}
    $sql$, items)
  INTO asked
  USING linkage.customer_sql('{lead}'), mode = 'apply';
  IF mode = 'apply' AND cardinality(asked.keys) > 0 THEN
    -- Locked in the order of their keys, by a statement of its own: the next one sees who came to refer to them until then, and nobody can
    -- any more.
    EXECUTE linkage.customer_sql(
      $sql$
      SELECT
      FROM {customer} AS c
      JOIN unnest((SELECT $1)) AS g (key) ON c.{customer.key} = g.key::{customer.key:type}
      ORDER BY c.{customer.key}
      FOR UPDATE OF c
      $sql$)
    USING asked.keys;
  END IF;
  judged := linkage.judge_made_customers(asked.ordinals, asked.keys, asked.fingerprints, asked.own, columns);
  ordinals := judged.ordinals;
  kinds := array_fill('customer'::text, ARRAY[cardinality(ordinals)]);
  entries := judged.copies;
  faults := judged.reasons;
  IF mode <> 'apply' OR array_position(faults, NULL) IS NULL THEN
    RETURN;
  END IF;

  IF linkage.customer_has('address') THEN
    EXECUTE linkage.customer_sql(
      $sql$
      DELETE FROM {address} AS a
      USING unnest((SELECT $1), (SELECT $2)) AS g (key, reason)
      WHERE a.{address.customer} = g.key::{address.customer:type} AND g.reason IS NULL
      $sql$)
    USING judged.keys, judged.reasons;
  END IF;
  EXECUTE linkage.customer_sql(
    $sql$
    DELETE FROM {customer} AS c
    USING unnest((SELECT $1), (SELECT $2)) AS g (key, reason)
    WHERE c.{customer.key} = g.key::{customer.key:type} AND g.reason IS NULL
    $sql$)
  USING judged.keys, judged.reasons;
  GET DIAGNOSTICS removed = ROW_COUNT;
  IF removed < cardinality(array_positions(faults, NULL)) THEN
    RAISE EXCEPTION 'A trigger or rule of the application keeps a customer from being removed.';
  END IF;
END
$$;

-- Brings customers and their addresses back from their copies. An entry of kind customer has the key, and a fault where that could not be
-- done.
CREATE OR REPLACE FUNCTION linkage.restore_customers(
  items text, mode text, OUT ordinals bigint[], OUT kinds text[], OUT entries text[], OUT faults text[])
LANGUAGE plpgsql SET TimeZone = 'UTC' SET DateStyle = 'ISO' SET IntervalStyle = 'postgres' SET bytea_output = 'hex' SET extra_float_digits = 1
AS $$
DECLARE
  asked record;
BEGIN
  EXECUTE linkage.customer_sql(
    $sql$
    SELECT
      COALESCE(array_agg(t.ordinal ORDER BY t.ordinal), '{}') AS ordinals, COALESCE(array_agg(t.customer_id ORDER BY t.ordinal), '{}') AS keys,
      COALESCE(array_agg(t.copy -> 'customer' ORDER BY t.ordinal), '{}') AS copies,
      (
        SELECT COALESCE(array_agg(a.copy), '{}')
        FROM linkage.customer_change AS t
        CROSS JOIN LATERAL jsonb_array_elements(t.copy -> 'addresses') AS a (copy)
        WHERE {1}
      ) AS addresses
    FROM linkage.customer_change AS t
    WHERE t.copy IS NOT NULL AND {1}
    $sql$, items)
  INTO asked;
  ordinals := asked.ordinals;
  kinds := array_fill('customer'::text, ARRAY[cardinality(ordinals)]);
  entries := asked.keys;
  faults := array_fill(NULL::text, ARRAY[cardinality(ordinals)]);
  IF mode <> 'apply' OR cardinality(ordinals) = 0 THEN
    RETURN;
  END IF;
  PERFORM linkage.insert_copies(linkage.customer_sql('{customer}')::regclass, asked.copies);
  EXECUTE linkage.customer_sql(
    $sql$
    SELECT array_agg(CASE WHEN c.is_back IS NULL THEN 'another customer has what must be unique in it' END ORDER BY g.i)
    FROM unnest((SELECT $1)) WITH ORDINALITY AS g (key, i)
    LEFT JOIN LATERAL (
      SELECT true AS is_back FROM {customer} AS c WHERE c.{customer.key} = g.key::{customer.key:type} OFFSET 0
    ) AS c ON true
    $sql$)
  INTO faults
  USING asked.keys;
  IF linkage.customer_has('address') THEN
    PERFORM linkage.insert_copies(
      linkage.customer_sql('{address}')::regclass,
      ARRAY(
        SELECT a.copy
        FROM unnest(asked.addresses) AS a (copy)
        WHERE a.copy ->> (SELECT t.columns ->> 'customer' FROM linkage.customer_table t WHERE t.role = 'address')
          IN (SELECT k.key FROM unnest(asked.keys, faults) AS k (key, fault) WHERE k.fault IS NULL)));
  END IF;
END
$$;

-- Inserts rows from their copies; one that is in the way of a row stays.
CREATE OR REPLACE FUNCTION linkage.insert_copies(relation regclass, copies jsonb[]) RETURNS void
LANGUAGE plpgsql
AS $$
BEGIN
  IF cardinality(copies) > 0 THEN
    EXECUTE linkage.insert_from_copies(relation, copies[1]) || ' ON CONFLICT DO NOTHING' USING copies;
  END IF;
END
$$;
