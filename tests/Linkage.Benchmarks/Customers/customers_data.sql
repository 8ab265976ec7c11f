-- @rows leads and as many jobs, none of them with a customer, in the order in which they came: 55 % by messenger, 35 % with no more than a
-- phone, 8 % with no more than an e-mail, 2 % with nothing. Five of eight leads are of somebody new; the others are of somebody who came
-- before, within the last tenth of the table. Three in ten who write by messenger have given their phone, and one in four of their later
-- leads has that alone: another group by priority, the same person if joined transitively. Loaded into bare tables, with the functions of
-- the sandbox's sample data.

CREATE TEMPORARY TABLE lead ON COMMIT DROP AS
SELECT i, kind, has_phone, is_foreign,
  -- who left nothing is never known again
  CASE WHEN kind = 'none' THEN i ELSE person END AS person,
  i <> person AND kind = 'psid' AND has_phone AND pg_temp.sample_unit(1, 5, i) < 0.25 AS is_walk_in
FROM (
  SELECT i, person, pg_temp.sample_unit(1, 3, person) < 0.3 AS has_phone, pg_temp.sample_unit(1, 4, person) < 0.04 AS is_foreign,
    CASE
      WHEN kind_draw < 0.57 THEN 'psid'
      WHEN kind_draw < 0.90 THEN 'phone'
      WHEN kind_draw < 0.98 THEN 'email'
      ELSE 'none'
    END AS kind
  FROM (
    SELECT i,
      CASE
        WHEN i % 8 < 5 THEN i
        ELSE i / 8 * 8 - 8 * pg_temp.sample_number(1, 1, i, least(i / 8, @rows / 80) + 1) + pg_temp.sample_number(1, 2, i, 5)
      END AS person
    FROM generate_series(0, @rows - 1) AS i
  ) AS people,
    LATERAL (SELECT pg_temp.sample_unit(1, 6, person)) AS draw (kind_draw)
) AS leads;

-- Whose each lead is: what joining transitively should find.
CREATE SCHEMA truth;
CREATE TABLE truth.lead AS SELECT pg_temp.sample_uuid(1, 7, i) AS id, person FROM lead;

INSERT INTO public."Lead" (id, name, phone, email, messenger_psid, address, created_at)
SELECT pg_temp.sample_uuid(1, 7, i), pg_temp.sample_name(1, person),
  CASE
    WHEN kind = 'phone' OR kind = 'psid' AND has_phone
    THEN pg_temp.sample_phone(pg_temp.sample_digits(1, person, is_foreign), is_foreign, pg_temp.sample_number(1, 8, i, 10))
  END,
  CASE WHEN kind = 'email' THEN CASE WHEN i % 3 = 0 THEN initcap(email) ELSE email END END,
  CASE WHEN kind = 'psid' AND NOT is_walk_in THEN (1000000000000000 + person * 7919)::text END,
  CASE WHEN person % 5 < 3 THEN 1 + person % 900 || ' Main Street, Springfield' END,
  timestamptz '2025-01-01 00:00:00+00' + i * interval '1 year' / @rows
FROM lead, LATERAL (SELECT pg_temp.sample_email(1, person)) AS address (email)
ORDER BY i;

INSERT INTO public."Job" (id, lead_id, title, created_at)
SELECT pg_temp.sample_uuid(1, 9, i), pg_temp.sample_uuid(1, 7, i), 'Repair',
  timestamptz '2025-01-02 00:00:00+00' + i * interval '1 year' / @rows
FROM lead
ORDER BY i;
