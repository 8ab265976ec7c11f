-- What names and addresses say about two leads that share a phone or an e-mail: that they are one, that they can be, or that they can't.
-- docs/customer-matching.md states the rules. They are lists of words and comparisons of letters: nothing is learnt from the data at hand,
-- so that a pair is judged the same in every database, by whatever stands beside it.
--
-- Names and addresses are read once per lead (name_words, address_words) and compared pair by pair (compare_names, compare_addresses); here
-- is both together. All of it is immutable and reads no table. Patterns are in collation "C": any other may be nondeterministic, and costs
-- more.

-- Both together: 2 they agree, 1 nothing is against it, -1 they contradict each other, -2 they are namesakes who must be told apart.
CREATE OR REPLACE FUNCTION linkage.compare_evidence(name_a text[], name_b text[], address_a text[], address_b text[])
RETURNS integer
LANGUAGE plpgsql
IMMUTABLE
PARALLEL SAFE
AS $compare_evidence$
DECLARE
  names     integer := linkage.compare_names(name_a, name_b);
  addresses integer;
BEGIN
  IF names = -2 THEN
    RETURN -2;
  ELSIF names = -1 THEN
    RETURN -1;
  END IF;
  addresses := linkage.compare_addresses(address_a, address_b);
  RETURN CASE
    -- People move, businesses have branches.
    WHEN names = 3 AND NOT ('~business' = ANY (name_a) OR '~business' = ANY (name_b)) THEN 2
    WHEN names = 3 AND addresses >= 0 THEN 1 + addresses
    WHEN addresses < 0 THEN -1
    -- At one address J Smith is still one or another of the Smiths; a part of a business's name is that business.
    WHEN names = 2 THEN CASE WHEN addresses = 1 AND ('~business' = ANY (name_a) OR '~business' = ANY (name_b)) THEN 2 ELSE 1 END
    WHEN names = 1 THEN 1
    -- A good part of the name needs the address.
    ELSE CASE WHEN addresses = 1 THEN 2 ELSE -1 END
  END;
END
$compare_evidence$;
