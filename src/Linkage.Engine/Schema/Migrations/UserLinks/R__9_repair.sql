-- Repair of single records, by a list: an unlinked one is linked, a wrong link goes to the user that the rule gives, or goes. Every
-- change is an audit row of source 'repair', so that it is undone like any other link.

-- The work, as Runs wants it described; the list is in linkage.user_link_repair_item under the run's id.
CREATE OR REPLACE FUNCTION linkage.user_link_repair_work(wanted text) RETURNS jsonb
LANGUAGE plpgsql STABLE
AS $$
DECLARE
  target linkage.link_target := linkage.find_link_target(wanted);
BEGIN
  RETURN jsonb_build_object(
    'kind', 'UserLinkRepair',
    'target', target.name,
    'batch', 'repair_listed_links',
    'finish', 'drop_run_items',
    'walk', jsonb_build_object(
      'target', target.name,
      'changed', linkage.target_table(target),
      'table', 'linkage.user_link_repair_item', 'key', jsonb_build_array('ordinal'), 'candidates', 'run_item_candidates'),
    'undo', linkage.user_link_undo(target.name)
      || jsonb_build_object('changes', jsonb_build_array('linked', 'relinked', 'unlinked', 'rolled_back')));
END
$$;

-- A record's key as the audit writes it, or null where the text is no key of the target.
CREATE OR REPLACE FUNCTION linkage.read_record_key(target linkage.link_target, key text) RETURNS text
LANGUAGE plpgsql STABLE
AS $$
DECLARE
  record_key text;
BEGIN
  IF cardinality(target.key_columns) > 1
    AND (jsonb_array_length(key::jsonb) <> cardinality(target.key_columns) OR key::jsonb @> '[null]')
  THEN
    RETURN NULL;
  END IF;
  EXECUTE format(
    'SELECT %s FROM (SELECT %s) AS t',
    linkage.record_key_expression(target),
    (
      SELECT string_agg(
        format(
          '%s::%s AS %I',
          CASE WHEN cardinality(target.key_columns) = 1 THEN '$1' ELSE format('($1::jsonb ->> %s)', c.i - 1) END,
          format_type(a.atttypid, a.atttypmod), c.name),
        ', ' ORDER BY c.i)
      FROM unnest(target.key_columns) WITH ORDINALITY AS c (name, i)
      JOIN pg_attribute a ON a.attrelid = linkage.target_table(target)::regclass AND a.attname = c.name
    ))
  INTO record_key
  USING key;
  RETURN record_key;
EXCEPTION WHEN data_exception OR integrity_constraint_violation THEN
  RETURN NULL;
END
$$;

-- What of such a list can't be used, by its position, and why. listed is as linkage.list_repairs has it.
CREATE OR REPLACE FUNCTION linkage.unusable_repairs(wanted text, keys text[], listed jsonb[]) RETURNS TABLE (ordinal bigint, problem text)
LANGUAGE plpgsql STABLE
AS $$
DECLARE
  target linkage.link_target := linkage.find_link_target(wanted);
BEGIN
  RETURN QUERY
  SELECT i.ordinal, p.problem
  FROM unnest(keys, listed) WITH ORDINALITY AS i (key, listed, ordinal)
  CROSS JOIN LATERAL (
    SELECT CASE
      WHEN linkage.read_record_key(target, i.key) IS NULL THEN format('%L is no key of %s.', i.key, target.name)
      WHEN linkage.read_user_id(i.listed ->> 'user') IS NULL AND i.listed ->> 'user' IS NOT NULL THEN
        format('%L is no id of a user (for record %s).', i.listed ->> 'user', i.key)
      WHEN linkage.read_guest_id(i.listed ->> 'guest') IS NULL AND i.listed ->> 'guest' IS NOT NULL THEN
        format('%L is no id of a guest (for record %s).', i.listed ->> 'guest', i.key)
    END
  ) AS p (problem)
  WHERE p.problem IS NOT NULL
  ORDER BY i.ordinal;
END
$$;

-- The list as it is worked off: keys as the audit writes them, what is in it twice once; of each record what it was when it was listed
-- ({"user", "guest", "phone"}, as far as the caller knows; of the rest, what it is now), and where its link came from. That takes scans, so
-- it is found out here, once for all of them; it stays true as long as the record is what it was.
-- Plan: the target's primary key; linkage.judge_user_links; linkage.link_origins once.
CREATE OR REPLACE FUNCTION linkage.repair_items(wanted text, keys text[], listings jsonb[])
RETURNS TABLE (ordinal bigint, record_key text, listed jsonb, origin_rule text, origin_guest {{guest_id}}, crosses_events boolean)
LANGUAGE plpgsql STABLE SET jit = off
AS $$
DECLARE
  target linkage.link_target := linkage.find_link_target(wanted);
  asked  record;
  found  record;
BEGIN
  SELECT array_agg(i.record_key ORDER BY i.ordinal) AS keys, array_agg(i.listed ORDER BY i.ordinal) AS listed
  INTO asked
  FROM (
    SELECT DISTINCT ON (k.record_key) k.record_key, i.listed, i.ordinal
    FROM unnest(keys, listings) WITH ORDINALITY AS i (key, listed, ordinal)
    CROSS JOIN LATERAL (SELECT linkage.read_record_key(target, i.key)) AS k (record_key)
    ORDER BY k.record_key, i.ordinal
  ) AS i;

  EXECUTE format(
    'SELECT
       array_agg(c.k) AS keys, array_agg(c.g) AS guests, array_agg(c.e) AS events, array_agg(c.p) AS phones, array_agg(c.u) AS users
     FROM unnest($1) WITH ORDINALITY AS i (record_key, ordinal)
     JOIN LATERAL (%s) AS c ON true',
    linkage.target_records(target, linkage.record_key_condition(target, 'i.record_key')))
  INTO found
  USING asked.keys;

  RETURN QUERY EXECUTE
    'WITH judged AS MATERIALIZED (
       SELECT * FROM linkage.judge_user_links($1, $2, $3, $4, $5, $6, NULL, NULL, NULL)
     ),
     open AS MATERIALIZED (
       SELECT
         array_agg(j.record_key ORDER BY j.ordinal) AS keys, array_agg(j.event_id ORDER BY j.ordinal) AS events,
         array_agg(j.normalized_phone ORDER BY j.ordinal) AS phones, array_agg(j.user_id ORDER BY j.ordinal) AS users
       FROM judged j
       WHERE j.is_open
     ),
     origin AS MATERIALIZED (
       SELECT k.record_key, o.rule, o.guest_id, o.crosses_events
       FROM open n
       CROSS JOIN LATERAL linkage.link_origins($1, n.keys, n.events, n.phones, n.users) o
       JOIN LATERAL unnest(n.keys) WITH ORDINALITY AS k (record_key, ordinal) ON k.ordinal = o.ordinal
     )
     SELECT
       i.ordinal, i.record_key,
       jsonb_build_object(
         ''user'', CASE WHEN i.listed ? ''user'' THEN linkage.read_user_id(i.listed ->> ''user'') ELSE j.user_id END,
         ''guest'', CASE WHEN i.listed ? ''guest'' THEN linkage.read_guest_id(i.listed ->> ''guest'') ELSE j.guest_id END,
         ''phone'', CASE WHEN i.listed ? ''phone'' THEN i.listed ->> ''phone'' ELSE j.phone END),
       o.rule, o.guest_id, o.crosses_events
     FROM unnest($7, $8) WITH ORDINALITY AS i (record_key, listed, ordinal)
     LEFT JOIN judged j ON j.record_key = i.record_key
     LEFT JOIN origin o ON o.record_key = i.record_key
     ORDER BY i.ordinal'
  USING target.name, found.keys, found.guests, found.events, found.phones, found.users, asked.keys, asked.listed;
END
$$;

-- Hands the list to a run.
CREATE OR REPLACE FUNCTION linkage.list_repairs(run_id uuid, wanted text, keys text[], listed jsonb[]) RETURNS void
LANGUAGE sql
AS $$
  INSERT INTO linkage.user_link_repair_item (run_id, ordinal, record_key, listed, origin_rule, origin_guest, crosses_events)
  SELECT $1, i.ordinal, i.record_key, i.listed, i.origin_rule, i.origin_guest, i.crosses_events
  FROM linkage.repair_items($2, $3, $4) i
$$;

-- What such a run would do, in a transaction that may be READ ONLY.
CREATE OR REPLACE FUNCTION linkage.preview_repairs(wanted text, keys text[], listed jsonb[]) RETURNS jsonb
LANGUAGE plpgsql
AS $$
DECLARE
  item record;
BEGIN
  SELECT
    array_agg(i.record_key ORDER BY i.ordinal) AS keys, array_agg(i.listed ORDER BY i.ordinal) AS listed,
    array_agg(i.origin_rule ORDER BY i.ordinal) AS rules, array_agg(i.origin_guest ORDER BY i.ordinal) AS guests,
    array_agg(i.crosses_events ORDER BY i.ordinal) AS crossings
  INTO item
  FROM linkage.repair_items(wanted, keys, listed) i;
  RETURN linkage.repair_user_links(
    NULL, (linkage.find_link_target(wanted)).name, item.keys, item.listed, item.rules, item.guests, item.crossings, 'preview', NULL);
END
$$;

-- One batch of the list.
CREATE OR REPLACE FUNCTION linkage.repair_listed_links(run_id uuid, walk jsonb, key_set jsonb, mode text) RETURNS jsonb
LANGUAGE plpgsql
AS $$
DECLARE
  item record;
BEGIN
  EXECUTE format(
    'SELECT
       array_agg(t.record_key ORDER BY t.ordinal) AS keys, array_agg(t.listed ORDER BY t.ordinal) AS listed,
       array_agg(t.origin_rule ORDER BY t.ordinal) AS rules, array_agg(t.origin_guest ORDER BY t.ordinal) AS guests,
       array_agg(t.crosses_events ORDER BY t.ordinal) AS crossings
     FROM linkage.user_link_repair_item t WHERE %s AND %s',
    linkage.candidates(walk), linkage.key_set_condition(walk, key_set))
  INTO item;
  RETURN linkage.repair_user_links(
    run_id, walk ->> 'target', item.keys, item.listed, item.rules, item.guests, item.crossings, mode, walk ->> 'fault');
END
$$;

-- Repairs records, each only if it is still what it was when it was listed ('changed meanwhile' if not), by what the rules say of it now:
--
--   without a user   linked where the rule gives one, else no_match, ambiguous or skipped, as in a backfill
--   a wrong link     to the user that the rule gives (relinked), or to none where it gives none (unlinked). Nothing is suppressed: nobody
--                    parted the two by a decision, and where the rule finds that user later, it is right
--   any other link   unchanged
--
-- Suppressed users and the flag hold as everywhere: skipped. fault is why none of it can be carried out; null if it can.
-- The records are looked up once, and locked: what is decided of them stays true until it is carried out. What guests say is read after
-- that; a guest who is linked anew while this statement runs is not waited for, and the next report names what is wrong then.
-- Plan: the target's primary key; linkage.judge_user_links; TID scans of the target, or its primary key. Nested loops over the batch.
CREATE OR REPLACE FUNCTION linkage.repair_user_links(
  run_id uuid, wanted text, record_keys text[], listed jsonb[], origin_rules text[], origin_guests {{guest_id}}[], crossings boolean[],
  mode text, fault text)
RETURNS jsonb
LANGUAGE plpgsql
AS $$
DECLARE
  target  linkage.link_target := linkage.find_link_target(wanted);
  applies boolean := mode = 'apply' AND fault IS NULL;
  found   record;
  decided text;
  changed text := 'SELECT NULL::bigint AS ordinal WHERE false';
  result  jsonb;
BEGIN
  -- Locked in the order of their keys. What seems to be gone is looked for again: a statement that waited for a row of a partitioned table
  -- may have lost it, and the next one, which finds the others locked already, has not.
  FOR attempt IN 1..3 LOOP
    EXECUTE format(
      'WITH found AS MATERIALIZED (
         SELECT i.ordinal, i.origin_rule, i.origin_guest, i.crossing, t.ctid AS position, %1$s
         FROM unnest($1, $2, $3, $4) WITH ORDINALITY AS i (record_key, origin_rule, origin_guest, crossing, ordinal)
         JOIN %2$I.%3$I AS t ON %4$s
         %5$s
       )
       SELECT
         array_agg(f.ordinal) AS ordinals, array_agg(f.k) AS keys, array_agg(f.g) AS guests,
         array_agg(f.e) AS events, array_agg(f.p) AS phones, array_agg(f.u) AS users,
         array_agg(f.origin_rule) AS rules, array_agg(f.origin_guest) AS origins, array_agg(f.crossing) AS crossings,
         array_agg(f.position) AS positions
       FROM found f',
      linkage.record_columns(target), target.table_schema, target.table_name, linkage.record_key_condition(target, 'i.record_key'),
      CASE WHEN applies THEN 'ORDER BY ' || linkage.target_key_columns(target) || ' FOR NO KEY UPDATE OF t' END)
    INTO found
    USING record_keys, origin_rules, origin_guests, crossings;
    EXIT WHEN NOT applies OR cardinality(found.ordinals) = cardinality(record_keys);
  END LOOP;

  decided := format(
    'SELECT
       i.ordinal, i.record_key, f.position, j.event_id, j.normalized_phone, j.matched_guest_id, j.user_id AS current_user_id,
       CASE WHEN o.outcome = ''linked'' THEN j.expected_user_id WHEN o.outcome = ''unchanged'' THEN j.user_id END AS user_id,
       CASE WHEN o.outcome IN (''linked'', ''unlinked'') THEN j.user_id END AS previous_user_id,
       o.outcome, CASE WHEN o.outcome <> ''unchanged'' THEN j.rule END AS rule, o.reason,
       CASE WHEN o.outcome IN (''linked'', ''unlinked'') THEN NULLIF(array_to_string(j.reasons, ''; ''), '''') END AS wrong
     FROM unnest($1, $2) WITH ORDINALITY AS i (record_key, listed, ordinal)
     LEFT JOIN unnest($3, $13) WITH ORDINALITY AS f (ordinal, position, place) ON f.ordinal = i.ordinal
     LEFT JOIN linkage.judge_user_links($4, $5, $6, $7, $8, $9, $10, $11, $12) j ON j.ordinal = f.place
     CROSS JOIN (SELECT {{app}}.get_feature_flag(''LINK_USER_BY_PHONE'') IS TRUE) AS flag (linking)
     CROSS JOIN LATERAL (
       SELECT CASE
         WHEN %1$L IS NOT NULL THEN %1$L
         WHEN f.ordinal IS NULL THEN ''the record is gone''
         WHEN j.user_id::text IS DISTINCT FROM i.listed ->> ''user''
           OR j.guest_id::text IS DISTINCT FROM i.listed ->> ''guest''
           OR NULLIF(j.phone, '''') IS DISTINCT FROM NULLIF(i.listed ->> ''phone'', '''')
           THEN ''changed meanwhile''
         WHEN NOT flag.linking THEN ''feature off''
         WHEN (j.user_id IS NULL OR cardinality(j.reasons) > 0) AND j.rule_reason = ''suppressed'' THEN ''suppressed''
       END
     ) AS s (reason)
     CROSS JOIN LATERAL (
       SELECT
         CASE
           WHEN s.reason IS NOT NULL THEN ''skipped''
           WHEN j.user_id IS NULL THEN j.outcome
           WHEN cardinality(j.reasons) = 0 THEN ''unchanged''
           WHEN j.outcome = ''linked'' THEN ''linked''
           ELSE ''unlinked''
         END,
         CASE WHEN s.reason IS NOT NULL THEN s.reason WHEN j.user_id IS NULL OR cardinality(j.reasons) > 0 THEN j.rule_reason END
     ) AS o (outcome, reason)',
    fault);

  IF mode = 'preview' THEN
    EXECUTE format('WITH examined AS MATERIALIZED (%s) %s', decided, linkage.repair_summary())
    INTO result
    USING
      record_keys, listed, found.ordinals, target.name, found.keys, found.guests, found.events, found.phones, found.users,
      found.rules, found.origins, found.crossings, found.positions;
    RETURN result;
  ELSIF applies THEN
    changed := format(
      'UPDATE %1$I.%2$I AS t SET %3$I = d.user_id FROM decided d
       WHERE %4$s AND d.outcome IN (''linked'', ''unlinked'') AND t.%3$I IS NOT DISTINCT FROM d.current_user_id
       RETURNING d.ordinal',
      target.table_schema, target.table_name, target.user_column,
      concat_ws(' AND ',
        -- a position is one row within a plain table only
        CASE WHEN linkage.is_plain_table(target) THEN 't.ctid = d.position' END,
        linkage.record_key_condition(target, 'd.record_key')));
  END IF;

  EXECUTE format(
    'WITH decided AS MATERIALIZED (%1$s),
     changed AS (%2$s),
     examined AS (
       INSERT INTO {{app}}.user_link_audit (
         table_name, %3$s, event_id, normalized_phone, matched_guest_id, linked_user_id, previous_user_id,
         outcome, run_id, rule, source, dry_run, metadata)
       SELECT
         $4, %4$s, d.event_id, d.normalized_phone, d.matched_guest_id,
         CASE WHEN NOT l.lost THEN d.user_id END, CASE WHEN NOT l.lost THEN d.previous_user_id END,
         CASE WHEN l.lost THEN ''skipped'' ELSE d.outcome END, $14, d.rule, ''repair'', %5$L,
         NULLIF(
           jsonb_strip_nulls(jsonb_build_object(
             ''reason'',
             CASE
               WHEN l.lost THEN ''changed meanwhile''
               WHEN d.outcome IN (''skipped'', ''unlinked'') THEN d.reason
             END,
             ''wrong'', CASE WHEN NOT l.lost THEN d.wrong END)),
           ''{}'')
       FROM decided d
       LEFT JOIN changed c ON c.ordinal = d.ordinal
       -- the application''s own trigger may keep a row from being changed
       CROSS JOIN LATERAL (SELECT d.outcome IN (''linked'', ''unlinked'') AND c.ordinal IS NULL AND %6$L) AS l (lost)
       ORDER BY d.ordinal
       RETURNING %3$s AS record_key, linked_user_id AS user_id, previous_user_id, outcome, rule, metadata ->> ''reason'' AS reason
     )
     %7$s',
    decided, changed,
    CASE WHEN linkage.has_uuid_key(target) THEN 'record_id' ELSE 'record_key' END,
    CASE WHEN linkage.has_uuid_key(target) THEN 'd.record_key::uuid' ELSE 'd.record_key' END,
    mode = 'dry run', applies, linkage.repair_summary())
  INTO result
  USING
    record_keys, listed, found.ordinals, target.name, found.keys, found.guests, found.events, found.phones, found.users,
    found.rules, found.origins, found.crossings, found.positions, run_id;
  RETURN result;
END
$$;

-- The query that counts the rows of a CTE examined and shows the first five.
CREATE OR REPLACE FUNCTION linkage.repair_summary() RETURNS text
LANGUAGE sql IMMUTABLE
AS $$
  SELECT linkage.batch_summary(
    '{
      "linked": "outcome = ''linked'' AND previous_user_id IS NULL", "relinked": "outcome = ''linked'' AND previous_user_id IS NOT NULL",
      "unlinked": "outcome = ''unlinked''", "unchanged": "outcome = ''unchanged''", "no_match": "outcome = ''no_match''",
      "ambiguous": "outcome = ''ambiguous''", "skipped": "outcome = ''skipped''", "suppressed": "reason = ''suppressed''"
    }',
    '{
      "record": "record_key",
      "outcome": "CASE WHEN outcome = ''linked'' AND previous_user_id IS NOT NULL THEN ''relinked'' ELSE outcome END",
      "rule": "rule", "user": "user_id", "reason": "reason"
    }')
$$;
