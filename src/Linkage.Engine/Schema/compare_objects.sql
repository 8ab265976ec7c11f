-- Functions and triggers as they were installed, beside what they are now.
SELECT
  i.object AS "Object",
  i.kind AS "Kind",
  o.object IS NULL AS "IsMissing",
  COALESCE(o.fingerprint <> i.fingerprint, false) AS "IsChanged",
  COALESCE(o.is_enabled, true) AS "IsEnabled"
FROM linkage.installed_object i
LEFT JOIN linkage.own_objects() o ON o.object = i.object
WHERE i.kind IN ('function', 'trigger')
ORDER BY i.object
