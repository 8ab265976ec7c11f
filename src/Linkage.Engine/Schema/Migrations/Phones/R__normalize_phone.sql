-- normalize_phone: the E.164 form of every possible phone number, else NULL.
--
-- It means what google/libphonenumber's parse() and isPossibleNumber() mean; docs/phones.md says where it differs and why.
-- Linkage.Engine.Phones.PhoneNumber does the same in C#, step by step in the same order, from the same facts: PhoneSql writes them
-- in place of the tokens in double braces.
--
-- Both functions serve in expression indexes and in joins over millions of rows, hence:
--   * They are immutable and read no table. Every name is qualified, and functions stand where operators would be easier to read:
--     index expressions run under any search_path, and a SET clause costs more than all the rest.
--   * Collation "C" throughout: ranges are ranges of code points, and a column with a nondeterministic collation raises no error.
--   * Backslashes stand in E'' strings only: standard_conforming_strings may be off where the function runs.
--   * The usual input leaves by one of the early exits. Regular expressions there have few states, since PostgreSQL builds the
--     automaton anew for each call: [0-9]* and a look at the length costs a third of [0-9]{10}.

CREATE OR REPLACE FUNCTION {{app}}.normalize_phone(phone text, default_region text)
RETURNS text
LANGUAGE plpgsql
IMMUTABLE
PARALLEL SAFE
AS $normalize_phone$
DECLARE
  -- Where a normalize_phone was adopted, its arguments keep their names.
  phone ALIAS FOR $1;
  default_region ALIAS FOR $2;
  number pg_catalog.text COLLATE pg_catalog."C";
  stripped pg_catalog.text COLLATE pg_catalog."C";
  context pg_catalog.text COLLATE pg_catalog."C";
  position pg_catalog.int4;
  size pg_catalog.int4;
  entry pg_catalog.int4;
BEGIN
  -- First part: from the text to digits, with a + in front if there is one. The frequent forms come first.
  IF pg_catalog.textregexeq(phone COLLATE pg_catalog."C", '^[+][0-9]*$') THEN
    IF pg_catalog.int4eq(pg_catalog.octet_length(phone), 12) AND pg_catalog.starts_with(phone, '+1') THEN
      RETURN phone;
    END IF;
    number := phone;
  ELSIF phone IS NULL OR pg_catalog.int4gt(pg_catalog.octet_length(phone), 250) AND pg_catalog.int4gt(pg_catalog.length(phone), 250)
  THEN
    RETURN NULL;
  ELSE
    number := pg_catalog.translate(phone, ' -().', '');
    IF pg_catalog.textregexne(number, '^[+]?[0-9]*$') THEN
{{phone_text}}
      number := stripped;
      IF pg_catalog.textregexeq(number, '[a-z].*[a-z].*[a-z]') THEN
        number := pg_catalog.translate(number, 'abcdefghijklmnopqrstuvwxyz', '22233344455566677778889999');
      END IF;
      number := pg_catalog.concat(
        CASE WHEN pg_catalog.starts_with(number, '+') THEN '+' END,
        pg_catalog.translate(number, '+][x ().~/*-abcdefghijklmnopqrstuvwyz', ''));
    END IF;
  END IF;

  -- Second part: the numbers that need no pattern.
  size := pg_catalog.octet_length(number);
  IF pg_catalog.starts_with(number, '+') THEN
    IF pg_catalog.int4eq(size, 12) AND pg_catalog.starts_with(number, '+1') THEN
      RETURN number;
    ELSIF pg_catalog.int4ge(size, 7) AND pg_catalog.int4le(size, 21) THEN
      -- One integer for each three leading digits (class CallingCodeTable): bit n + 6 is set if n digits are possible, bits 10 and
      -- 11 hold the length of the calling code, and bit d is set if a national prefix can begin with digit d.
      entry := ({{calling_code_table}}::pg_catalog.int4[])[pg_catalog.substr(number, 2, 3)::pg_catalog.int4];
      IF pg_catalog.int4eq(1, pg_catalog.int4and(1, pg_catalog.int4shr(entry, pg_catalog.int4pl(size, 5))))
        AND pg_catalog.int4eq(0, pg_catalog.int4and(1, pg_catalog.int4shr(entry, pg_catalog.substr(number,
          pg_catalog.int4pl(2, pg_catalog.int4and(3, pg_catalog.int4shr(entry, 10))), 1)::pg_catalog.int4)))
      THEN
        RETURN number;
      END IF;
    END IF;
  ELSIF pg_catalog.texteq(default_region, 'US') THEN
    IF pg_catalog.int4eq(size, 10) AND pg_catalog.text_ge(number, '2') THEN
      RETURN pg_catalog.textcat('+1', number);
    ELSIF pg_catalog.int4eq(size, 11) AND pg_catalog.text_ge(number, '12') AND pg_catalog.text_lt(number, '2') THEN
      RETURN pg_catalog.textcat('+', number);
    END IF;
  END IF;

  -- Third part: the general rules. A block of its own, so that only they pay for the copy of the facts.
  DECLARE
    facts CONSTANT pg_catalog.jsonb := {{phone_regions}}::pg_catalog.jsonb;
    region pg_catalog.jsonb := pg_catalog.jsonb_object_field(facts, pg_catalog.upper(default_region COLLATE pg_catalog."C"));
    is_international pg_catalog.bool := pg_catalog.starts_with(number, '+');
    digits CONSTANT pg_catalog.text COLLATE pg_catalog."C" := pg_catalog.ltrim(number, '+');
    national pg_catalog.text COLLATE pg_catalog."C" := digits;
    code pg_catalog.text COLLATE pg_catalog."C";
    parts pg_catalog.text[] COLLATE pg_catalog."C";
    main pg_catalog.jsonb;
    is_main pg_catalog.bool;
    is_unchanged pg_catalog.bool;
    may_hold_code pg_catalog.bool;
  BEGIN
    -- The calling code: after +, else after the international prefix of the default region. "+011 44 ..." means the latter.
    IF NOT is_international OR NOT pg_catalog.jsonb_exists_any(facts, ARRAY[
      pg_catalog.textcat('+', pg_catalog.left(digits, 1)),
      pg_catalog.textcat('+', pg_catalog.left(digits, 2)),
      pg_catalog.textcat('+', pg_catalog.left(digits, 3))])
    THEN
      parts := pg_catalog.regexp_match(digits, pg_catalog.jsonb_object_field_text(region, 'international'));
      national := pg_catalog.substr(digits, pg_catalog.int4pl(1, pg_catalog.length(parts[1])));
      IF national IS NULL OR pg_catalog.starts_with(national, '0') THEN
        IF is_international THEN
          RETURN NULL;
        END IF;
        national := digits;
      ELSE
        is_international := true;
      END IF;
    END IF;
    is_main := is_international;
    IF is_international THEN
      FOR i IN 1..3 LOOP
        code := pg_catalog.left(national, i);
        region := pg_catalog.jsonb_object_field(facts,
          pg_catalog.jsonb_object_field_text(facts, pg_catalog.textcat('+', code)));
        EXIT WHEN region IS NOT NULL;
      END LOOP;
      national := pg_catalog.substr(national, pg_catalog.int4pl(1, pg_catalog.length(code)));
      may_hold_code := false;
    ELSE
      code := pg_catalog.jsonb_object_field_text(region, 'code');
      may_hold_code := pg_catalog.starts_with(national, code);
      IF may_hold_code THEN
        national := pg_catalog.substr(national, pg_catalog.int4pl(1, pg_catalog.length(code)));
      END IF;
    END IF;
    IF code IS NULL OR region IS NULL THEN
      RETURN NULL;
    END IF;
    main := pg_catalog.jsonb_object_field(facts, pg_catalog.jsonb_object_field_text(facts, pg_catalog.textcat('+', code)));

    -- The national prefix. Again until nothing changes, so that what comes out stays as it is when it goes in. Twenty rounds are
    -- more than any number has digits to lose; the bound is there so that no facts can make the loop endless.
    FOR i IN 1..20 LOOP
      parts := pg_catalog.regexp_match(national, pg_catalog.jsonb_object_field_text(region, 'national'));
      stripped := CASE
        WHEN parts IS NULL THEN national
        WHEN pg_catalog.jsonb_exists(region, 'insert') AND parts[pg_catalog.array_upper(parts, 1)] IS NOT NULL THEN
          pg_catalog.concat(
            pg_catalog.jsonb_object_field_text(region, 'insert'),
            parts[pg_catalog.jsonb_object_field_text(region, 'group')::pg_catalog.int4],
            pg_catalog.substr(national, pg_catalog.int4pl(1, pg_catalog.length(parts[1]))))
        ELSE pg_catalog.substr(national, pg_catalog.int4pl(1, pg_catalog.length(parts[1])))
      END;
      IF pg_catalog.textne(stripped, national)
        AND pg_catalog.textregexeq(national, pg_catalog.jsonb_object_field_text(region, 'valid'))
        AND pg_catalog.textregexne(stripped, pg_catalog.jsonb_object_field_text(region, 'valid'))
      THEN
        stripped := national;
      END IF;
      size := pg_catalog.length(stripped);

      IF may_hold_code THEN
        -- Digits alone that begin with the default region's own code: it is one if they make sense only without it.
        may_hold_code := false;
        IF pg_catalog.int4gt(pg_catalog.length(digits), pg_catalog.jsonb_object_field_text(region, 'longest')::pg_catalog.int4)
          OR pg_catalog.textregexne(digits, pg_catalog.jsonb_object_field_text(region, 'valid'))
            AND pg_catalog.textregexeq(stripped, pg_catalog.jsonb_object_field_text(region, 'valid'))
        THEN
          national := stripped;
          region := main;
          is_main := true;
        ELSE
          national := digits;
        END IF;
        CONTINUE;
      END IF;

      -- A prefix whose loss leaves an impossible number was none.
      is_unchanged := pg_catalog.texteq(stripped, national)
        OR pg_catalog.int4le(size, pg_catalog.jsonb_object_field_text(region, 'longest')::pg_catalog.int4)
          AND pg_catalog.int4eq(0, pg_catalog.int4and(1,
            pg_catalog.int4shr(pg_catalog.jsonb_object_field_text(region, 'lengths')::pg_catalog.int4, size)));
      IF NOT is_unchanged THEN
        national := stripped;
      END IF;
      size := pg_catalog.length(national);
      IF pg_catalog.int4gt(size, pg_catalog.jsonb_object_field_text(main, 'longest')::pg_catalog.int4)
        OR pg_catalog.int4eq(0, pg_catalog.int4and(1,
          pg_catalog.int4shr(pg_catalog.jsonb_object_field_text(main, 'lengths')::pg_catalog.int4, size)))
      THEN
        RETURN NULL;
      END IF;
      IF is_unchanged AND is_main THEN
        RETURN pg_catalog.concat('+', code, national);
      END IF;
      -- The main region of a shared calling code alone decides about the E.164 form.
      is_main := true;
      region := main;
    END LOOP;
    RETURN NULL;
  END;
END
$normalize_phone$;

-- Plain SQL, so that the planner replaces it by the call inside: it costs nothing, and an index on normalize_phone(x) serves
-- normalize_phone(x, 'US') too.
CREATE OR REPLACE FUNCTION {{app}}.normalize_phone(phone text)
RETURNS text
LANGUAGE sql
IMMUTABLE
PARALLEL SAFE
AS $normalize_phone$
  SELECT {{app}}.normalize_phone($1, 'US');
$normalize_phone$;

COMMENT ON FUNCTION {{app}}.normalize_phone(text, text) IS 'Linkage: the E.164 form of a possible phone number, else NULL';
COMMENT ON FUNCTION {{app}}.normalize_phone(text) IS 'Linkage: the E.164 form of a possible phone number of region US, else NULL';
