-- What a DBA writes who is in a hurry: attachments of duplicates go with them.
DELETE FROM message m
USING (
  SELECT id, row_number() OVER (PARTITION BY external_id ORDER BY created_at, id) AS place
  FROM message
  WHERE external_id IS NOT NULL
) AS d
WHERE d.id = m.id AND d.place > 1;
