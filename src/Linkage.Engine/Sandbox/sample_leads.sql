-- Fills the tables of customers. As in sample_data.sql, everything is computed from the seed and the number of the row. Persons come first,
-- those with an ill before all others, so that however few leads there are, no ill is missing; then their customers, their leads, and what
-- follows these.

-- How many persons have each ill, and how many leads each of them has.
CREATE TEMPORARY TABLE sample_lead_plan ON COMMIT DROP AS
SELECT ill, persons, leads, sum(persons) OVER (ORDER BY place)::bigint - persons AS first_person
FROM (
  VALUES
    -- More leads than a customer usually has, all linked.
    (1, 'large', greatest(@leads / 1000, 1), 7),
    -- Two persons, each with a PSID, whom somebody took for one customer.
    (2, 'mixed', 2 * greatest(@leads / 1000, 1), 2),
    -- Customer twice, with one phone or one e-mail that is written in two ways.
    (3, 'double phone', greatest(@leads / 200, 1), 2),
    (4, 'double email', greatest(@leads / 400, 1), 2),
    -- An earlier script made the customer, and the lead isn't linked to it.
    (5, 'lost', greatest(@leads / 100, 1), 1),
    -- One lead is linked, and a later one is not.
    (6, 'returning', greatest(@leads / 50, 1), 2),
    -- Wrote by messenger at first, and gave the same phone over the counter later.
    (7, 'walk-in', greatest(@leads / 100, 1), 2),
    -- Two persons with a PSID each and one phone.
    (8, 'household', 2 * greatest(@leads / 200, 1), 1),
    -- Sent by an agency, which gave its own phone for each of its 25 clients.
    (9, 'agency', 25 * greatest(@leads / 1000, 1), 1),
    -- A phone or an e-mail that is nobody's.
    (10, 'placeholder', greatest(@leads / 40, 4), 1),
    -- Two phones in the one field, which are no number.
    (11, 'two phones', greatest(@leads / 200, 1), 2),
    -- Nothing wrong: the leads and all that follows them have their customer.
    (12, 'known', greatest(@leads / 8, 20), 1)
) AS plan (place, ill, persons, leads);

-- Of all others, six in ten have one lead, and none has more than four.
CREATE TEMPORARY TABLE sample_lead_person ON COMMIT DROP AS
SELECT person, ill, nth, kind, has_phone, is_foreign, first_lead, leads, arrived_at,
  CASE WHEN kind = 'psid' THEN (1000000000000000 + pg_temp.sample_number(@seed, 71, person, 9000000000000000))::text END AS psid,
  pg_temp.sample_digits(
    @seed, CASE ill WHEN 'household' THEN person - nth % 2 WHEN 'agency' THEN person - nth % 25 ELSE person END, is_foreign) AS digits,
  CASE
    WHEN kind = 'email' OR kind <> 'none' AND ill IN ('new', 'known') AND pg_temp.sample_unit(@seed, 72, person) < 0.2
    THEN pg_temp.sample_email(@seed, person)
  END AS email,
  pg_temp.sample_name(@seed, person) AS name,
  CASE
    WHEN pg_temp.sample_unit(@seed, 73, person) < 0.6
    THEN 1 + pg_temp.sample_number(@seed, 74, person, 998) || ' '
      || (ARRAY['Oak Street', 'Main Street', 'Elm Avenue', 'Lake Drive', 'Hill Road', 'Park Lane'])
        [1 + pg_temp.sample_number(@seed, 75, person, 6)]
      || ', '
      || (ARRAY['Springfield', 'Riverton', 'Fairview', 'Georgetown'])
        [1 + pg_temp.sample_number(@seed, 76, person, 4)]
  END AS address
FROM (
  SELECT person, ill, nth, leads, kind,
    kind = 'phone' OR kind = 'psid' AND (ill NOT IN ('new', 'known') OR pg_temp.sample_unit(@seed, 70, person) < 0.4) AS has_phone,
    ill IN ('new', 'known') AND pg_temp.sample_unit(@seed, 10, person) < 0.04 AS is_foreign,
    sum(leads) OVER (ORDER BY person) - leads AS first_lead,
    timestamptz '2025-01-01 00:00:00+00' + pg_temp.sample_number(@seed, 77, person, 25920000) * interval '1 second' AS arrived_at
  FROM (
    SELECT person, coalesce(ill, 'new') AS ill, person - first_person AS nth,
      CASE
        WHEN ill IS NOT NULL THEN plan.leads
        WHEN many < 0.60 THEN 1
        WHEN many < 0.85 THEN 2
        WHEN many < 0.95 THEN 3
        ELSE 4
      END AS leads,
      CASE
        WHEN ill IN ('large', 'mixed', 'walk-in', 'household') THEN 'psid'
        WHEN ill IN ('double phone', 'lost', 'agency', 'two phones') THEN 'phone'
        WHEN ill = 'double email' THEN 'email'
        WHEN ill = 'placeholder' THEN 'none'
        WHEN ill = 'returning' THEN CASE (person - first_person) % 2 WHEN 0 THEN 'psid' ELSE 'phone' END
        WHEN chance < 0.55 THEN 'psid'
        WHEN chance < 0.90 THEN 'phone'
        WHEN chance < 0.98 OR ill = 'known' THEN 'email'
        ELSE 'none'
      END AS kind
    FROM generate_series(0, @leads - 1) AS person
    LEFT JOIN sample_lead_plan AS plan ON person >= first_person AND person < first_person + persons,
      LATERAL (SELECT pg_temp.sample_unit(@seed, 78, person), pg_temp.sample_unit(@seed, 79, person)) AS draw (chance, many)
  ) AS kinds
) AS persons
WHERE first_lead < @leads;

-- Who is a customer already. An earlier script made every second one of those with nothing wrong, and wrote down by what.
CREATE TEMPORARY TABLE sample_customer ON COMMIT DROP AS
SELECT pg_temp.sample_uuid(@seed, 80 + other, person) AS customer_id, person, other, ill, name, address, is_scripted,
  CASE
    WHEN NOT has_phone THEN NULL
    WHEN other = 1 THEN pg_temp.sample_phone(digits, is_foreign, 3)
    WHEN is_foreign THEN '+' || digits
    ELSE '+1' || digits
  END AS phone,
  CASE other WHEN 0 THEN email ELSE upper(email) END AS email,
  CASE
    WHEN is_scripted THEN jsonb_build_object(
      'groupType', kind,
      'groupKey', kind || ':' || CASE kind WHEN 'psid' THEN psid WHEN 'phone' THEN digits ELSE email END,
      'leadCount', leads, 'createdBy', 'backfill-customers.ts', 'createdAt', arrived_at + interval '1 hour', 'multipleLeads', leads > 1)
    ELSE '{}'
  END AS metadata,
  arrived_at + interval '1 hour' + other * interval '20 days' AS created_at
FROM (
  SELECT *, ill = 'lost' OR ill = 'known' AND nth % 2 = 0 AS is_scripted
  FROM sample_lead_person
) AS persons
CROSS JOIN generate_series(0, 1) AS other
WHERE ill IN ('large', 'known', 'lost', 'returning') AND other = 0
  OR ill = 'mixed' AND nth % 2 = 0 AND other = 0
  OR ill IN ('double phone', 'double email')
UNION ALL
-- Entered by hand, and nothing came of it.
SELECT pg_temp.sample_uuid(@seed, 82, k), @leads + k, 0, 'empty', pg_temp.sample_name(@seed, @leads + k), NULL, false,
  '+1' || pg_temp.sample_digits(@seed, @leads + k, false), NULL, '{}',
  timestamptz '2025-01-01 00:00:00+00' + pg_temp.sample_number(@seed, 83, k, 25920000) * interval '1 second'
FROM generate_series(0, greatest(@leads / 100, 1) - 1) AS k;

CREATE TEMPORARY TABLE sample_lead ON COMMIT DROP AS
SELECT i, ill, lead_id, name, psid, phone, email, address, customer_id, created_at,
  -- Counts the leads with a customer.
  CASE WHEN customer_id IS NOT NULL THEN row_number() OVER (PARTITION BY customer_id IS NULL ORDER BY i) END AS linked
FROM (
  SELECT i, ill, pg_temp.sample_uuid(@seed, 84, i) AS lead_id,
    CASE
      WHEN name_form < 0.80 THEN name
      WHEN name_form < 0.88 THEN left(name, 1) || '. ' || split_part(name, ' ', 2)
      WHEN name_form < 0.94 THEN upper(name)
      ELSE split_part(name, ' ', 2) || ', ' || split_part(name, ' ', 1)
    END AS name,
    CASE WHEN ill <> 'walk-in' OR nth_lead = 0 THEN psid END AS psid,
    CASE
      WHEN ill = 'placeholder' THEN CASE WHEN i % 2 = 0 THEN (ARRAY['000-000-0000', '1111111111', 'none'])[1 + i / 2 % 3] END
      WHEN ill = 'two phones' THEN pg_temp.sample_phone(digits, false, 4) || ' / ' || pg_temp.sample_phone(reverse(digits), false, 4)
      WHEN has_phone THEN pg_temp.sample_phone(digits, is_foreign, pg_temp.sample_number(@seed, 85, i, 10))
    END AS phone,
    CASE
      WHEN ill = 'placeholder' THEN CASE WHEN i % 2 = 1 THEN (ARRAY['test@test.com', 'n/a', 'none@none.com'])[1 + i / 2 % 3] END
      WHEN email_form < 0.70 THEN email
      WHEN email_form < 0.85 THEN upper(email)
      ELSE ' ' || initcap(email) || ' '
    END AS email,
    CASE WHEN pg_temp.sample_unit(@seed, 88, i) < 0.7 THEN address END AS address,
    CASE
      WHEN ill IN ('large', 'known') OR ill = 'returning' AND nth_lead = 0 THEN pg_temp.sample_uuid(@seed, 80, person)
      WHEN ill = 'mixed' THEN pg_temp.sample_uuid(@seed, 80, person - nth % 2)
      WHEN ill IN ('double phone', 'double email') THEN pg_temp.sample_uuid(@seed, 80 + nth_lead, person)
    END AS customer_id,
    arrived_at + nth_lead * interval '15 days' AS created_at
  FROM sample_lead_person,
    LATERAL (
      SELECT i, i - first_lead, pg_temp.sample_unit(@seed, 86, i), pg_temp.sample_unit(@seed, 87, i)
      FROM generate_series(first_lead, least(first_lead + leads, @leads) - 1) AS i
    ) AS lead (i, nth_lead, name_form, email_form)
) AS leads;

INSERT INTO public."Customer" (id, name, phone, email, metadata, created_at)
SELECT customer_id, name, phone, email, metadata, created_at
FROM sample_customer
ORDER BY created_at, customer_id;

-- Every customer whose address is known has it, and so has every second one of those who are there twice, with another.
INSERT INTO public."CustomerAddress" (id, customer_id, label, address, created_at)
SELECT pg_temp.sample_uuid(@seed, 89 + other, person), customer_id, 'home', coalesce(address, '1 Station Road, Riverton'), created_at
FROM sample_customer
WHERE address IS NOT NULL OR ill IN ('double phone', 'double email')
UNION ALL
SELECT pg_temp.sample_uuid(@seed, 91, person), customer_id, 'billing', 'PO Box ' || 100 + person % 900, created_at + interval '1 day'
FROM sample_customer
WHERE ill IN ('large', 'known') AND person % 5 = 0 OR other = 1;

INSERT INTO public."Lead" (id, name, phone, email, messenger_psid, address, customer_id, created_at)
SELECT lead_id, name, phone, email, psid, address, customer_id, created_at
FROM sample_lead
ORDER BY created_at, lead_id;

-- A job for each lead. Of those whose lead has its customer, one in ten was left behind, and one in fifty has another customer: that of the
-- very first person, whose own leads are among the first seven.
CREATE TEMPORARY TABLE sample_job ON COMMIT DROP AS
SELECT pg_temp.sample_uuid(@seed, 92, i) AS job_id, lead_id, state, title_number, created_at + interval '2 days' AS created_at,
  CASE state WHEN 'agrees' THEN customer_id WHEN 'disagrees' THEN pg_temp.sample_uuid(@seed, 80, 0) END AS customer_id
FROM (
  SELECT i, lead_id, customer_id, created_at, pg_temp.sample_number(@seed, 93, i, 4) AS title_number,
    CASE
      WHEN customer_id IS NULL THEN 'waits'
      WHEN linked % 10 = 5 THEN 'left behind'
      WHEN linked % 50 = 20 THEN 'disagrees'
      ELSE 'agrees'
    END AS state
  FROM sample_lead
) AS states
UNION ALL
-- Ordered over the counter by a customer, without a lead.
SELECT pg_temp.sample_uuid(@seed, 94, person), NULL, 'without lead', 0, created_at + interval '40 days', customer_id
FROM sample_customer
WHERE ill = 'known' AND person % 10 = 0;

INSERT INTO public."Job" (id, lead_id, customer_id, title, created_at)
SELECT job_id, lead_id, customer_id, (ARRAY['Repair', 'Installation', 'Inspection', 'Estimate'])[1 + title_number], created_at
FROM sample_job
ORDER BY created_at, job_id;

INSERT INTO public."Conversation" (id, lead_id, customer_id, created_at)
SELECT pg_temp.sample_uuid(@seed, 95, i), lead_id, CASE WHEN linked % 10 <> 7 THEN customer_id END, created_at
FROM sample_lead
WHERE psid IS NOT NULL
ORDER BY created_at, lead_id;

-- What the earlier script left, and what the application writes besides.
INSERT INTO public."Audit" (action, payload, created_at)
SELECT 'customer_created', jsonb_build_object('customerId', customer_id), created_at
FROM sample_customer
WHERE NOT is_scripted
UNION ALL
SELECT 'backfill_customers',
  jsonb_build_object('stats', jsonb_build_object('customersCreated', count(*), 'errors', 0)), timestamptz '2025-11-01 03:00:00+00'
FROM sample_customer
WHERE is_scripted
ORDER BY 3, 2;

SELECT
  count(*) AS leads,
  count(*) FILTER (WHERE customer_id IS NULL) AS "leadsWithoutCustomer",
  count(*) FILTER (WHERE ill = 'lost' OR ill = 'returning' AND customer_id IS NULL) AS "leadsOfKnownCustomers",
  count(*) FILTER (WHERE ill = 'placeholder') AS "leadsWithPlaceholder",
  count(*) FILTER (WHERE ill = 'walk-in' AND psid IS NULL) AS "leadsOverTheCounter",
  count(*) FILTER (WHERE ill = 'household') / 2 AS "householdPhones",
  count(*) FILTER (WHERE ill = 'agency') AS "leadsOfAgencies",
  (SELECT count(*) FROM sample_customer) AS customers,
  (SELECT count(*) FROM sample_customer WHERE ill IN ('lost', 'empty')) AS "customersWithoutLeads",
  (SELECT count(*) FROM sample_customer WHERE ill = 'large') AS "largeCustomers",
  (SELECT count(*) FROM sample_customer WHERE ill = 'mixed') AS "mixedCustomers",
  (SELECT count(*) FROM sample_customer WHERE ill = 'double phone' AND other = 1) AS "duplicatePhones",
  (SELECT count(*) FROM sample_customer WHERE ill = 'double email' AND other = 1) AS "duplicateEmails",
  (SELECT count(*) FROM sample_job) AS jobs,
  (SELECT count(*) FROM sample_job WHERE customer_id IS NULL) AS "jobsWithoutCustomer",
  (SELECT count(*) FROM sample_job WHERE state = 'left behind') AS "jobsLeftBehind",
  (SELECT count(*) FROM sample_job WHERE state = 'disagrees') AS "jobsThatDisagree",
  count(psid) AS conversations,
  count(*) FILTER (WHERE psid IS NOT NULL AND (customer_id IS NULL OR linked % 10 = 7)) AS "conversationsWithoutCustomer"
FROM sample_lead;
