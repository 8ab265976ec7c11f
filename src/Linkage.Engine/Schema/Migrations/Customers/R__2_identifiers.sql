-- What identifies a person: a messenger's PSID, a phone, an e-mail, each in the one form by which it is compared; null where it is empty,
-- or written where there is none. Immutable, and no table is read. Patterns are in collation "C": any other may be nondeterministic.

-- Words that stand where there is no value, in lower case.
CREATE OR REPLACE FUNCTION linkage.is_placeholder_word(word text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
  SELECT $1 COLLATE "C" = ANY (
    '{"", "-", "--", ".", "0", "?", "x", "xx", "xxx", "na", "n/a", "n.a.", "nil", "no", "none", "null", "test", "tester", "testing", "unknown",
    "undefined", "noemail", "no-email", "no_email", "nomail", "no-mail", "noreply", "no-reply", "donotreply", "anonymous"}'::text[])
$$;

CREATE OR REPLACE FUNCTION linkage.identifying_psid(psid text) RETURNS text
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
AS $$
DECLARE
  trimmed text COLLATE "C" := btrim(psid, E' \t\r\n');
BEGIN
  -- What messengers give is a long number.
  IF octet_length(trimmed) > 12 AND trimmed > '1' THEN
    RETURN trimmed;
  END IF;
  IF trimmed = '' OR rtrim(trimmed, '0') = '' OR linkage.is_placeholder_word(lower(trimmed)) THEN
    RETURN NULL;
  END IF;
  RETURN trimmed;
END
$$;

-- In E.164 form; the digits of what has none, if there are ten or more.
CREATE OR REPLACE FUNCTION linkage.identifying_phone(phone text) RETURNS text
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
AS $$
DECLARE
  number text COLLATE "C" := {{app}}.normalize_phone(phone);
BEGIN
  IF number IS NULL THEN
    number := regexp_replace(phone COLLATE "C", '[^0-9]', '', 'g');
    IF octet_length(number) < 10 THEN
      RETURN NULL;
    END IF;
  END IF;
  -- Asked only of what may be one: the answer costs more than all the rest.
  IF (right(number, 4) = repeat(right(number, 1), 4) OR number LIKE ANY ({{placeholder_masks}}::text[]))
    AND linkage.is_placeholder_phone(number)
  THEN
    RETURN NULL;
  END IF;
  RETURN number;
END
$$;

-- In lower case. What different providers make of dots and plus signs is theirs to know: addresses that differ are different.
CREATE OR REPLACE FUNCTION linkage.identifying_email(email text) RETURNS text
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
AS $$
DECLARE
  folded text COLLATE "C" := lower(btrim(email, E' \t\r\n') COLLATE "default");
BEGIN
  IF folded ~ '^[^@[:space:]<>,;"()]+@[^@[:space:]<>,;"().]+([.][^@[:space:]<>,;"().]+)+$'
    AND NOT linkage.is_placeholder_word(split_part(folded, '@', 1))
  THEN
    RETURN folded;
  END IF;
  RETURN NULL;
END
$$;

-- A group's key as it is compared: what an earlier script wrote as phone:5551234567 equals phone:+15551234567.
CREATE OR REPLACE FUNCTION linkage.comparable_group_key(group_key text) RETURNS text
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
AS $$
DECLARE
  kind  text COLLATE "C" := split_part(group_key, ':', 1);
  value text COLLATE "C" := substr(group_key, octet_length(kind) + 2);
BEGIN
  RETURN kind || ':' || CASE kind
    WHEN 'psid' THEN linkage.identifying_psid(value)
    WHEN 'phone' THEN linkage.identifying_phone(value)
    WHEN 'email' THEN linkage.identifying_email(value)
    ELSE value
  END;
END
$$;

-- A number that tells whether what identifies a lead (alias l) is still what it was.
CREATE OR REPLACE FUNCTION linkage.lead_mark() RETURNS text
LANGUAGE sql STABLE
AS $$ SELECT linkage.customer_sql('hashtextextended(ROW({l.psid}, {l.phone}, {l.email})::text, 0)') $$;

-- Every lead with what identifies it: a SELECT of lead_id, psid, phone, email, name, address, customer_id (text), created_at (timestamptz)
-- and mark (bigint). Plan: one pass over the leads; a column that is not asked for is not computed, one that is asked for twice is
-- computed once.
CREATE OR REPLACE FUNCTION linkage.lead_query() RETURNS text
LANGUAGE sql STABLE
AS $$
  SELECT linkage.customer_sql(
    'SELECT
       {l.key} AS lead_id,
       linkage.identifying_psid({l.psid}) COLLATE "C" AS psid,
       linkage.identifying_phone({l.phone}) COLLATE "C" AS phone,
       linkage.identifying_email({l.email}) COLLATE "C" AS email,
       NULLIF(btrim({l.name}), '''') AS name,
       NULLIF(btrim({l.address}), '''') AS address,
       {l.customer} AS customer_id,
       {l.created_at} AS created_at,
       ' || linkage.lead_mark() || ' AS mark
     FROM {lead} AS l
     OFFSET 0')
$$;
