-- Undoes a backfill of customers, as Undo-LinkageRun does, for who has only psql: leads and what follows them get back the customer that they
-- had, customers that the run made go unless others came to use them. What somebody changed after the run is left alone and counted as a conflict.
--
--   psql -X -d app -f rollback.sql                                  shows what it would do, and writes nothing
--   psql -X -d app -v apply=on -f rollback.sql                      does it
--   psql -X -d app -v run=01890a5d-ac96-774b-bcce-b302099a8057 -v apply=on -f rollback.sql
--
-- run         the run; the newest backfill of customers that is not undone unless told otherwise. SELECT * FROM linkage.run lists them
-- apply       on: do it
-- batch_size  how many changes one transaction undoes; 5000 unless told otherwise
--
-- Each batch is a transaction of its own, so locks are short; a script that is cut off leaves whole batches, and run again it goes on with the
-- rest. It is itself a run: linkage.run shows it, and it can be undone. It has one worker, waits for nobody and is not held back by replicas or
-- vacuum: for millions of leads use Undo-LinkageRun. It needs Linkage's component Customers, and the privileges of the role linkage_runner of
-- least-privilege.sql. Not behind a pooler in transaction mode.

\set ON_ERROR_STOP on
\if :{?apply}
\else
\set apply off
\endif
\if :{?batch_size}
\else
\set batch_size 5000
\endif
\if :{?run}
\else
\set run ''
\endif

-- What a policy would filter is an error.
SET row_security = off;

SELECT
  COALESCE(
    NULLIF(:'run', '')::uuid,
    (
      SELECT r.id
      FROM linkage.run r
      WHERE r.kind = 'CustomerBackfill' AND NOT r.dry_run AND r.status <> 'undone'
      ORDER BY r.id DESC
      LIMIT 1
    )) AS undone
\gset
\if :{?undone}
\else
DO $$ BEGIN RAISE EXCEPTION 'There is no backfill of customers that is not undone.'; END $$;
\endif

-- The blocks below read these: psql fills in nothing between dollar signs.
SELECT set_config('linkage.undone', :'undone', false) AS undone, set_config('linkage.batch_size', :'batch_size', false) AS batch_size \gset

\if :apply

DO $$
DECLARE
  undone  uuid := current_setting('linkage.undone')::uuid;
  size    integer := current_setting('linkage.batch_size')::integer;
  -- an undo of it that was cut off goes on
  run_id  uuid := (
    SELECT r.id
    FROM linkage.run r
    WHERE r.undoes = undone AND NOT r.dry_run AND r.status IN ('running', 'suspended', 'interrupted', 'stopped', 'failed')
    ORDER BY r.id DESC
    LIMIT 1);
  session integer := 1;
  batch   jsonb;
BEGIN
  IF run_id IS NOT NULL THEN
    session := linkage.resume_run(run_id);
  ELSE
    run_id := linkage.start_run(
      linkage.undo_work(undone, '{"relink": false}'), false, jsonb_build_object('runId', undone, 'allowRelink', false), undone, NULL, NULL);
  END IF;
  PERFORM set_config('linkage.undo_run', run_id::text, false);
  COMMIT;
  -- Its last word is said only when nothing is left of any walk.
  LOOP
    LOOP
      batch := linkage.run_batch(run_id, session, 1, size, size);
      COMMIT;
      EXIT WHEN batch IS NULL OR NOT (batch ->> 'more')::boolean;
    END LOOP;
    EXIT WHEN linkage.follow_walk(run_id, session) = 'end';
    COMMIT;
  END LOOP;
  PERFORM linkage.finish_run(run_id, session, 'completed', NULL);
END
$$;

SELECT
  u.id AS "RunId", u.undoes AS "Undoes", r.status AS "Status", COALESCE((u.counts ->> 'rolled_back')::bigint, 0) AS "RolledBack",
  COALESCE((u.counts ->> 'conflicts')::bigint, 0) AS "Conflicts"
FROM linkage.run u
JOIN linkage.run r ON r.id = u.undoes
WHERE u.id = current_setting('linkage.undo_run')::uuid;

\else

BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY;

DO $$
DECLARE
  work   jsonb := linkage.undo_work(current_setting('linkage.undone')::uuid, '{"relink": false}');
  counts jsonb := '{}';
  batch  jsonb;
BEGIN
  LOOP
    batch := linkage.preview_batch(work, batch -> 'cursor', current_setting('linkage.batch_size')::integer);
    EXIT WHEN batch IS NULL;
    counts := linkage.add_counts(counts, batch -> 'counts');
  END LOOP;
  PERFORM set_config('linkage.undo_counts', counts::text, false);
END
$$;

SELECT
  NULL::uuid AS "RunId", current_setting('linkage.undone')::uuid AS "Undoes", 'preview' AS "Status",
  COALESCE((f.counts ->> 'rolled_back')::bigint, 0) AS "RolledBack", COALESCE((f.counts ->> 'conflicts')::bigint, 0) AS "Conflicts"
FROM (SELECT current_setting('linkage.undo_counts')::jsonb) AS f (counts);

COMMIT;

\endif
