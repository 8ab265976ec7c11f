-- Whether leads, customers and what follows leads belong together as they should. All of it reads only, and answers where tables or columns
-- are not registered: a check is unknown then, and its message says what is missing.

-- A number of things, in words.
CREATE OR REPLACE FUNCTION linkage.number_of(things bigint, singular text, plural text) RETURNS text
LANGUAGE sql IMMUTABLE
AS $$ SELECT concat(to_char($1, 'FM999,999,999,999,999'), ' ', CASE $1 WHEN 1 THEN $2 ELSE $3 END) $$;

-- What keeps a check from being made: a role without table, or a table without column; null where there is all that it takes.
CREATE OR REPLACE FUNCTION linkage.customer_check_problem(wanted_role text, col text) RETURNS text
LANGUAGE sql STABLE
AS $$
  SELECT CASE
    WHEN NOT linkage.customer_has($1)
      THEN format(
        'No table is registered in the role of %s, or it is gone: Register-CustomerTable -Role %s registers one.', $1, initcap($1))
    WHEN NOT linkage.customer_has($1, $2)
      THEN format('The table in the role of %s has no column for %s: Register-CustomerTable -Role %s maps it.', $1, $2, initcap($1))
  END
$$;

-- How many leads have no customer.
-- Plan: an index-only scan of the nulls of an index on the customer; without one a scan.
CREATE OR REPLACE FUNCTION linkage.count_open_leads() RETURNS bigint
LANGUAGE plpgsql STABLE SET jit = off
AS $$
DECLARE
  leads bigint;
BEGIN
  EXECUTE linkage.customer_sql('SELECT count(*) FROM {lead} AS l WHERE l.{lead.customer} IS NULL') INTO leads;
  RETURN leads;
END
$$;

-- Of each table whose rows follow a lead: how many rows have no customer, how many of these a backfill can link at once since their lead
-- has one, how many have no lead by which they could be linked, and how many have another customer than their lead.
-- Plan: one hash join of each table with the leads, by several processes.
CREATE OR REPLACE FUNCTION linkage.measure_followers()
RETURNS TABLE (relation text, without_customer bigint, left_behind bigint, without_lead bigint, disagreeing bigint)
LANGUAGE plpgsql STABLE SET jit = off
AS $$
DECLARE
  follower record;
BEGIN
  FOR follower IN SELECT * FROM linkage.customer_followers() LOOP
    relation := follower.relation;
    EXECUTE linkage.customer_sql(
      'SELECT
         count(*) FILTER (WHERE f.{3} IS NULL),
         count(l.{lead.customer}) FILTER (WHERE f.{3} IS NULL),
         count(*) FILTER (WHERE f.{3} IS NULL AND l.{lead.key} IS NULL),
         count(*) FILTER (WHERE f.{3} <> l.{lead.customer})
       FROM {1} AS f
       LEFT JOIN {lead} AS l ON l.{lead.key} = f.{2}',
      follower.relation, quote_ident(follower.lead_column), quote_ident(follower.customer_column))
    INTO without_customer, left_behind, without_lead, disagreeing;
    RETURN NEXT;
  END LOOP;
END
$$;

-- How many customers have more leads than that, how many leads the largest one has, and which the largest ones are.
-- Plan: an index-only scan of an index on the customer, grouped in its order; without one a scan and a hash aggregate.
CREATE OR REPLACE FUNCTION linkage.measure_large_customers(max_leads integer, OUT customers bigint, OUT largest bigint, OUT examples text)
LANGUAGE plpgsql STABLE SET jit = off
AS $$
BEGIN
  EXECUTE linkage.customer_sql(
    'SELECT max(s.customers), max(s.leads), string_agg(s.id, '', '' ORDER BY s.leads DESC, s.id)
     FROM (
       SELECT count(*) OVER () AS customers, l.leads, l.id
       FROM (
         SELECT {l.customer} AS id, count(*) AS leads
         FROM {lead} AS l
         WHERE l.{lead.customer} IS NOT NULL
         GROUP BY l.{lead.customer}
         HAVING count(*) > $1
       ) AS l
       ORDER BY l.leads DESC, l.id
       LIMIT 5
     ) AS s')
  INTO customers, largest, examples
  USING max_leads;
  customers := COALESCE(customers, 0);
END
$$;

-- How many phones or e-mails (col) more than one customer has, in whatever way they are written, how many customers have them, and two of
-- these who share one.
-- Plan: one pass over the customers and a hash aggregate.
CREATE OR REPLACE FUNCTION linkage.measure_shared_identifiers(col text, OUT identifiers bigint, OUT customers bigint, OUT example text)
LANGUAGE plpgsql STABLE SET jit = off
AS $$
BEGIN
  EXECUTE linkage.customer_sql(format(
    'SELECT count(*), COALESCE(sum(s.customers), 0), min(s.example)
     FROM (
       SELECT count(*) AS customers, min(c.id COLLATE "C") || '', '' || max(c.id COLLATE "C") AS example
       FROM (SELECT {c.key} AS id, linkage.identifying_%1$s({c.%1$s}) AS identifier FROM {customer} AS c OFFSET 0) AS c
       WHERE c.identifier IS NOT NULL
       GROUP BY c.identifier
       HAVING count(*) > 1
     ) AS s', col))
  INTO identifiers, customers, example;
END
$$;

-- How many customers no lead has.
-- Plan: an anti-join of the customers with an index-only scan of an index on the leads' customer, merged or hashed.
CREATE OR REPLACE FUNCTION linkage.count_customers_without_leads() RETURNS bigint
LANGUAGE plpgsql STABLE SET jit = off
AS $$
DECLARE
  customers bigint;
BEGIN
  EXECUTE linkage.customer_sql(
    'SELECT count(*)
     FROM {customer} AS c
     WHERE NOT EXISTS (SELECT FROM {lead} AS l WHERE l.{lead.customer} = c.{customer.key})')
  INTO customers;
  RETURN customers;
END
$$;

-- Whether a table has a row. Plan: its first page that has one.
CREATE OR REPLACE FUNCTION linkage.customer_role_has_rows(wanted_role text) RETURNS boolean
LANGUAGE plpgsql STABLE
AS $$
DECLARE
  has_rows boolean;
BEGIN
  EXECUTE format('SELECT EXISTS (SELECT FROM %s)', (linkage.customer_role(wanted_role)).relation) INTO has_rows;
  RETURN has_rows;
END
$$;

-- When the audit last got a backfill that still stands; null if never.
-- Plan: an index on action and time, backwards; without one a scan.
CREATE OR REPLACE FUNCTION linkage.last_customer_backfill() RETURNS timestamptz
LANGUAGE plpgsql STABLE
AS $$
DECLARE
  happened_at timestamptz;
BEGIN
  EXECUTE linkage.customer_sql(
    'SELECT max({1})
     FROM {audit} AS u
     WHERE u.{audit.action} = ''backfill_customers'' AND NOT COALESCE(u.{audit.payload}::jsonb ? ''undoneAt'', false)',
    linkage.customer_expression(linkage.customer_role('audit'), 'created_at', 'u'))
  INTO happened_at;
  RETURN happened_at;
END
$$;

-- All checks, in a stable order. Above the threshold a check complains; NoCustomers does below.
CREATE OR REPLACE FUNCTION linkage.customer_checks(max_leads integer, audit_age interval)
RETURNS TABLE (check_name text, status text, value numeric, threshold numeric, message text, details jsonb)
LANGUAGE plpgsql STABLE SET jit = off
AS $$
DECLARE
  lead_problem     text := linkage.customer_check_problem('lead', 'key');
  customer_problem text := COALESCE(linkage.customer_check_problem('customer', 'key'), lead_problem);
  follower_problem text := COALESCE(lead_problem, linkage.customer_check_problem('follower', 'key'));
  has_leads        boolean := lead_problem IS NULL AND linkage.customer_role_has_rows('lead');
  grave            text;
  problem          text;
  followers        record;
  found            record;
  identifier       text;
  happened_at      timestamptz;
BEGIN
  IF follower_problem IS NULL THEN
    SELECT
      sum(f.without_customer) AS without_customer, sum(f.left_behind) AS left_behind, sum(f.without_lead) AS without_lead,
      sum(f.disagreeing) AS disagreeing, string_agg(f.relation, ', ') AS relations,
      string_agg(linkage.number_of(f.without_customer, 'row', 'rows') || ' of ' || f.relation, ', ')
        FILTER (WHERE f.without_customer > 0) AS lacking,
      string_agg(linkage.number_of(f.disagreeing, 'row', 'rows') || ' of ' || f.relation, ', ')
        FILTER (WHERE f.disagreeing > 0) AS differing
    INTO followers
    FROM linkage.measure_followers() f;
  END IF;

  FOR check_name, grave, problem IN VALUES
    ('LeadsWithoutCustomer', 'warning', lead_problem),
    ('JobsWithoutCustomer', 'critical', follower_problem),
    ('JobsDisagreeWithLead', 'critical', follower_problem),
    ('LargeCustomers', 'warning', lead_problem),
    ('DuplicatePhones', 'warning', linkage.customer_check_problem('customer', 'phone')),
    ('DuplicateEmails', 'warning', linkage.customer_check_problem('customer', 'email')),
    ('CustomersWithoutLeads', 'warning', customer_problem),
    ('NoCustomers', 'critical', customer_problem),
    ('NoRecentAudit', 'warning', COALESCE(linkage.customer_check_problem('audit', 'created_at'), lead_problem))
  LOOP
    value := NULL;
    threshold := 0;
    details := '{}';
    IF problem IS NOT NULL THEN
      status := 'unknown';
      threshold := NULL;
      message := problem;
      RETURN NEXT;
      CONTINUE;
    END IF;

    CASE check_name
      WHEN 'LeadsWithoutCustomer' THEN
        value := linkage.count_open_leads();
        message := CASE
          WHEN value = 0 THEN 'Every lead has its customer.'
          ELSE format(
            '%s no customer. Get-CustomerGroup shows which of them belong together, Invoke-CustomerBackfill gives them their customers.',
            linkage.number_of(value::bigint, 'lead has', 'leads have'))
        END;
      WHEN 'JobsWithoutCustomer' THEN
        value := followers.without_customer;
        details := jsonb_build_object(
          'LeftBehind', followers.left_behind, 'WithoutLead', followers.without_lead, 'Tables', followers.relations);
        message := CASE
          WHEN value = 0 THEN format('Every row of %s has a customer.', followers.relations)
          ELSE concat_ws(
            ' ',
            format('Without a customer: %s.', followers.lacking),
            CASE WHEN followers.without_lead < value THEN 'Invoke-CustomerBackfill gives them that of their lead.' END,
            CASE WHEN followers.without_lead > 0 THEN format(
              '%s no lead either, and must be linked by hand; Get-CustomerTable tells which tables these are.',
              linkage.number_of(followers.without_lead::bigint, 'of them has', 'of them have'))
            END)
        END;
      WHEN 'JobsDisagreeWithLead' THEN
        value := followers.disagreeing;
        details := jsonb_build_object('Tables', followers.relations);
        message := CASE
          WHEN value = 0 THEN format('No row of %s has another customer than its lead.', followers.relations)
          ELSE format(
            'With another customer than their lead: %s. Where the two are one person, Merge-Customer makes them one; else one of the two '
            'links is wrong.', followers.differing)
        END;
      WHEN 'LargeCustomers' THEN
        SELECT * INTO found FROM linkage.measure_large_customers(max_leads);
        value := found.customers;
        details := jsonb_build_object('MaxLeads', max_leads, 'Largest', found.largest, 'Customers', found.examples);
        message := CASE
          WHEN value = 0 THEN format('No customer has more than %s.', linkage.number_of(max_leads, 'lead', 'leads'))
          ELSE format(
            '%s more than %s, the largest %s. Where one is several persons, Split-Customer parts them.',
            linkage.number_of(found.customers, 'customer has', 'customers have'), linkage.number_of(max_leads, 'lead', 'leads'),
            found.largest)
        END;
      WHEN 'DuplicatePhones', 'DuplicateEmails' THEN
        identifier := CASE check_name WHEN 'DuplicatePhones' THEN 'phone' ELSE 'e-mail' END;
        SELECT * INTO found FROM linkage.measure_shared_identifiers(replace(identifier, '-', ''));
        value := found.identifiers;
        details := jsonb_build_object('Customers', found.customers, 'Example', found.example);
        message := CASE
          WHEN value = 0 THEN format('No two customers have the same %s.', identifier)
          ELSE format(
            '%s to more than one customer, however it is written: to %s, for instance. Merge-Customer unites those who are one person.',
            linkage.number_of(found.identifiers, identifier || ' belongs', identifier || 's belong'), found.example)
        END;
      WHEN 'CustomersWithoutLeads' THEN
        value := linkage.count_customers_without_leads();
        message := CASE
          WHEN value = 0 THEN 'Every customer has a lead.'
          ELSE format(
            '%s no lead. Some may never have had one; to others Invoke-CustomerBackfill links leads that lack their customer.',
            linkage.number_of(value::bigint, 'customer has', 'customers have'))
        END;
      WHEN 'NoCustomers' THEN
        value := linkage.customer_role_has_rows('customer')::integer;
        threshold := 1;
        grave := CASE WHEN has_leads AND value = 0 THEN grave ELSE 'healthy' END;
        message := CASE
          WHEN value = 1 THEN 'There are customers.'
          WHEN has_leads THEN 'There are leads, and no customer at all: Invoke-CustomerBackfill makes them.'
          ELSE 'There are neither leads nor customers.'
        END;
      WHEN 'NoRecentAudit' THEN
        happened_at := linkage.last_customer_backfill();
        value := round(EXTRACT(epoch FROM now() - happened_at)::numeric / 86400, 4);
        threshold := round(EXTRACT(epoch FROM audit_age)::numeric / 86400, 4);
        details := jsonb_build_object('LastBackfillAt', happened_at);
        grave := CASE WHEN has_leads AND COALESCE(happened_at < now() - audit_age, true) THEN grave ELSE 'healthy' END;
        message := CASE
          WHEN happened_at IS NOT NULL
            THEN format(
              'The audit has the last backfill of customers at %s UTC.%s', to_char(happened_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI'),
              CASE WHEN grave = 'warning' THEN ' Invoke-CustomerBackfill runs the next one.' END)
          WHEN has_leads THEN 'The audit has no backfill of customers. Invoke-CustomerBackfill writes to it each time it runs.'
          ELSE 'There are no leads to make customers of.'
        END;
    END CASE;
    status := CASE WHEN value = 0 AND threshold = 0 THEN 'healthy' ELSE grave END;
    RETURN NEXT;
  END LOOP;
END
$$;
