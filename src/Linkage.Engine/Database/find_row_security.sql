-- Why policies apply to this role on a table of this name, and the ways out. With row_security off the server does not even look at what
-- the policies say, so that another policy is no way out. Plan: pg_class by name.
SELECT
  format('%I.%I', n.nspname, c.relname) AS object,
  format(
    'row-level security is on for table %1$I.%2$I, and rows that it hides from role %3$I would pass for rows that are not there. '
    'Let the role see all of them: %4$sor connect as a role that has BYPASSRLS. A policy that lets all rows through is not enough.',
    n.nspname, c.relname, current_user,
    concat(
      format(
        'ALTER ROLE %I BYPASSRLS (by a superuser, or since PostgreSQL 16 by a role that has both CREATEROLE and BYPASSRLS), ',
        current_user),
      CASE
        WHEN NOT c.relforcerowsecurity THEN format('or connect as the owner of the table, %I, ', pg_get_userbyid(c.relowner))
        WHEN pg_has_role(c.relowner, 'USAGE') THEN
          format('or ALTER TABLE %I.%I NO FORCE ROW LEVEL SECURITY, as %I owns it, ', n.nspname, c.relname, pg_get_userbyid(c.relowner))
      END)) AS message
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relname = @named AND c.relrowsecurity AND row_security_active(c.oid)
ORDER BY n.nspname
LIMIT 1
