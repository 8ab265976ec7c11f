-- Whether a number is one that is written where there is none: all digits of its national number are equal, or it is among the masks.
-- NULL of NULL, false of what is neither in E.164 form nor of digits alone. Linkage.Engine.Phones.PlaceholderNumber does the same.
--
-- For joins and groupings over many rows, on what normalize_phone gave: it reads no table, and PL/pgSQL since an SQL function is not
-- inlined where its argument is a costly call. Names are qualified, as in normalize_phone.

CREATE OR REPLACE FUNCTION linkage.is_placeholder_phone(number text)
RETURNS boolean
LANGUAGE plpgsql
IMMUTABLE
STRICT
PARALLEL SAFE
AS $is_placeholder_phone$
DECLARE
  -- What precedes the repetitions of the last digit.
  rest CONSTANT pg_catalog.text COLLATE pg_catalog."C" := pg_catalog.rtrim(number, pg_catalog.right(number, 1));
BEGIN
  IF pg_catalog.textregexne(number COLLATE pg_catalog."C", '^[+]?[0-9]+$') THEN
    RETURN false;
  ELSIF pg_catalog.texteq(rest, '') THEN
    RETURN true;
  ELSIF pg_catalog.starts_with(rest, '+') AND pg_catalog.int4le(pg_catalog.length(rest), 4) THEN
    -- A calling code at most? Bits 10 and 11 of the entry hold its length (class CallingCodeTable).
    IF pg_catalog.int4le(pg_catalog.length(rest), pg_catalog.int4pl(1, COALESCE(pg_catalog.int4and(3, pg_catalog.int4shr(
      ({{calling_code_table}}::pg_catalog.int4[])[pg_catalog.rpad(pg_catalog.substr(number, 2, 3), 3, '0')::pg_catalog.int4], 10)), 0)))
    THEN
      RETURN true;
    END IF;
  END IF;
  RETURN number COLLATE pg_catalog."C" OPERATOR(pg_catalog.~~) ANY ({{placeholder_masks}}::pg_catalog.text[]);
END
$is_placeholder_phone$;

COMMENT ON FUNCTION linkage.is_placeholder_phone(text) IS 'Linkage: whether a number in E.164 form is written where there is none';
