-- Addresses as evidence: their words, and what two addresses say.

-- The words of an address: its numbers begin with # (house, box), those of flats, suites and floors with %, postal codes with =. What it
-- calls a street, a direction or a state is left out, since one writes it and the other doesn't. Null of null.
CREATE OR REPLACE FUNCTION linkage.address_words(address text)
RETURNS text[]
LANGUAGE plpgsql
IMMUTABLE
STRICT
PARALLEL SAFE
AS $address_words$
DECLARE
  words text[] := string_to_array(linkage.fold_text(replace(address, '#', ' unit ')), ' ');
  word  text COLLATE "C";
  kept  text[] := '{}';
  unit  boolean := false;
  found boolean := false;
BEGIN
  FOREACH word IN ARRAY words LOOP
    IF unit AND length(word) < 6 AND (word ~ '[0-9]' OR length(word) = 1) THEN
      kept := kept || ('%' || ltrim(word, '0'));
      unit := false;
      CONTINUE;
    END IF;
    unit := word IN (
      'apt', 'apartment', 'appt', 'suite', 'ste', 'unit', 'rm', 'room', 'floor', 'fl', 'flr', 'lot', 'spc', 'space', 'trlr', 'bldg',
      'bld', 'building', 'no',
      'wohnung', 'piso', 'kv');
    CASE
      WHEN unit OR word IN (
        '', 'street', 'st', 'str', 'strasse', 'avenue', 'ave', 'av', 'road', 'rd', 'drive', 'dr', 'lane', 'ln', 'boulevard', 'blvd',
        'court', 'ct', 'place',
        'pl', 'plaza', 'plz', 'terrace', 'ter', 'circle', 'cir', 'highway', 'hwy', 'parkway', 'pkwy', 'square', 'sq', 'way', 'trail',
        'trl', 'alley',
        'expressway', 'expy', 'freeway', 'fwy', 'route', 'rte', 'crescent', 'cres', 'close', 'row', 'ul', 'ulica', 'ulitsa', 'rue', 'via',
        'calle',
        'north', 'n', 'south', 's', 'east', 'e', 'west', 'w', 'northeast', 'ne', 'northwest', 'nw', 'southeast', 'se', 'southwest', 'sw',
        'the', 'of',
        'usa', 'us', 'po', 'box', 'and', 'at')
      THEN
        NULL;
      WHEN word ~ '^[0-9]+[a-z]?$' THEN
        -- Five digits and more behind another word are a postal code.
        IF found AND length(word) >= 5 THEN
          kept := kept || ('=' || left(word, 5));
        ELSE
          kept := kept || ('#' || ltrim(word, '0'));
        END IF;
        found := true;
      WHEN word ~ '^[0-9]+(st|nd|rd|th)$' THEN
        kept := kept || rtrim(word, 'stndrh');
        found := true;
      ELSE
        kept := kept || CASE
          WHEN word = ANY ('{first,second,third,fourth,fifth,sixth,seventh,eighth,ninth,tenth}'::text[])
          THEN array_position('{first,second,third,fourth,fifth,sixth,seventh,eighth,ninth,tenth}'::text[], word::text)::text
          WHEN word ~ '.{3}strasse$' THEN left(word, -7)
          WHEN word ~ '.{3}str$' THEN left(word, -3)
          ELSE word
        END;
        found := true;
    END CASE;
  END LOOP;
  RETURN kept;
END
$address_words$;

-- What two addresses say (of address_words): 1 they are one, 0 nothing, -1 they are two.
CREATE OR REPLACE FUNCTION linkage.compare_addresses(a text[], b text[])
RETURNS integer
LANGUAGE plpgsql
IMMUTABLE
PARALLEL SAFE
AS $compare_addresses$
DECLARE
  x         text[] := LEAST(a, b);
  y         text[] := GREATEST(a, b);
  word      text COLLATE "C";
  other     text COLLATE "C";
  numbers_x text[] := '{}';
  numbers_y text[] := '{}';
  units_x   text[] := '{}';
  units_y   text[] := '{}';
  words_x   text[] := '{}';
  words_y   text[] := '{}';
  common    integer := 0;
BEGIN
  IF a IS NULL OR b IS NULL OR cardinality(x) = 0 OR cardinality(y) = 0 THEN
    RETURN 0;
  ELSIF x = y THEN
    RETURN 1;
  END IF;
  FOREACH word IN ARRAY x LOOP
    CASE left(word, 1)
      WHEN '#' THEN numbers_x := numbers_x || word;
      WHEN '%' THEN units_x := units_x || word;
      WHEN '=' THEN NULL;
      ELSE words_x := words_x || word;
    END CASE;
  END LOOP;
  FOREACH word IN ARRAY y LOOP
    CASE left(word, 1)
      WHEN '#' THEN numbers_y := numbers_y || word;
      WHEN '%' THEN units_y := units_y || word;
      WHEN '=' THEN NULL;
      ELSE words_y := words_y || word;
    END CASE;
  END LOOP;
  IF cardinality(words_x) = 0 OR cardinality(words_y) = 0 OR cardinality(numbers_x) = 0 OR cardinality(numbers_y) = 0
    OR linkage.script_of(array_to_string(words_x, '')) <> linkage.script_of(array_to_string(words_y, ''))
  THEN
    -- A town, a box, a piece: too little to tell.
    RETURN 0;
  END IF;
  FOREACH word IN ARRAY words_x LOOP
    FOREACH other IN ARRAY words_y LOOP
      IF word = other OR linkage.is_same_word(word, other) THEN
        common := common + 1;
        EXIT;
      END IF;
    END LOOP;
  END LOOP;
  IF numbers_x && numbers_y THEN
    RETURN CASE
      WHEN units_x <> '{}' AND units_y <> '{}' AND NOT units_x && units_y THEN -1
      WHEN common > 0 THEN 1
      ELSE -1
    END;
  END IF;
  -- Another number, or a digit of it mistyped in the same street.
  RETURN CASE WHEN common > 0 AND linkage.is_mistyped_number(numbers_x[1], numbers_y[1]) THEN 0 ELSE -1 END;
END
$compare_addresses$;

-- Whether two house numbers differ by a digit that was left out or by two that are swapped.
CREATE OR REPLACE FUNCTION linkage.is_mistyped_number(a text, b text)
RETURNS boolean
LANGUAGE sql
IMMUTABLE
PARALLEL SAFE
AS $is_mistyped_number$
  SELECT length(s.short) > 3 AND CASE length(s.long) - length(s.short)
    WHEN 1 THEN EXISTS (
      SELECT FROM generate_series(2, length(s.long)) AS i (place) WHERE overlay(s.long PLACING '' FROM i.place FOR 1) = s.short)
    WHEN 0 THEN EXISTS (
      SELECT FROM generate_series(2, length(s.long) - 1) AS i (place)
      WHERE overlay(s.long PLACING reverse(substr(s.long, i.place, 2)) FROM i.place FOR 2) = s.short)
    ELSE false
  END
  FROM (SELECT CASE WHEN length(a) <= length(b) THEN a ELSE b END, CASE WHEN length(a) <= length(b) THEN b ELSE a END) AS s (short, long)
$is_mistyped_number$;
