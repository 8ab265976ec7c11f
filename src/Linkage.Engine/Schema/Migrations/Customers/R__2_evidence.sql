-- What names and addresses say about two leads that share a phone or an e-mail: that they are one, that they can be, or that they can't.
-- docs/customer-matching.md states the rules. They are lists of words and comparisons of letters: nothing is learnt from the data at hand,
-- so that a pair is judged the same in every database, by whatever stands beside it.
--
-- Names and addresses are read once per lead (name_words, address_words) and compared pair by pair (compare_names, compare_addresses; both
-- together are compare_evidence). All of it is immutable and reads no table. Patterns are in collation "C": any other may be
-- nondeterministic, and costs more.

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

-- Formal names behind a short one.
CREATE OR REPLACE FUNCTION linkage.formal_names(word text)
RETURNS text[]
LANGUAGE sql
IMMUTABLE
PARALLEL SAFE
AS $formal_names$
  SELECT string_to_array(word || COALESCE(' ' || ('{
    "abby": "abigail", "abe": "abraham", "al": "albert alan alexander alfred alvin", "alec": "alexander",
    "alex": "alexander alexandra alexis", "alf": "alfred", "ali": "alison", "andy": "andrew andrea", "angie": "angela",
    "ann": "anna anne annette", "annie": "anna anne", "archie": "archibald", "art": "arthur", "augie": "august", "barb": "barbara",
    "barbie": "barbara", "barney": "barnaby bernard", "bart": "bartholomew", "becky": "rebecca", "bella": "isabella",
    "ben": "benjamin benedict", "benny": "benjamin", "bernie": "bernard bernadette", "bert": "albert herbert robert bertram",
    "bess": "elizabeth", "beth": "elizabeth bethany", "beto": "alberto roberto", "betsy": "elizabeth", "betty": "elizabeth",
    "bill": "william", "billy": "william", "bob": "robert", "bobby": "robert", "brad": "bradley bradford", "bram": "abraham",
    "bret": "brett", "cal": "calvin", "cam": "cameron", "candy": "candace", "carrie": "caroline carolyn", "cathy": "catherine",
    "charlie": "charles charlotte", "chas": "charles", "chaz": "charles", "chet": "chester",
    "chris": "christopher christina christian christine", "chrissy": "christina christine", "chuck": "charles", "chuy": "jesus",
    "cindy": "cynthia lucinda", "claire": "clara", "clem": "clement", "cliff": "clifford clifton", "connie": "constance cornelia",
    "cory": "corey", "curt": "curtis", "dan": "daniel", "danny": "daniel", "dave": "david", "davy": "david", "deb": "deborah",
    "debbie": "deborah", "debra": "deborah", "dee": "deidre", "denny": "dennis", "dick": "richard", "dolly": "dorothy",
    "don": "donald", "donnie": "donald", "dora": "dorothy theodora", "dot": "dorothy", "doug": "douglas", "drew": "andrew",
    "ed": "edward edwin edmund edgar", "eddie": "edward edwin edmund edgar", "edie": "edith", "eli": "elijah elias",
    "eliza": "elizabeth", "ella": "eleanor", "ellie": "eleanor elizabeth", "elsie": "elizabeth", "ernie": "ernest",
    "fran": "frances francis", "francie": "frances", "frank": "francis franklin", "frankie": "francis franklin",
    "fred": "frederick alfred", "freddie": "frederick", "fritz": "friedrich", "gabe": "gabriel", "gene": "eugene", "geoff": "geoffrey",
    "gerry": "gerald gerard geraldine", "gert": "gertrude", "ginny": "virginia", "greg": "gregory", "greta": "margaret",
    "gus": "august augustus gustav", "hal": "harold henry", "hank": "henry", "hans": "johannes", "harry": "harold henry harrison",
    "hattie": "harriet", "heinz": "heinrich", "helen": "helena ellen", "herb": "herbert", "howie": "howard", "iggy": "ignatius",
    "ike": "isaac", "isa": "isabel", "jack": "john jackson", "jackie": "jacqueline", "jake": "jacob", "jamie": "james",
    "jan": "janet janice", "jeannie": "jean jeanne", "jed": "jedediah", "jeff": "jeffrey geoffrey", "jen": "jennifer",
    "jenn": "jennifer", "jenny": "jennifer", "jerry": "gerald jerome jeremy", "jess": "jessica jesse", "jill": "gillian",
    "jim": "james", "jimmy": "james", "jo": "joanne josephine", "joe": "joseph", "joey": "joseph", "johnny": "john",
    "jon": "jonathan john", "josh": "joshua", "juan": "john", "judy": "judith", "julie": "julia", "kate": "catherine",
    "katharine": "catherine", "katherine": "catherine", "kathleen": "catherine", "kathryn": "catherine", "kathy": "catherine",
    "katie": "catherine", "katya": "ekaterina", "kay": "katherine", "ken": "kenneth", "kenny": "kenneth", "kim": "kimberly",
    "kit": "christopher", "klaus": "nikolaus", "kolya": "nikolai", "kurt": "curtis", "lance": "lancelot", "larry": "lawrence",
    "lars": "lawrence", "len": "leonard", "lenny": "leonard", "leo": "leonard leopold", "les": "leslie lester", "lex": "alexander",
    "lexi": "alexandra", "libby": "elizabeth", "lili": "lillian", "lily": "lillian", "lisa": "elizabeth", "liz": "elizabeth",
    "lizzie": "elizabeth", "lola": "dolores", "lou": "louis louise", "louie": "louis", "luke": "lucas", "lupe": "guadalupe",
    "lynn": "linda", "maddie": "madeline", "madge": "margaret", "maggie": "margaret", "mandy": "amanda", "manny": "emmanuel manuel",
    "marge": "margaret marjorie", "margie": "margaret marjorie", "maria": "mary", "marie": "mary maria", "marty": "martin martha",
    "masha": "maria", "mat": "matthew", "matt": "matthew", "mattie": "matilda", "maud": "matilda", "max": "maxwell maximilian",
    "md": "mohammed", "meg": "margaret megan", "mel": "melvin melanie melissa", "mhd": "mohammed", "mick": "michael",
    "mickey": "michael", "mike": "michael", "mikey": "michael", "millie": "mildred", "mimi": "miriam", "mindy": "melinda",
    "minnie": "wilhelmina", "misha": "mikhail", "missy": "melissa", "mitch": "mitchell", "moe": "morris moses", "mohamed": "mohammed",
    "mohd": "mohammed", "molly": "mary", "mort": "mortimer", "muhammad": "mohammed", "nacho": "ignacio", "nan": "nancy anne",
    "nancy": "anne", "nat": "nathaniel nathan natalie", "nate": "nathaniel nathan", "ned": "edward", "nell": "eleanor helen",
    "nellie": "eleanor helen", "nettie": "annette", "nick": "nicholas", "nicky": "nicholas nicole", "nikki": "nicole",
    "nora": "eleanor", "norm": "norman", "ollie": "oliver olivia", "oscar": "oskar", "paco": "francisco", "paddy": "patrick",
    "pam": "pamela", "pancho": "francisco", "pat": "patrick patricia", "patsy": "patricia", "patty": "patricia", "peg": "margaret",
    "peggie": "margaret", "peggy": "margaret", "penny": "penelope", "pepe": "jose", "pete": "peter", "phil": "philip phillip",
    "polly": "mary", "randy": "randall randolph", "ray": "raymond", "reg": "reginald", "rich": "richard", "richie": "richard",
    "rick": "richard", "ricky": "richard", "rita": "margaret", "rob": "robert", "robbie": "robert", "robin": "robert",
    "rod": "rodney roderick", "ron": "ronald", "ronnie": "ronald", "roz": "rosalind", "russ": "russell", "rusty": "russell",
    "sal": "salvatore sally", "sally": "sarah", "sam": "samuel samantha", "sammy": "samuel", "sandy": "sandra alexander",
    "sasha": "alexander alexandra", "seb": "sebastian", "sepp": "josef", "shelly": "michelle", "sherry": "sharon", "sid": "sidney",
    "stan": "stanley", "steph": "stephanie", "steve": "steven stephen", "stew": "stewart", "stu": "stuart", "sue": "susan suzanne",
    "susie": "susan suzanne", "suzy": "susan suzanne", "tad": "thaddeus", "ted": "theodore edward", "teddy": "theodore",
    "terry": "terence theresa", "tess": "theresa", "tilly": "matilda", "tim": "timothy", "timmy": "timothy", "tina": "christina",
    "toby": "tobias", "tom": "thomas", "tommy": "thomas", "toni": "antonia anton", "tony": "anthony antonio", "tracy": "theresa",
    "trish": "patricia", "trudy": "gertrude", "uli": "ulrich", "val": "valerie valentine", "vanya": "ivan", "vic": "victor victoria",
    "vicky": "victoria", "vince": "vincent", "vinny": "vincent", "viv": "vivian", "wally": "walter wallace", "walt": "walter",
    "wendy": "gwendolyn", "wes": "wesley", "wilbur": "wilbert", "will": "william", "willi": "wilhelm", "willie": "william",
    "willy": "william", "woody": "woodrow", "xander": "alexander", "zach": "zachary", "zack": "zachary", "zeke": "ezekiel"
  }'::jsonb ->> word), ''), ' ')
$formal_names$;

-- What a word of a name is: "-" no part of it (titles, small words); "+" a word of businesses that people seldom have; "~business" a legal
-- form; another one with "~", what tells father from son; else what it is short for. Null of all others.
CREATE OR REPLACE FUNCTION linkage.name_word_kind(word text)
RETURNS text
LANGUAGE sql
IMMUTABLE
PARALLEL SAFE
AS $name_word_kind$
  SELECT '{
    "2nd": "~ii", "3rd": "~iii", "4th": "~iv", "acad": "academy", "academy": "+", "accountants": "+", "accounting": "+",
    "ag": "~business", "agency": "+", "airlines": "+", "al": "-", "and": "-", "apartments": "+", "aps": "~business", "apts": "+",
    "architects": "+", "arts": "+", "assn": "association", "assoc": "association", "associates": "+", "association": "+", "at": "-",
    "attorneys": "+", "auto": "+", "automotive": "+", "bakery": "+", "bar": "+", "beauty": "+", "bhd": "~business", "bicycles": "+",
    "bikes": "+", "bin": "-", "bldg": "building", "books": "+", "boutique": "+", "brewery": "+", "bros": "brothers", "brothers": "+",
    "builders": "+", "building": "+", "business": "+", "bv": "~business", "by": "-", "cab": "+", "cafe": "+", "care": "+",
    "carpet": "+", "catering": "+", "center": "+", "centre": "center", "child": "+", "childcare": "+", "children": "+",
    "chiropractic": "+", "cinema": "+", "city": "+", "cleaners": "+", "cleaning": "+", "clinic": "+", "club": "+", "cntr": "center",
    "cntre": "center", "co": "~business", "coffee": "+", "college": "+", "commission": "+", "community": "+", "company": "~business",
    "computer": "+", "computers": "+", "construction": "+", "consulting": "+", "contractors": "+", "cooperative": "+",
    "corp": "~business", "corporation": "~business", "council": "+", "cpa": "-", "credit": "+", "ctr": "center", "da": "-",
    "dance": "+", "das": "-", "daycare": "+", "dds": "-", "de": "-", "del": "-", "deli": "+", "den": "-", "dental": "+",
    "department": "+", "dept": "department", "der": "-", "design": "+", "development": "+", "di": "-", "diner": "+",
    "distribution": "+", "district": "+", "do": "-", "dos": "-", "dr": "-", "driving": "+", "drugs": "+", "du": "-", "education": "+",
    "electric": "+", "electrical": "+", "electronics": "+", "elementary": "+", "energy": "+", "engineering": "+", "enterprise": "+",
    "enterprises": "+", "entertainment": "+", "environmental": "+", "equipment": "+", "esq": "-", "estate": "+", "et": "-",
    "ev": "~business", "events": "+", "export": "+", "exports": "+", "express": "+", "fabrication": "+", "family": "+", "farm": "+",
    "farms": "+", "fashion": "+", "federation": "+", "finance": "+", "financial": "+", "fitness": "+", "florist": "+", "flowers": "+",
    "food": "+", "foods": "+", "for": "-", "foundation": "+", "fr": "-", "frau": "-", "freight": "+", "fuel": "+", "funeral": "+",
    "furniture": "+", "gallery": "+", "garage": "+", "gas": "+", "gifts": "+", "global": "+", "gmbh": "~business", "golf": "+",
    "grill": "+", "grocery": "+", "group": "+", "gym": "+", "hair": "+", "hardware": "+", "health": "+", "heating": "+", "herr": "-",
    "holdings": "+", "homes": "+", "hosp": "hospital", "hospital": "+", "hostel": "+", "hotel": "+", "housing": "+", "hwy": "highway",
    "ibn": "-", "ii": "~ii", "iii": "~iii", "imaging": "+", "import": "+", "imports": "+", "in": "-", "inc": "~business",
    "incorporated": "~business", "industrial": "+", "industries": "+", "infant": "+", "inn": "+", "institute": "+", "insurance": "+",
    "interiors": "+", "international": "+", "intl": "international", "investments": "+", "iv": "~iv", "jewelers": "+", "jewelry": "+",
    "jr": "~junior", "junior": "~junior", "kg": "~business", "kids": "+", "kindergarten": "+", "kitchen": "+", "kk": "~business",
    "la": "-", "laboratory": "+", "labs": "+", "landscaping": "+", "las": "-", "laundry": "+", "le": "-", "learning": "+",
    "leasing": "+", "legal": "+", "les": "-", "library": "+", "lighting": "+", "limited": "~business", "liquor": "+",
    "llc": "~business", "llp": "~business", "logistics": "+", "los": "-", "lounge": "+", "lp": "~business", "ltd": "~business",
    "lumber": "+", "machine": "+", "madam": "-", "maintenance": "+", "management": "+", "manufacturing": "+", "market": "+",
    "marketing": "+", "massage": "+", "materials": "+", "md": "-", "mechanical": "+", "media": "+", "medical": "+", "memorial": "+",
    "metal": "+", "mfg": "manufacturing", "ministries": "+", "ministry": "+", "miss": "-", "mister": "-", "mlle": "-", "mme": "-",
    "mobile": "+", "montessori": "+", "mortgage": "+", "motel": "+", "motors": "+", "mr": "-", "mrs": "-", "ms": "-", "mt": "mount",
    "museum": "+", "music": "+", "nail": "+", "nails": "+", "national": "+", "natl": "national", "network": "+", "news": "+",
    "nfp": "~business", "northwest": "+", "nursery": "+", "nursing": "+", "nv": "~business", "of": "-", "office": "+", "offices": "+",
    "ohg": "~business", "online": "+", "ooo": "~business", "optical": "+", "orchestra": "+", "organization": "+", "oy": "~business",
    "packaging": "+", "painting": "+", "parking": "+", "partners": "+", "partnership": "+", "pediatrics": "+", "pest": "+", "pet": "+",
    "pets": "+", "pharmacy": "+", "phd": "-", "photo": "+", "photography": "+", "pizza": "+", "plastics": "+", "plc": "~business",
    "plumbing": "+", "police": "+", "pottery": "+", "preschool": "+", "primary": "+", "printing": "+", "production": "+",
    "productions": "+", "products": "+", "prof": "-", "professor": "-", "program": "+", "project": "+", "properties": "+",
    "property": "+", "pte": "~business", "pty": "~business", "publishing": "+", "pvt": "~business", "radio": "+", "rail": "+",
    "railway": "+", "ranch": "+", "realty": "+", "recreation": "+", "recycling": "+", "rehab": "+", "remodeling": "+", "rental": "+",
    "rentals": "+", "repair": "+", "rescue": "+", "research": "+", "residence": "+", "resort": "+", "restaurant": "+", "retail": "+",
    "rev": "-", "rn": "-", "roasters": "+", "roofing": "+", "sa": "~business", "saint": "st", "salon": "+", "saloon": "+",
    "sarl": "~business", "sas": "~business", "schl": "school", "school": "+", "schools": "+", "sdn": "~business", "secondary": "+",
    "security": "+", "seminary": "+", "senior": "~senior", "service": "+", "services": "service", "shelter": "+", "shipping": "+",
    "shoes": "+", "shop": "+", "sign": "+", "signs": "+", "sir": "-", "site": "+", "sl": "~business", "society": "+", "software": "+",
    "solar": "+", "solutions": "+", "spa": "~business", "sports": "+", "sr": "~senior", "sra": "-", "srl": "~business", "stadium": "+",
    "station": "+", "storage": "+", "store": "+", "stores": "+", "studio": "+", "studios": "+", "supplies": "+", "supply": "+",
    "surgery": "+", "sushi": "+", "svc": "service", "svcs": "service", "synagogue": "+", "system": "+", "systems": "+", "tailor": "+",
    "tattoo": "+", "tavern": "+", "tax": "+", "taxi": "+", "team": "+", "tech": "+", "technical": "+", "technologies": "+",
    "technology": "+", "telecom": "+", "textiles": "+", "the": "-", "theater": "+", "theatre": "+", "therapy": "+", "tire": "+",
    "tires": "+", "to": "-", "tobacco": "+", "tours": "+", "towing": "+", "town": "+", "toys": "+", "trade": "+", "trading": "+",
    "training": "+", "transit": "+", "transport": "+", "transportation": "+", "travel": "+", "trucking": "+", "trust": "+",
    "ug": "~business", "und": "-", "union": "+", "univ": "university", "universal": "+", "university": "+", "utilities": "+",
    "vacations": "+", "van": "-", "ventures": "+", "veterinary": "+", "village": "+", "von": "-", "wholesale": "+", "works": "+",
    "worldwide": "+", "y": "-", "ymca": "+", "yoga": "+", "youth": "+", "ywca": "+"
  }'::jsonb ->> word
$name_word_kind$;

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

-- A is the initial of Anthony, and of Tony.
CREATE OR REPLACE FUNCTION linkage.initials_of(word text)
RETURNS text[]
LANGUAGE sql
IMMUTABLE
PARALLEL SAFE
AS $initials_of$
  SELECT array_agg(left(f.name, 1)) FROM unnest(linkage.formal_names(word)) AS f (name)
$initials_of$;

CREATE OR REPLACE FUNCTION linkage.first_letters(words text[])
RETURNS text
LANGUAGE sql
IMMUTABLE
PARALLEL SAFE
AS $first_letters$
  SELECT string_agg(left(w.word, 1), '' ORDER BY w.place) FROM unnest(words) WITH ORDINALITY AS w (word, place)
$first_letters$;

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
