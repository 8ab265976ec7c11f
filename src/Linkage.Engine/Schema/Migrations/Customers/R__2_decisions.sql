-- What somebody decided about leads: that two are one person (must-link), or that they are not (cannot-link).

-- A lead's key in the form in which keys stand in the journals; an error where there is no such lead.
CREATE OR REPLACE FUNCTION linkage.find_lead(wanted text) RETURNS text
LANGUAGE plpgsql STABLE
AS $$
DECLARE
  found text;
BEGIN
  BEGIN
    EXECUTE linkage.customer_sql('SELECT {l.key} FROM {lead} AS l WHERE l.{lead.key} = $1::{lead.key:type}') INTO found USING wanted;
  EXCEPTION WHEN data_exception THEN
    found := NULL;
  END;
  IF found IS NULL THEN
    RAISE EXCEPTION USING
      ERRCODE = 'LK043',
      MESSAGE = format(
        'There is no lead %s in %s.', COALESCE(quote_literal(wanted), 'of no key'), (linkage.customer_role('lead')).relation),
      HINT = 'Give the keys of two leads that are there.';
  END IF;
  RETURN found;
END
$$;

-- A shortest chain of must-links from a lead to one of others, both ends included; null where there is none.
-- Plan: each round of the breadth-first search reads the decisions once: they are made by hand, and few.
CREATE OR REPLACE FUNCTION linkage.decision_chain(from_lead text, to_leads text[]) RETURNS text[]
LANGUAGE plpgsql STABLE
AS $$
DECLARE
  seen   text[] := ARRAY[from_lead];
  fresh  text[] := seen;
  before jsonb := '{}';
  link   record;
  chain  text[];
BEGIN
  WHILE NOT seen && to_leads AND fresh <> '{}' LOOP
    FOR link IN
      SELECT e.next, min(e.lead) AS lead
      FROM (
        SELECT d.lead_a, d.lead_b FROM linkage.customer_decision d WHERE d.decision = 'must-link'
        UNION ALL
        SELECT d.lead_b, d.lead_a FROM linkage.customer_decision d WHERE d.decision = 'must-link'
      ) AS e (lead, next)
      WHERE e.lead = ANY (fresh) AND e.next <> ALL (seen)
      GROUP BY e.next
    LOOP
      before := before || jsonb_build_object(link.next, link.lead);
    END LOOP;
    fresh := ARRAY(SELECT k.lead FROM jsonb_object_keys(before) AS k (lead) WHERE k.lead <> ALL (seen) ORDER BY k.lead COLLATE "C");
    seen := seen || fresh;
  END LOOP;
  SELECT ARRAY[min(t.lead)] INTO chain FROM unnest(to_leads) AS t (lead) WHERE t.lead = ANY (seen) HAVING count(*) > 0;
  WHILE before ? chain[1] LOOP
    chain := (before ->> chain[1]) || chain;
  END LOOP;
  RETURN chain;
END
$$;

-- What a decision would contradict, as a sentence that names the chain; null where nothing does.
CREATE OR REPLACE FUNCTION linkage.decision_conflict(lead_a text, lead_b text, decision text) RETURNS text
LANGUAGE plpgsql STABLE
AS $$
DECLARE
  chain  text[];
  other  text[];
  parted record;
BEGIN
  IF decision = 'cannot-link' THEN
    chain := linkage.decision_chain(lead_a, ARRAY[lead_b]);
    RETURN CASE
      WHEN chain IS NOT NULL
      THEN format(
        '%s must be linked: %s', CASE WHEN cardinality(chain) > 2 THEN 'by a chain they' ELSE 'they' END, array_to_string(chain, ' = '))
    END;
  END IF;
  FOR parted IN
    SELECT d.lead_a AS a, d.lead_b AS b FROM linkage.customer_decision d WHERE d.decision = 'cannot-link' ORDER BY d.lead_a, d.lead_b
  LOOP
    chain := linkage.decision_chain(lead_a, ARRAY[parted.a, parted.b]);
    CONTINUE WHEN chain IS NULL;
    other := linkage.decision_chain(lead_b, ARRAY[CASE WHEN chain[cardinality(chain)] = parted.a THEN parted.b ELSE parted.a END]);
    IF other IS NOT NULL THEN
      RETURN format(
        '%s and %s can''t be linked: %s',
        chain[cardinality(chain)], other[cardinality(other)],
        array_to_string(chain || ARRAY(SELECT o.lead FROM unnest(other) WITH ORDINALITY AS o (lead, i) ORDER BY o.i), ' = '));
    END IF;
  END LOOP;
  RETURN NULL;
END
$$;

-- Puts a decision down; one that is there already gets the new reason. One that contradicts others is refused.
CREATE OR REPLACE FUNCTION linkage.decide_leads(one text, other text, decision text, reason text, only_plan boolean)
RETURNS linkage.customer_decision
LANGUAGE plpgsql
AS $$
DECLARE
  entry    linkage.customer_decision;
  conflict text;
BEGIN
  entry.lead_a := LEAST(linkage.find_lead(one) COLLATE "C", linkage.find_lead(other) COLLATE "C");
  entry.lead_b := GREATEST(linkage.find_lead(one) COLLATE "C", linkage.find_lead(other) COLLATE "C");
  entry.decision := decision;
  entry.reason := reason;
  entry.decided_by := session_user;
  entry.decided_at := clock_timestamp();
  IF entry.lead_a = entry.lead_b THEN
    RAISE EXCEPTION USING
      ERRCODE = 'LK043', MESSAGE = format('Lead %s is given twice.', entry.lead_a), HINT = 'Give the keys of two leads.';
  END IF;
  IF NOT only_plan THEN
    -- Two that decide at once line up here.
    LOCK TABLE linkage.customer_decision IN SHARE ROW EXCLUSIVE MODE;
  END IF;
  conflict := linkage.decision_conflict(entry.lead_a, entry.lead_b, decision);
  IF conflict IS NOT NULL THEN
    RAISE EXCEPTION USING
      ERRCODE = 'LK044',
      MESSAGE = format('%s of leads %s and %s contradicts what was decided: %s.', initcap(decision), entry.lead_a, entry.lead_b, conflict),
      HINT = 'Get-CustomerDecision shows who decided that and why; Remove-CustomerDecision takes one back.';
  END IF;
  IF NOT only_plan THEN
    INSERT INTO linkage.customer_decision AS d
    SELECT entry.*
    ON CONFLICT ON CONSTRAINT customer_decision_pkey DO UPDATE
    SET decision = EXCLUDED.decision, reason = EXCLUDED.reason, decided_by = EXCLUDED.decided_by, decided_at = EXCLUDED.decided_at
    RETURNING d.* INTO entry;
  END IF;
  RETURN entry;
END
$$;

-- Takes a decision back, also one about leads that are gone.
CREATE OR REPLACE FUNCTION linkage.forget_decision(one text, other text, only_plan boolean) RETURNS linkage.customer_decision
LANGUAGE plpgsql
AS $$
DECLARE
  entry linkage.customer_decision;
BEGIN
  SELECT d.* INTO entry
  FROM linkage.customer_decision d
  WHERE d.lead_a = LEAST(one COLLATE "C", other COLLATE "C") AND d.lead_b = GREATEST(one COLLATE "C", other COLLATE "C");
  IF NOT FOUND THEN
    RAISE EXCEPTION USING
      ERRCODE = 'LK043', MESSAGE = format('Nothing was decided about leads %s and %s.', one, other),
      HINT = 'Get-CustomerDecision lists what was.';
  END IF;
  IF NOT only_plan THEN
    DELETE FROM linkage.customer_decision d WHERE (d.lead_a, d.lead_b) = (entry.lead_a, entry.lead_b);
  END IF;
  RETURN entry;
END
$$;
