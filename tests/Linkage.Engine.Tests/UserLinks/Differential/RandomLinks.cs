namespace Linkage.Engine.Tests.UserLinks.Differential;

/// <summary>Users, guests, deliveries and suppressions with every ill: the same ones for the same seed.</summary>
internal sealed class RandomLinks
{
    private readonly Random _random;
    private readonly TargetShape _shape;
    private readonly PhonePool _phones;
    private readonly List<string> _missing;

    public RandomLinks(int seed, TargetShape shape, int deliveries)
    {
        _random = new Random(seed);
        _shape = shape;
        _phones = new PhonePool(_random, Math.Max(20, deliveries / 20));
        _missing = [.. Enumerable.Range(0, 10).Select(_ => NewKey())];
        Users = [.. Enumerable.Range(0, Math.Max(10, deliveries / 15)).Select(_ => new ModelUser(NewKey(), _phones.Any()))];
        Guests = NewGuests(Math.Max(20, deliveries / 4), [.. Enumerable.Range(0, Math.Max(3, deliveries / 400)).Select(_ => NewKey())]);
        Deliveries = NewDeliveries(deliveries);
        var model = new LinkModel(linking: true, fallback: true, Users, Guests, []);
        Suppressed = [.. Deliveries.Where(_ => _random.Next(10) == 0).Select(delivery => Suppression(delivery, model)).Distinct()];
    }

    public IReadOnlyList<ModelUser> Users { get; }

    public IReadOnlyList<ModelGuest> Guests { get; }

    public IReadOnlyList<ModelDelivery> Deliveries { get; }

    public IReadOnlyList<(string Key, string User)> Suppressed { get; }

    private List<ModelGuest> NewGuests(int count, string[] events)
    {
        List<ModelGuest> guests = [];
        // The application's own key: one active guest per event and phone, by the text of the phone.
        HashSet<(string, string)> taken = [];
        while (guests.Count < count)
        {
            var guest = new ModelGuest(
                NewKey(), Pick(events), _phones.Any(), _random.Next(20) switch { < 9 => null, 9 => Pick(_missing), _ => Pick(Users).Id },
                _random.Next(6) == 0);
            if (guest.IsRemoved || guest.Phone is null || taken.Add((guest.Event, guest.Phone)))
                guests.Add(guest);
        }

        return guests;
    }

    private List<ModelDelivery> NewDeliveries(int count)
    {
        var byEvent = Guests.Where(g => g.Phone is not null).ToLookup(g => g.Event);
        List<ModelDelivery> deliveries = [];
        for (var i = 0; i < count; i++)
        {
            var guest = _random.Next(12) == 0 ? null : Pick(Guests);
            var phone = _random.Next(10) switch
            {
                0 => _phones.Any(),
                1 => null,
                // another guest of the event: own guest and phone disagree
                2 or 3 when guest is not null && byEvent[guest.Event].Any() => Pick([.. byEvent[guest.Event]]).Phone,
                4 => Pick(Users).Phone,
                _ => guest?.Phone ?? _phones.Any(),
            };
            var user = _random.Next(25) switch { 0 => Pick(_missing), 1 or 2 => Pick(Users).Id, _ => null };
            var ids = _shape.NewIds(_random);
            var guestId = guest is null && _random.Next(3) == 0 ? Pick(_missing) : guest?.Id;
            var eventId = _random.Next(15) switch { 0 => null, 1 => Pick(Guests).Event, _ => guest?.Event ?? Pick(Guests).Event };
            deliveries.Add(new ModelDelivery(
                TargetShape.KeyText(ids), ids, phone, _shape.Guest is null ? null : guestId, _shape.Event is null ? null : eventId, user));
        }

        return deliveries;
    }

    /// <summary>Mostly of the user that the delivery would get, else of another.</summary>
    private (string Key, string User) Suppression(ModelDelivery delivery, LinkModel model) =>
        (delivery.Key, _random.Next(4) == 0 ? Pick(Users).Id : model.Decide(delivery).User ?? Pick(Users).Id);

    private string NewKey() => _shape.Keys.NewKey(_random);

    private T Pick<T>(IReadOnlyList<T> items) => items[_random.Next(items.Count)];
}
