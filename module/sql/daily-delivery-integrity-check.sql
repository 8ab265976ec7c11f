-- The checks of Test-DeliveryIntegrity, for who has only psql: whether deliveries have the users that they should have, and whether what links
-- them is at work. It reads only.
--
--   psql -X -d app -f daily-delivery-integrity-check.sql
--   psql -X -d app -v fail_on=critical -f daily-delivery-integrity-check.sql || mail -s 'deliveries' dba@example.com < /dev/null
--
-- target          the table that is checked, by its name as a target; message_deliveries unless told otherwise
-- warning_above   the inconsistency rate, in percent, above which to warn; 0 unless told otherwise
-- critical_above  the one above which it is critical; 1.0 unless told otherwise
-- last            how far back triggers and backfills are looked at; 24 hours unless told otherwise
-- exact           true: deliveries are counted, which reads the whole table, instead of estimated from statistics
-- fail_on         warning or critical: end with exit code 3 if a check is as grave as that. Without it the exit code is 0 whatever is found
--
-- It needs Linkage's component UserLinks (Install-LinkageSchema, or its script), and no more privileges than the role linkage_reader of
-- least-privilege.sql. What to do about what it finds stands in the messages; the cmdlets named there can be run from any machine.

\set ON_ERROR_STOP on
\if :{?target}
\else
\set target message_deliveries
\endif
\if :{?warning_above}
\else
\set warning_above 0
\endif
\if :{?critical_above}
\else
\set critical_above 1.0
\endif
\if :{?last}
\else
\set last '24 hours'
\endif
\if :{?exact}
\else
\set exact false
\endif
\if :{?fail_on}
\else
\set fail_on none
\endif

BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY;
-- What a policy would filter is an error, not a healthy zero.
SET LOCAL row_security = off;

-- Asked first, so that a word that means nothing here is an error, and not a check that never fails.
SELECT :'fail_on' NOT IN ('none', 'warning', 'critical') AS is_unknown \gset
\if :is_unknown
DO $$ BEGIN RAISE EXCEPTION 'fail_on is neither warning nor critical.'; END $$;
\endif

-- Plan: each measure once, by the indexes that its own function names; what is unlinked is what they cost, not the table.
WITH links AS MATERIALIZED (
  SELECT m.*, CASE WHEN m.inconsistent = 0 THEN 0 ELSE 100.0 * m.inconsistent / NULLIF(m.deliveries, 0) END AS rate
  FROM linkage.measure_delivery_integrity(:'target', :'exact'::boolean) m
),
activity AS MATERIALIZED (
  SELECT * FROM linkage.measure_link_activity(:'target', now() - :'last'::interval, :'exact'::boolean)
),
triggers AS MATERIALIZED (
  SELECT
    count(*) AS all_triggers, count(*) FILTER (WHERE t.state NOT IN ('Enabled', 'Always')) AS silent,
    string_agg(format('%s on %s: %s', t.trigger_name, t.table_name, t.state), '; ') FILTER (WHERE t.state NOT IN ('Enabled', 'Always')) AS list
  FROM linkage.link_trigger_states(:'target') t
),
flags AS MATERIALIZED (
  SELECT COALESCE(bool_or(f.is_enabled), false) AS is_linking
  FROM linkage.find_feature_flags(ARRAY['LINK_USER_BY_PHONE']) f
)
SELECT
  jsonb_agg(
    jsonb_build_object('Check', c.check_name, 'Status', c.status, 'Value', c.value, 'Threshold', c.threshold, 'Message', c.message)
    ORDER BY c.place) AS found
FROM (
  SELECT
    1, 'DeliveryInconsistencyRate',
    CASE
      WHEN l.problem IS NOT NULL THEN 'Unknown'
      WHEN l.rate > :'critical_above'::float8 THEN 'Critical'
      WHEN l.rate > :'warning_above'::float8 THEN 'Warning'
      ELSE 'Healthy'
    END,
    CASE WHEN l.problem IS NULL THEN l.rate::float8 END,
    CASE
      WHEN l.problem IS NOT NULL THEN NULL
      WHEN l.rate > :'critical_above'::float8 THEN :'critical_above'::float8
      WHEN l.rate > :'warning_above'::float8 THEN :'warning_above'::float8
      ELSE LEAST(:'warning_above'::float8, :'critical_above'::float8)
    END,
    COALESCE(
      l.problem,
      format(
        '%s of %s%s deliveries have no user although their guest has one.%s', l.inconsistent, CASE WHEN l.is_estimate THEN 'about ' END,
        COALESCE(l.deliveries::text, 'an unknown number of'),
        CASE WHEN l.inconsistent > 0 THEN ' backfill_user_links, or Invoke-UserLinkBackfill, links them.' END))
  FROM links l
  UNION ALL
  SELECT
    2, 'SuppressedDeliveries', CASE WHEN l.problem IS NULL THEN 'Healthy' ELSE 'Unknown' END,
    CASE WHEN l.problem IS NULL THEN l.suppressions::float8 END, NULL,
    COALESCE(l.problem, format('%s unlinked deliveries are kept so by an undo.', l.suppressions))
  FROM links l
  UNION ALL
  SELECT
    3, 'DeliveryTriggers', CASE WHEN t.silent = 0 THEN 'Healthy' ELSE 'Critical' END, t.silent, 0,
    CASE
      WHEN t.silent = 0 THEN format('All %s triggers are enabled.', t.all_triggers)
      ELSE format('New deliveries or guests are not linked: %s. Enable-LinkageTrigger enables, Install-LinkageSchema creates them.', t.list)
    END
  FROM triggers t
  UNION ALL
  SELECT
    4, 'TriggerSuccessRate',
    CASE WHEN a.problem IS NOT NULL THEN 'Unknown' WHEN a.trigger_faults = 0 THEN 'Healthy' ELSE 'Warning' END,
    CASE WHEN a.trigger_attempts > 0 THEN 100.0 * a.trigger_linked / a.trigger_attempts END, NULL,
    COALESCE(
      a.problem,
      format(
        'Of %s deliveries that the trigger examined in the last %s, it linked %s; %s times linking failed%s.', a.trigger_attempts, :'last',
        a.trigger_linked, a.trigger_faults, CASE WHEN a.trigger_faults > 0 THEN ': Get-UserLinkAudit -Outcome skipped says why' END))
  FROM activity a
  UNION ALL
  SELECT
    5, 'BackfillActivity',
    CASE WHEN a.problem IS NOT NULL THEN 'Unknown' WHEN a.runs_failed = 0 THEN 'Healthy' ELSE 'Warning' END,
    CASE WHEN a.problem IS NULL THEN a.backfill_linked END, NULL,
    COALESCE(
      a.problem,
      format(
        'Backfills in the last %s: %s deliveries examined, %s linked; %s runs, of which %s failed or were cut off%s.', :'last',
        a.backfill_examined, a.backfill_linked, a.runs, a.runs_failed,
        CASE WHEN a.runs_failed > 0 THEN ': Get-LinkageRun, or linkage.run, tells' END))
  FROM activity a
  UNION ALL
  SELECT
    6, 'LinkingFlags', CASE WHEN f.is_linking THEN 'Healthy' ELSE 'Warning' END, f.is_linking::integer, 1,
    CASE
      WHEN f.is_linking THEN 'Linking is on.'
      ELSE 'Nothing is linked: LINK_USER_BY_PHONE is off. Set-LinkageFeatureFlag switches it on.'
    END
  FROM flags f
) AS c (place, check_name, status, value, threshold, message)
\gset

COMMIT;

SELECT f.*
FROM jsonb_to_recordset(:'found') AS f ("Check" text, "Status" text, "Value" float8, "Threshold" float8, "Message" text);

SELECT
  EXISTS (
    SELECT
    FROM jsonb_to_recordset(:'found') AS f ("Status" text)
    WHERE f."Status" = 'Critical' AND :'fail_on' IN ('warning', 'critical') OR f."Status" = 'Warning' AND :'fail_on' = 'warning'
  ) AS is_grave
\gset
\if :is_grave
DO $$ BEGIN RAISE EXCEPTION 'A check is as grave as fail_on says.'; END $$;
\endif
