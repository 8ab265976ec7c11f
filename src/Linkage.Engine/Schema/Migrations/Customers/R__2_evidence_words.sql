-- Words as evidence: in one form, whatever their script, and whether two are one word written twice.

-- Capital letters that an ASCII collation leaves as they are (of Cyrillic, Greek and Armenian), and their small ones.
CREATE OR REPLACE FUNCTION linkage.capital_letters(OUT capitals text, OUT small text)
LANGUAGE sql
IMMUTABLE
PARALLEL SAFE
AS $capital_letters$
  SELECT
    (SELECT string_agg(p.letters, '' ORDER BY p.i) FROM jsonb_array_elements_text(l.pair -> 0) WITH ORDINALITY AS p (letters, i)),
    (SELECT string_agg(p.letters, '' ORDER BY p.i) FROM jsonb_array_elements_text(l.pair -> 1) WITH ORDINALITY AS p (letters, i))
  FROM (SELECT E'[
    ["\\u0400\\u0401\\u0402\\u0403\\u0404\\u0405\\u0406\\u0407\\u0408\\u0409\\u040a\\u040b\\u040c\\u040d\\u040e\\u040f\\u0410\\u0411",
     "\\u0412\\u0413\\u0414\\u0415\\u0416\\u0417\\u0418\\u0419\\u041a\\u041b\\u041c\\u041d\\u041e\\u041f\\u0420\\u0421\\u0422\\u0423",
     "\\u0424\\u0425\\u0426\\u0427\\u0428\\u0429\\u042a\\u042b\\u042c\\u042d\\u042e\\u042f",
     "\\u0391\\u0392\\u0393\\u0394\\u0395\\u0396\\u0397\\u0398\\u0399\\u039a\\u039b\\u039c\\u039d\\u039e\\u039f\\u03a0\\u03a1\\u03a3",
     "\\u03a4\\u03a5\\u03a6\\u03a7\\u03a8\\u03a9",
     "\\u0531\\u0532\\u0533\\u0534\\u0535\\u0536\\u0537\\u0538\\u0539\\u053a\\u053b\\u053c\\u053d\\u053e\\u053f\\u0540\\u0541\\u0542",
     "\\u0543\\u0544\\u0545\\u0546\\u0547\\u0548\\u0549\\u054a\\u054b\\u054c\\u054d\\u054e\\u054f\\u0550\\u0551\\u0552\\u0553\\u0554",
     "\\u0555\\u0556"],
    ["\\u0450\\u0451\\u0452\\u0453\\u0454\\u0455\\u0456\\u0457\\u0458\\u0459\\u045a\\u045b\\u045c\\u045d\\u045e\\u045f\\u0430\\u0431",
     "\\u0432\\u0433\\u0434\\u0435\\u0436\\u0437\\u0438\\u0439\\u043a\\u043b\\u043c\\u043d\\u043e\\u043f\\u0440\\u0441\\u0442\\u0443",
     "\\u0444\\u0445\\u0446\\u0447\\u0448\\u0449\\u044a\\u044b\\u044c\\u044d\\u044e\\u044f",
     "\\u03b1\\u03b2\\u03b3\\u03b4\\u03b5\\u03b6\\u03b7\\u03b8\\u03b9\\u03ba\\u03bb\\u03bc\\u03bd\\u03be\\u03bf\\u03c0\\u03c1\\u03c3",
     "\\u03c4\\u03c5\\u03c6\\u03c7\\u03c8\\u03c9",
     "\\u0561\\u0562\\u0563\\u0564\\u0565\\u0566\\u0567\\u0568\\u0569\\u056a\\u056b\\u056c\\u056d\\u056e\\u056f\\u0570\\u0571\\u0572",
     "\\u0573\\u0574\\u0575\\u0576\\u0577\\u0578\\u0579\\u057a\\u057b\\u057c\\u057d\\u057e\\u057f\\u0580\\u0581\\u0582\\u0583\\u0584",
     "\\u0585\\u0586"]
  ]'::jsonb) AS l (pair)
$capital_letters$;

-- Lower case without accents and signs, words parted by single blanks.
CREATE OR REPLACE FUNCTION linkage.fold_text(value text)
RETURNS text
LANGUAGE plpgsql
IMMUTABLE
STRICT
PARALLEL SAFE
AS $fold_text$
DECLARE
  -- Nobody's name is longer, and what is compared letter by letter must end.
  folded text COLLATE "C" := left(value, 200);
BEGIN
  IF octet_length(folded) <> char_length(folded) AND getdatabaseencoding() = 'UTF8' THEN
    -- Accents, vowel points, apostrophes and invisible characters go, other signs become blanks, ligatures are written out.
    folded := regexp_replace(
      normalize(folded, NFKD),
      E'[\\u0300-\\u036f\\u0591-\\u05c7\\u064b-\\u0652\\u02b9\\u02bc\\u2018\\u2019\\u200b-\\u200f\\u202a-\\u202e\\u2060-\\u2069\\ufeff]', '', 'g');
    folded := lower(regexp_replace(folded, E'[\\u0080-\\u00bf\\u2000-\\u206f\\u2e00-\\u2e7f\\u3000-\\u303f]+', ' ', 'g') COLLATE "default");
    -- Where the collation knows ASCII only: Greek, Cyrillic and Armenian. As JSON, since a string literal must be of the server's encoding.
    IF folded ~ E'[\\u0391-\\u03a9\\u0400-\\u042f\\u0531-\\u0556]' THEN
      folded := translate(folded, (linkage.capital_letters()).capitals, (linkage.capital_letters()).small);
    END IF;
    IF folded ~ E'[\\u00c0-\\u0153]' THEN
      folded := regexp_replace(folded, E'\\u00df', 'ss', 'g');
      folded := regexp_replace(folded, E'[\\u00c6\\u00e6]', 'ae', 'g');
      folded := regexp_replace(folded, E'[\\u0152\\u0153]', 'oe', 'g');
      folded := regexp_replace(folded, E'[\\u00d8\\u00f8]', 'o', 'g');
      folded := regexp_replace(folded, E'[\\u0141\\u0142]', 'l', 'g');
      folded := regexp_replace(folded, E'[\\u0110\\u0111\\u00d0\\u00f0]', 'd', 'g');
      folded := regexp_replace(folded, E'\\u0131', 'i', 'g');
    END IF;
  END IF;
  folded := translate(lower(folded), E'!"#$%&()*+,-./:;<=>?@[\\]^_{|}~''`', '                              ');
  RETURN btrim(regexp_replace(folded, E'\\s+', ' ', 'g'));
END
$fold_text$;

-- Whether two different words are one word written twice: a short form, a beginning, a slip, another spelling.
CREATE OR REPLACE FUNCTION linkage.is_same_word(a text, b text)
RETURNS boolean
LANGUAGE plpgsql
IMMUTABLE
STRICT
PARALLEL SAFE
AS $is_same_word$
DECLARE
  short text COLLATE "C" := CASE WHEN (length(a), a COLLATE "C") < (length(b), b COLLATE "C") THEN a ELSE b END;
  long  text COLLATE "C" := CASE WHEN (length(a), a COLLATE "C") < (length(b), b COLLATE "C") THEN b ELSE a END;
  size  integer := length(short);
  more  integer := length(long) - length(short);
BEGIN
  IF size < 2 OR short ~ '[0-9]' OR long ~ '[0-9]' THEN
    RETURN false;
  ELSIF linkage.formal_names(short) && linkage.formal_names(long) THEN
    RETURN true;
  ELSIF size < 3 THEN
    RETURN false;
  ELSIF more > 1 AND starts_with(long, short) THEN
    -- Dan of Daniel, Pharm of Pharmacy
    RETURN true;
  ELSIF more > 2 OR left(short, 1) <> left(long, 1) AND right(short, 1) <> right(long, 1) THEN
    RETURN false;
  ELSIF starts_with(long, short) AND right(long, 1) IN ('a', 'o')
    OR more = 0 AND left(short, -1) = left(long, -1) AND right(short, 1) IN ('a', 'o') AND right(long, 1) IN ('a', 'o')
  THEN
    -- Martin is not Martina, nor Maria Mario.
    RETURN false;
  ELSIF linkage.is_slip(short, long, CASE WHEN size > 6 THEN 2 ELSE 1 END) THEN
    -- One letter of four is too many to be wrong: John, Joan. One left out or two swapped are not.
    RETURN size > 4 OR more = 1 OR linkage.sorted_letters(short) = linkage.sorted_letters(long);
  ELSIF more = 0 AND size > 4 AND linkage.sorted_letters(short) = linkage.sorted_letters(long) THEN
    RETURN true;
  END IF;
  -- Other spelling: the same consonants, and the same sort of ending.
  RETURN size > 4 AND (right(short, 1) ~ '[aeiou]') = (right(long, 1) ~ '[aeiou]')
    AND length(linkage.consonants(short)) > 2 AND linkage.consonants(short) = linkage.consonants(long);
END
$is_same_word$;

-- Whether a word becomes another one by at most so many slips: a letter other, missing or too many, or two swapped.
CREATE OR REPLACE FUNCTION linkage.is_slip(a text, b text, slips integer)
RETURNS boolean
LANGUAGE plpgsql
IMMUTABLE
STRICT
PARALLEL SAFE
AS $is_slip$
DECLARE
  x text COLLATE "C" := a;
  y text COLLATE "C" := b;
BEGIN
  WHILE x <> '' AND left(x, 1) = left(y, 1) LOOP
    x := substr(x, 2);
    y := substr(y, 2);
  END LOOP;
  WHILE x <> '' AND right(x, 1) = right(y, 1) LOOP
    x := left(x, -1);
    y := left(y, -1);
  END LOOP;
  IF slips = 0 OR abs(length(x) - length(y)) > slips OR length(x) > 2 * slips + 1 THEN
    RETURN x = y;
  END IF;
  RETURN GREATEST(length(x), length(y)) <= slips
    OR linkage.is_slip(substr(x, 2), substr(y, 2), slips - 1)
    OR linkage.is_slip(substr(x, 2), y, slips - 1)
    OR linkage.is_slip(x, substr(y, 2), slips - 1)
    OR substr(x, 1, 1) = substr(y, 2, 1) AND substr(x, 2, 1) = substr(y, 1, 1)
      AND linkage.is_slip(substr(x, 3), substr(y, 3), slips - 1);
END
$is_slip$;

CREATE OR REPLACE FUNCTION linkage.sorted_letters(word text)
RETURNS text
LANGUAGE sql
IMMUTABLE
STRICT
PARALLEL SAFE
AS $sorted_letters$
  SELECT string_agg(l.letter, '' ORDER BY l.letter COLLATE "C") FROM unnest(string_to_array(word, NULL)) AS l (letter)
$sorted_letters$;

-- A word's first letter and its consonants as they sound, none twice in a row.
CREATE OR REPLACE FUNCTION linkage.consonants(word text)
RETURNS text
LANGUAGE sql
IMMUTABLE
STRICT
PARALLEL SAFE
AS $consonants$
  SELECT regexp_replace(left(s.sound, 1) || translate(substr(s.sound, 2), 'aeiouh', ''), E'(.)\\1+', E'\\1', 'g')
  FROM (SELECT translate(replace(replace(word, 'ph', 'f'), 'ck', 'k') COLLATE "C", 'cqzyw', 'kksiv')) AS s (sound)
$consonants$;

-- The script of a folded text by its first letter; digits and signs are Latin.
CREATE OR REPLACE FUNCTION linkage.script_of(value text)
RETURNS text
LANGUAGE sql
IMMUTABLE
PARALLEL SAFE
AS $script_of$
  SELECT CASE
    WHEN octet_length(value) = char_length(value) OR getdatabaseencoding() <> 'UTF8' THEN 'Latin'
    WHEN value COLLATE "C" ~ E'[\\u0400-\\u052f]' THEN 'Cyrillic'
    WHEN value COLLATE "C" ~ E'[\\u0370-\\u03ff]' THEN 'Greek'
    WHEN value COLLATE "C" ~ E'[\\u0590-\\u05ff]' THEN 'Hebrew'
    WHEN value COLLATE "C" ~ E'[\\u0600-\\u06ff]' THEN 'Arabic'
    WHEN value COLLATE "C" ~ E'[\\u0900-\\u0dff]' THEN 'Indic'
    WHEN value COLLATE "C" ~ E'[\\u1100-\\u11ff\\u3040-\\u30ff\\u3400-\\u9fff\\uac00-\\ud7af]' THEN 'East Asian'
    ELSE 'Latin'
  END
$script_of$;
