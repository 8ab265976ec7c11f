-- Fills the application's tables. Everything is computed from the seed and the number of the row, never drawn from random(), so that equal
-- seeds give equal rows. The numbers of rows follow from @deliveries: an event has 40 guests and 3 messages, and each message goes to each
-- guest.

-- How many of each, and the share of the guests that have each ill. A guest has three deliveries, so shares of guests are shares of
-- deliveries.
CREATE TEMPORARY TABLE sample_plan ON COMMIT DROP AS
SELECT deliveries, guests, messages, events, people, no_guest,
  -- The own guest is removed, and another row of the same person is active and has the user.
  0.1 * linkable / (1 - no_guest) AS readded,
  -- The own guest is active and has the user; so many of its deliveries have the user too.
  (0.9 * linkable + 0.4 * rest) / (1 - no_guest) AS guest_linked,
  0.4 * rest / greatest(0.9 * linkable + 0.4 * rest, 1e-9) AS delivery_linked,
  0.30 * rest / (1 - no_guest) AS no_user,
  0.12 * rest / (1 - no_guest) AS ambiguous,
  -- The others are removed for good. What is left without a phone is drawn from all but the re-added, who need one to be found.
  least((1 - @phones) / (1 - 0.1 * linkable), 1) AS no_phone
FROM (
  SELECT @deliveries AS deliveries, guests, events, @linkable AS linkable, 1 - @linkable AS rest, 0.1 * (1 - @linkable) AS no_guest,
    @deliveries / 120 * 3 + (@deliveries % 120 + 39) / 40 AS messages,
    -- Everyone is a guest of three events, and nobody twice of one.
    greatest(40, guests / 3) AS people
  FROM (
    SELECT @deliveries / 120 * 40 + least(@deliveries % 120, 40) AS guests, (@deliveries + 119) / 120 AS events
  ) AS sizes
) AS shares;

CREATE TEMPORARY TABLE sample_person ON COMMIT DROP AS
SELECT person, is_foreign, pg_temp.sample_digits(@seed, person, is_foreign) AS digits, pg_temp.sample_uuid(@seed, 1, person) AS user_id
FROM (
  SELECT person, pg_temp.sample_unit(@seed, 10, person) < 0.04 AS is_foreign
  FROM generate_series(0, (SELECT people FROM sample_plan) - 1) AS person
) AS people;

-- Guests in the order of their events. Who has no account and never had one is a person beyond all others.
CREATE TEMPORARY TABLE sample_guest ON COMMIT DROP AS
SELECT n, ill, is_foreign, digits, person, name_of,
  pg_temp.sample_uuid(@seed, 3, n) AS guest_id,
  pg_temp.sample_uuid(@seed, 2, event_number) AS event_id,
  user_id,
  -- Of these ten forms, the second row of a person takes one of 0, 3, 6 and 9, so that the two are never written alike.
  CASE WHEN ill = 'ambiguous' THEN (ARRAY[1, 2, 4, 5, 7, 8])[1 + pg_temp.sample_number(@seed, 21, n, 6)]
    ELSE CASE WHEN pg_temp.sample_unit(@seed, 22, n) < 0.5 THEN 2 ELSE pg_temp.sample_number(@seed, 21, n, 10) END
  END AS form,
  event_at - interval '20 days' + pg_temp.sample_number(@seed, 23, n, 864000) * interval '1 second' AS created_at
FROM (
  SELECT n, event_number, event_at, ill, person,
    CASE WHEN is_stranger THEN people + n ELSE person END AS name_of,
    CASE WHEN is_stranger THEN false ELSE is_foreign END AS is_foreign,
    CASE WHEN is_stranger THEN pg_temp.sample_digits(@seed, people + n, false) ELSE digits END AS digits,
    user_id
  FROM (
    SELECT n, n / 40 AS event_number, people, ill,
      ill = 'no user' AND pg_temp.sample_unit(@seed, 24, n) < 0.5 AS is_stranger,
      (pg_temp.sample_number(@seed, 25, n / 40, people) + n % 40) % people AS person,
      timestamptz '2025-01-01 00:00:00+00' + n / 40 * interval '365 days' / events AS event_at
    FROM (
      SELECT n, people, events,
        CASE
          WHEN chance < guest_linked THEN 'none'
          WHEN chance < guest_linked + readded THEN 'readded'
          WHEN chance < guest_linked + readded + no_user THEN 'no user'
          WHEN chance < guest_linked + readded + no_user + ambiguous THEN 'ambiguous'
          ELSE 'removed'
        END AS ill
      FROM sample_plan, generate_series(0, guests - 1) AS n, LATERAL (SELECT pg_temp.sample_unit(@seed, 20, n)) AS draw(chance)
    ) AS ills
  ) AS guests
  JOIN sample_person USING (person)
) AS persons;

ANALYZE sample_guest;

-- Everybody who was ever a guest, except the strangers. Systems disagree about the plus sign, so one user in four is stored without it.
INSERT INTO public.users (id, phone, email, name, created_at)
SELECT user_id,
  CASE
    WHEN chance < 0.65 THEN CASE WHEN is_foreign THEN '+' || digits ELSE '+1' || digits END
    WHEN chance < 0.90 THEN CASE WHEN is_foreign THEN digits ELSE '1' || digits END
    WHEN chance < 0.97 THEN pg_temp.sample_phone(digits, is_foreign, pg_temp.sample_number(@seed, 31, person, 10))
  END,
  -- Who has no phone has an e-mail, and so have most others.
  CASE WHEN chance >= 0.97 OR pg_temp.sample_unit(@seed, 35, person) < 0.75 THEN pg_temp.sample_email(@seed, person) END,
  pg_temp.sample_name(@seed, person),
  timestamptz '2024-06-01 00:00:00+00' + pg_temp.sample_number(@seed, 32, person, 31536000) * interval '1 second'
FROM sample_person, LATERAL (SELECT pg_temp.sample_unit(@seed, 30, person)) AS draw(chance);

-- A second user with the phone of the first, as families and offices have.
INSERT INTO public.users (id, phone, email, name, created_at)
SELECT pg_temp.sample_uuid(@seed, 4, person), CASE WHEN is_foreign THEN digits ELSE '1' || digits END,
  pg_temp.sample_email(@seed, person + 500000000), pg_temp.sample_name(@seed, person + 500000000),
  timestamptz '2024-06-01 00:00:00+00' + pg_temp.sample_number(@seed, 33, person, 31536000) * interval '1 second'
FROM sample_person
WHERE pg_temp.sample_unit(@seed, 34, person) < 0.04;

INSERT INTO public.events (id, title)
SELECT pg_temp.sample_uuid(@seed, 2, e),
  (ARRAY['Birthday', 'Wedding', 'Reunion', 'Concert', 'Workshop', 'Gala'])[1 + pg_temp.sample_number(@seed, 40, e, 6)] || ' ' || e + 1
FROM sample_plan, generate_series(0, events - 1) AS e;

INSERT INTO public.event_guests (id, event_id, guest_name, phone, user_id, removed_at, created_at)
SELECT guest_id, event_id, pg_temp.sample_name(@seed, name_of), pg_temp.sample_phone(digits, is_foreign, form),
  CASE
    WHEN ill IN ('no user', 'ambiguous') THEN NULL
    WHEN ill IN ('readded', 'removed') AND pg_temp.sample_unit(@seed, 26, n) < 0.5 THEN NULL
    ELSE user_id
  END,
  CASE WHEN ill IN ('readded', 'removed') THEN created_at + interval '5 days' END,
  created_at
FROM sample_guest;

-- The second row of a person at one event: added again after a removal, or typed in twice. Both are linked.
INSERT INTO public.event_guests (id, event_id, guest_name, phone, user_id, removed_at, created_at)
SELECT pg_temp.sample_uuid(@seed, 5, n), event_id, pg_temp.sample_name(@seed, name_of),
  pg_temp.sample_phone(digits, is_foreign, 3 * pg_temp.sample_number(@seed, 27, n, 4)), user_id, NULL, created_at + interval '6 days'
FROM sample_guest
WHERE ill IN ('readded', 'ambiguous');

INSERT INTO public.messages (id, event_id, body, created_at)
SELECT pg_temp.sample_uuid(@seed, 6, m), pg_temp.sample_uuid(@seed, 2, m / 3),
  (ARRAY['You are invited.', 'See you soon!', 'Thank you for coming.'])[1 + m % 3],
  timestamptz '2025-01-01 00:00:00+00' + m / 3 * interval '365 days' / events + m % 3 * interval '7 days'
FROM sample_plan, generate_series(0, messages - 1) AS m;

-- Deliveries in the order in which they were sent. The plan is one hash join with the guests as the hashed side; the rows are kept in a
-- tuplestore in order to be counted by their state without a second look at the table.
WITH deliveries AS MATERIALIZED (
  SELECT i, guest_id, digits, is_foreign, user_id, person, people, no_phone,
    CASE WHEN state = 'linked' AND pg_temp.sample_unit(@seed, 54, i) < 0.01 THEN 'wrong' ELSE state END AS state,
    CASE WHEN state = 'readded' THEN 2 ELSE pg_temp.sample_unit(@seed, 52, i) END AS phone_chance,
    timestamptz '2025-01-01 00:00:00+00' + i / 120 * interval '365 days' / events
      + i / 40 % 3 * interval '7 days' + i % 40 * interval '50 ms' AS sent_at
  FROM (
    SELECT i, guest_id, digits, is_foreign, user_id, person, people, events, no_phone,
      CASE
        WHEN pg_temp.sample_unit(@seed, 50, i) < no_guest THEN 'no guest'
        WHEN ill <> 'none' THEN ill
        WHEN pg_temp.sample_unit(@seed, 51, i) < delivery_linked THEN 'linked'
        ELSE 'late'
      END AS state
    FROM generate_series(0, @deliveries - 1) AS i
    JOIN sample_guest ON n = i / 120 * 40 + i % 40
    CROSS JOIN sample_plan
  ) AS states
), inserted AS (
  INSERT INTO public.message_deliveries (id, message_id, phone_number, user_id, guest_id, status, created_at, updated_at)
  SELECT pg_temp.sample_uuid(@seed, 7, i),
    pg_temp.sample_uuid(@seed, 6, i / 40),
    CASE
      WHEN phone_chance < no_phone THEN NULL
      WHEN phone_chance < no_phone + 0.015 THEN (ARRAY['invalid', 'n/a', '123'])[1 + i % 3]
      ELSE pg_temp.sample_phone(digits, is_foreign, pg_temp.sample_number(@seed, 53, i, 10))
    END,
    CASE
      WHEN state = 'linked' THEN user_id
      WHEN state = 'wrong' THEN pg_temp.sample_uuid(@seed, 1, (person + 1) % people)
    END,
    CASE WHEN state <> 'no guest' THEN guest_id END,
    CASE WHEN i % 20 < 18 THEN 'delivered' WHEN i % 20 = 18 THEN 'failed' ELSE 'pending' END,
    sent_at, sent_at
  FROM deliveries
)
SELECT
  (SELECT count(*) FROM sample_person) + (SELECT count(*) FROM sample_person WHERE pg_temp.sample_unit(@seed, 34, person) < 0.04) AS users,
  (SELECT count(*) FROM sample_person WHERE pg_temp.sample_unit(@seed, 34, person) < 0.04) AS "usersSharingAPhone",
  (SELECT events FROM sample_plan) AS events,
  (SELECT count(*) FROM sample_guest) + (SELECT count(*) FROM sample_guest WHERE ill IN ('readded', 'ambiguous')) AS guests,
  (SELECT count(*) FROM sample_guest WHERE ill IN ('readded', 'removed')) AS "removedGuests",
  (SELECT count(*) FROM sample_guest WHERE ill = 'ambiguous') AS "guestsEnteredTwice",
  (SELECT messages FROM sample_plan) AS messages,
  count(*) AS deliveries,
  count(*) FILTER (WHERE phone_chance < no_phone) AS "withoutPhone",
  count(*) FILTER (WHERE phone_chance >= no_phone AND phone_chance < no_phone + 0.015) AS "withInvalidPhone",
  count(*) FILTER (WHERE state = 'linked') AS "linked",
  count(*) FILTER (WHERE state = 'wrong') AS "linkedWrongly",
  count(*) FILTER (WHERE state = 'late') AS "guestLinkedLate",
  count(*) FILTER (WHERE state = 'readded') AS "guestAddedAgain",
  count(*) FILTER (WHERE state = 'no user') AS "guestWithoutUser",
  count(*) FILTER (WHERE state = 'ambiguous') AS "guestAmbiguous",
  count(*) FILTER (WHERE state = 'removed') AS "guestRemoved",
  count(*) FILTER (WHERE state = 'no guest') AS "withoutGuest"
FROM deliveries;
