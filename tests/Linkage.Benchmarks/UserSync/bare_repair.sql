-- What a DBA writes who is in a hurry: no log, no way back, and one e-mail that is taken fails all of it.
INSERT INTO public.users (id, phone, email, name, created_at)
SELECT a.id, '+' || a.phone, a.email, a.raw_user_meta_data ->> 'full_name', a.created_at
FROM auth.users a
WHERE a.deleted_at IS NULL AND NOT a.is_anonymous AND NOT EXISTS (SELECT FROM public.users u WHERE u.id = a.id)
