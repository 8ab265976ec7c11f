using Linkage.Engine.Database;
using Linkage.Engine.Runs;

namespace Linkage.Engine.UserLinks;

/// <summary>A record whose user is somebody else's by what is known now. Keys are text, times UTC.</summary>
public sealed record WrongUserLink
{
    /// <summary>The target.</summary>
    public string Table { get; init; } = "";

    /// <summary>The record.</summary>
    public string DeliveryId { get; init; } = "";

    /// <summary>Its own guest.</summary>
    public string? GuestId { get; init; }

    /// <summary>That guest's name.</summary>
    public string? GuestName { get; init; }

    /// <summary>That guest's user, also where the guest is removed.</summary>
    public string? GuestUserId { get; init; }

    /// <summary>The event.</summary>
    public string? EventId { get; init; }

    /// <summary>The phone as it stands in the record.</summary>
    public string? Phone { get; init; }

    /// <summary>The phone in E.164; null where it is none.</summary>
    public string? NormalizedPhone { get; init; }

    /// <summary>The user that the record has.</summary>
    public string UserId { get; init; } = "";

    /// <summary>The user that the rules give; null where they give none, or an undo keeps the record from that one.</summary>
    public string? ExpectedUserId { get; init; }

    /// <summary>The rule by which it was linked; null if Linkage did not link it, or did so before it audited rules.</summary>
    public string? Rule { get; init; }

    /// <summary>When it was linked; null if Linkage did not link it.</summary>
    public DateTime? LinkedAt { get; init; }

    /// <summary>The run that linked it; null for what triggers did, and if Linkage did not link it.</summary>
    public Guid? RunId { get; init; }

    /// <summary>What linked it: trigger, backfill, guest link, manual, undo, repair; null if Linkage did not.</summary>
    public string? Source { get; init; }

    /// <summary>What speaks against the link, at least one.</summary>
    public string[] Reasons { get; init; } = [];
}

/// <summary>Lists records that have a wrong user.</summary>
/// <param name="database">Where they are.</param>
public sealed class WrongUserLinks(LinkageDatabase database)
{
    /// <summary>Every wrong link of a target, in key order, as they are found.</summary>
    /// <param name="table">The target, by its name or its table in SQL notation.</param>
    /// <param name="cancellation">Ends the listing.</param>
    /// <exception cref="LinkageException">There is no such target, or Linkage is not installed.</exception>
    public IAsyncEnumerable<WrongUserLink> FindAsync(string table, CancellationToken cancellation) =>
        new KeySetReader(database).ReadAsync<WrongUserLink>(
            "SELECT linkage.wrong_link_walk(@table)",
            EmbeddedSql.Read("UserLinks/find_wrong.sql"),
            new { table },
            "Linkage Get-WrongUserLink",
            cancellation);
}
