using Linkage.Engine.Database;

namespace Linkage.Engine.UserLinks;

/// <summary>A switch of the application's <c>feature_flags</c>.</summary>
/// <param name="Name">Its name.</param>
/// <param name="IsEnabled">What <c>get_feature_flag</c> says, by which linking goes.</param>
/// <param name="IsStored">What the table says; null where it has no such flag, or where the application keeps its flags elsewhere.</param>
public sealed record FeatureFlag(string Name, bool? IsEnabled, bool? IsStored);

/// <summary>Reads and switches flags. What is switched holds at once for triggers, SQL functions and cmdlets.</summary>
/// <param name="database">Whose.</param>
public sealed class FeatureFlags(LinkageDatabase database)
{
    /// <summary>Whether anything is linked at all.</summary>
    public const string LinkUserByPhone = "LINK_USER_BY_PHONE";

    /// <summary>Whether a phone may also lead to a user directly (rule "user phone").</summary>
    public const string FallbackToUsers = "LINK_USER_BY_PHONE_FALLBACK_TO_USERS";

    /// <summary>The flags that Linkage goes by.</summary>
    public static IReadOnlyList<string> Known { get; } = [LinkUserByPhone, FallbackToUsers];

    /// <summary>Flags by name; a name that is in no table reads as the application's <c>get_feature_flag</c> has it.</summary>
    /// <param name="names">Null gives every flag of the table.</param>
    /// <param name="cancellation">Cancels the query.</param>
    public Task<IReadOnlyList<FeatureFlag>> FindAsync(IReadOnlyCollection<string>? names, CancellationToken cancellation) =>
        database.TransactAsync(TransactionOptions.ReadOnly, session => FindAsync(session, names), cancellation);

    /// <summary>Switches a flag that Linkage knows or the table has.</summary>
    /// <returns>The flag as it is then.</returns>
    /// <exception cref="LinkageException">
    /// There is no such flag, or the application keeps its flags elsewhere than in its table; nothing is changed then.
    /// </exception>
    public Task<FeatureFlag> SetAsync(string name, bool enabled, CancellationToken cancellation) =>
        database.TransactAsync(
            TransactionOptions.ReadWrite with { ApplicationName = "Linkage Set-LinkageFeatureFlag" },
            async session =>
            {
                await FindForChangeAsync(session, name);
                await session.ExecuteAsync("SELECT linkage.set_feature_flag(@name, @enabled)", new { name, enabled });
                var flag = (await FindAsync(session, [name])).Single();
                return flag.IsEnabled == enabled
                    ? flag
                    : throw new LinkageException(
                        "Linkage.FeatureFlag.NotInTable", FaultKind.InvalidState,
                        $"get_feature_flag('{name}') does not go by the table feature_flags alone: after the change it would still say "
                        + $"{flag.IsEnabled?.ToString() ?? "null"}. Nothing is changed; switch the flag where the application does.");
            },
            cancellation);

    /// <summary>The flag as <see cref="SetAsync"/> would leave it; changes nothing.</summary>
    /// <exception cref="LinkageException">There is no such flag.</exception>
    public Task<FeatureFlag> PreviewAsync(string name, bool enabled, CancellationToken cancellation) =>
        database.TransactAsync(
            TransactionOptions.ReadOnly,
            async session => await FindForChangeAsync(session, name) with { IsEnabled = enabled, IsStored = enabled },
            cancellation);

    private static async Task<FeatureFlag> FindForChangeAsync(DatabaseSession session, string name)
    {
        var flag = (await FindAsync(session, [name])).Single();
        return flag.IsStored is not null || Known.Contains(name)
            ? flag
            : throw new LinkageException(
                "Linkage.FeatureFlag.NotFound", FaultKind.NotFound,
                $"There is no flag '{name}' in feature_flags. Linkage goes by {string.Join(" and ", Known)}.");
    }

    private static Task<IReadOnlyList<FeatureFlag>> FindAsync(DatabaseSession session, IReadOnlyCollection<string>? names) =>
        session.QueryAsync<FeatureFlag>(
            """
            SELECT f.name AS "Name", f.is_enabled AS "IsEnabled", f.is_stored AS "IsStored"
            FROM linkage.find_feature_flags(@names::text[]) f
            """,
            new { names = names?.ToArray() });
}
