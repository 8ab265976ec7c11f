-- Linking users by phone as a team writes it by hand, before it knows Linkage: row by row, in the plainest PL/pgSQL. Tests install
-- over it; benchmarks race against it. It belongs to whoever runs it, on the application's tables in schema public.

CREATE FUNCTION public.normalize_phone(raw_phone text) RETURNS text
LANGUAGE plpgsql IMMUTABLE
AS $$
DECLARE
  digits text := regexp_replace(COALESCE(raw_phone, ''), '[^0-9]', '', 'g');
BEGIN
  IF length(digits) = 10 THEN
    RETURN '+1' || digits;
  ELSIF length(digits) = 11 AND left(digits, 1) = '1' THEN
    RETURN '+' || digits;
  END IF;
  RETURN NULL;
END
$$;

COMMENT ON FUNCTION public.normalize_phone(text) IS 'NANP only, see the wiki';

CREATE TABLE public.feature_flags (
  flag_name  text PRIMARY KEY,
  is_enabled boolean NOT NULL DEFAULT false,
  updated_at timestamptz NOT NULL DEFAULT now()
);

INSERT INTO public.feature_flags (flag_name, is_enabled)
VALUES ('LINK_USER_BY_PHONE', true), ('SOME_OTHER_FEATURE', true);

CREATE FUNCTION public.get_feature_flag(flag text) RETURNS boolean
LANGUAGE sql STABLE
AS $$ SELECT COALESCE((SELECT is_enabled FROM public.feature_flags WHERE flag_name = flag), false) $$;

CREATE TABLE public.user_link_audit (
  id               uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  table_name       text NOT NULL,
  record_id        uuid NOT NULL,
  event_id         uuid NOT NULL,
  normalized_phone text,
  matched_guest_id uuid,
  linked_user_id   uuid,
  outcome          text NOT NULL,
  created_at       timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT user_link_audit_outcome_check CHECK (outcome IN ('linked', 'no_match', 'ambiguous', 'skipped'))
);

COMMENT ON TABLE public.user_link_audit IS 'Who was linked, and why';
CREATE INDEX idx_user_link_audit_created_at ON public.user_link_audit (created_at);
CREATE INDEX idx_message_deliveries_phone_user_null ON public.message_deliveries (phone_number) WHERE user_id IS NULL;
CREATE INDEX event_guests_normalized_phone_idx ON public.event_guests (event_id, public.normalize_phone(phone));

CREATE FUNCTION public.link_user_by_phone(p_event_id uuid, p_phone text)
RETURNS TABLE (user_id uuid, guest_id uuid, outcome text)
LANGUAGE plpgsql STABLE
AS $$
DECLARE
  v_guests integer;
  v_users  integer;
BEGIN
  IF NOT public.get_feature_flag('LINK_USER_BY_PHONE') OR p_event_id IS NULL OR public.normalize_phone(p_phone) IS NULL THEN
    RETURN QUERY SELECT NULL::uuid, NULL::uuid, 'skipped'::text;
    RETURN;
  END IF;
  SELECT count(*) INTO v_guests
  FROM public.event_guests g
  WHERE g.event_id = p_event_id AND public.normalize_phone(g.phone) = public.normalize_phone(p_phone) AND g.removed_at IS NULL;
  IF v_guests = 0 THEN
    RETURN QUERY SELECT NULL::uuid, NULL::uuid, 'no_match'::text;
    RETURN;
  ELSIF v_guests > 1 THEN
    RETURN QUERY SELECT NULL::uuid, NULL::uuid, 'ambiguous'::text;
    RETURN;
  END IF;
  SELECT g.id, g.user_id INTO guest_id, user_id
  FROM public.event_guests g
  WHERE g.event_id = p_event_id AND public.normalize_phone(g.phone) = public.normalize_phone(p_phone) AND g.removed_at IS NULL;
  IF user_id IS NULL AND public.get_feature_flag('LINK_USER_BY_PHONE_FALLBACK_TO_USERS') THEN
    SELECT count(*) INTO v_users FROM public.users u WHERE public.normalize_phone(u.phone) = public.normalize_phone(p_phone);
    IF v_users = 1 THEN
      SELECT u.id INTO user_id FROM public.users u WHERE public.normalize_phone(u.phone) = public.normalize_phone(p_phone);
    ELSIF v_users > 1 THEN
      outcome := 'ambiguous';
      RETURN NEXT;
      RETURN;
    END IF;
  END IF;
  outcome := CASE WHEN user_id IS NULL THEN 'no_match' ELSE 'linked' END;
  RETURN NEXT;
END
$$;

CREATE FUNCTION public.auto_link_user_by_phone_trigger() RETURNS trigger
LANGUAGE plpgsql
AS $$
DECLARE
  v_guest public.event_guests;
  v_link  record;
BEGIN
  IF NEW.user_id IS NOT NULL OR NEW.guest_id IS NULL OR NOT public.get_feature_flag('LINK_USER_BY_PHONE') THEN
    RETURN NEW;
  END IF;
  SELECT * INTO v_guest FROM public.event_guests g WHERE g.id = NEW.guest_id;
  IF v_guest.user_id IS NOT NULL AND v_guest.removed_at IS NULL THEN
    NEW.user_id := v_guest.user_id;
    INSERT INTO public.user_link_audit (table_name, record_id, event_id, normalized_phone, matched_guest_id, linked_user_id, outcome)
    VALUES ('message_deliveries', NEW.id, v_guest.event_id, public.normalize_phone(NEW.phone_number), v_guest.id, v_guest.user_id, 'linked');
    RETURN NEW;
  END IF;
  SELECT * INTO v_link FROM public.link_user_by_phone(v_guest.event_id, NEW.phone_number);
  NEW.user_id := v_link.user_id;
  INSERT INTO public.user_link_audit (table_name, record_id, event_id, normalized_phone, matched_guest_id, linked_user_id, outcome)
  VALUES (
    'message_deliveries', NEW.id, v_guest.event_id, public.normalize_phone(NEW.phone_number), v_link.guest_id, v_link.user_id, v_link.outcome);
  RETURN NEW;
END
$$;

CREATE TRIGGER trigger_message_deliveries_auto_link_user
  BEFORE INSERT OR UPDATE ON public.message_deliveries
  FOR EACH ROW EXECUTE FUNCTION public.auto_link_user_by_phone_trigger();

COMMENT ON TRIGGER trigger_message_deliveries_auto_link_user ON public.message_deliveries IS 'Since the spring release';

CREATE FUNCTION public.backfill_guest_deliveries(p_guest_id uuid, p_user_id uuid) RETURNS integer
LANGUAGE plpgsql
AS $$
DECLARE
  v_delivery record;
  v_linked   integer := 0;
BEGIN
  FOR v_delivery IN SELECT d.id, d.phone_number FROM public.message_deliveries d WHERE d.guest_id = p_guest_id AND d.user_id IS NULL LOOP
    UPDATE public.message_deliveries SET user_id = p_user_id WHERE id = v_delivery.id;
    INSERT INTO public.user_link_audit (table_name, record_id, event_id, normalized_phone, matched_guest_id, linked_user_id, outcome)
    SELECT 'message_deliveries_backfill', v_delivery.id, g.event_id, public.normalize_phone(v_delivery.phone_number), g.id, p_user_id, 'linked'
    FROM public.event_guests g
    WHERE g.id = p_guest_id;
    v_linked := v_linked + 1;
  END LOOP;
  RETURN v_linked;
END
$$;

CREATE FUNCTION public.trigger_backfill_guest_deliveries() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
  IF OLD.user_id IS NULL AND NEW.user_id IS NOT NULL THEN
    PERFORM public.backfill_guest_deliveries(NEW.id, NEW.user_id);
  END IF;
  RETURN NEW;
END
$$;

CREATE TRIGGER trigger_backfill_deliveries_on_guest_link
  AFTER UPDATE OF user_id ON public.event_guests
  FOR EACH ROW EXECUTE FUNCTION public.trigger_backfill_guest_deliveries();

CREATE FUNCTION public.backfill_user_links(p_table text, p_batch_size integer DEFAULT 500, p_dry_run boolean DEFAULT true)
RETURNS TABLE (processed_count integer, linked_count integer, no_match_count integer, ambiguous_count integer, sample_results jsonb)
LANGUAGE plpgsql
AS $$
DECLARE
  v_delivery record;
  v_link     record;
BEGIN
  processed_count := 0; linked_count := 0; no_match_count := 0; ambiguous_count := 0; sample_results := '[]';
  FOR v_delivery IN
    SELECT d.id, d.phone_number, d.guest_id, g.event_id,
      CASE WHEN g.removed_at IS NULL THEN g.user_id END AS guest_user_id
    FROM public.message_deliveries d
    JOIN public.event_guests g ON g.id = d.guest_id
    WHERE d.user_id IS NULL
    ORDER BY d.id
    LIMIT p_batch_size
  LOOP
    IF v_delivery.guest_user_id IS NOT NULL THEN
      SELECT v_delivery.guest_user_id AS user_id, v_delivery.guest_id AS guest_id, 'linked'::text AS outcome INTO v_link;
    ELSE
      SELECT * INTO v_link FROM public.link_user_by_phone(v_delivery.event_id, v_delivery.phone_number);
    END IF;
    processed_count := processed_count + 1;
    IF v_link.outcome = 'linked' THEN
      linked_count := linked_count + 1;
      IF NOT p_dry_run THEN
        UPDATE public.message_deliveries SET user_id = v_link.user_id WHERE id = v_delivery.id AND user_id IS NULL;
      END IF;
    ELSIF v_link.outcome = 'ambiguous' THEN
      ambiguous_count := ambiguous_count + 1;
    ELSE
      no_match_count := no_match_count + 1;
    END IF;
    IF NOT p_dry_run THEN
      INSERT INTO public.user_link_audit (table_name, record_id, event_id, normalized_phone, matched_guest_id, linked_user_id, outcome)
      VALUES (
        p_table, v_delivery.id, v_delivery.event_id, public.normalize_phone(v_delivery.phone_number), v_link.guest_id, v_link.user_id,
        v_link.outcome);
    END IF;
    IF processed_count <= 5 THEN
      sample_results := sample_results || jsonb_build_object('id', v_delivery.id, 'outcome', v_link.outcome, 'user_id', v_link.user_id);
    END IF;
  END LOOP;
  RETURN NEXT;
END
$$;

CREATE FUNCTION public.rollback_user_links(p_since timestamptz, p_table text DEFAULT 'message_deliveries', p_dry_run boolean DEFAULT true)
RETURNS TABLE (rolled_back_count integer, sample_results jsonb)
LANGUAGE plpgsql
AS $$
DECLARE
  v_audit record;
BEGIN
  rolled_back_count := 0; sample_results := '[]';
  FOR v_audit IN
    SELECT a.record_id, a.linked_user_id
    FROM public.user_link_audit a
    WHERE a.created_at >= p_since AND a.outcome = 'linked' AND a.table_name IN (p_table, p_table || '_backfill')
  LOOP
    IF NOT p_dry_run THEN
      UPDATE public.message_deliveries SET user_id = NULL WHERE id = v_audit.record_id AND user_id = v_audit.linked_user_id;
    END IF;
    rolled_back_count := rolled_back_count + 1;
  END LOOP;
  RETURN NEXT;
END
$$;
