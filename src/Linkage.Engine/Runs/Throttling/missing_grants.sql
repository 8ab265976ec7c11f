-- What the role lacks of what a signal reads, as the statements that grant it.
SELECT string_agg(g.statement, '; ') AS grants
FROM (
  SELECT format('GRANT EXECUTE ON FUNCTION %s TO %I', f.name, current_user) AS statement
  FROM unnest(@functions) AS f (name)
  WHERE NOT has_function_privilege('pg_catalog.' || f.name, 'EXECUTE')
  UNION ALL
  SELECT format('GRANT %I TO %I', r.name, current_user)
  FROM (SELECT @role::text) AS r (name)
  WHERE r.name IS NOT NULL AND NOT pg_has_role(r.name, 'USAGE')
) AS g
