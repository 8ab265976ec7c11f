-- Who would install, and what is installed.
SELECT
  current_user::text AS "CurrentUser",
  pg_get_userbyid((SELECT n.nspowner FROM pg_namespace n WHERE n.nspname = 'linkage'))::text AS "Owner",
  COALESCE(pg_has_role((SELECT n.nspowner FROM pg_namespace n WHERE n.nspname = 'linkage'), 'MEMBER'), true) AS "IsMember",
  to_regclass('linkage.migration') IS NOT NULL
    AND to_regclass('linkage.installation') IS NOT NULL
    AND to_regclass('linkage.installed_object') IS NOT NULL
    AND to_regclass('linkage.stale_index') IS NOT NULL
    AND to_regclass('linkage.stale_constraint') IS NOT NULL AS "IsInstalled",
  to_regprocedure('linkage.own_objects()') IS NOT NULL AS "CanListObjects",
  EXISTS (SELECT FROM pg_namespace n WHERE n.nspname = @applicationSchema) AS "HasApplicationSchema",
  quote_ident(@applicationSchema) AS "QuotedSchema"
