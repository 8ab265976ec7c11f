-- Repair of ghosts, by a list that is made when the run starts: each gets the profile that a sign-up gives. Every profile that is made is in
-- cleanup_audit_log with a copy, by which it is undone.

-- The work, as Runs wants it described; the list is in linkage.ghost_user_item under the run's id.
CREATE OR REPLACE FUNCTION linkage.ghost_repair_work() RETURNS jsonb
LANGUAGE sql STABLE
AS $$
  SELECT jsonb_build_object(
    'kind', 'GhostUserRepair',
    'target', '{{profiles}}',
    'batch', 'repair_listed_ghosts',
    'finish', 'drop_run_items',
    'walk', jsonb_build_object(
      'changed', '{{profiles}}',
      'table', 'linkage.ghost_user_item', 'key', jsonb_build_array('ordinal'), 'candidates', 'run_item_candidates'),
    'undo', jsonb_build_object(
      'batch', 'undo_profile_changes',
      'changes', jsonb_build_array('repaired', 'rolled_back'),
      'walk', jsonb_build_object(
        'changed', '{{profiles}}',
        'table', '{{app}}.cleanup_audit_log', 'key', jsonb_build_array('id'), 'candidates', 'profile_changes_of_run')))
$$;

-- Text as an account's id; null where it is none.
CREATE OR REPLACE FUNCTION linkage.read_account_id(id text) RETURNS {{account_id}}
LANGUAGE plpgsql IMMUTABLE
AS $$
BEGIN
  RETURN id::{{account_id}};
EXCEPTION WHEN data_exception THEN
  RETURN NULL;
END
$$;

-- What of a list is no id of an account.
CREATE OR REPLACE FUNCTION linkage.unusable_accounts(account_ids text[]) RETURNS TABLE (ordinal bigint, problem text)
LANGUAGE plpgsql STABLE
AS $$
BEGIN
  RETURN QUERY
  SELECT
    i.ordinal,
    CASE
      WHEN linkage.read_account_id(i.id) IS NULL THEN format('%L is no id of an account.', i.id)
      ELSE format('There is no account %s.', i.id)
    END
  FROM unnest(account_ids) WITH ORDINALITY AS i (id, ordinal)
  LEFT JOIN auth.users a ON a.id = linkage.read_account_id(i.id)
  WHERE a.id IS NULL
  ORDER BY i.ordinal;
END
$$;

-- Hands the list to a run, with what is wrong with some of it from the start.
CREATE OR REPLACE FUNCTION linkage.list_ghosts(run_id uuid, account_ids text[]) RETURNS void
LANGUAGE sql
AS $$
  INSERT INTO linkage.ghost_user_item (run_id, ordinal, account_id, reason)
  SELECT $1, l.ordinal, l.account_id, l.obstacle
  FROM linkage.list_accounts($2) l
$$;

-- What such a run would do, in a transaction that may be READ ONLY.
CREATE OR REPLACE FUNCTION linkage.preview_ghosts(account_ids text[]) RETURNS jsonb
LANGUAGE sql
AS $$
  SELECT linkage.repair_ghosts(
    NULL, COALESCE(array_agg(l.account_id ORDER BY l.ordinal), '{}'), COALESCE(array_agg(l.obstacle ORDER BY l.ordinal), '{}'), 'preview', NULL)
  FROM linkage.list_accounts($1) l
$$;

-- One batch of the list.
CREATE OR REPLACE FUNCTION linkage.repair_listed_ghosts(run_id uuid, walk jsonb, key_set jsonb, mode text) RETURNS jsonb
LANGUAGE plpgsql
AS $$
DECLARE
  item record;
BEGIN
  EXECUTE format(
    'SELECT
       COALESCE(array_agg(t.account_id ORDER BY t.ordinal), ''{}'') AS ids, COALESCE(array_agg(t.reason ORDER BY t.ordinal), ''{}'') AS reasons
     FROM linkage.ghost_user_item t WHERE %s AND %s',
    linkage.candidates(walk), linkage.key_set_condition(walk, key_set))
  INTO item;
  RETURN linkage.repair_ghosts(run_id, item.ids, item.reasons, mode, walk ->> 'fault');
END
$$;

-- Gives accounts their profiles: repaired, skipped (no ghost any more), or failed for a reason. What counts as repaired is what the INSERT
-- returned; the others are judged afterwards, and so nothing that ON CONFLICT or a trigger kept from being written passes for done.
-- reasons: why some of them are not tried; fault: why none is.
-- Plan: the accounts' primary key, the profiles' unique indexes: nested loops over the batch.
CREATE OR REPLACE FUNCTION linkage.repair_ghosts(run_id uuid, ids {{account_id}}[], reasons text[], mode text, fault text) RETURNS jsonb
LANGUAGE plpgsql
AS $$
DECLARE
  source   record := linkage.profile_insert();
  target   text := linkage.profile_conflict_target();
  repaired bigint := 0;
  sample   jsonb := '[]';
  others   {{account_id}}[] := ids;
  rest     jsonb;
BEGIN
  IF mode = 'apply' AND fault IS NULL THEN
    IF target <> '' THEN
      -- Any other conflict is an error of the whole statement then, so it is looked for before.
      reasons := (
        SELECT array_agg(COALESCE(r.reason, j.obstacle) ORDER BY j.ordinal)
        FROM linkage.judge_ghosts(ids) j
        JOIN unnest(reasons) WITH ORDINALITY AS r (reason, ordinal) ON r.ordinal = j.ordinal);
    END IF;
    EXECUTE format(
      'WITH item AS MATERIALIZED (
         SELECT * FROM unnest($1, $2) WITH ORDINALITY AS i (account_id, reason, ordinal)
       ),
       written AS (
         INSERT INTO {{profiles}} AS p (%1$s)
         SELECT %2$s
         FROM item i
         JOIN auth.users a ON a.id = i.account_id
         CROSS JOIN LATERAL (SELECT %3$s) AS v
         WHERE i.reason IS NULL AND %4$s AND (%5$s) IS NULL
         ORDER BY i.ordinal
         ON CONFLICT %6$s DO NOTHING
         RETURNING p.{{profile_key}} AS key, to_jsonb(p) AS copy
       ),
       logged AS (
         INSERT INTO {{app}}.cleanup_audit_log (run_id, table_name, record_id, action, outcome, details)
         SELECT $3, $4, w.key::text, ''repair_ghost_user'', ''repaired'', w.copy
         FROM written w
       ),
       released AS (
         DELETE FROM linkage.user_sync_fault f
         USING written w
         WHERE f.account_id::{{profile_id}} = w.key AND f.operation = ''create''
       )
       SELECT
         (SELECT count(*) FROM written),
         (
           SELECT COALESCE(jsonb_agg(jsonb_build_object(''record'', s.key, ''outcome'', ''repaired'')), ''[]'')
           FROM (SELECT w.key FROM written w LIMIT 5) AS s
         ),
         (
           SELECT array_agg(i.account_id ORDER BY i.ordinal)
           FROM item i
           WHERE NOT EXISTS (SELECT FROM written w WHERE w.key = i.account_id::{{profile_id}})
         )',
      source.columns, source.v_columns, source.column_values, linkage.active_account('a'), source.refusal, target)
    INTO repaired, sample, others
    USING ids, reasons, run_id, '{{profiles}}';
    PERFORM linkage.check_deferred_constraints();
  END IF;

  IF others IS NOT NULL THEN
    rest := linkage.explain_ghosts(run_id, others, ids, reasons, mode, fault);
  END IF;
  RETURN jsonb_build_object(
    'counts', linkage.add_counts(
      jsonb_build_object('processed', repaired, 'repaired', repaired, 'skipped', 0, 'failed_accounts', 0), COALESCE(rest -> 'counts', '{}')),
    'sample', jsonb_path_query_array(sample || COALESCE(rest -> 'sample', '[]'), '$[0 to 4]'));
END
$$;

-- The accounts of a batch that got no profile, with the reason: to be logged, or in a preview to be told. In a dry run and a preview those that
-- would get one are among them.
CREATE OR REPLACE FUNCTION linkage.explain_ghosts(
  run_id uuid, others {{account_id}}[], ids {{account_id}}[], reasons text[], mode text, fault text) RETURNS jsonb
LANGUAGE plpgsql
AS $$
DECLARE
  explained text :=
    'SELECT j.ordinal, j.account_id, o.outcome, o.reason
     FROM linkage.judge_ghosts($1) j
     LEFT JOIN unnest($2, $3) AS l (account_id, reason) ON l.account_id = j.account_id
     CROSS JOIN LATERAL (
       SELECT CASE
         WHEN $4 IS NOT NULL THEN ''failed''
         WHEN j.no_ghost IS NOT NULL THEN ''skipped''
         WHEN l.reason IS NOT NULL OR j.obstacle IS NOT NULL OR $5 THEN ''failed''
         ELSE ''repaired''
       END,
       COALESCE(
         $4, j.no_ghost, j.obstacle, l.reason,
         CASE WHEN $5 THEN
           ''the profile was not written: a trigger or rule of the application kept it from that, or a conflict that only ''
             || ''the server sees, or one that is over''
         END)
     ) AS o (outcome, reason)';
  summary text := linkage.batch_summary(
    '{
      "repaired": "outcome = ''repaired''", "skipped": "outcome = ''skipped''",
      "failed_accounts": "outcome = ''failed'' AND $4 IS NULL"
    }',
    '{"record": "record_id", "outcome": "outcome", "reason": "reason"}');
  result jsonb;
BEGIN
  IF mode = 'preview' THEN
    EXECUTE format('WITH examined AS MATERIALIZED (SELECT e.account_id::text AS record_id, e.outcome, e.reason FROM (%s) AS e) %s', explained, summary)
    INTO result
    USING others, ids, reasons, fault, false;
  ELSE
    EXECUTE format(
      'WITH examined AS (
         INSERT INTO {{app}}.cleanup_audit_log (run_id, table_name, record_id, action, outcome, reason, dry_run)
         SELECT $6, ''{{profiles}}'', e.account_id::text, ''repair_ghost_user'', e.outcome, e.reason, $7
         FROM (%s) AS e
         ORDER BY e.ordinal
         RETURNING record_id, outcome, reason
       )
       %s', explained, summary)
    INTO result
    USING others, ids, reasons, fault, mode = 'apply' AND fault IS NULL, run_id, mode = 'dry run';
  END IF;
  RETURN result;
END
$$;
