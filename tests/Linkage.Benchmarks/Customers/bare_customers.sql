-- What a DBA writes who is in a hurry: the same keys, no journal, no way back, and all locks held to the end of each statement.

INSERT INTO "Customer" (name, phone, email, metadata)
SELECT min(l.name), min(normalize_phone(l.phone)), min(lower(l.email)),
  jsonb_build_object('groupType', split_part(l.key, ':', 1), 'groupKey', l.key, 'leadCount', count(*), 'createdBy', 'by hand',
    'createdAt', now(), 'multipleLeads', count(*) > 1)
FROM (
  SELECT name, phone, email,
    coalesce('psid:' || messenger_psid, 'phone:' || normalize_phone(phone), 'email:' || lower(trim(email)), 'lead:' || id) AS key
  FROM "Lead"
  WHERE customer_id IS NULL
) AS l
GROUP BY l.key;

UPDATE "Lead" l
SET customer_id = c.id
FROM "Customer" c
WHERE l.customer_id IS NULL
  AND c.metadata ->> 'groupKey'
    = coalesce('psid:' || l.messenger_psid, 'phone:' || normalize_phone(l.phone), 'email:' || lower(trim(l.email)), 'lead:' || l.id);

UPDATE "Job" j
SET customer_id = l.customer_id
FROM "Lead" l
WHERE l.id = j.lead_id AND j.customer_id IS NULL AND l.customer_id IS NOT NULL;
