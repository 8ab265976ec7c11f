-- What a careful DBA writes: each lead's key is computed once, and what was made and linked is kept, so that there is a way back to be
-- written when it is needed. It can't be stopped half-way, and holds its locks to the end.
BEGIN;

CREATE SCHEMA by_hand;
CREATE TABLE by_hand.made (customer_id uuid, key text, made_at timestamptz DEFAULT now());
CREATE TABLE by_hand.linked (relation text, record_id uuid, customer_id uuid, linked_at timestamptz DEFAULT now());

CREATE TEMPORARY TABLE keyed ON COMMIT DROP AS
SELECT id, name, normalize_phone(phone) AS phone, lower(trim(email)) AS email,
  coalesce('psid:' || messenger_psid, 'phone:' || normalize_phone(phone), 'email:' || lower(trim(email)), 'lead:' || id) AS key
FROM "Lead"
WHERE customer_id IS NULL;
ANALYZE keyed;

WITH made AS (
  INSERT INTO "Customer" (name, phone, email, metadata)
  SELECT min(k.name), min(k.phone), min(k.email),
    jsonb_build_object('groupType', split_part(k.key, ':', 1), 'groupKey', k.key, 'leadCount', count(*), 'createdBy', 'by hand',
      'createdAt', now(), 'multipleLeads', count(*) > 1)
  FROM keyed k
  GROUP BY k.key
  RETURNING id, metadata ->> 'groupKey' AS key
)
INSERT INTO by_hand.made (customer_id, key)
SELECT id, key FROM made;
ANALYZE by_hand.made;

WITH linked AS (
  UPDATE "Lead" l
  SET customer_id = m.customer_id
  FROM keyed k
  JOIN by_hand.made m USING (key)
  WHERE l.id = k.id AND l.customer_id IS NULL
  RETURNING l.id, l.customer_id
)
INSERT INTO by_hand.linked (relation, record_id, customer_id)
SELECT 'Lead', id, customer_id FROM linked;

WITH linked AS (
  UPDATE "Job" j
  SET customer_id = l.customer_id
  FROM "Lead" l
  WHERE l.id = j.lead_id AND j.customer_id IS NULL AND l.customer_id IS NOT NULL
  RETURNING j.id, j.customer_id
)
INSERT INTO by_hand.linked (relation, record_id, customer_id)
SELECT 'Job', id, customer_id FROM linked;

INSERT INTO "Audit" (action, payload)
SELECT 'backfill_customers', jsonb_build_object('stats', jsonb_build_object('CustomersCreated', count(*)))
FROM by_hand.made;

COMMIT;
