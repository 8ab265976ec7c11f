-- What depends on a function, table or schema.
SELECT DISTINCT pg_describe_object(d.classid, d.objid, d.objsubid)
FROM pg_depend d
WHERE d.deptype IN ('n', 'a')
  AND (d.refclassid, d.refobjid) IN (
    ('pg_proc'::regclass, to_regprocedure(CASE WHEN @name LIKE '%(%' THEN @name END)::oid),
    ('pg_class'::regclass, to_regclass(CASE WHEN @name NOT LIKE '%(%' THEN @name END)::oid))
  AND (d.classid, d.objid) <> (d.refclassid, d.refobjid)
ORDER BY 1
