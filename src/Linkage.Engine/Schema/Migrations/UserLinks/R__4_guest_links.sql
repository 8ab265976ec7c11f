-- Deliveries of a guest who has a user: the rule "guest" seen from the guest's side, for one guest (trigger, by hand) or many.

-- Links the guests' unlinked records in one target that knows guests, and audits each of them.
-- The guest must be active and may have no other user; the user must exist; what was undone stays undone.
-- Plan: idx_message_deliveries_guest_user_null by guest, then primary keys.
CREATE OR REPLACE FUNCTION linkage.link_guests_in(
  target linkage.link_target, run_id uuid, link_source text, guest_ids {{guest_id}}[], user_ids {{user_id}}[], mode text,
  fault text) RETURNS jsonb
LANGUAGE plpgsql
AS $$
DECLARE
  result jsonb;
BEGIN
  -- What a trigger decided before, in the same statement perhaps, is not what is linked here.
  IF mode = 'apply' AND current_setting('linkage.pending_key', true) <> '' THEN
    PERFORM linkage.audit_pending_link();
  END IF;

  EXECUTE linkage.link_statement(
    target,
    format(
      'SELECT
         row_number() OVER (ORDER BY k.record_key) AS ordinal,
         k.record_key, g.event_id, {{app}}.normalize_phone(t.%1$I::text) AS normalized_phone, p.guest_id AS matched_guest_id,
         CASE WHEN o.outcome = ''linked'' THEN p.user_id END AS user_id, o.outcome, ''guest'' AS rule, o.reason
       FROM unnest($5, $6) AS p (guest_id, user_id)
       JOIN %2$I.%3$I AS t ON t.%4$I = p.guest_id AND t.%5$I IS NULL
       JOIN {{app}}.event_guests g ON g.id = p.guest_id
       LEFT JOIN {{app}}.users u ON u.id = p.user_id
       CROSS JOIN (SELECT {{app}}.get_feature_flag(''LINK_USER_BY_PHONE'') IS TRUE) AS f (linking)
       CROSS JOIN LATERAL (SELECT %6$s) AS k (record_key)
       LEFT JOIN linkage.link_suppression s
         ON s.target = $1 AND s.record_key = k.record_key COLLATE "C" AND s.user_id = p.user_id
       CROSS JOIN LATERAL (
         SELECT CASE
           WHEN NOT f.linking THEN ''feature off''
           WHEN g.removed_at IS NOT NULL THEN ''the guest is removed''
           WHEN g.user_id <> p.user_id THEN ''the guest has another user''
           WHEN u.id IS NULL THEN ''the guest''''s user does not exist''
           WHEN s.target IS NOT NULL THEN ''suppressed''
         END
       ) AS r (reason)
       CROSS JOIN LATERAL (
         SELECT
           CASE WHEN r.reason IS NULL THEN ''linked'' WHEN r.reason IN (''feature off'', ''suppressed'') THEN ''skipped'' ELSE ''no_match'' END,
           r.reason
       ) AS o (outcome, reason)',
      target.phone_column, target.table_schema, target.table_name, target.guest_column, target.user_column,
      linkage.record_key_expression(target)),
    linkage.record_key_condition(target, 'd.record_key'),
    format('t.%I = d.matched_guest_id', target.guest_column),
    false,
    mode, fault)
  INTO result
  USING target.name, linkage.guest_link_audit_name(target.name), run_id, link_source, guest_ids, user_ids;
  RETURN result;
END
$$;

-- The same in every such target.
CREATE OR REPLACE FUNCTION linkage.link_guest_deliveries(
  run_id uuid, link_source text, guest_ids {{guest_id}}[], user_ids {{user_id}}[], mode text,
  fault text DEFAULT NULL) RETURNS jsonb
LANGUAGE plpgsql
AS $$
DECLARE
  target linkage.link_target;
  result jsonb;
  counts jsonb := '{}';
  sample jsonb := '[]';
BEGIN
  FOR target IN
    SELECT * FROM linkage.link_target t WHERE t.guest_column IS NOT NULL AND linkage.target_problem(t) IS NULL ORDER BY t.name
  LOOP
    result := linkage.link_guests_in(target, run_id, link_source, guest_ids, user_ids, mode, fault);
    counts := linkage.add_counts(counts, result -> 'counts');
    sample := sample || (result -> 'sample');
  END LOOP;
  RETURN jsonb_build_object('counts', counts, 'sample', jsonb_path_query_array(sample, '$[0 to 4]'));
END
$$;

-- By hand, one guest: the number of deliveries linked. See the wrapper in the application's schema.
CREATE OR REPLACE FUNCTION linkage.backfill_guest_deliveries(guest {{guest_id}}, linked_user {{user_id}}) RETURNS integer
-- its caller in the application's schema may belong to another role
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET row_security = off
AS $$
BEGIN
  IF guest IS NULL OR linked_user IS NULL THEN
    RAISE EXCEPTION USING ERRCODE = '22004', MESSAGE = 'backfill_guest_deliveries needs a guest and a user; one of them is null.';
  ELSIF NOT EXISTS (SELECT FROM {{app}}.event_guests g WHERE g.id = guest) THEN
    RAISE EXCEPTION USING ERRCODE = 'LK007', MESSAGE = format('There is no guest %s.', guest);
  END IF;
  RETURN (linkage.link_guest_deliveries(NULL, 'manual', ARRAY[guest], ARRAY[linked_user], 'apply') #>> '{counts,linked}')::integer;
END
$$;

-- The work of repairing the guests of a list; the list is in linkage.guest_delivery_item under the run's id.
CREATE OR REPLACE FUNCTION linkage.guest_delivery_work() RETURNS jsonb
LANGUAGE sql STABLE
AS $$
  SELECT jsonb_build_object(
    'kind', 'GuestDeliveryBackfill',
    'target', 'message_deliveries',
    'batch', 'link_listed_guests',
    'finish', 'drop_run_items',
    'walk', jsonb_build_object(
      'changed', linkage.target_table(linkage.find_link_target('message_deliveries')),
      'table', 'linkage.guest_delivery_item', 'key', jsonb_build_array('ordinal'), 'candidates', 'run_item_candidates'),
    'undo', linkage.user_link_undo('message_deliveries'))
$$;

-- Ids that come as text, such as from a file; null where the text is none.
CREATE OR REPLACE FUNCTION linkage.read_guest_id(id text) RETURNS {{guest_id}}
LANGUAGE plpgsql STABLE
AS $$
BEGIN
  RETURN id::{{guest_id}};
EXCEPTION WHEN data_exception THEN
  RETURN NULL;
END
$$;

CREATE OR REPLACE FUNCTION linkage.read_user_id(id text) RETURNS {{user_id}}
LANGUAGE plpgsql STABLE
AS $$
BEGIN
  RETURN id::{{user_id}};
EXCEPTION WHEN data_exception THEN
  RETURN NULL;
END
$$;

-- What of such a list can't be used, by its position in the list, and why. Plan: primary keys, nested loops over the list.
CREATE OR REPLACE FUNCTION linkage.unusable_guests(guests text[], users text[]) RETURNS TABLE (ordinal bigint, problem text)
LANGUAGE sql STABLE
AS $$
  WITH item AS MATERIALIZED (
    SELECT i.ordinal, i.guest, i.user_id, linkage.read_guest_id(i.guest) AS guest_key, linkage.read_user_id(i.user_id) AS user_key
    FROM unnest($1, $2) WITH ORDINALITY AS i (guest, user_id, ordinal)
  )
  SELECT i.ordinal, p.problem
  FROM item i
  LEFT JOIN {{app}}.event_guests g ON g.id = i.guest_key
  LEFT JOIN {{app}}.users u ON u.id = i.user_key
  LEFT JOIN (
    SELECT guest_key FROM item GROUP BY guest_key HAVING count(DISTINCT user_key) > 1
  ) AS twice ON twice.guest_key = i.guest_key
  CROSS JOIN LATERAL (
    SELECT CASE
      WHEN i.guest_key IS NULL THEN format('%L is no id of a guest.', i.guest)
      WHEN i.user_key IS NULL THEN format('%L is no id of a user (for guest %s).', i.user_id, i.guest)
      WHEN g.id IS NULL THEN format('There is no guest %s.', i.guest)
      WHEN u.id IS NULL THEN format('There is no user %s (for guest %s).', i.user_id, i.guest)
      WHEN twice.guest_key IS NOT NULL THEN format('Guest %s is given several users, among them %s.', i.guest, i.user_id)
    END
  ) AS p (problem)
  WHERE p.problem IS NOT NULL
  ORDER BY i.ordinal
$$;

-- Hands the list to a run; what is in it twice is done once.
CREATE OR REPLACE FUNCTION linkage.list_guests(run_id uuid, guests text[], users text[]) RETURNS void
LANGUAGE sql
AS $$
  INSERT INTO linkage.guest_delivery_item (run_id, ordinal, guest_id, user_id)
  SELECT $1, min(i.ordinal), i.guest::{{guest_id}}, i.user_id::{{user_id}}
  FROM unnest($2, $3) WITH ORDINALITY AS i (guest, user_id, ordinal)
  GROUP BY 3, 4
$$;

-- What such a run would do, in a transaction that may be READ ONLY.
CREATE OR REPLACE FUNCTION linkage.preview_guests(guests text[], users text[]) RETURNS jsonb
LANGUAGE sql
AS $$
  SELECT linkage.link_guest_deliveries(NULL, 'manual', array_agg(i.guest), array_agg(i.user_id), 'preview')
  FROM (
    SELECT DISTINCT p.guest::{{guest_id}}, p.user_id::{{user_id}}
    FROM unnest($1, $2) AS p (guest, user_id)
  ) AS i (guest, user_id)
$$;

-- One batch of that list.
CREATE OR REPLACE FUNCTION linkage.link_listed_guests(run_id uuid, walk jsonb, key_set jsonb, mode text) RETURNS jsonb
LANGUAGE plpgsql
AS $$
DECLARE
  guests {{guest_id}}[];
  users  {{user_id}}[];
BEGIN
  EXECUTE format(
    'SELECT array_agg(t.guest_id ORDER BY t.ordinal), array_agg(t.user_id ORDER BY t.ordinal)
     FROM linkage.guest_delivery_item t WHERE %s AND %s',
    linkage.candidates(walk), linkage.key_set_condition(walk, key_set))
  INTO guests, users;
  RETURN linkage.link_guest_deliveries(run_id, 'manual', guests, users, mode, walk ->> 'fault');
END
$$;
