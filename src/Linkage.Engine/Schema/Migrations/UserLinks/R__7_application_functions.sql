-- The functions that scripts and psql users call, under their documented names. Each is a call of its namesake in schema linkage.

CREATE OR REPLACE FUNCTION linkage.link_user_by_phone(event {{event_id}}, phone text)
RETURNS TABLE (user_id {{user_id}}, guest_id {{guest_id}}, outcome text)
LANGUAGE sql STABLE
AS $$
  SELECT r.user_id, r.matched_guest_id, r.outcome
  FROM linkage.resolve_user_links(ARRAY[NULL]::text[], ARRAY[NULL]::{{guest_id}}[], ARRAY[$1], ARRAY[$2]) r
$$;

SELECT linkage.publish_function(
  'link_user_by_phone', 'event_id {{event_id}}, normalized_phone text',
  'TABLE(user_id {{user_id}}, guest_id {{guest_id}}, outcome text)',
  'link_user_by_phone', 'UserLinks',
  ARRAY[
    'linkage.resolve_user_links(text[], {{guest_id}}[], {{event_id}}[], text[])',
    'linkage.apply_link_rules(text[], {{guest_id}}[], {{event_id}}[], text[], boolean, boolean)'],
  'the user behind a phone at an event: rules "event phone" and "user phone"');

SELECT linkage.publish_function(
  'backfill_user_links', 'table_name text, batch_size integer DEFAULT 1000, dry_run boolean DEFAULT true',
  'TABLE(processed_count bigint, linked_count bigint, no_match_count bigint, ambiguous_count bigint, skipped_count bigint, sample_results jsonb)',
  'backfill_user_links', 'UserLinks', NULL,
  'links the next batch_size candidates; call it until processed_count is less than batch_size');

SELECT linkage.publish_function(
  'rollback_user_links', 'since timestamptz, table_name text, dry_run boolean DEFAULT true',
  'TABLE(rolled_back_count bigint, conflict_count bigint, sample_results jsonb)',
  'rollback_user_links', 'UserLinks', NULL,
  'takes back every link made since a time, unless somebody changed it since');

SELECT linkage.publish_function(
  'backfill_guest_deliveries', 'guest_id {{guest_id}}, user_id {{user_id}}', 'integer',
  'backfill_guest_deliveries', 'UserLinks', NULL,
  'links a guest''s unlinked deliveries to the user; returns how many');
