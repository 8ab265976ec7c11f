using Linkage.Engine.Phones;

namespace Linkage.Engine.Tests.UserLinks.Differential;

/// <summary>The latest change that the audit tells of a delivery.</summary>
internal sealed record ModelOrigin(string Key, string Outcome, string? User, string? Rule, string? Guest, string? Event, string? Source);

/// <summary>What is to be said of a wrong link.</summary>
internal sealed record WrongLink(string Key, string Reasons, string? Expected, string? Rule, string? Source);

/// <summary>Which links are wrong as the documentation has it, in plain look-ups; nothing of it is shared with the SQL.</summary>
internal sealed class WrongLinkModel
{
    private readonly LinkModel _rules;
    private readonly Dictionary<string, ModelGuest> _guestsById;
    private readonly ILookup<string?, ModelGuest> _guestsByUser;
    private readonly ILookup<(string Event, string Phone), ModelGuest> _activeGuests;
    private readonly ILookup<string, ModelUser> _usersByPhone;
    private readonly HashSet<string> _users;
    private readonly HashSet<(string Key, string User)> _suppressed;
    private readonly Dictionary<string, ModelOrigin> _origins;
    private readonly bool _fallback;

    public WrongLinkModel(
        bool fallback, IReadOnlyList<ModelUser> users, IReadOnlyList<ModelGuest> guests,
        IEnumerable<(string Key, string User)> suppressed, IEnumerable<ModelOrigin> origins)
    {
        _rules = new LinkModel(linking: true, fallback, users, guests, []);
        _fallback = fallback;
        _guestsById = guests.ToDictionary(guest => guest.Id);
        _guestsByUser = guests.ToLookup(guest => guest.User);
        _activeGuests = guests.Where(guest => !guest.IsRemoved && E164(guest.Phone) is not null)
            .ToLookup(guest => (guest.Event, E164(guest.Phone)!));
        _usersByPhone = users.Where(user => E164(user.Phone) is not null).ToLookup(user => E164(user.Phone)!);
        _users = [.. users.Select(user => user.Id)];
        _suppressed = [.. suppressed];
        _origins = origins.ToDictionary(origin => origin.Key);
    }

    /// <summary>Null where nothing speaks against the link.</summary>
    public WrongLink? Judge(ModelDelivery delivery)
    {
        if (delivery.User is not { } user)
            return null;
        var origin = _origins.GetValueOrDefault(delivery.Key) is { Outcome: "linked" } change && change.User == user ? change : null;
        var decision = _rules.Decide(delivery);
        var expected = decision is { Outcome: "linked", User: { } found } && !_suppressed.Contains((delivery.Key, found)) ? found : null;
        List<string> reasons = [.. Reasons(delivery, user, origin, decision, expected)];
        return reasons.Count == 0 ? null : new(delivery.Key, string.Join("; ", reasons), expected, origin?.Rule, origin?.Source);
    }

    private IEnumerable<string> Reasons(ModelDelivery delivery, string user, ModelOrigin? origin, Decision decision, string? expected)
    {
        if (!_users.Contains(user))
            yield return "the user does not exist";
        var own = delivery.Guest is { } id ? _guestsById.GetValueOrDefault(id) : null;
        // Its own guest vouches for the user, also a removed one; so does the rule.
        if (own?.User == user || (decision.Outcome == "linked" && decision.User == user))
            yield break;

        var isByOwnGuest = origin is { Rule: "guest" } && (delivery.Guest is null || origin.Guest == delivery.Guest);
        if (decision is { Outcome: "linked", Rule: "guest" } && expected is not null)
            yield return isByOwnGuest ? "its guest moved to another user" : "its guest has another user";

        if ((delivery.Event ?? own?.Event) is not { } here)
            yield break;
        var phone = E164(delivery.Phone);
        var holders = phone is null ? [] : _activeGuests[(here, phone)].ToList();
        if (Crosses(user, origin, here, phone) && holders.TrueForAll(guest => guest.User != user))
            yield return "the link came from a guest of another event";
        if (!isByOwnGuest && Holder(holders, phone) is { } holder && holder != user && !_suppressed.Contains((delivery.Key, holder)))
            yield return "the phone belongs to someone else at this event";
    }

    private bool Crosses(string user, ModelOrigin? origin, string here, string? phone)
    {
        if (origin is not null)
        {
            var guest = origin.Guest is { } id ? _guestsById.GetValueOrDefault(id) : null;
            if ((guest?.Event ?? origin.Event) is { } from)
                return from != here;
        }

        var known = _guestsByUser[user].ToList();
        return phone is not null
            && known.TrueForAll(guest => guest.Event != here)
            && known.Exists(guest => E164(guest.Phone) == phone);
    }

    /// <summary>Who has the phone at the event by rules 2 and 3.</summary>
    private string? Holder(List<ModelGuest> holders, string? phone)
    {
        if (holders is not [var only])
            return null;
        if (only.User is not null)
            return _users.Contains(only.User) ? only.User : null;
        return _fallback && _usersByPhone[phone!].ToList() is [var single] ? single.Id : null;
    }

    private static string? E164(string? phone) => PhoneNumber.Normalize(phone);
}
