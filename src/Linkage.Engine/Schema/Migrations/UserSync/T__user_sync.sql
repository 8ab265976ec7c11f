-- The triggers on auth.users, made from the columns of both tables ({{columns}}):
-- publishes function {{app}}.handle_new_user()
-- publishes function {{app}}.handle_user_update()
-- publishes trigger on_auth_user_updated on auth.users by {{app}}.handle_user_update()
SELECT linkage.create_user_sync_functions();

SELECT linkage.publish_trigger(
  'on_auth_user_created', 'auth.users',
  'AFTER INSERT ON auth.users
   FOR EACH ROW
   EXECUTE FUNCTION {{app}}.handle_new_user()',
  'UserSync', 'gives a new account its profile');

-- Optional: made disabled where it was not there; where the table is another role's, and so can't be altered, off by the switch.
INSERT INTO linkage.trigger_switch (number)
SELECT -2
FROM pg_class c
WHERE c.oid = 'auth.users'::regclass AND NOT pg_has_role(c.relowner, 'USAGE')
  AND NOT EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = c.oid AND t.tgname = 'on_auth_user_updated')
ON CONFLICT (number) DO NOTHING;

SELECT linkage.publish_trigger(
  'on_auth_user_updated', 'auth.users', linkage.user_update_trigger(), 'UserSync',
  'optional: lets a profile follow its account', 'D');
