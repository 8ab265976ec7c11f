  -- What stores or checks values of the application's functions of name $1. A plan asks it too, before there is a function.
  SELECT
    n.kind AS "Kind",
    CASE n.kind
      WHEN 'index' THEN i.indexrelid::regclass::text
      WHEN 'constraint' THEN format('%s on %s', k.conname, k.conrelid::regclass)
      WHEN 'column' THEN format('%s of %s', c.attname, c.attrelid::regclass)
      ELSE pg_describe_object(d.classid, d.objid, d.objsubid)
    END AS "Name",
    COALESCE(k.conrelid, c.attrelid)::regclass::text AS "Table",
    -- the constraint's name, or a column that a generated one is computed from
    COALESCE(k.conname, (
      SELECT min(b.attname::text)
      FROM pg_depend e
      JOIN pg_attribute b ON b.attrelid = e.refobjid AND b.attnum = e.refobjsubid
      WHERE e.refclassid = 'pg_class'::regclass AND e.refobjid = c.attrelid AND e.refobjsubid NOT IN (0, c.attnum)
        AND (e.classid = 'pg_attrdef'::regclass AND e.objid = a.oid
          OR e.classid = 'pg_class'::regclass AND e.objid = c.attrelid AND e.objsubid = c.attnum)
    ))::text AS "Part"
  FROM pg_proc p
  JOIN pg_depend d ON d.refclassid = 'pg_proc'::regclass AND d.refobjid = p.oid AND d.deptype IN ('n', 'a')
  LEFT JOIN pg_index i ON d.classid = 'pg_class'::regclass AND i.indexrelid = d.objid
    -- what a partitioned table's index consists of has its own dependencies
    AND (SELECT c.relkind FROM pg_class c WHERE c.oid = d.objid) = 'i'
  -- a child's copy follows its parent's, and what is NOT VALID never held for all rows
  LEFT JOIN pg_constraint k ON d.classid = 'pg_constraint'::regclass AND k.oid = d.objid
    AND k.contype = 'c' AND k.conrelid <> 0 AND k.coninhcount = 0 AND k.convalidated
  LEFT JOIN pg_attrdef a ON d.classid = 'pg_attrdef'::regclass AND a.oid = d.objid
  LEFT JOIN pg_attribute c ON c.attrelid = a.adrelid AND c.attnum = a.adnum AND c.attgenerated = 's'
  CROSS JOIN LATERAL (
    SELECT CASE
      WHEN i.indexrelid IS NOT NULL THEN 'index'
      WHEN k.oid IS NOT NULL THEN 'constraint'
      WHEN c.attname IS NOT NULL THEN 'column'
      ELSE 'other'
    END
  ) AS n (kind)
  WHERE p.pronamespace = '{{app}}'::regnamespace AND p.proname = $1
    AND d.classid <> 'pg_trigger'::regclass
