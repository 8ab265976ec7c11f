-- Clearing the audit of what is old and no undo needs any more. A run like any other, except that nothing can undo it.

-- The work of clearing, as Runs wants it described. tables is by the audit's own names, null for all; force clears what an undo
-- still needs, too.
-- The walk goes by id up to the last old row. That row is found by time, in the old part only: asked for by id, the planner would
-- go backward through everything that is not old. Plan: idx_user_link_audit_created_at (BRIN), one top-1 sort.
CREATE OR REPLACE FUNCTION linkage.user_link_audit_clear_work(older_than timestamptz, tables text[], force boolean) RETURNS jsonb
LANGUAGE plpgsql STABLE
AS $$
DECLARE
  last_old text;
BEGIN
  IF older_than IS NULL THEN
    RAISE EXCEPTION USING ERRCODE = '22004', MESSAGE = 'Clearing the audit needs a time before which it is old; it is null.';
  END IF;
  SELECT old.id::text INTO last_old
  FROM (
    SELECT a.id
    FROM {{app}}.user_link_audit a
    WHERE a.created_at < older_than
    OFFSET 0
  ) AS old
  ORDER BY old.id DESC
  LIMIT 1;
  RETURN jsonb_build_object(
    'kind', 'UserLinkAuditClear',
    'target', 'user_link_audit',
    'batch', 'clear_user_link_audit',
    'walk', jsonb_build_object(
      'table', '{{app}}.user_link_audit',
      'key', jsonb_build_array('id'),
      'candidates', 'user_link_audit_up_to',
      'last_old', last_old,
      'older_than', older_than,
      'tables', to_jsonb(tables),
      'force', COALESCE(force, false)));
END
$$;

-- Every row up to the last old one: what is needed or not is decided per batch, so that a batch reads its own rows only, however
-- many of them stay.
CREATE OR REPLACE FUNCTION linkage.user_link_audit_up_to(walk jsonb) RETURNS text
LANGUAGE sql STABLE
AS $$
  SELECT CASE WHEN walk ->> 'last_old' IS NULL THEN 'false' ELSE pg_catalog.format('t.id <= %L', walk ->> 'last_old') END
$$;

-- One batch. Counts: processed (old rows), cleared, kept (an undo needs them). What is cleared by force takes the undo of its runs
-- along: an undo that took back a part would say that it took back all.
-- Plan: the audit's primary key by range, then by id.
CREATE OR REPLACE FUNCTION linkage.clear_user_link_audit(run_id uuid, walk jsonb, key_set jsonb, mode text) RETURNS jsonb
LANGUAGE plpgsql
AS $$
DECLARE
  old_rows {{audit_id}}[];
  needed   {{audit_id}}[] := '{}';
  cleared  {{audit_id}}[];
  changes  uuid[];
BEGIN
  EXECUTE format(
    'SELECT COALESCE(array_agg(t.id ORDER BY t.id), ''{}'')
     FROM {{app}}.user_link_audit AS t
     WHERE %s AND %s AND t.created_at < $1 AND ($2 IS NULL OR t.table_name = ANY ($2))',
    linkage.candidates(walk), linkage.key_set_condition(walk, key_set))
  INTO old_rows
  USING
    (walk ->> 'older_than')::timestamptz,
    CASE WHEN jsonb_typeof(walk -> 'tables') = 'array' THEN ARRAY(SELECT jsonb_array_elements_text(walk -> 'tables')) END;

  IF NOT (walk ->> 'force')::boolean THEN
    needed := linkage.needed_user_link_audit(old_rows);
  END IF;
  cleared := ARRAY(SELECT unnest(old_rows) EXCEPT SELECT unnest(needed));

  IF mode = 'apply' THEN
    WITH gone AS (
      DELETE FROM {{app}}.user_link_audit a
      WHERE a.id = ANY (cleared)
      RETURNING a.id, CASE WHEN a.outcome IN ('linked', 'unlinked') AND NOT a.dry_run THEN a.run_id END AS changed_by
    )
    SELECT COALESCE(array_agg(g.id), '{}'), array_agg(DISTINCT g.changed_by) FILTER (WHERE g.changed_by IS NOT NULL)
    INTO cleared, changes
    FROM gone g;

    IF (walk ->> 'force')::boolean THEN
      UPDATE linkage.run r
      SET undo = NULL, message = concat_ws(' ', r.message, format('Run %s cleared what its undo needs.', run_id))
      WHERE r.id = ANY (changes) AND r.undo IS NOT NULL;
    END IF;
  END IF;

  RETURN jsonb_build_object(
    'counts', jsonb_build_object(
      'processed', cardinality(old_rows), 'cleared', cardinality(cleared), 'kept', cardinality(needed)),
    'sample', '[]'::jsonb);
END
$$;

-- Which of these audit rows an undo needs:
--   a change that can be taken back: its record still has the user that the change gave it
--   a change that was taken back and can return: its record has the user from before, its run is undone or an undo suppressed it
--   a conflict that the undo of a partly undone run will try again
-- Plan: by id, then per target its primary key, a nested loop over the batch.
CREATE OR REPLACE FUNCTION linkage.needed_user_link_audit(audit_ids {{audit_id}}[]) RETURNS {{audit_id}}[]
LANGUAGE plpgsql STABLE
AS $$
DECLARE
  target linkage.link_target;
  found  {{audit_id}}[];
  needed {{audit_id}}[];
BEGIN
  SELECT COALESCE(array_agg(a.id), '{}') INTO needed
  FROM unnest(audit_ids) AS i (id)
  JOIN {{app}}.user_link_audit a ON a.id = i.id
  JOIN linkage.run undoing ON undoing.id = a.run_id
  JOIN linkage.run undone ON undone.id = undoing.undoes
  WHERE a.outcome = 'conflict' AND NOT a.dry_run AND undone.status = 'partly undone';

  FOR target IN
    SELECT t.* FROM linkage.link_target t WHERE linkage.target_problem(t) IS NULL
  LOOP
    EXECUTE format(
      'SELECT COALESCE(array_agg(a.id), ''{}'')
       FROM unnest($1) AS i (id)
       JOIN {{app}}.user_link_audit a
         ON a.id = i.id AND a.table_name IN ($2, $3) AND a.outcome IN (''linked'', ''unlinked'') AND NOT a.dry_run
       CROSS JOIN LATERAL (SELECT COALESCE(a.record_key, a.record_id::text)) AS k (record_key)
       JOIN %1$I.%2$I AS t ON %3$s
       WHERE t.%4$I IS NOT DISTINCT FROM a.linked_user_id
          OR t.%4$I IS NOT DISTINCT FROM a.previous_user_id
             AND (
               EXISTS (SELECT FROM linkage.run r WHERE r.id = a.run_id AND r.status IN (''undone'', ''partly undone''))
               OR EXISTS (
                 SELECT
                 FROM linkage.link_suppression s
                 WHERE s.target = $2 AND s.record_key = k.record_key COLLATE "C" AND s.user_id = a.linked_user_id))',
      target.table_schema, target.table_name, linkage.record_key_condition(target, 'k.record_key'), target.user_column)
    INTO found
    USING audit_ids, target.name, linkage.guest_link_audit_name(target.name);
    needed := needed || found;
  END LOOP;
  RETURN needed;
END
$$;
