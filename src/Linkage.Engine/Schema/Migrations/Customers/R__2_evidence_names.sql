-- Names as evidence: their words, and what two names say.

-- The words of a name: given name first where a comma puts it last, without titles, legal forms and small words. A word that begins with ~
-- is no part of the name: ~junior and the like tell father from son, ~business says that it is one. Empty where nothing is left, or where
-- it is a placeholder. Null of null.
CREATE OR REPLACE FUNCTION linkage.name_words(name text)
RETURNS text[]
LANGUAGE plpgsql
IMMUTABLE
STRICT
PARALLEL SAFE
AS $name_words$
DECLARE
  folded   text COLLATE "C" := linkage.fold_text(name);
  behind   text COLLATE "C";
  word     text COLLATE "C";
  kind     text COLLATE "C";
  kept     text[] := '{}';
  mark     text;
  letters  text := '';
  -- Kowalski's Bakery
  business boolean := name COLLATE "C" ~ '[A-Za-z]''[sS] +[A-Za-z]';
BEGIN
  IF folded IN (
    '', 'unknown', 'n a', 'na', 'none', 'null', 'nil', 'no name', 'noname', 'not given', 'not provided', 'not available', 'test',
    'test test',
    'tester', 'anonymous', 'guest', 'customer', 'new customer', 'lead', 'new lead', 'user', 'facebook user', 'messenger user',
    'instagram user',
    'caller', 'unknown caller', 'wireless caller', 'private', 'no caller id', 'xxx', 'asdf')
    OR strpos(name, '@') > 0 OR btrim(folded, ' 0123456789') = ''
  THEN
    RETURN '{}';
  END IF;
  -- "Smith, John", but not "Smith & Sons, Inc"
  IF strpos(name, ',') > 0 AND split_part(name, ',', 3) = '' THEN
    behind := linkage.fold_text(split_part(name, ',', 2));
    IF left(COALESCE(linkage.name_word_kind(split_part(behind, ' ', 1)), ''), 1) NOT IN ('~', '+') THEN
      folded := behind || ' ' || linkage.fold_text(split_part(name, ',', 1));
    END IF;
  END IF;
  FOREACH word IN ARRAY string_to_array(folded || ' ', ' ') LOOP
    -- Three and more single letters in a row are one word: Y M C A.
    IF length(word) = 1 AND word BETWEEN 'a' AND 'z' THEN
      letters := letters || word;
      CONTINUE;
    ELSIF letters <> '' THEN
      kept := kept || CASE WHEN length(letters) > 2 THEN ARRAY[letters] ELSE string_to_array(letters, NULL) END;
      letters := '';
    END IF;
    CONTINUE WHEN word = '';
    kind := linkage.name_word_kind(word);
    IF kind IS NULL THEN
      kept := kept || word;
      business := business OR word ~ '[0-9]';
    ELSIF kind = '+' THEN
      kept := kept || word;
      business := true;
    ELSIF kind = '~business' THEN
      business := true;
    ELSIF starts_with(kind, '~') THEN
      mark := kind;
    ELSIF kind <> '-' THEN
      kept := kept || kind;
      business := business OR linkage.name_word_kind(kind) = '+';
    END IF;
  END LOOP;
  IF mark IS NOT NULL THEN
    kept := kept || mark;
  END IF;
  IF business THEN
    kept := kept || '~business'::text;
  END IF;
  RETURN kept;
END
$name_words$;

-- What two names say (of name_words): 3 they agree; 2 the one is part of the other, or an initial of it; 1 nothing, since one is missing or
-- in another script; 0 a good part of them agrees and the rest differs; -1 they differ; -2 they differ in what tells namesakes apart.
CREATE OR REPLACE FUNCTION linkage.compare_names(a text[], b text[])
RETURNS integer
LANGUAGE plpgsql
IMMUTABLE
PARALLEL SAFE
AS $compare_names$
DECLARE
  -- Symmetric: the comparison goes from the lesser to the greater.
  x         text[] := LEAST(a, b);
  y         text[] := GREATEST(a, b);
  mark_x    text;
  mark_y    text;
  business  boolean;
  size_x    integer;
  size_y    integer;
  -- for each word of x the place of its counterpart in y
  pair      integer[];
  taken     boolean[];
  full_ones integer := 0;
  -- of them, those that tell one from another
  telling   integer := 0;
  initials  integer := 0;
  left_x    integer := 0;
  left_y    integer := 0;
  words_x   text[] := '{}';
  words_y   text[] := '{}';
  letters_x integer := 0;
  letters_y integer := 0;
BEGIN
  IF a IS NULL OR b IS NULL OR cardinality(x) = 0 OR cardinality(y) = 0 THEN
    RETURN 1;
  ELSIF x = y THEN
    RETURN CASE WHEN cardinality(x) > 1 OR length(x[1]) > 1 THEN 3 ELSE 2 END;
  END IF;
  business := '~business' = ANY (x) OR '~business' = ANY (y);
  x := array_remove(x, '~business');
  y := array_remove(y, '~business');
  IF starts_with(x[cardinality(x)], '~') THEN
    mark_x := x[cardinality(x)];
    x := x[:cardinality(x) - 1];
  END IF;
  IF starts_with(y[cardinality(y)], '~') THEN
    mark_y := y[cardinality(y)];
    y := y[:cardinality(y) - 1];
  END IF;
  size_x := cardinality(x);
  size_y := cardinality(y);
  IF size_x = 0 OR size_y = 0 OR linkage.script_of(array_to_string(x, '')) <> linkage.script_of(array_to_string(y, '')) THEN
    RETURN 1;
  END IF;
  IF array_to_string(x, '') = array_to_string(y, '') THEN
    RETURN CASE WHEN mark_x <> mark_y THEN -2 WHEN size_x > 1 OR length(x[1]) > 1 THEN 3 ELSE 2 END;
  END IF;

  -- Each word's counterpart: the same word first, then the same word written otherwise, then an initial.
  pair := array_fill(0, ARRAY[size_x]);
  taken := array_fill(false, ARRAY[size_y]);
  FOR pass IN 1 .. 3 LOOP
    FOR i IN 1 .. size_x LOOP
      CONTINUE WHEN pair[i] > 0;
      FOR j IN 1 .. size_y LOOP
        CONTINUE WHEN taken[j];
        IF x[i] = y[j] OR pass = 2 AND linkage.is_same_word(x[i], y[j])
          OR pass = 3 AND length(x[i]) = 1 AND x[i] = ANY (linkage.initials_of(y[j]))
          OR pass = 3 AND length(y[j]) = 1 AND y[j] = ANY (linkage.initials_of(x[i]))
        THEN
          pair[i] := j;
          taken[j] := true;
          IF length(x[i]) > 1 AND length(y[j]) > 1 THEN
            full_ones := full_ones + 1;
            IF linkage.name_word_kind(x[i]) IS DISTINCT FROM '+' THEN
              telling := telling + 1;
            END IF;
          ELSE
            initials := initials + 1;
          END IF;
          EXIT;
        END IF;
      END LOOP;
    END LOOP;
  END LOOP;
  FOR i IN 1 .. size_x LOOP
    IF pair[i] = 0 THEN
      left_x := left_x + 1;
      IF length(x[i]) > 1 THEN
        words_x := words_x || x[i];
      END IF;
    END IF;
  END LOOP;
  FOR j IN 1 .. size_y LOOP
    IF NOT taken[j] THEN
      left_y := left_y + 1;
      IF length(y[j]) > 1 THEN
        words_y := words_y || y[j];
      END IF;
    END IF;
  END LOOP;
  -- What is left is the same but for blanks (Mac Donald), or the first letters of the other (YMCA).
  IF left_x > 0 AND left_y > 0 AND left_x + left_y > 2
    AND (array_to_string(words_x, '') = array_to_string(words_y, '')
      OR left_x = 1 AND left_y > 2 AND words_x[1] = linkage.first_letters(words_y)
      OR left_y = 1 AND left_x > 2 AND words_y[1] = linkage.first_letters(words_x))
  THEN
    full_ones := full_ones + LEAST(left_x, left_y);
    left_x := 0;
    left_y := 0;
  END IF;

  IF left_x = 0 OR left_y = 0 THEN
    IF mark_x <> mark_y THEN
      RETURN -2;
    ELSIF full_ones > 1 AND (left_x + left_y = 0
      -- what the longer name has more stands within
      OR NOT business AND pair[1] IN (1, size_y) AND pair[size_x] IN (1, size_y))
    THEN
      RETURN 3;
    END IF;
    RETURN CASE WHEN full_ones = 1 AND size_x = 1 AND size_y = 1 AND length(x[1]) > 4 AND business THEN 3 ELSE 2 END;
  ELSIF full_ones = 0 THEN
    RETURN -1;
  ELSIF NOT business AND full_ones > 1 AND (cardinality(words_x) < left_x OR cardinality(words_y) < left_y) THEN
    -- John A Smith and John B Smith
    RETURN -2;
  ELSIF EXISTS (SELECT FROM unnest(words_x) AS w WHERE w ~ '[0-9]') AND EXISTS (SELECT FROM unnest(words_y) AS w WHERE w ~ '[0-9]') THEN
    -- School 12 and School 14
    RETURN -1;
  END IF;
  -- A good part: of a business, half of the words that tell it from others in the shorter name; of a person, the given name.
  IF business THEN
    RETURN CASE
      WHEN telling > 0 AND telling >= LEAST(
        (SELECT count(*) FROM unnest(words_x) AS w (word) WHERE linkage.name_word_kind(w.word) IS DISTINCT FROM '+'),
        (SELECT count(*) FROM unnest(words_y) AS w (word) WHERE linkage.name_word_kind(w.word) IS DISTINCT FROM '+'))
      THEN 0
      ELSE -1
    END;
  END IF;
  RETURN CASE WHEN pair[1] = 1 AND pair[size_x] = 0 AND NOT taken[size_y] THEN 0 ELSE -1 END;
END
$compare_names$;

CREATE OR REPLACE FUNCTION linkage.first_letters(words text[])
RETURNS text
LANGUAGE sql
IMMUTABLE
PARALLEL SAFE
AS $first_letters$
  SELECT string_agg(left(w.word, 1), '' ORDER BY w.place) FROM unnest(words) WITH ORDINALITY AS w (word, place)
$first_letters$;
