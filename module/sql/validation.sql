-- The checks of Test-CustomerLinkage, for who has only psql: whether leads, customers and what follows leads belong together as they should, before
-- or after a backfill. It reads only.
--
--   psql -X -d app -f validation.sql
--   psql -X -d app -v fail_on=critical -v max_leads=10 -f validation.sql
--
-- max_leads  how many leads a customer may have before it is unusually large; 5 unless told otherwise
-- audit_age  how long ago the last backfill may be; 7 days unless told otherwise
-- fail_on    warning or critical: end with exit code 3 if a check is as grave as that. Without it the exit code is 0 whatever is found
--
-- It needs Linkage's component Customers (Install-LinkageSchema, or its script), and no more privileges than the role linkage_reader of
-- least-privilege.sql.

\set ON_ERROR_STOP on
\if :{?max_leads}
\else
\set max_leads 5
\endif
\if :{?audit_age}
\else
\set audit_age '7 days'
\endif
\if :{?fail_on}
\else
\set fail_on none
\endif

SELECT :'fail_on' NOT IN ('none', 'warning', 'critical') AS is_unknown \gset
\if :is_unknown
DO $$ BEGIN RAISE EXCEPTION 'fail_on is neither warning nor critical.'; END $$;
\endif

BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY;
-- What a policy would filter is an error, not a healthy zero.
SET LOCAL row_security = off;

-- Plan: the checks' own; each is one pass over its table or an index.
SELECT
  jsonb_agg(
    jsonb_build_object(
      'Check', c.check_name, 'Status', initcap(c.status), 'Value', c.value, 'Threshold', c.threshold, 'Message', c.message)
    ORDER BY c.place) AS found
FROM linkage.customer_checks(:'max_leads'::integer, :'audit_age'::interval) WITH ORDINALITY AS
  c (check_name, status, value, threshold, message, details, place)
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
