using System.Text.Json;
using Linkage.Engine.Database;
using Linkage.Engine.Runs;

namespace Linkage.Engine.UserLinks;

/// <summary>A guest and the user that the guest's deliveries belong to.</summary>
/// <param name="GuestId">As text, in the form that the column's type takes.</param>
/// <param name="UserId">As text, in the form that the column's type takes.</param>
public sealed record GuestUser(string GuestId, string UserId);

/// <summary>A guest of a list that can't be used.</summary>
/// <param name="Guest">As it stood in the list.</param>
/// <param name="Problem">Why.</param>
public sealed record UnusableGuest(GuestUser Guest, string Problem);

/// <summary>Links records to their users. Counts: processed, linked, no_match, ambiguous, skipped; suppressed is part of skipped.</summary>
/// <param name="database">Where the records are.</param>
public sealed class UserLinkBackfill(LinkageDatabase database)
{
    /// <summary>Examines every candidate of a target once: rows without a user that have a phone or a guest.</summary>
    /// <param name="table">The target, by its name or its table in SQL notation.</param>
    /// <param name="options">How.</param>
    /// <param name="progress">Told after each batch.</param>
    /// <param name="cancellation">Leaves whole batches.</param>
    public Task<RunResult> RunAsync(
        string table, RunOptions options, Action<RunProgress> progress, CancellationToken cancellation) =>
        new RunEngine(database).RunAsync(
            new RunWork("SELECT linkage.user_link_work(@table)::text", new { table })
            {
                RecordedParameters = JsonSerializer.Serialize(new { table, options.BatchSize }),
            },
            options, progress, cancellation);

    /// <summary>Which guests of a list don't exist, have no such user, or are given several; empty if all can be used.</summary>
    /// <param name="guests">The guests with their users.</param>
    /// <param name="cancellation">Ends the search.</param>
    public async Task<IReadOnlyList<UnusableGuest>> FindUnusableAsync(
        IReadOnlyList<GuestUser> guests, CancellationToken cancellation)
    {
        var found = await database.TransactAsync(
            TransactionOptions.ReadOnly,
            session => session.QueryAsync<(long Ordinal, string Problem)>(
                "SELECT u.ordinal, u.problem FROM linkage.unusable_guests(@guests, @users) u ORDER BY u.ordinal", Lists(guests)),
            cancellation);
        return [.. found.Select(f => new UnusableGuest(guests[(int)f.Ordinal - 1], f.Problem))];
    }

    /// <summary>Links the deliveries of guests that were linked while nobody looked, such as by a bulk import.</summary>
    /// <param name="guests">The guests with their users.</param>
    /// <param name="options">How; a batch is that many guests.</param>
    /// <param name="progress">Told after each batch.</param>
    /// <param name="cancellation">Leaves whole batches.</param>
    public Task<RunResult> RunForGuestsAsync(
        IReadOnlyList<GuestUser> guests, RunOptions options, Action<RunProgress> progress, CancellationToken cancellation)
    {
        var list = Lists(guests);
        return new RunEngine(database).RunAsync(
            new RunWork("SELECT linkage.guest_delivery_work()::text")
            {
                RecordedParameters = JsonSerializer.Serialize(new { guests = guests.Count, options.BatchSize }),
                Supply = (session, runId) => session.ExecuteAsync(
                    "SELECT linkage.list_guests(@runId, @guests, @users)", new { runId, list.Guests, list.Users }),
                Preview = (session, _) => session.QuerySingleAsync<string?>(
                    "SELECT linkage.preview_guests(@guests, @users)::text", list),
            },
            options, progress, cancellation);
    }

    private static GuestLists Lists(IReadOnlyList<GuestUser> guests) =>
        new([.. guests.Select(g => g.GuestId)], [.. guests.Select(g => g.UserId)]);

    private sealed record GuestLists(string[] Guests, string[] Users);
}
