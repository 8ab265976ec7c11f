-- Undo of repairs: a profile that a run made goes, if nobody has changed it or come to refer to it since; what an undo took away comes back.
-- The journal has the copies: an outcome of "repaired" or "restored" is undone by removing, "removed" by restoring.

-- The rows of a run's journal that an undo has to take back. Plan: idx_cleanup_audit_log_run.
CREATE OR REPLACE FUNCTION linkage.profile_changes_of_run(walk jsonb) RETURNS text
LANGUAGE sql STABLE
AS $$ SELECT linkage.changes_to_undo(($1 ->> 'run')::uuid, ARRAY['repaired', 'restored', 'removed']) $$;

-- Who refers to a profile p, as an expression: the tables, or null. Found from the catalog each time.
CREATE OR REPLACE FUNCTION linkage.profile_referrers() RETURNS text
LANGUAGE sql STABLE
AS $$
  SELECT pg_catalog.format(
    'NULLIF(pg_catalog.concat_ws('', '', NULL%s), '''')',
    COALESCE(string_agg(
      pg_catalog.format(
        ', CASE WHEN EXISTS (SELECT FROM %s AS c WHERE %s%s) THEN %L END',
        f.conrelid::regclass, k.matches,
        -- A profile that refers to itself is no user of itself.
        CASE WHEN f.conrelid = f.confrelid THEN ' AND c.{{profile_key}} IS DISTINCT FROM p.{{profile_key}}' END,
        f.conrelid::regclass),
      '' ORDER BY f.oid), ''))
  FROM pg_catalog.pg_constraint f
  CROSS JOIN LATERAL (
    SELECT string_agg(pg_catalog.format('c.%I = p.%I', own.attname, of.attname), ' AND ' ORDER BY u.i) AS matches
    FROM unnest(f.conkey, f.confkey) WITH ORDINALITY AS u (own_number, of_number, i)
    JOIN pg_catalog.pg_attribute own ON own.attrelid = f.conrelid AND own.attnum = u.own_number
    JOIN pg_catalog.pg_attribute of ON of.attrelid = f.confrelid AND of.attnum = u.of_number
  ) AS k
  WHERE f.contype = 'f' AND f.confrelid = '{{profiles}}'::regclass AND f.conparentid = 0
$$;

-- One batch: removes or restores the profiles of journal rows, each only if it is what the journal says.
-- Plan: the journal's key, the profiles' key, the indexes of what refers to them: nested loops over the batch.
CREATE OR REPLACE FUNCTION linkage.undo_profile_changes(run_id uuid, walk jsonb, key_set jsonb, mode text) RETURNS jsonb
LANGUAGE plpgsql
AS $$
DECLARE
  applies boolean := mode = 'apply' AND NOT walk ? 'fault';
  asked   record;
  done    text[] := '{}';
BEGIN
  EXECUTE format(
    'SELECT
       COALESCE(array_agg(t.record_id ORDER BY t.record_id), ''{}'') AS keys,
       COALESCE(array_agg(t.details ORDER BY t.record_id), ''{}'') AS copies,
       COALESCE(array_agg(
         t.outcome IN (''repaired'', ''restored'') OR (t.outcome = ''conflict'' AND t.action = ''remove_profile'') ORDER BY t.record_id), ''{}'')
         AS removals
     FROM {{app}}.cleanup_audit_log t WHERE %s AND %s',
    linkage.candidates(walk), linkage.key_set_condition(walk, key_set))
  INTO asked;

  IF applies THEN
    -- Locked in the order of their keys, by a statement of its own: the next one sees who came to refer to them until then, and nobody
    -- can any more.
    PERFORM
    FROM {{profiles}} p
    WHERE p.{{profile_key}} = ANY (asked.keys::{{profile_id}}[])
    ORDER BY p.{{profile_key}}
    FOR UPDATE;
    EXECUTE format(
      'WITH gone AS (
         DELETE FROM {{profiles}} AS p
         USING unnest($1, $2, $3) AS c (key, copy, is_removal)
         WHERE c.is_removal AND p.{{profile_key}} = c.key::{{profile_id}}
           AND to_jsonb(jsonb_populate_record(p, c.copy)) = to_jsonb(p) AND %s IS NULL
         RETURNING p.{{profile_key}}::text AS key
       ),
       back AS (
         INSERT INTO {{profiles}} AS p (%s) OVERRIDING SYSTEM VALUE
         SELECT %s
         FROM unnest($1, $2, $3) AS c (key, copy, is_removal)
         CROSS JOIN LATERAL jsonb_populate_record(NULL::{{profiles}}, c.copy) AS r
         WHERE NOT c.is_removal AND EXISTS (SELECT FROM auth.users a WHERE a.id::{{profile_id}} = c.key::{{profile_id}} AND %s)
         ON CONFLICT %s DO NOTHING
         RETURNING p.{{profile_key}}::text AS key
       )
       SELECT array_agg(d.key) FROM (SELECT key FROM gone UNION ALL SELECT key FROM back) AS d',
      linkage.profile_referrers(), linkage.stored_profile_columns(''), linkage.stored_profile_columns('r.'), linkage.active_account('a'),
      linkage.profile_conflict_target())
    INTO done
    USING asked.keys, asked.copies, asked.removals;
    PERFORM linkage.check_deferred_constraints();
  END IF;
  RETURN linkage.explain_profile_undo(run_id, asked.keys, asked.copies, asked.removals, COALESCE(done, '{}'), mode, walk ->> 'fault');
END
$$;

-- The columns of a profile that can be written, comma separated, each after a prefix.
CREATE OR REPLACE FUNCTION linkage.stored_profile_columns(prefix text) RETURNS text
LANGUAGE sql STABLE
AS $$
  SELECT string_agg(prefix || pg_catalog.quote_ident(a.attname), ', ' ORDER BY a.attnum)
  FROM pg_catalog.pg_attribute a
  WHERE a.attrelid = '{{profiles}}'::regclass AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
$$;

-- What became of a batch, with the reason: logged, or in a preview only told. done holds the keys that were removed or restored; in a dry run and
-- a preview it is found out which would be.
CREATE OR REPLACE FUNCTION linkage.explain_profile_undo(
  run_id uuid, keys text[], copies jsonb[], removals boolean[], done text[], mode text, fault text) RETURNS jsonb
LANGUAGE plpgsql
AS $$
DECLARE
  explained text := format(
    'SELECT
       c.ordinal, c.key, c.copy, c.is_removal, s.reason,
       CASE
         WHEN c.key = ANY ($4) OR (s.reason IS NULL AND s.is_open AND NOT $6) THEN CASE WHEN c.is_removal THEN ''removed'' ELSE ''restored'' END
         WHEN s.reason IS NULL AND NOT s.is_open THEN ''unchanged''
         ELSE ''conflict''
       END AS outcome
     FROM unnest($1, $2, $3) WITH ORDINALITY AS c (key, copy, is_removal, ordinal)
     LEFT JOIN LATERAL (
       SELECT to_jsonb(jsonb_populate_record(p, c.copy)) = to_jsonb(p) AS is_same, %1$s AS referrers
       FROM {{profiles}} p
       WHERE p.{{profile_key}} = c.key::{{profile_id}}
     ) AS p ON true
     CROSS JOIN LATERAL (
       SELECT
         (p.is_same IS NOT NULL) = c.is_removal AS is_open,
         CASE
           WHEN $5 IS NOT NULL THEN $5
           WHEN c.key = ANY ($4) THEN NULL
           WHEN c.is_removal AND NOT p.is_same THEN ''the profile was changed since''
           WHEN c.is_removal AND p.referrers IS NOT NULL THEN format(''the profile is referred to by %%s'', p.referrers)
           WHEN c.is_removal AND p.is_same AND $6 THEN ''a trigger or rule of the application kept the profile''
           WHEN NOT c.is_removal AND p.is_same IS FALSE THEN ''the account has another profile now''
           WHEN NOT c.is_removal AND p.is_same IS NULL
             AND NOT EXISTS (SELECT FROM auth.users a WHERE a.id::{{profile_id}} = c.key::{{profile_id}} AND %2$s)
             THEN ''the account is gone, soft-deleted or anonymous''
           WHEN NOT c.is_removal AND p.is_same IS NULL AND $6
             THEN ''another profile has what must be unique in this one, or a trigger of the application kept it from being written''
         END
     ) AS s (is_open, reason)',
    linkage.profile_referrers(), linkage.active_account('a'));
  summary text := linkage.batch_summary(
    '{
      "rolled_back": "outcome IN (''removed'', ''restored'')", "unchanged": "outcome = ''unchanged''", "conflicts": "outcome = ''conflict''"
    }',
    '{"record": "record_id", "outcome": "outcome", "reason": "reason"}');
  result jsonb;
BEGIN
  IF mode = 'preview' THEN
    EXECUTE format('WITH examined AS MATERIALIZED (SELECT e.key AS record_id, e.outcome, e.reason FROM (%s) AS e) %s', explained, summary)
    INTO result
    USING keys, copies, removals, done, fault, false;
  ELSE
    EXECUTE format(
      'WITH examined AS (
         INSERT INTO {{app}}.cleanup_audit_log (run_id, table_name, record_id, action, outcome, reason, details, dry_run)
         SELECT
           $7, ''{{profiles}}'', e.key, CASE WHEN e.is_removal THEN ''remove_profile'' ELSE ''restore_profile'' END, e.outcome, e.reason, e.copy, $8
         FROM (%s) AS e
         ORDER BY e.ordinal
         RETURNING record_id, outcome, reason
       )
       %s', explained, summary)
    INTO result
    USING keys, copies, removals, done, fault, mode = 'apply', run_id, mode = 'dry run';
  END IF;
  RETURN result;
END
$$;
