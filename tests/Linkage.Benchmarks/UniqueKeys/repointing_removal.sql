-- The same by somebody with more care: what refers to duplicates is re-pointed first. No copies, no way back.
CREATE TEMPORARY TABLE duplicate AS
SELECT d.id, d.survivor
FROM (
  SELECT
    id, first_value(id) OVER w AS survivor, row_number() OVER w AS place
  FROM message
  WHERE external_id IS NOT NULL
  WINDOW w AS (PARTITION BY external_id ORDER BY created_at, id)
) AS d
WHERE d.place > 1;

ANALYZE duplicate;

UPDATE attachment a SET message_id = d.survivor FROM duplicate d WHERE a.message_id = d.id;

DELETE FROM message m USING duplicate d WHERE d.id = m.id;
