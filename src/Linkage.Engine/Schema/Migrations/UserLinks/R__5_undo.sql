-- Undo of user links. Every change is an audit row (previous_user_id -> linked_user_id); undoing it is the way back,
-- compare-and-set on the user: what somebody else set since is left alone and reported as a conflict.

-- How a run that linked users is undone, as Runs wants it described. An undo is undone the same way. The table ("changed"), key and
-- user column are those that the audit's records are known by: another definition of that name could not undo them.
CREATE OR REPLACE FUNCTION linkage.user_link_undo(target text) RETURNS jsonb
LANGUAGE sql STABLE
AS $$
  SELECT jsonb_build_object(
    'batch', 'undo_user_link_run',
    'changes', jsonb_build_array('linked', 'rolled_back'),
    'walk', jsonb_build_object(
      'target', $1,
      'changed', linkage.target_table(t),
      'record_key', to_jsonb(t.key_columns),
      'user_column', t.user_column,
      'table', '{{app}}.user_link_audit',
      'key', jsonb_build_array('id'),
      'candidates', 'user_link_changes_of_run'))
  FROM linkage.find_link_target($1) t
$$;

-- The audit rows of a run that an undo has to take back. An error where the target is not registered any more, so that no undo begins that
-- can't be carried out.
-- Plan: idx_user_link_audit_run.
CREATE OR REPLACE FUNCTION linkage.user_link_changes_of_run(walk jsonb) RETURNS text
LANGUAGE sql STABLE
AS $$
  SELECT linkage.changes_to_undo(($1 ->> 'run')::uuid, ARRAY['linked', 'unlinked'])
  FROM linkage.find_link_target($1 ->> 'target')
$$;

-- One batch of undoing a run. A run that linked the deliveries of guests changed every target that knows guests.
CREATE OR REPLACE FUNCTION linkage.undo_user_link_run(run_id uuid, walk jsonb, key_set jsonb, mode text) RETURNS jsonb
LANGUAGE plpgsql
AS $$
DECLARE
  part   record;
  undone jsonb;
  counts jsonb := '{"processed": 0, "rolled_back": 0, "unchanged": 0, "conflicts": 0}';
  sample jsonb := '[]';
BEGIN
  FOR part IN EXECUTE format(
    'SELECT t.table_name, array_agg(t.id ORDER BY t.id) AS changes, array_agg(t.previous_user_id ORDER BY t.id) AS restores
     FROM {{app}}.user_link_audit t
     WHERE %s AND %s
     GROUP BY t.table_name
     ORDER BY t.table_name',
    linkage.candidates(walk), linkage.key_set_condition(walk, key_set))
  LOOP
    undone := linkage.undo_user_links(
      run_id, (linkage.find_audited_target(part.table_name)).name, part.changes, part.restores, COALESCE((walk ->> 'relink')::boolean, false), mode, walk ->> 'fault');
    counts := linkage.add_counts(counts, undone -> 'counts');
    sample := sample || (undone -> 'sample');
  END LOOP;
  RETURN jsonb_build_object('counts', counts, 'sample', jsonb_path_query_array(sample, '$[0 to 4]'));
END
$$;

-- One batch of undoing what happened since a time; the list is in linkage.user_link_undo_item under the run's id.
CREATE OR REPLACE FUNCTION linkage.undo_user_links_listed(run_id uuid, walk jsonb, key_set jsonb, mode text) RETURNS jsonb
LANGUAGE plpgsql
AS $$
DECLARE
  changes  {{audit_id}}[];
  restores {{user_id}}[];
BEGIN
  EXECUTE format(
    'SELECT array_agg(t.audit_id ORDER BY t.ordinal), array_agg(t.restore_user ORDER BY t.ordinal)
     FROM linkage.user_link_undo_item t WHERE %s AND %s',
    linkage.candidates(walk), linkage.key_set_condition(walk, key_set))
  INTO changes, restores;
  RETURN linkage.undo_user_links(
    run_id, walk ->> 'target', changes, restores, COALESCE((walk ->> 'relink')::boolean, false), mode, walk ->> 'fault');
END
$$;

-- Takes changes back: for each audit row in changes, the record's user goes from that row's linked_user_id to restores[i].
-- What has that user already is left as it is; what has another one, or is gone, is a conflict. So is all of it where there is a
-- fault: why it can't be taken back.
-- The records are looked up once, and locked: what is decided stays true, and they stay where they are, until it is carried out.
-- Plan: primary keys of the audit and of the target, then TID scans of the target: nested loops over the batch.
CREATE OR REPLACE FUNCTION linkage.undo_user_links(
  run_id uuid, wanted text, changes {{audit_id}}[], restores {{user_id}}[], relink boolean, mode text, fault text DEFAULT NULL)
RETURNS jsonb
LANGUAGE plpgsql
AS $$
DECLARE
  target   linkage.link_target := linkage.find_link_target(wanted);
  keyed    boolean := linkage.has_uuid_key(target);
  applies  boolean := mode = 'apply' AND fault IS NULL;
  records  record;
  decided  text;
  changed  text := 'SELECT WHERE false';
  released text := 'SELECT WHERE false';
  result   jsonb;
BEGIN
  -- Locked in the order of their keys. In the same breath, before anything is unlinked, what will be is suppressed, so that no
  -- trigger links it again. What seems to be gone is looked for again: a statement that waited for a row of a partitioned table may
  -- have lost it (seen on PostgreSQL 18), and the next one, which finds the others locked already, has not.
  FOR attempt IN 1..3 LOOP
    EXECUTE format(
      'WITH found AS MATERIALIZED (
         SELECT
           c.ordinal, c.restore_user, k.record_key, a.linked_user_id, a.matched_guest_id, t.%1$I AS current_user_id, t.ctid AS position
         FROM unnest($1, $2) WITH ORDINALITY AS c (audit_id, restore_user, ordinal)
         JOIN {{app}}.user_link_audit a ON a.id = c.audit_id
         CROSS JOIN LATERAL (SELECT COALESCE(a.record_key, a.record_id::text)) AS k (record_key)
         JOIN %2$I.%3$I AS t ON %4$s
         %5$s
       )%6$s
       SELECT array_agg(f.ordinal) AS ordinals, array_agg(f.current_user_id) AS users, array_agg(f.position) AS positions FROM found f',
      target.user_column, target.table_schema, target.table_name, linkage.record_key_condition(target, 'k.record_key'),
      CASE WHEN applies THEN 'ORDER BY ' || linkage.target_key_columns(target) || ' FOR NO KEY UPDATE OF t' END,
      CASE WHEN applies THEN
        ', suppressed AS (
           INSERT INTO linkage.link_suppression AS s (target, record_key, user_id, matched_guest_id, run_id)
           SELECT $3, f.record_key, f.linked_user_id, f.matched_guest_id, $4
           FROM found f
           WHERE NOT $5 AND f.restore_user IS NULL AND f.current_user_id = f.linked_user_id
           ON CONFLICT (target, record_key, user_id) DO UPDATE
           SET matched_guest_id = EXCLUDED.matched_guest_id, run_id = EXCLUDED.run_id,
               created_by = EXCLUDED.created_by, created_at = EXCLUDED.created_at
         )' END)
    INTO records
    USING changes, restores, target.name, run_id, relink;
    EXIT WHEN NOT applies OR cardinality(records.ordinals) = cardinality(changes);
  END LOOP;

  decided := format(
    'SELECT
       c.ordinal, a.id AS audit_id, COALESCE(a.record_key, a.record_id::text) AS record_key,
       a.linked_user_id AS expected, c.restore_user, t.current_user_id, t.position,
       a.table_name, a.event_id, a.normalized_phone, a.matched_guest_id, a.rule, a.run_id AS undone_run, o.outcome, r.reason
     FROM unnest($1, $2) WITH ORDINALITY AS c (audit_id, restore_user, ordinal)
     JOIN {{app}}.user_link_audit a ON a.id = c.audit_id
     LEFT JOIN unnest($3, $4, $5) AS t (ordinal, current_user_id, position) ON t.ordinal = c.ordinal
     LEFT JOIN LATERAL (SELECT u.id FROM {{app}}.users u WHERE u.id = c.restore_user OFFSET 0) AS u ON true
     CROSS JOIN LATERAL (
       SELECT CASE
         WHEN %1$L IS NOT NULL THEN %1$L
         WHEN t.ordinal IS NULL THEN ''the record is gone''
         WHEN t.current_user_id IS NOT DISTINCT FROM c.restore_user THEN NULL
         WHEN t.current_user_id IS DISTINCT FROM a.linked_user_id THEN ''the record has another user now''
         WHEN c.restore_user IS NOT NULL AND u.id IS NULL THEN ''the user to restore does not exist''
       END
     ) AS r (reason)
     CROSS JOIN LATERAL (
       SELECT CASE
         WHEN r.reason IS NOT NULL THEN ''conflict''
         WHEN t.current_user_id IS NOT DISTINCT FROM c.restore_user THEN ''unchanged''
         WHEN c.restore_user IS NULL THEN ''unlinked''
         ELSE ''linked''
       END
     ) AS o (outcome)',
    fault);

  IF mode = 'preview' THEN
    EXECUTE format('WITH examined AS MATERIALIZED (%s) %s', decided, linkage.undo_summary())
    INTO result
    USING changes, restores, records.ordinals, records.users, records.positions;
    RETURN result;
  ELSIF applies THEN
    changed := format(
      'UPDATE %I.%I AS t SET %I = d.restore_user FROM decided d WHERE %s AND d.outcome IN (''linked'', ''unlinked'')',
      target.table_schema, target.table_name, target.user_column,
      concat_ws(' AND ',
        -- a position is one row within a plain table only
        CASE WHEN linkage.is_plain_table(target) THEN 't.ctid = d.position' END,
        linkage.record_key_condition(target, 'd.record_key')));
    -- A link that comes back is no longer suppressed.
    released :=
      'DELETE FROM linkage.link_suppression s USING decided d
       WHERE s.target = $7 AND s.record_key = d.record_key COLLATE "C" AND s.user_id = d.restore_user AND d.outcome = ''linked''';
  END IF;

  EXECUTE format(
    'WITH decided AS MATERIALIZED (%1$s),
     changed AS (%2$s),
     released AS (%3$s),
     examined AS (
       INSERT INTO {{app}}.user_link_audit (
         table_name, record_id, record_key, event_id, normalized_phone, matched_guest_id, linked_user_id, previous_user_id,
         outcome, run_id, rule, source, dry_run, metadata)
       SELECT
         d.table_name, %4$s, d.event_id, d.normalized_phone, d.matched_guest_id,
         -- a conflict keeps the change that it could not take back, so that a later undo can try again
         CASE WHEN d.outcome = ''conflict'' THEN d.expected ELSE d.restore_user END,
         CASE WHEN d.outcome = ''conflict'' THEN d.restore_user ELSE d.expected END,
         d.outcome, $6, d.rule, ''undo'', %5$L,
         jsonb_strip_nulls(jsonb_build_object(
           ''undoes'', d.audit_id, ''run'', d.undone_run, ''reason'', d.reason,
           ''found'', CASE WHEN d.outcome = ''conflict'' THEN d.current_user_id END))
       FROM decided d
       ORDER BY d.ordinal
       RETURNING COALESCE(record_key, record_id::text) AS record_key, outcome, metadata ->> ''reason'' AS reason
     )
     %6$s',
    decided, changed, released,
    CASE WHEN keyed THEN 'd.record_key::uuid, NULL' ELSE 'NULL, d.record_key' END,
    mode = 'dry run',
    linkage.undo_summary())
  INTO result
  USING changes, restores, records.ordinals, records.users, records.positions, run_id, target.name;
  RETURN result;
END
$$;

-- The query that counts the rows of a CTE examined and shows the first five.
CREATE OR REPLACE FUNCTION linkage.undo_summary() RETURNS text
LANGUAGE sql IMMUTABLE
AS $$
  SELECT linkage.batch_summary(
    '{
      "rolled_back": "outcome IN (''linked'', ''unlinked'')", "unchanged": "outcome = ''unchanged''", "conflicts": "outcome = ''conflict''"
    }',
    '{"record": "record_key", "outcome": "outcome", "reason": "reason"}')
$$;

-- The net change of each record of a target since a time: its latest audit row, and the user from before the first.
-- What was changed and changed back in between is not in it. Plan: the BRIN index on created_at, one sort.
CREATE OR REPLACE FUNCTION linkage.user_link_changes_since(since timestamptz, target text)
RETURNS TABLE (ordinal bigint, audit_id {{audit_id}}, restore_user {{user_id}})
LANGUAGE sql STABLE
AS $$
  SELECT row_number() OVER (ORDER BY c.id), c.id, c.first_user
  FROM (
    SELECT
      a.id, a.linked_user_id,
      first_value(a.previous_user_id) OVER record AS first_user,
      row_number() OVER record AS change,
      count(*) OVER (PARTITION BY COALESCE(a.record_key, a.record_id::text)) AS changes
    FROM {{app}}.user_link_audit a
    WHERE a.created_at >= $1
      AND a.outcome IN ('linked', 'unlinked')
      AND NOT a.dry_run
      AND a.table_name IN ($2, linkage.guest_link_audit_name($2))
    WINDOW record AS (PARTITION BY COALESCE(a.record_key, a.record_id::text) ORDER BY a.created_at, a.id)
  ) AS c
  WHERE c.change = c.changes AND c.first_user IS DISTINCT FROM c.linked_user_id
$$;

-- The work of an undo by time. prepare lists the records, finish tells the runs that were reached.
CREATE OR REPLACE FUNCTION linkage.undo_since_work(since timestamptz, wanted text, options jsonb) RETURNS jsonb
LANGUAGE plpgsql STABLE
AS $$
DECLARE
  target linkage.link_target := linkage.find_link_target(wanted);
BEGIN
  IF since IS NULL THEN
    RAISE EXCEPTION USING ERRCODE = '22004', MESSAGE = 'An undo by time needs the time; it is null.';
  END IF;
  RETURN jsonb_build_object(
    'kind', 'Undo',
    'target', target.name,
    'prepare', 'list_undo_since',
    'batch', 'undo_user_links_listed',
    'finish', 'end_undo_since',
    'walk', COALESCE(options, '{}') || jsonb_build_object(
      'target', target.name,
      'since', since,
      'changed', linkage.target_table(target),
      'table', 'linkage.user_link_undo_item', 'key', jsonb_build_array('ordinal'), 'candidates', 'run_item_candidates'),
    'undo', linkage.user_link_undo(target.name));
END
$$;

CREATE OR REPLACE FUNCTION linkage.list_undo_since(run_id uuid, walk jsonb) RETURNS void
LANGUAGE sql
AS $$
  INSERT INTO linkage.user_link_undo_item (run_id, ordinal, audit_id, restore_user)
  SELECT $1, c.ordinal, c.audit_id, c.restore_user
  FROM linkage.user_link_changes_since(($2 ->> 'since')::timestamptz, $2 ->> 'target') c
$$;

-- What such an undo would do, in a transaction that may be READ ONLY: nothing is listed, all is looked at in one go.
CREATE OR REPLACE FUNCTION linkage.preview_undo_since(work jsonb) RETURNS jsonb
LANGUAGE plpgsql
AS $$
DECLARE
  changes  {{audit_id}}[];
  restores {{user_id}}[];
BEGIN
  SELECT array_agg(c.audit_id ORDER BY c.ordinal), array_agg(c.restore_user ORDER BY c.ordinal)
  INTO changes, restores
  FROM linkage.user_link_changes_since((work #>> '{walk,since}')::timestamptz, work #>> '{walk,target}') c;
  RETURN linkage.undo_user_links(NULL, work #>> '{walk,target}', changes, restores, false, 'preview');
END
$$;

-- Says of the runs that the undo reached what became of them (all of their changes taken back, or some), and drops the list.
CREATE OR REPLACE FUNCTION linkage.end_undo_since(run_id uuid, walk jsonb) RETURNS void
LANGUAGE sql
AS $$
  UPDATE linkage.run r
  SET status = CASE
    WHEN reached.conflicts = 0 AND r.started_at >= ($2 ->> 'since')::timestamptz THEN 'undone'
    ELSE 'partly undone'
  END,
  undone_from = COALESCE(r.undone_from, r.status)
  FROM (
    SELECT
      (a.metadata ->> 'run')::uuid AS run_id,
      count(*) FILTER (WHERE a.outcome = 'conflict') AS conflicts,
      count(*) FILTER (WHERE a.outcome = 'unlinked') AS unlinked
    FROM {{app}}.user_link_audit a
    WHERE a.run_id = $1 AND NOT a.dry_run AND a.metadata ? 'run'
    GROUP BY 1
    HAVING count(*) FILTER (WHERE a.outcome IN ('linked', 'unlinked')) > 0
  ) AS reached
  WHERE r.id = reached.run_id
    -- Of an undo, what it unlinked has come back: that run is what it was. A repair gave another user.
    AND (reached.unlinked > 0 OR r.kind <> 'Undo')
    AND r.status IN ('completed', 'interrupted', 'stopped', 'failed', 'partly undone');

  DELETE FROM linkage.user_link_undo_item i WHERE i.run_id = $1;
$$;

-- Undo by time in one call and one transaction; see the wrapper in the application's schema.
CREATE OR REPLACE FUNCTION linkage.rollback_user_links(since timestamptz, wanted text, dry_run boolean)
RETURNS TABLE (rolled_back_count bigint, conflict_count bigint, sample_results jsonb)
-- its caller in the application's schema may belong to another role
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET row_security = off
AS $$
DECLARE
  work   jsonb := linkage.undo_since_work(since, wanted, NULL);
  run_id uuid;
  result jsonb;
BEGIN
  run_id := linkage.start_run(work, COALESCE(dry_run, true), jsonb_build_object('since', since), NULL, NULL, NULL);
  IF linkage.claim_range(run_id, 1, 1, 2147483647) THEN
    result := linkage.run_batch(run_id, 1, 1, 2147483647, 0);
  END IF;
  PERFORM linkage.finish_run(run_id, 1, 'completed', NULL);
  RETURN QUERY SELECT
    COALESCE((result #>> '{counts,rolled_back}')::bigint, 0),
    COALESCE((result #>> '{counts,conflicts}')::bigint, 0),
    COALESCE(result -> 'sample', '[]');
END
$$;
