-- The targets of which the table or columns are gone since they were registered.
SELECT p.problem
FROM (SELECT t.name, linkage.target_problem(t) FROM linkage.link_target t) AS p (name, problem)
WHERE p.problem IS NOT NULL
ORDER BY p.name
