-- The usual rules: those that come built in, and the keys that are expected to be there already. They stand here because an install asks for
-- their tables before there is any function; the registry gets them by the token usual_rules. A table counts if it has the columns of its key:
-- many a database has messages, and none to tell them by. Without such a table, only an install that names the component brings it along.
WITH rule (place, name, origin, table_name, keys, predicate, keep, columns) AS (
  VALUES
    (1, 'messages_external_id_unique_idx', 'built in', 'messages', ARRAY['external_id'], '(external_id IS NOT NULL)', ARRAY[]::text[],
      ARRAY['external_id']),
    (2, 'businesses_source_dedup_idx', 'built in', 'businesses', ARRAY['team_id', 'source_record_id', 'source_file'],
      '((source_record_id IS NOT NULL) AND (source_file IS NOT NULL))', ARRAY[]::text[],
      ARRAY['team_id', 'source_record_id', 'source_file']),
    (3, 'unified_lead_cards_persona_unique_idx', 'built in', 'unified_lead_cards', ARRAY['team_id', 'persona_id'], NULL,
      ARRAY['total_score DESC NULLS LAST'], ARRAY['team_id', 'persona_id']),
    (4, 'campaign_queue_pending_unique_idx', 'built in', 'campaign_queue', ARRAY['team_id', 'lead_card_id', 'agent', 'channel'],
      '(status = ''pending'')', ARRAY[]::text[], ARRAY['team_id', 'lead_card_id', 'agent', 'channel', 'status']),
    (5, 'skiptrace_results_persona_provider_idx', 'built in', 'skiptrace_results', ARRAY['team_id', 'persona_id', 'provider'],
      '(persona_id IS NOT NULL)', ARRAY['success DESC NULLS LAST', 'created_at DESC NULLS LAST'], ARRAY['team_id', 'persona_id', 'provider']),
    (6, 'lead_activities_external_id_unique_idx', 'built in', 'lead_activities', ARRAY['team_id', 'external_id'],
      '(external_id IS NOT NULL)', ARRAY[]::text[], ARRAY['team_id', 'external_id']),
    (7, 'leads_external_id_unique_idx', 'expected', 'leads', ARRAY['team_id', 'integration_id', 'external_id'], NULL, ARRAY[]::text[],
      ARRAY['team_id', 'integration_id', 'external_id']),
    (8, 'properties_external_id_unique_idx', 'expected', 'properties', ARRAY['external_id', 'source'], NULL, ARRAY[]::text[],
      ARRAY['external_id', 'source']),
    (9, 'property_distress_scores_external_id_unique_idx', 'expected', 'property_distress_scores', ARRAY['provider', 'external_id'], NULL,
      ARRAY[]::text[], ARRAY['provider', 'external_id']),
    (10, 'integrations_name_unique_idx', 'expected', 'integrations', ARRAY['name', 'team_id'], NULL, ARRAY[]::text[],
      ARRAY['name', 'team_id']),
    (11, 'integration_fields_source_field_unique_idx', 'expected', 'integration_fields', ARRAY['integration_id', 'module', 'source_field'],
      NULL, ARRAY[]::text[], ARRAY['integration_id', 'module', 'source_field']),
    (12, 'campaign_leads_lead_unique_idx', 'expected', 'campaign_leads', ARRAY['campaign_id', 'lead_id'], NULL, ARRAY[]::text[],
      ARRAY['campaign_id', 'lead_id']),
    (13, 'persona_phones_number_unique_idx', 'expected', 'persona_phones', ARRAY['persona_id', 'normalized_number'], NULL,
      ARRAY[]::text[], ARRAY['persona_id', 'normalized_number']),
    (14, 'business_owners_persona_unique_idx', 'expected', 'business_owners', ARRAY['persona_id', 'business_id'], NULL,
      ARRAY[]::text[], ARRAY['persona_id', 'business_id'])
)
SELECT
  'usual_rules' AS "Name",
  string_agg(
    format(
      '(%s, %L, %L, %L, %L::text[], %L, %L::text[], %L::name[])',
      r.place, r.name, r.origin, r.table_name, r.keys, r.predicate, r.keep, r.columns),
    E',\n      ' ORDER BY r.place) AS "Value",
  CASE WHEN NOT bool_or(t.is_there) THEN
    'a table that one of the usual rules is for, such as messages with external_id (with other names: -Component UniqueKeys, then '
    'Register-UniqueKeyRule)' END AS "RequiresUnlessNamed"
FROM rule r
CROSS JOIN LATERAL (
  SELECT EXISTS (
    SELECT
    FROM pg_class c
    WHERE c.relnamespace = '{{app}}'::regnamespace AND c.relkind IN ('r', 'p') AND c.relname = r.table_name
      AND NOT EXISTS (
        SELECT
        FROM unnest(r.columns) AS w (name)
        WHERE NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = w.name AND NOT a.attisdropped)))
) AS t (is_there)
