namespace Linkage.Engine.Tests.Customers.Quality;

/// <summary>
/// Leads as forms, call centres and imports leave them, with who they are in truth: people in families that share a phone, businesses in one
/// building that share a switchboard, branches of one name, agencies with sites; names with nicknames, initials, slips and swapped order;
/// addresses in several formats, or none. The same ones for the same seed.
/// </summary>
internal sealed class MessyLeads
{
    private static readonly string[][] _givenNames =
    [
        ["Robert", "Bob", "Rob"], ["William", "Bill", "Will"], ["Elizabeth", "Liz", "Beth"], ["Margaret", "Maggie", "Peggy"], ["Thomas",
        "Tom"],
        ["Katherine", "Kate", "Kathy"], ["Michael", "Mike"], ["Jennifer", "Jen"], ["Daniel", "Dan"], ["Patricia", "Pat"], ["James", "Jim"],
        ["Susan", "Sue"], ["Edward", "Ed", "Ted"], ["Anthony", "Tony"], ["Deborah", "Debbie"], ["Steven", "Steve"], ["Olivia"], ["Ethan"],
        ["Carlos"], ["Lucia"], ["José"], ["Noémie"], ["Jürgen"], ["Søren"], ["Zoë"], ["Priya"], ["Arjun"], ["Fatima"], ["Omar"], ["Yusuf"],
        ["Mei"], ["Hiroshi"], ["Aaliyah"], ["Tyrone"], ["Ingrid"], ["Pavel"], ["Svetlana"], ["Gavin"], ["Brenda"], ["Walter"], ["Denise"],
        ["Ольга"], ["Дмитрий"],
    ];

    private static readonly string[] _familyNames =
    [
        "Smith", "Johnson", "Garcia", "Miller", "Nguyen", "O'Brien", "Müller", "Rodríguez", "Patel", "Kim", "Washington", "Kowalski",
        "Okafor",
        "Van Dyke", "McAllister", "Thompson", "Hernandez", "Abernathy", "Castellano", "Fitzgerald", "Goldstein", "Hoffmann", "Ivanova",
        "Jankowski",
        "Lindqvist", "Marchetti", "Novak", "Oyelaran", "Petrov", "Quigley", "Rosenthal", "Sandoval", "Takahashi", "Underwood", "Villanueva",
        "Whitaker", "Yamamoto", "Zimmerman", "Brook", "De la Cruz", "Smith-Jones", "Иванова",
    ];

    private static readonly string[] _proper =
    [
        "Bluebird", "Sunrise", "Maple Leaf", "Lakeside", "Golden Gate", "Harbor Light", "Red Rock", "Evergreen", "Silver Spoon",
        "Prairie", "Copper Kettle",
        "St. Anne's", "Northgate", "Twin Oaks", "Riverbend", "Summit", "Cornerstone", "Grace", "Liberty", "Pioneer", "Magnolia",
        "Kowalski's", "Delgado",
    ];

    private static readonly string[] _trades =
    [
        "Bakery", "Dental Clinic", "Fitness", "Plumbing", "Law Offices", "Day Care", "Florist", "Auto Repair", "Travel",
        "Coffee Roasters", "Accounting",
        "Veterinary Hospital", "Yoga", "Montessori School", "Hardware", "Cleaners", "Insurance Agency", "Pottery", "Bicycles",
    ];

    private static readonly string[] _forms = ["", "", "", " Inc", ", Inc.", " LLC", " Co", " Ltd."];

    private static readonly string[] _streets =
    [
        "Main", "Oak", "Lake Shore", "Washington", "Martin Luther King", "2nd", "51st", "Elm", "Halsted", "Prospect", "Kedzie", "Sunset",
        "Juniper",
        "College", "Mill", "Garfield", "Hill", "Cottage Grove",
    ];

    private static readonly (string Long, string Short)[] _kinds = [("Street", "St"), ("Avenue", "Ave."), ("Road", "Rd"), ("Boulevard", "Blvd"), ("Drive", "Dr.")];

    private static readonly (string Long, string Short)[] _directions = [("North", "N."), ("South", "S"), ("East", "E"), ("West", "W."), ("", "")];

    private static readonly string[] _towns = ["Springfield", "Oak Park", "Aurora", "Evanston", "Cicero", "Joliet"];

    private readonly Random _random;
    private readonly List<LabelledLead> _leads = [];
    private int _entities;
    private int _phones;

    public MessyLeads(int seed, int scenes)
    {
        _random = new Random(seed);
        for (var i = 0; i < scenes; i++)
        {
            switch (_random.Next(10))
            {
                case < 4:
                    AddSingle();
                    break;
                case < 6:
                    AddFamily();
                    break;
                case < 8:
                    AddBuilding();
                    break;
                case < 9:
                    AddAgency();
                    break;
                default:
                    AddBranches();
                    break;
            }
        }

        All = [.. _leads.OrderBy(_ => _random.Next())];
    }

    public IReadOnlyList<LabelledLead> All { get; }

    private void AddSingle()
    {
        var entity = NewEntity();
        var person = NewPerson(Pick(_familyNames));
        var place = NewPlace();
        var phone = NewPhone();
        var email = NewEmail(entity);
        AddPersonLeads(entity, person, place, phone, email, 1 + _random.Next(5));
    }

    // One phone, often one e-mail, one address; the given names differ.
    private void AddFamily()
    {
        var phone = NewPhone();
        var place = NewPlace();
        var family = Pick(_familyNames);
        var email = _random.Next(3) == 0 ? NewEmail("family") : null;
        var given = _givenNames.OrderBy(_ => _random.Next()).Take(2 + _random.Next(3)).ToList();
        foreach (var names in given)
        {
            var entity = NewEntity();
            var person = new Person(names, _random.Next(4) == 0 ? Pick(_givenNames)[0] : null, _random.Next(6) == 0 ? Pick(_familyNames) : family);
            AddPersonLeads(entity, person, place, phone, email ?? NewEmail(entity), 1 + _random.Next(4));
        }
    }

    // Several businesses with one switchboard, in one house, each in its own suite if they have any.
    private void AddBuilding()
    {
        var phone = NewPhone();
        var place = NewPlace();
        var hasSuites = _random.Next(2) == 0;
        var count = _random.Next(3) == 0 ? 4 + _random.Next(13) : 2 + _random.Next(3);
        var names = _proper.OrderBy(_ => _random.Next()).Zip(_trades.OrderBy(_ => _random.Next())).Take(count).ToList();
        for (var i = 0; i < names.Count; i++)
            AddBusinessLeads(NewEntity(), $"{names[i].First} {names[i].Second}", hasSuites ? place with { Suite = 100 + i } : place, phone, NewCount(names.Count));
    }

    // One agency, many sites, each with a name of its own behind the agency's, and the agency's phone.
    private void AddAgency()
    {
        var phone = NewPhone();
        var agency = $"{Pick(_proper)} {Pick(["Community Services", "Family Center", "Church", "Association", "Foundation"])}";
        var sites = _proper.OrderBy(_ => _random.Next()).Take(2 + _random.Next(6)).ToList();
        foreach (var site in sites)
        {
            var name = _random.Next(3) == 0 ? $"{agency} / {site}" : $"{agency} - {site}";
            AddBusinessLeads(NewEntity(), name, NewPlace(), phone, NewCount(sites.Count));
        }
    }

    // One name in several places, one phone for all of them.
    private void AddBranches()
    {
        var phone = NewPhone();
        var name = $"{Pick(_proper)} {Pick(_trades)}";
        for (var i = 2 + _random.Next(3); i > 0; i--)
            AddBusinessLeads(NewEntity(), name, NewPlace(), phone, 1 + _random.Next(4));
    }

    private void AddPersonLeads(string entity, Person person, Place place, string phone, string email, int count)
    {
        for (var i = 0; i < count; i++)
        {
            var moved = _random.Next(12) == 0;
            Add(entity, Write(person), _random.Next(14) == 0 ? null : phone, _random.Next(2) == 0 ? email : null,
                _random.Next(3) == 0 ? null : Write(moved ? NewPlace() : place));
        }
    }

    private void AddBusinessLeads(string entity, string name, Place place, string phone, int count)
    {
        var form = Pick(_forms);
        for (var i = 0; i < count; i++)
        {
            Add(entity, WriteBusiness(name, form), _random.Next(14) == 0 ? null : phone, null, _random.Next(7) == 0 ? null : Write(place));
        }
    }

    private void Add(string entity, string? name, string? phone, string? email, string? address) => _leads.Add(new LabelledLead
    {
        Id = $"{_leads.Count + 1}",
        Entity = entity,
        Name = name,
        Phone = phone is null ? null : WritePhone(phone),
        Email = email is null || _random.Next(3) > 0 ? email : email.ToUpperInvariant(),
        Address = address,
    });

    private Person NewPerson(string family) => new(Pick(_givenNames), _random.Next(3) == 0 ? Pick(_givenNames)[0] : null, family);

    private Place NewPlace() => new(
        10 + _random.Next(9800), Pick(_directions), Pick(_streets), Pick(_kinds), Pick(_towns), 60000 + _random.Next(800), Suite: null);

    // Of many on one phone each calls seldom.
    private int NewCount(int entities) => 1 + _random.Next(entities > 6 ? 2 : 4);

    private string NewEntity() => $"e{++_entities}";

    private string NewPhone() => $"312{2000000 + (++_phones * 37)}";

    private string NewEmail(string entity) => $"{entity}.{_random.Next(1_000_000)}@example.org";

    private string? Write(Person person)
    {
        var given = Pick(person.Given);
        var family = person.Family;
        if (_random.Next(12) == 0)
            given = Slip(given);
        if (_random.Next(12) == 0)
            family = Slip(family);
        var middle = person.Middle is null || _random.Next(2) == 0 ? "" : $" {(_random.Next(2) == 0 ? person.Middle : person.Middle[..1])}";
        var name = _random.Next(14) switch
        {
            0 => null,
            1 => $"{given[0]}. {family}",
            2 or 3 => $"{family}, {given}{middle}",
            4 => given,
            5 => $"{(_random.Next(2) == 0 ? "Mr." : "Dr")} {given}{middle} {family}",
            _ => $"{given}{middle} {family}",
        };
        return WriteCase(name);
    }

    private string? WriteBusiness(string name, string form)
    {
        var written = _random.Next(10) switch
        {
            0 => $"The {name}",
            1 => name.Replace(" - ", " ", StringComparison.Ordinal),
            2 => name.Replace("Center", "Ctr", StringComparison.Ordinal).Replace("Services", "Svcs", StringComparison.Ordinal),
            3 => string.Join(' ', name.Split(' ').Select(word => word.Length > 5 && _random.Next(3) == 0 ? Slip(word) : word)),
            4 => name.Replace("St.", "Saint", StringComparison.Ordinal),
            _ => name,
        };
        return WriteCase(_random.Next(2) == 0 ? written + form : written);
    }

    private string? WriteCase(string? name) => name is null ? null : _random.Next(6) switch
    {
        0 => name.ToUpperInvariant(),
        1 => name.ToLowerInvariant(),
        2 => $" {name.Replace(" ", "  ", StringComparison.Ordinal)} ",
        _ => name,
    };

    private string Write(Place place)
    {
        var isLong = _random.Next(2) == 0;
        var direction = _random.Next(5) == 0 ? "" : isLong ? place.Direction.Long : place.Direction.Short;
        var kind = _random.Next(6) == 0 ? "" : isLong ? place.Kind.Long : place.Kind.Short;
        var street = string.Join(' ', new[] { direction, _random.Next(15) == 0 ? Slip(place.Street) : place.Street, kind }.Where(part => part.Length > 0));
        var suite = place.Suite is null || _random.Next(8) == 0 ? "" : _random.Next(2) == 0 ? $", Suite {place.Suite}" : $" #{place.Suite}";
        var town = _random.Next(4) switch
        {
            0 => "",
            1 => $", {place.Town}",
            2 => $", {place.Town} IL",
            _ => $", {place.Town}, IL {place.Zip}",
        };
        return $"{place.Number} {street}{suite}{town}";
    }

    private string WritePhone(string phone) => _random.Next(4) switch
    {
        0 => $"+1{phone}",
        1 => $"({phone[..3]}) {phone[3..6]}-{phone[6..]}",
        2 => $"{phone[..3]}.{phone[3..6]}.{phone[6..]}",
        _ => phone,
    };

    // One letter is other, missing, too many, or swapped with the next.
    private string Slip(string word)
    {
        if (word.Length < 5)
            return word;
        var place = 1 + _random.Next(word.Length - 2);
        return _random.Next(4) switch
        {
            0 => word.Remove(place, 1),
            1 => word.Insert(place, word[place].ToString()),
            2 => $"{word[..place]}{word[place + 1]}{word[place]}{word[(place + 2)..]}",
            _ => $"{word[..place]}{(char)('a' + _random.Next(26))}{word[(place + 1)..]}",
        };
    }

    private T Pick<T>(T[] items) => items[_random.Next(items.Length)];

    private sealed record Person(string[] Given, string? Middle, string Family);

    private sealed record Place(
        int Number, (string Long, string Short) Direction, string Street, (string Long, string Short) Kind, string Town, int Zip, int? Suite);
}
