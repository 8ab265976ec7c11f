using System.Text.Json;
using System.Text.Json.Nodes;
using Linkage.Engine.Database;
using Linkage.Engine.Runs;

namespace Linkage.Engine.UserLinks;

/// <summary>What a record had in one of its columns when it was listed.</summary>
/// <param name="Value">The value; null for none.</param>
public sealed record ListedValue(string? Value);

/// <summary>
/// A record to repair, with what it was when it was listed: if it is something else by then, it is left alone. Null is for what is not
/// known; that is compared with what it is when the run starts.
/// </summary>
/// <param name="DeliveryId">The record's key as text.</param>
/// <param name="User">The user that it had.</param>
/// <param name="Guest">Its guest.</param>
/// <param name="Phone">Its phone as it stood in the record; an empty one is none.</param>
public sealed record RepairItem(string DeliveryId, ListedValue? User = null, ListedValue? Guest = null, ListedValue? Phone = null);

/// <summary>A record of a list that can't be used.</summary>
/// <param name="Item">As it stood in the list.</param>
/// <param name="Problem">Why.</param>
public sealed record UnusableRepair(RepairItem Item, string Problem);

/// <summary>
/// Gives records of a list the user that the rules give them now. Counts: processed, linked, relinked (from a wrong user), unlinked (from a
/// wrong user, to none), unchanged (right as they are), no_match, ambiguous, skipped; suppressed is part of skipped.
/// </summary>
/// <param name="database">Where the records are.</param>
public sealed class UserLinkRepair(LinkageDatabase database)
{
    /// <summary>Which records of a list have a key, a user or a guest that is no id; empty if all can be used.</summary>
    /// <param name="table">The target, by its name or its table in SQL notation.</param>
    /// <param name="items">The records.</param>
    /// <param name="cancellation">Ends the search.</param>
    /// <exception cref="LinkageException">There is no such target, or Linkage is not installed.</exception>
    public async Task<IReadOnlyList<UnusableRepair>> FindUnusableAsync(
        string table, IReadOnlyList<RepairItem> items, CancellationToken cancellation)
    {
        var list = new Lists(table, items);
        var found = await database.TransactAsync(
            TransactionOptions.ReadOnly,
            session => session.QueryAsync<(long Ordinal, string Problem)>(
                "SELECT u.ordinal, u.problem FROM linkage.unusable_repairs(@Table, @Keys, @Listed::jsonb[]) u ORDER BY u.ordinal", list),
            cancellation);
        return [.. found.Select(f => new UnusableRepair(items[(int)f.Ordinal - 1], f.Problem))];
    }

    /// <summary>Repairs the records of a list, each once.</summary>
    /// <param name="table">The target, by its name or its table in SQL notation.</param>
    /// <param name="items">The records.</param>
    /// <param name="options">How; a batch is that many records.</param>
    /// <param name="progress">Told after each batch.</param>
    /// <param name="cancellation">Leaves whole batches.</param>
    public Task<RunResult> RunAsync(
        string table, IReadOnlyList<RepairItem> items, RunOptions options, Action<RunProgress> progress, CancellationToken cancellation)
    {
        var list = new Lists(table, items);
        return new RunEngine(database).RunAsync(
            new RunWork("SELECT linkage.user_link_repair_work(@table)::text", new { table })
            {
                RecordedParameters = JsonSerializer.Serialize(new { table, records = items.Count, options.BatchSize }),
                Supply = (session, runId) => session.ExecuteAsync(
                    "SELECT linkage.list_repairs(@runId, @Table, @Keys, @Listed::jsonb[])",
                    new { runId, list.Table, list.Keys, list.Listed }),
                Preview = (session, _) => session.QuerySingleAsync<string?>(
                    "SELECT linkage.preview_repairs(@Table, @Keys, @Listed::jsonb[])::text", list),
            },
            options, progress, cancellation);
    }

    /// <summary>The list as the database takes it.</summary>
    private sealed record Lists(string Table, string[] Keys, string[] Listed)
    {
        public Lists(string table, IReadOnlyList<RepairItem> items)
            : this(table, [.. items.Select(item => item.DeliveryId)], [.. items.Select(Json)])
        {
        }

        private static string Json(RepairItem item)
        {
            var listed = new JsonObject();
            if (item.User is { } user)
                listed["user"] = Id(user);
            if (item.Guest is { } guest)
                listed["guest"] = Id(guest);
            if (item.Phone is { } phone)
                listed["phone"] = phone.Value;
            return listed.ToJsonString();
        }

        private static string? Id(ListedValue listed) => string.IsNullOrEmpty(listed.Value) ? null : listed.Value;
    }
}
