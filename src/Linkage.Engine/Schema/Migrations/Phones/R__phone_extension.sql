-- The digits of the extension that is written behind a phone number, else NULL: lines that people share carry one. It does not depend
-- on a default region, nor on whether the number is possible. Linkage.Engine.Phones.PhoneText does the same.
--
-- For joins and groupings over many rows: it reads no table, and what is digits and blanks leaves at once. Names are qualified, as in
-- normalize_phone.

CREATE OR REPLACE FUNCTION linkage.phone_extension(phone text)
RETURNS text
LANGUAGE plpgsql
IMMUTABLE
STRICT
PARALLEL SAFE
AS $phone_extension$
DECLARE
  number pg_catalog.text COLLATE pg_catalog."C";
  stripped pg_catalog.text COLLATE pg_catalog."C";
  context pg_catalog.text COLLATE pg_catalog."C";
  position pg_catalog.int4;
BEGIN
  IF pg_catalog.texteq(pg_catalog.translate(phone, ' -().+0123456789', '') COLLATE pg_catalog."C", '')
    OR pg_catalog.int4gt(pg_catalog.octet_length(phone), 250) AND pg_catalog.int4gt(pg_catalog.length(phone), 250)
  THEN
    RETURN NULL;
  END IF;
{{phone_text}}
      -- Two digits and something behind them are too little for a number.
      IF pg_catalog.int4le(pg_catalog.length(stripped), 2) THEN
        RETURN NULL;
      END IF;
      RETURN pg_catalog.substring(
        pg_catalog.rtrim(pg_catalog.substr(number, pg_catalog.int4pl(1, pg_catalog.length(stripped))), '#'), '[0-9]+$');
END
$phone_extension$;

COMMENT ON FUNCTION linkage.phone_extension(text) IS 'Linkage: the digits of the extension behind a written phone number, else NULL';
