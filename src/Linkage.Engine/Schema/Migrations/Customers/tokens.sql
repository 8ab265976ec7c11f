-- Whether the application's schema has the tables that customers are usually made from. Under other names they are registered by hand, so this
-- only decides whether an install that was not asked for the component brings it along.
SELECT
  'usual_tables' AS "Name",
  CASE WHEN count(*) = 2 THEN 'there' ELSE 'absent' END AS "Value",
  CASE WHEN count(*) < 2 THEN 'tables "Lead" and "Customer" (with other names: -Component Customers, then Register-CustomerTable)' END
    AS "RequiresUnlessNamed"
FROM pg_class c
WHERE c.relnamespace = '{{app}}'::regnamespace AND c.relkind IN ('r', 'p') AND c.relname IN ('Lead', 'Customer')
