-- Words that the rules of names know: short names, titles, legal forms, words of businesses.

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

-- A is the initial of Anthony, and of Tony.
CREATE OR REPLACE FUNCTION linkage.initials_of(word text)
RETURNS text[]
LANGUAGE sql
IMMUTABLE
PARALLEL SAFE
AS $initials_of$
  SELECT array_agg(left(f.name, 1)) FROM unnest(linkage.formal_names(word)) AS f (name)
$initials_of$;

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
