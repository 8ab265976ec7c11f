-- The work of a backfill, as Runs wants it described. It visits the whole table, so in the table's own order.
CREATE OR REPLACE FUNCTION linkage.user_link_work(wanted text) RETURNS jsonb
LANGUAGE sql STABLE
AS $$
  SELECT w.work || jsonb_build_object('walk', linkage.whole_table_walk(w.work -> 'walk', 'link_is_audited'))
  FROM linkage.user_link_work_by_key(wanted) AS w (work)
$$;

-- The same by key: for psql's backfill_user_links, whose cursor lasts from one call to the next while rows move.
CREATE OR REPLACE FUNCTION linkage.user_link_work_by_key(wanted text) RETURNS jsonb
LANGUAGE plpgsql STABLE
AS $$
DECLARE
  target linkage.link_target := linkage.find_link_target(wanted);
BEGIN
  RETURN jsonb_build_object(
    'kind', 'UserLinkBackfill',
    'target', target.name,
    'batch', 'link_users',
    'walk', jsonb_build_object(
      'target', target.name,
      'table', linkage.target_table(target),
      'key', to_jsonb(target.key_columns),
      'candidates', 'link_candidates'),
    'undo', linkage.user_link_undo(target.name));
END
$$;

-- The condition on alias t that this run has audited the row. Plan: idx_user_link_audit_run, hashed.
CREATE OR REPLACE FUNCTION linkage.link_is_audited(walk jsonb) RETURNS text
LANGUAGE sql STABLE
AS $$
  SELECT pg_catalog.format(
    'EXISTS (SELECT FROM {{app}}.user_link_audit a WHERE a.run_id = %L AND COALESCE(a.record_key, a.record_id::text) = %s)',
    walk ->> 'run', linkage.record_key_expression(target))
  FROM linkage.link_target target
  WHERE target.name = walk ->> 'target'
$$;

-- What the candidates of a key set ask the rule with, in key order, and in a walk by position where they are; nulls where the key
-- set holds none.
-- Plan: the walk's index, or its pages.
CREATE OR REPLACE FUNCTION linkage.read_link_questions(
  walk jsonb, key_set jsonb,
  OUT record_keys text[], OUT guest_ids {{guest_id}}[], OUT event_ids {{event_id}}[], OUT phones text[], OUT positions tid[])
LANGUAGE plpgsql STABLE
AS $$
DECLARE
  target linkage.link_target := linkage.find_link_target(walk ->> 'target');
BEGIN
  EXECUTE format(
    'SELECT array_agg(c.k), array_agg(c.g), array_agg(c.e), array_agg(c.p), %s
     FROM (
       SELECT t.ctid, %s
       FROM %I.%I AS t
       WHERE %s AND %s
       ORDER BY %s
     ) AS c',
    CASE WHEN linkage.is_by_position(walk) THEN 'array_agg(c.ctid)' ELSE 'NULL::tid[]' END,
    linkage.record_columns(target), target.table_schema, target.table_name,
    linkage.candidates(walk), linkage.key_set_condition(walk, key_set), linkage.key_columns(walk))
  INTO record_keys, guest_ids, event_ids, phones, positions;
END
$$;

-- One batch: decides every candidate of the key set, links, audits each. A row whose phone or guest changed since it was read
-- is left to the trigger that saw the change ('changed meanwhile'). By position, a row that is not where it was any more is looked
-- for by its key; no other row can be there, since the caller's snapshot keeps vacuum from handing its place on.
-- Plan: by position TID scans, by key the target's primary key; a nested loop over the batch either way.
CREATE OR REPLACE FUNCTION linkage.link_users(run_id uuid, walk jsonb, key_set jsonb, mode text) RETURNS jsonb
LANGUAGE plpgsql
AS $$
DECLARE
  target      linkage.link_target := linkage.find_link_target(walk ->> 'target');
  by_position boolean := linkage.is_by_position(walk);
  recheck     text := concat_ws(' AND ',
    format('t.%I::text IS NOT DISTINCT FROM d.asked_phone', target.phone_column),
    't.' || quote_ident(target.guest_column) || ' IS NOT DISTINCT FROM d.asked_guest',
    't.' || quote_ident(target.event_column) || ' IS NOT DISTINCT FROM d.asked_event');
  decided     text := 'SELECT * FROM linkage.decide_user_links($1, $5, $6, $7, $8)';
  by_key      text := linkage.record_key_condition(target, 'd.record_key');
  questions   record;
  moved       bigint[];
  result      jsonb;
  rest        jsonb;
BEGIN
  questions := linkage.read_link_questions(walk, key_set);
  EXECUTE linkage.link_statement(
    target, decided, CASE WHEN by_position THEN 't.ctid = ($9)[d.ordinal]' ELSE by_key END, recheck, by_position, mode,
    walk ->> 'fault')
  INTO result, moved
  USING
    target.name, target.name, run_id, 'backfill',
    questions.record_keys, questions.guest_ids, questions.event_ids, questions.phones, questions.positions;

  IF moved IS NOT NULL THEN
    -- Whatever was written between reading and linking is where its key says now, or gone.
    SELECT
      array_agg(q.k ORDER BY q.i) AS record_keys, array_agg(q.g ORDER BY q.i) AS guest_ids,
      array_agg(q.e ORDER BY q.i) AS event_ids, array_agg(q.p ORDER BY q.i) AS phones
    INTO questions
    FROM unnest(questions.record_keys, questions.guest_ids, questions.event_ids, questions.phones) WITH ORDINALITY AS q (k, g, e, p, i)
    WHERE q.i = ANY (moved);
    EXECUTE linkage.link_statement(target, decided, by_key, recheck, false, mode, NULL)
    INTO rest
    USING
      target.name, target.name, run_id, 'backfill',
      questions.record_keys, questions.guest_ids, questions.event_ids, questions.phones;
    result := jsonb_build_object(
      'counts', linkage.add_counts(result -> 'counts', rest -> 'counts'),
      'sample', jsonb_path_query_array((result -> 'sample') || (rest -> 'sample'), '$[0 to 4]'));
  END IF;
  RETURN result;
END
$$;

-- The statement that carries decisions out: links where the outcome is 'linked' and the row is still as it was decided on,
-- audits every decision, and returns {"counts", "sample"}.
--   decided  a query of (ordinal, record_key, event_id, normalized_phone, matched_guest_id, user_id, outcome, rule, reason)
--   located  a condition that alias t is the row of decision d
--   recheck  a condition on alias t and on decision d, for what the decision relied on
--   leave    whether rows that are not as they were are left out; the second column holds their ordinals, or null
--   fault    why what is decided can't be carried out: all of it is skipped for that reason then; null if it can
-- Parameters: $1 target, $2 table_name in the audit, $3 run, $4 source; from $5 on they are the decisions' own.
CREATE OR REPLACE FUNCTION linkage.link_statement(
  target linkage.link_target, decided text, located text, recheck text, leave boolean, mode text, fault text)
RETURNS text
LANGUAGE plpgsql STABLE
AS $$
DECLARE
  changed text := 'SELECT NULL::bigint AS ordinal WHERE false';
  -- uuid keys go to record_id, others to record_key as text
  keyed   boolean := linkage.has_uuid_key(target);
  leaves  boolean := leave AND mode = 'apply' AND fault IS NULL;
BEGIN
  IF mode = 'preview' THEN
    RETURN format('WITH examined AS MATERIALIZED (%s) %s', decided, linkage.link_summary('NULL::bigint[]'));
  ELSIF mode = 'apply' AND fault IS NULL THEN
    changed := format(
      'UPDATE %1$I.%2$I AS t
       SET %3$I = d.user_id
       FROM decided d
       WHERE %4$s AND d.outcome = ''linked'' AND t.%3$I IS NULL AND %5$s
       RETURNING d.ordinal',
      target.table_schema, target.table_name, target.user_column, located, recheck);
  END IF;

  RETURN format(
    'WITH decided AS MATERIALIZED (%1$s),
     changed AS (%2$s),
     examined AS (
       INSERT INTO {{app}}.user_link_audit (
         table_name, %3$s, event_id, normalized_phone, matched_guest_id, linked_user_id,
         outcome, run_id, rule, source, dry_run, metadata)
       SELECT
         $2, %4$s, d.event_id, d.normalized_phone, d.matched_guest_id, CASE WHEN o.outcome = ''linked'' THEN d.user_id END,
         o.outcome, $3, d.rule, $4, %5$L,
         CASE WHEN o.outcome = ''skipped'' THEN jsonb_build_object(''reason'', o.reason) END
       FROM decided d
       LEFT JOIN changed c ON c.ordinal = d.ordinal
       CROSS JOIN LATERAL (SELECT d.outcome = ''linked'' AND c.ordinal IS NULL AND NOT %5$L) AS l (lost)
       CROSS JOIN LATERAL (
         SELECT
           CASE WHEN l.lost OR %8$L IS NOT NULL THEN ''skipped'' ELSE d.outcome END,
           CASE WHEN %8$L IS NOT NULL THEN %8$L WHEN l.lost THEN ''changed meanwhile'' ELSE d.reason END
       ) AS o (outcome, reason)
       WHERE NOT (l.lost AND %6$L)
       ORDER BY d.ordinal
       RETURNING %3$s AS record_key, linked_user_id AS user_id, outcome, rule, metadata ->> ''reason'' AS reason
     )
     %7$s',
    decided, changed,
    CASE WHEN keyed THEN 'record_id' ELSE 'record_key' END,
    CASE WHEN keyed THEN 'd.record_key::uuid' ELSE 'd.record_key' END,
    mode = 'dry run', leaves,
    linkage.link_summary(CASE WHEN leaves THEN
      'CASE WHEN count(*) < (SELECT count(*) FROM decided) THEN (
         SELECT array_agg(d.ordinal) FROM decided d
         WHERE d.outcome = ''linked'' AND d.ordinal NOT IN (SELECT c.ordinal FROM changed c)) END'
      ELSE 'NULL::bigint[]' END),
    fault);
END
$$;

-- The query that counts the rows of a CTE examined by outcome and shows the first five; moved is its second column.
CREATE OR REPLACE FUNCTION linkage.link_summary(moved text) RETURNS text
LANGUAGE sql IMMUTABLE
AS $$
  SELECT linkage.batch_summary(
    '{
      "linked": "outcome = ''linked''", "no_match": "outcome = ''no_match''", "ambiguous": "outcome = ''ambiguous''",
      "skipped": "outcome = ''skipped''", "suppressed": "reason = ''suppressed''"
    }',
    '{"record": "record_key", "outcome": "outcome", "rule": "rule", "user": "user_id", "reason": "reason"}',
    $1)
$$;

-- One batch of exactly batch_size candidates while that many remain, from where the last call stopped; see the wrapper in the
-- application's schema. A short batch ends the pass, so that the next call starts over; a dry run moves nothing.
CREATE OR REPLACE FUNCTION linkage.backfill_user_links(wanted text, batch_size integer, dry_run boolean)
RETURNS TABLE (
  processed_count bigint, linked_count bigint, no_match_count bigint, ambiguous_count bigint, skipped_count bigint,
  sample_results jsonb)
-- its caller in the application's schema may belong to another role
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET row_security = off
AS $$
DECLARE
  work   jsonb := linkage.user_link_work_by_key(wanted);
  run_id uuid;
  result jsonb;
BEGIN
  IF batch_size IS NULL OR batch_size < 1 THEN
    RAISE EXCEPTION USING
      ERRCODE = '22023',
      MESSAGE = format('batch_size must be 1 or more; it is %s.', COALESCE(batch_size::text, 'null'));
  END IF;

  run_id := linkage.start_run(
    work, COALESCE(dry_run, true), jsonb_build_object('batch_size', batch_size), NULL, NULL, NULL);
  UPDATE linkage.run r
  SET cursor = c.cursor
  FROM linkage.link_cursor c
  WHERE r.id = run_id AND c.target = work ->> 'target';

  IF linkage.claim_range(run_id, 1, 1, batch_size) THEN
    result := linkage.run_batch(run_id, 1, 1, batch_size, 0);
  END IF;

  IF NOT COALESCE(dry_run, true) THEN
    INSERT INTO linkage.link_cursor AS c (target, cursor)
    SELECT r.target, CASE WHEN (result ->> 'rows')::integer = batch_size THEN r.cursor END
    FROM linkage.run r
    WHERE r.id = run_id
    ON CONFLICT (target) DO UPDATE SET cursor = EXCLUDED.cursor;
  END IF;
  PERFORM linkage.finish_run(run_id, 1, 'completed', NULL);

  RETURN QUERY
  SELECT
    COALESCE((n ->> 'processed')::bigint, 0), COALESCE((n ->> 'linked')::bigint, 0), COALESCE((n ->> 'no_match')::bigint, 0),
    COALESCE((n ->> 'ambiguous')::bigint, 0), COALESCE((n ->> 'skipped')::bigint, 0), COALESCE(result -> 'sample', '[]')
  FROM (SELECT result -> 'counts') AS c (n);
END
$$;
