-- Keys, indexes and the function of the application. Nothing of Linkage: its installer adds that.

ALTER TABLE public.users
  ADD CONSTRAINT users_pkey PRIMARY KEY (id),
  ADD CONSTRAINT users_email_key UNIQUE (email);

ALTER TABLE public.events ADD CONSTRAINT events_pkey PRIMARY KEY (id);

ALTER TABLE public.event_guests
  ADD CONSTRAINT event_guests_pkey PRIMARY KEY (id),
  ADD CONSTRAINT event_guests_event_id_fkey FOREIGN KEY (event_id) REFERENCES public.events (id),
  ADD CONSTRAINT event_guests_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users (id) ON DELETE SET NULL;

-- One active guest per event and phone, by the text of the phone: other ways to write it get past this.
CREATE UNIQUE INDEX event_guests_event_id_phone_active_key ON public.event_guests (event_id, phone) WHERE removed_at IS NULL;
CREATE INDEX event_guests_event_id_idx ON public.event_guests (event_id);
CREATE INDEX event_guests_user_id_idx ON public.event_guests (user_id);

ALTER TABLE public.messages
  ADD CONSTRAINT messages_pkey PRIMARY KEY (id),
  ADD CONSTRAINT messages_event_id_fkey FOREIGN KEY (event_id) REFERENCES public.events (id);

CREATE INDEX messages_event_id_idx ON public.messages (event_id);

-- The unique key also serves look-ups by message alone.
ALTER TABLE public.message_deliveries
  ADD CONSTRAINT message_deliveries_pkey PRIMARY KEY (id),
  ADD CONSTRAINT message_deliveries_message_id_guest_id_key UNIQUE (message_id, guest_id),
  ADD CONSTRAINT message_deliveries_message_id_fkey FOREIGN KEY (message_id) REFERENCES public.messages (id),
  ADD CONSTRAINT message_deliveries_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users (id) ON DELETE SET NULL,
  ADD CONSTRAINT message_deliveries_guest_id_fkey FOREIGN KEY (guest_id) REFERENCES public.event_guests (id) ON DELETE SET NULL;

CREATE INDEX message_deliveries_guest_id_idx ON public.message_deliveries (guest_id);
CREATE INDEX message_deliveries_user_id_idx ON public.message_deliveries (user_id);

-- How the application writes: the first attempt inserts, a repeated one only updates the status.
CREATE FUNCTION public.upsert_message_delivery(
  p_message_id uuid,
  p_guest_id uuid,
  p_phone_number text,
  p_user_id uuid DEFAULT NULL,
  p_status text DEFAULT 'pending'
) RETURNS uuid
LANGUAGE sql
AS $$
  INSERT INTO public.message_deliveries AS d (message_id, guest_id, phone_number, user_id, status)
  VALUES (p_message_id, p_guest_id, p_phone_number, p_user_id, p_status)
  ON CONFLICT (message_id, guest_id) DO UPDATE
    SET phone_number = excluded.phone_number,
        user_id = coalesce(excluded.user_id, d.user_id),
        status = excluded.status,
        updated_at = now()
  RETURNING d.id
$$;
