-- The registry of customers: which tables hold leads, customers, addresses, the application's audit, and rows that follow a lead. What
-- stands in the way of a table is in R__1_columns.sql.

-- What a registration would come to. Every problem, with its remedy, is in the one error that it raises; what only costs time is in
-- warnings. change is 'Registered', 'Replaced' or 'Unchanged'.
CREATE OR REPLACE FUNCTION linkage.plan_customer_table(
  wanted_role text, wanted text, given jsonb, OUT entry linkage.customer_table, OUT change text, OUT warnings text[])
LANGUAGE plpgsql STABLE
AS $$
DECLARE
  relation regclass := linkage.find_table(wanted);
  existing linkage.customer_table;
  problems text[] := '{}';
BEGIN
  IF relation IS NULL THEN
    problems := problems || linkage.no_such_table(wanted);
  ELSE
    entry.relation := linkage.qualified_name(relation);
    entry.role := wanted_role;
    entry.columns := linkage.find_customer_columns(wanted_role, relation, given);
    problems := problems || ARRAY(
      SELECT linkage.customer_table_problems(
        wanted_role, relation,
        -- with those that the role can't have
        entry.columns || (SELECT COALESCE(jsonb_object_agg(g.key, g.value), '{}') FROM jsonb_each_text(given) AS g WHERE g.value <> '')));
    SELECT * INTO existing FROM linkage.customer_table t WHERE t.relation = entry.relation;
    IF existing.role <> wanted_role THEN
      problems := problems || format('%s is registered already, in the role of %s: Unregister-CustomerTable first.', entry.relation, existing.role);
    END IF;
    problems := problems || ARRAY(
      SELECT format('The %s is %s already: Unregister-CustomerTable first.', t.role, t.relation)
      FROM linkage.customer_table t
      WHERE t.role = wanted_role AND wanted_role <> 'follower' AND t.relation <> entry.relation);
  END IF;
  IF cardinality(problems) > 0 THEN
    RAISE EXCEPTION USING
      ERRCODE = 'LK040',
      MESSAGE = array_to_string(
        format('Table %s can''t be registered in the role of %s:', COALESCE(relation::text, wanted, 'of no name'), wanted_role) || problems, E'\n');
  END IF;

  entry.registered_by := COALESCE(existing.registered_by, session_user);
  entry.registered_at := existing.registered_at;
  change := CASE
    WHEN existing.relation IS NULL THEN 'Registered'
    WHEN existing.columns = entry.columns THEN 'Unchanged'
    ELSE 'Replaced'
  END;
  warnings := ARRAY(SELECT linkage.customer_index_warnings(entry));
END
$$;

-- Registers a table in its role, or changes its columns.
CREATE OR REPLACE FUNCTION linkage.register_customer_table(
  wanted_role text, wanted text, given jsonb, OUT entry linkage.customer_table, OUT change text, OUT warnings text[])
LANGUAGE plpgsql
AS $$
DECLARE
  plan record;
BEGIN
  -- Two that register at once line up here.
  LOCK TABLE linkage.customer_table IN SHARE ROW EXCLUSIVE MODE;
  SELECT * INTO plan FROM linkage.plan_customer_table(wanted_role, wanted, given);
  entry := plan.entry;
  change := plan.change;
  warnings := plan.warnings;
  IF change <> 'Unchanged' THEN
    PERFORM linkage.take_target(t.relation) FROM linkage.customer_table t WHERE t.role = 'customer';
    INSERT INTO linkage.customer_table AS t (relation, role, columns)
    VALUES (entry.relation, entry.role, entry.columns)
    ON CONFLICT ON CONSTRAINT customer_table_pkey DO UPDATE
    SET columns = EXCLUDED.columns, registered_by = EXCLUDED.registered_by, registered_at = EXCLUDED.registered_at
    RETURNING t.* INTO entry;
  END IF;
END
$$;

-- The registered table that a name in SQL notation means.
CREATE OR REPLACE FUNCTION linkage.find_customer_table(wanted text) RETURNS linkage.customer_table
LANGUAGE plpgsql STABLE
AS $$
DECLARE
  entry linkage.customer_table;
BEGIN
  SELECT t.* INTO entry
  FROM linkage.customer_table t
  WHERE t.relation = wanted OR to_regclass(t.relation) = linkage.find_table(wanted);
  IF NOT FOUND THEN
    RAISE EXCEPTION USING
      ERRCODE = 'LK041',
      MESSAGE = format('%s is not registered among the tables of customers.', COALESCE(wanted, 'A null name')),
      HINT = 'Get-CustomerTable lists those that are.';
  END IF;
  RETURN entry;
END
$$;

-- Forgets a table. What runs changed in it can't be undone until it is registered again.
CREATE OR REPLACE FUNCTION linkage.unregister_customer_table(wanted text, only_plan boolean) RETURNS linkage.customer_table
LANGUAGE plpgsql
AS $$
DECLARE
  entry linkage.customer_table := linkage.find_customer_table(wanted);
BEGIN
  IF NOT only_plan THEN
    PERFORM linkage.take_target(t.relation) FROM linkage.customer_table t WHERE t.role = 'customer';
    DELETE FROM linkage.customer_table t WHERE t.relation = entry.relation;
  END IF;
  RETURN entry;
END
$$;

-- Registers what has the usual names in the application's schema, as far as it fits, unless somebody registered a table already.
CREATE OR REPLACE FUNCTION linkage.register_usual_customer_tables() RETURNS void
LANGUAGE plpgsql
AS $$
DECLARE
  usual record;
BEGIN
  FOR usual IN
    SELECT u.role, format('{{app}}.%I', u.name) AS relation
    FROM (VALUES ('customer', 'Customer'), ('lead', 'Lead'), ('address', 'CustomerAddress'), ('audit', 'Audit'), ('follower', 'Job')) AS u (role, name)
    WHERE NOT EXISTS (SELECT FROM linkage.customer_table t WHERE t.role <> 'audit')
      AND to_regclass(format('{{app}}.%I', u.name)) IS NOT NULL
  LOOP
    BEGIN
      PERFORM linkage.register_customer_table(usual.role, usual.relation, '{}');
    EXCEPTION WHEN SQLSTATE 'LK040' THEN
      -- The cmdlets say what is missing, and so does registering it by hand.
      NULL;
    END;
  END LOOP;
END
$$;

-- The usual tables were {{usual_tables}} when this was installed.
SELECT linkage.register_usual_customer_tables();
