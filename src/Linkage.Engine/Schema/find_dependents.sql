  -- What stores or checks values of the application's functions of name $1. A plan asks it too, before there is a function.
  SELECT
    CASE
      WHEN i.indexrelid IS NOT NULL THEN 'index'
      WHEN k.oid IS NOT NULL THEN 'constraint'
      WHEN a.oid IS NOT NULL THEN 'column'
      ELSE 'other'
    END AS "Kind",
    COALESCE(
      i.indexrelid::regclass::text,
      format('%s on %s', k.conname, k.conrelid::regclass),
      format('%s of %s', c.attname, a.adrelid::regclass),
      pg_describe_object(d.classid, d.objid, d.objsubid)) AS "Name"
  FROM pg_proc p
  JOIN pg_depend d ON d.refclassid = 'pg_proc'::regclass AND d.refobjid = p.oid AND d.deptype IN ('n', 'a')
  LEFT JOIN pg_index i ON d.classid = 'pg_class'::regclass AND i.indexrelid = d.objid
    -- what a partitioned table's index consists of has its own dependencies
    AND (SELECT c.relkind FROM pg_class c WHERE c.oid = d.objid) = 'i'
  LEFT JOIN pg_constraint k ON d.classid = 'pg_constraint'::regclass AND k.oid = d.objid
  LEFT JOIN pg_attrdef a ON d.classid = 'pg_attrdef'::regclass AND a.oid = d.objid
  LEFT JOIN pg_attribute c ON c.attrelid = a.adrelid AND c.attnum = a.adnum
  WHERE p.pronamespace = '{{app}}'::regnamespace AND p.proname = $1
    AND d.classid <> 'pg_trigger'::regclass
