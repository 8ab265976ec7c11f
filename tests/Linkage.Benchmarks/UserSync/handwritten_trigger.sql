-- The trigger that most applications have: it copies, and a failure of it is the failure of the sign-up.
CREATE SCHEMA by_hand;

CREATE FUNCTION by_hand.handle_new_user() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = ''
AS $$
BEGIN
  INSERT INTO public.users (id, phone, email, name, created_at)
  VALUES (new.id, '+' || new.phone, new.email, new.raw_user_meta_data ->> 'full_name', new.created_at);
  RETURN new;
END
$$;

CREATE TRIGGER on_auth_user_created_by_hand AFTER INSERT ON auth.users
FOR EACH ROW EXECUTE FUNCTION by_hand.handle_new_user();
