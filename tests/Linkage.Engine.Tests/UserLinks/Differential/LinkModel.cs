using Linkage.Engine.Phones;

namespace Linkage.Engine.Tests.UserLinks.Differential;

internal sealed record ModelUser(string Id, string? Phone);

internal sealed record ModelGuest(string Id, string Event, string? Phone, string? User, bool IsRemoved);

/// <summary>Key is the key as the audit has it; Ids are the values of its columns.</summary>
internal sealed record ModelDelivery(string Key, string[] Ids, string? Phone, string? Guest, string? Event, string? User);

/// <summary>What is decided of a delivery, and what its audit row says.</summary>
internal sealed record Decision(string Outcome, string? Rule, string? User, string? Guest, string? Event, string? Phone);

/// <summary>
/// The rule for what links to whom as the specification has it, in plain look-ups: nothing of it is shared with the SQL that it is
/// compared with, but for how a phone is read.
/// </summary>
internal sealed class LinkModel
{
    private readonly bool _linking;
    private readonly bool _fallback;
    private readonly Dictionary<string, ModelGuest> _guests;
    private readonly HashSet<string> _users;
    private readonly ILookup<(string Event, string Phone), ModelGuest> _activeGuests;
    private readonly ILookup<string, ModelUser> _usersByPhone;
    private readonly HashSet<(string Key, string User)> _suppressed;

    public LinkModel(
        bool linking, bool fallback, IEnumerable<ModelUser> users, IEnumerable<ModelGuest> guests,
        IEnumerable<(string Key, string User)> suppressed)
    {
        _linking = linking;
        _fallback = fallback;
        _guests = guests.ToDictionary(g => g.Id);
        _users = [.. users.Select(u => u.Id)];
        _activeGuests = guests
            .Select(g => (Guest: g, Phone: PhoneNumber.Normalize(g.Phone)))
            .Where(g => !g.Guest.IsRemoved && g.Phone is not null)
            .ToLookup(g => (g.Guest.Event, g.Phone!), g => g.Guest);
        _usersByPhone = users
            .Select(u => (User: u, Phone: PhoneNumber.Normalize(u.Phone)))
            .Where(u => u.Phone is not null)
            .ToLookup(u => u.Phone!, u => u.User);
        _suppressed = [.. suppressed];
    }

    /// <summary>Whether anything is to be decided: no user, but a phone or a guest.</summary>
    public static bool IsCandidate(ModelDelivery delivery) =>
        delivery.User is null && (delivery.Phone is not null || delivery.Guest is not null);

    /// <summary>
    /// The user that integrity misses on a delivery, if any: of its own guest, or of the one guest of its own event who has the phone.
    /// </summary>
    public string? GuestUser(ModelDelivery delivery, bool knowsGuests)
    {
        var phone = PhoneNumber.Normalize(delivery.Phone);
        var guest = knowsGuests
            ? delivery.Guest is { } id && _guests.GetValueOrDefault(id) is { IsRemoved: false } own ? own : null
            : delivery.Event is { } eventId && phone is not null && _activeGuests[(eventId, phone)].ToList() is [var only] ? only : null;
        return guest?.User is { } user && _users.Contains(user) ? user : null;
    }

    /// <summary>Whether the delivery is kept from the user.</summary>
    public bool IsSuppressed(ModelDelivery delivery, string user) => _suppressed.Contains((delivery.Key, user));

    public Decision Decide(ModelDelivery delivery)
    {
        var decision = Resolve(delivery);
        return decision.Outcome != "linked" ? decision
            : !_users.Contains(decision.User!) ? decision with { Outcome = "no_match", User = null }
            : _suppressed.Contains((delivery.Key, decision.User!)) ? decision with { Outcome = "skipped", User = null }
            : decision;
    }

    private Decision Resolve(ModelDelivery delivery)
    {
        var own = delivery.Guest is { } id ? _guests.GetValueOrDefault(id) : null;
        var phone = PhoneNumber.Normalize(delivery.Phone);
        var eventId = delivery.Event ?? own?.Event;
        var nothing = new Decision("skipped", null, null, null, eventId, phone);

        if (!_linking)
            return nothing;
        if (own is { IsRemoved: false, User: { } user })
            return nothing with { Outcome = "linked", Rule = "guest", User = user, Guest = own.Id };
        if (eventId is null || phone is null)
            return nothing;

        var matches = _activeGuests[(eventId, phone)].ToList();
        var only = matches is [var one] ? one : null;
        var byPhone = nothing with { Rule = "event phone", Guest = only?.Id };
        if (matches.Count > 1)
            return byPhone with { Outcome = "ambiguous" };
        if (only is null)
            return byPhone with { Outcome = "no_match" };
        if (only.User is not null)
            return byPhone with { Outcome = "linked", User = only.User };
        if (!_fallback)
            return byPhone with { Outcome = "no_match" };

        var byUser = byPhone with { Rule = "user phone" };
        return _usersByPhone[phone].ToList() switch
        {
            [] => byUser with { Outcome = "no_match" },
            [var single] => byUser with { Outcome = "linked", User = single.Id },
            _ => byUser with { Outcome = "ambiguous" },
        };
    }
}
