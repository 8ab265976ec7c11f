-- @rows messages of which one in twenty has come twice, @rows / 20 duplicates in all, and half as many attachments as there are messages,
-- of which a message takes its own along when it goes. Keys are random, as uuids are.
CREATE TABLE message (
  id uuid PRIMARY KEY,
  external_id text,
  body text NOT NULL,
  created_at timestamptz NOT NULL
);

CREATE TABLE attachment (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  message_id uuid NOT NULL REFERENCES message ON DELETE CASCADE,
  url text NOT NULL
);

INSERT INTO message
SELECT
  md5('message ' || i)::uuid,
  'SM' || md5((CASE WHEN i % 20 = 0 THEN CASE WHEN i > 10007 THEN i - 10007 ELSE i - 7 END ELSE i END)::text),
  repeat('a message ', 8) || i,
  timestamptz '2026-01-01 00:00:00+00' + i * interval '1 second'
FROM generate_series(1, @rows) AS i;

INSERT INTO attachment (message_id, url)
SELECT md5('message ' || 1 + (i * 7919::bigint) % @rows)::uuid, 'https://files.example/' || i
FROM generate_series(1, @rows / 2) AS i;

CREATE INDEX attachment_message_id_idx ON attachment (message_id);
