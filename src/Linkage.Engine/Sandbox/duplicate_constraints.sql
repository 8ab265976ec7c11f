-- Keys and indexes of the application's own. Of the keys that it should have, those against duplicates are missing, and some of the others.

-- With messages of another application, the key stands already.
DO $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_constraint c WHERE c.conrelid = 'public.messages'::regclass AND c.contype = 'p') THEN
    ALTER TABLE public.messages ADD CONSTRAINT messages_pkey PRIMARY KEY (id);
  END IF;
END
$$;

-- Rows of a message go with it, unless they move to another first; one that has the same file already.
ALTER TABLE public.message_attachments
  ADD CONSTRAINT message_attachments_pkey PRIMARY KEY (id),
  ADD CONSTRAINT message_attachments_message_id_url_key UNIQUE (message_id, url),
  ADD CONSTRAINT message_attachments_message_id_fkey FOREIGN KEY (message_id) REFERENCES public.messages (id) ON DELETE CASCADE;

ALTER TABLE public.businesses ADD CONSTRAINT businesses_pkey PRIMARY KEY (id);

CREATE INDEX businesses_team_id_idx ON public.businesses (team_id);

ALTER TABLE public.business_owners
  ADD CONSTRAINT business_owners_pkey PRIMARY KEY (persona_id, business_id),
  ADD CONSTRAINT business_owners_business_id_fkey FOREIGN KEY (business_id) REFERENCES public.businesses (id) ON DELETE CASCADE;

CREATE INDEX business_owners_business_id_idx ON public.business_owners (business_id);

ALTER TABLE public.unified_lead_cards ADD CONSTRAINT unified_lead_cards_pkey PRIMARY KEY (id);

ALTER TABLE public.campaign_queue
  ADD CONSTRAINT campaign_queue_pkey PRIMARY KEY (id),
  ADD CONSTRAINT campaign_queue_lead_card_id_fkey FOREIGN KEY (lead_card_id) REFERENCES public.unified_lead_cards (id) ON DELETE CASCADE;

CREATE INDEX campaign_queue_lead_card_id_idx ON public.campaign_queue (lead_card_id);

ALTER TABLE public.queue_events
  ADD CONSTRAINT queue_events_pkey PRIMARY KEY (id),
  ADD CONSTRAINT queue_events_queue_id_fkey FOREIGN KEY (queue_id) REFERENCES public.campaign_queue (id) ON DELETE SET NULL;

CREATE INDEX queue_events_queue_id_idx ON public.queue_events (queue_id);

ALTER TABLE public.skiptrace_results ADD CONSTRAINT skiptrace_results_pkey PRIMARY KEY (id);

ALTER TABLE public.lead_activities
  ADD CONSTRAINT lead_activities_pkey PRIMARY KEY (id),
  ADD CONSTRAINT lead_activities_lead_card_id_fkey FOREIGN KEY (lead_card_id) REFERENCES public.unified_lead_cards (id),
  ADD CONSTRAINT lead_activities_parent_id_fkey FOREIGN KEY (parent_id) REFERENCES public.lead_activities (id) DEFERRABLE INITIALLY DEFERRED;

CREATE INDEX lead_activities_lead_card_id_idx ON public.lead_activities (lead_card_id);
CREATE INDEX lead_activities_parent_id_idx ON public.lead_activities (parent_id);

ALTER TABLE public.integrations
  ADD CONSTRAINT integrations_pkey PRIMARY KEY (id),
  ADD CONSTRAINT integrations_team_id_name_key UNIQUE (team_id, name);

-- Missing: integration, module and source field.
ALTER TABLE public.integration_fields
  ADD CONSTRAINT integration_fields_pkey PRIMARY KEY (id),
  ADD CONSTRAINT integration_fields_integration_id_fkey FOREIGN KEY (integration_id) REFERENCES public.integrations (id) ON DELETE CASCADE;

CREATE INDEX integration_fields_integration_id_idx ON public.integration_fields (integration_id);

ALTER TABLE public.leads
  ADD CONSTRAINT leads_pkey PRIMARY KEY (id),
  ADD CONSTRAINT leads_integration_id_fkey FOREIGN KEY (integration_id) REFERENCES public.integrations (id) ON DELETE SET NULL;

CREATE UNIQUE INDEX leads_team_id_integration_id_external_id_key ON public.leads (team_id, integration_id, external_id)
WHERE external_id IS NOT NULL;
CREATE INDEX leads_integration_id_idx ON public.leads (integration_id);

ALTER TABLE public.campaign_leads
  ADD CONSTRAINT campaign_leads_pkey PRIMARY KEY (campaign_id, lead_id),
  ADD CONSTRAINT campaign_leads_lead_id_fkey FOREIGN KEY (lead_id) REFERENCES public.leads (id) ON DELETE CASCADE;

CREATE INDEX campaign_leads_lead_id_idx ON public.campaign_leads (lead_id);

ALTER TABLE public.properties
  ADD CONSTRAINT properties_pkey PRIMARY KEY (id),
  ADD CONSTRAINT properties_external_id_source_key UNIQUE (external_id, source);

-- Missing: provider and external id.
ALTER TABLE public.property_distress_scores
  ADD CONSTRAINT property_distress_scores_pkey PRIMARY KEY (id),
  ADD CONSTRAINT property_distress_scores_property_id_fkey FOREIGN KEY (property_id) REFERENCES public.properties (id) ON DELETE CASCADE;

CREATE INDEX property_distress_scores_property_id_idx ON public.property_distress_scores (property_id);

-- Missing: persona and number.
ALTER TABLE public.persona_phones ADD CONSTRAINT persona_phones_pkey PRIMARY KEY (id);

CREATE INDEX persona_phones_persona_id_idx ON public.persona_phones (persona_id);
