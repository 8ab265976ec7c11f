-- The tables of an application that imports messages, businesses, lead cards and what belongs to them from elsewhere, and imports some of it
-- twice. Keys and indexes are in duplicate_constraints.sql, so that a large amount of sample data can be loaded between the two.

-- It may stand already, as a table of the application that sends messages to guests.
CREATE TABLE IF NOT EXISTS public.messages (
  id uuid NOT NULL DEFAULT gen_random_uuid(),
  body text,
  created_at timestamptz NOT NULL DEFAULT now()
);

ALTER TABLE public.messages ADD COLUMN external_id text;

CREATE TABLE public.message_attachments (
  id bigint GENERATED ALWAYS AS IDENTITY,
  message_id uuid NOT NULL,
  url text NOT NULL
);

CREATE TABLE public.businesses (
  id text NOT NULL,
  team_id text NOT NULL,
  source_record_id text,
  source_file text,
  name text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE public.business_owners (
  persona_id text NOT NULL,
  business_id text NOT NULL,
  share numeric(5, 2)
);

CREATE TABLE public.unified_lead_cards (
  id text NOT NULL,
  team_id text NOT NULL,
  persona_id text NOT NULL,
  name text NOT NULL,
  total_score integer,
  search_name text GENERATED ALWAYS AS (lower(name)) STORED,
  created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE public.campaign_queue (
  id bigint GENERATED ALWAYS AS IDENTITY,
  team_id text NOT NULL,
  lead_card_id text NOT NULL,
  agent text NOT NULL,
  channel text NOT NULL,
  status text NOT NULL DEFAULT 'pending',
  created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE public.queue_events (
  id bigint GENERATED ALWAYS AS IDENTITY,
  queue_id bigint,
  event text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE public.skiptrace_results (
  id bigint GENERATED ALWAYS AS IDENTITY,
  team_id text NOT NULL,
  persona_id text,
  provider text NOT NULL,
  success boolean,
  created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE public.lead_activities (
  id text NOT NULL,
  team_id text NOT NULL,
  external_id text,
  lead_card_id text,
  parent_id text,
  kind text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);

-- Whose keys are expected to be there already.

CREATE TABLE public.integrations (
  id bigint GENERATED ALWAYS AS IDENTITY,
  team_id text NOT NULL,
  name text NOT NULL
);

CREATE TABLE public.integration_fields (
  id bigint GENERATED ALWAYS AS IDENTITY,
  integration_id bigint NOT NULL,
  module text NOT NULL,
  source_field text NOT NULL,
  target_field text
);

CREATE TABLE public.leads (
  id bigint GENERATED ALWAYS AS IDENTITY,
  team_id text NOT NULL,
  integration_id bigint,
  external_id text,
  name text
);

CREATE TABLE public.campaign_leads (
  campaign_id bigint NOT NULL,
  lead_id bigint NOT NULL,
  added_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE public.properties (
  id bigint GENERATED ALWAYS AS IDENTITY,
  external_id text,
  source text NOT NULL,
  address text
);

CREATE TABLE public.property_distress_scores (
  id bigint GENERATED ALWAYS AS IDENTITY,
  property_id bigint NOT NULL,
  provider text NOT NULL,
  external_id text,
  score integer
);

CREATE TABLE public.persona_phones (
  id bigint GENERATED ALWAYS AS IDENTITY,
  persona_id text NOT NULL,
  normalized_number text NOT NULL,
  is_mobile boolean
);
