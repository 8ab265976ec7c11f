using Linkage.Engine.Database;
using Npgsql;

namespace Linkage.Engine.UniqueKeys;

/// <summary>
/// Builds the keys of rules on live tables. Whatever happens, the end is a valid index that keeps the rule's duplicates out, or an error and
/// nothing of an index. It looks, removes what is there twice, builds, and looks again, until the key stands.
/// </summary>
/// <param name="database">Where.</param>
public sealed class UniqueKeyBuild(LinkageDatabase database)
{
    /// <summary>How often duplicates may slip in while the index is built.</summary>
    private const int Rounds = 5;

    /// <summary>What stands of a rule's key. Writes nothing.</summary>
    /// <exception cref="LinkageException">There is no such rule, or its table or columns are gone.</exception>
    public Task<UniqueKeyState> FindAsync(string rule, CancellationToken cancellation) =>
        database.TransactAsync(TransactionOptions.ReadOnly, session => FindAsync(session, rule), cancellation);

    /// <summary>Builds the key of a rule, unless it is enforced already.</summary>
    /// <param name="rule">The rule's name.</param>
    /// <param name="options">How.</param>
    /// <param name="cancellation">Ends it; what a build began is removed.</param>
    /// <exception cref="LinkageException">
    /// There is no such rule or table, the name is something else's, rows are there twice, or the build did not get its lock, took too long,
    /// or was refused.
    /// </exception>
    public async Task<UniqueKeyResult> AddAsync(string rule, UniqueKeyOptions options, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(options);
        List<Guid> runs = [];
        var isAdded = false;
        for (var round = 1; ; round++)
        {
            var state = await FindAsync(rule, cancellation);
            if (state.State == "Enforced")
                return new(state, isAdded, runs);
            if (state.State == "Different")
                throw NameTaken(state);
            if (state.OwnedBy is { } owner)
                throw NotOwner(state, owner, database.UserName);
            if (round > Rounds)
                throw Duplicates(state, $"They came back {Rounds} times while it was built.");
            if (state.Duplicates > 0)
            {
                if (options.RemoveDuplicates is not { } remove)
                    throw Duplicates(state, round == 1 ? string.Empty : "They were inserted while it was built.");
                options.Waiting?.Invoke($"Removing {state.Duplicates} duplicates of rule {rule}.");
                var run = await remove(rule, cancellation);
                runs.AddRange(run.RunId is { } id ? [id] : []);
                // One that left some leaves them again; whatever it did stands, and can be undone.
                if (run.Status != "completed" || run.Count("removed") == 0)
                {
                    throw Duplicates(
                        state,
                        $"Run {run.RunId}, which was to remove them, is {run.Status} and removed {run.Count("removed")}. {run.Message}".TrimEnd());
                }
            }

            isAdded |= await BuildAsync(state, options, cancellation);
        }
    }

    /// <summary>
    /// A psql script that builds the key of a rule: it ends at duplicates, drops an invalid leftover first, and checks what it built.
    /// </summary>
    /// <exception cref="LinkageException">There is no such rule, or its table or columns are gone.</exception>
    public Task<string> ScriptAsync(string rule, CancellationToken cancellation) =>
        database.TransactAsync(
            TransactionOptions.ReadOnly,
            async session =>
            {
                var state = await FindAsync(session, rule);
                var count = await session.QuerySingleAsync<string>(
                    "SELECT linkage.duplicates_query(linkage.find_unique_key_rule(@rule))", new { rule });
                var lines = await ConcurrentIndex.ScriptAsync(session, state.IndexDefinition);
                return string.Join(
                    '\n',
                    [
                        $"-- The key of rule {rule}, on {state.Table}.",
                        "-- Run it with psql -f, without -1: indexes are built outside transactions. It can be run again.",
                        "\\set ON_ERROR_STOP on",
                        "SET statement_timeout = 0;",
                        "SET lock_timeout = 0;",
                        string.Empty,
                        "-- Rows that are there twice would fail the build. Remove-DuplicateRecord removes them.",
                        $"{count} \\gset",
                        "SELECT :duplicates > 0 AS has_duplicates \\gset",
                        "\\if :has_duplicates",
                        "  \\warn Rows are there twice: :duplicates.",
                        "  DO $$ BEGIN RAISE EXCEPTION 'duplicates'; END $$;",
                        "\\endif",
                        string.Empty,
                        .. lines,
                        string.Empty,
                        "-- If it failed, an invalid index is left; running this again drops it.",
                        $"SELECT i.indisvalid AS is_valid, pg_get_indexdef(i.indexrelid) AS definition FROM pg_index i "
                        + $"WHERE i.indexrelid = '{state.IndexDefinition.QualifiedName.Replace("'", "''", StringComparison.Ordinal)}'::regclass;",
                        string.Empty,
                    ]);
            },
            cancellation);

    /// <summary>One build. Duplicates that slipped in are no fault: whoever calls looks again.</summary>
    /// <returns>Whether it built something.</returns>
    private async Task<bool> BuildAsync(UniqueKeyState state, UniqueKeyOptions options, CancellationToken cancellation)
    {
        var index = new ConcurrentIndex(
            database,
            new IndexBuildOptions
            {
                Waiting = options.Waiting, Progress = options.Progress, MaxDuration = options.MaxDuration, LockTimeout = options.LockTimeout,
            });
        try
        {
            return await index.BuildAsync(state.IndexDefinition, cancellation);
        }
        catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.UniqueViolation)
        {
            return false;
        }
        // Of the key or its table, not of the moment.
        catch (PostgresException e) when (e.SqlState[..2] is "0A" or "22" or "42" or "54" && e.SqlState != PostgresErrorCodes.InsufficientPrivilege)
        {
            throw new LinkageException(
                "Linkage.UniqueKey.CannotBeBuilt", FaultKind.InvalidState,
                $"The key of rule {state.Rule} can't be built on {state.Table}: {e.MessageText} (SQLSTATE {e.SqlState})",
                e);
        }
    }

    private static Task<UniqueKeyState> FindAsync(DatabaseSession session, string rule) =>
        session.QuerySingleAsync<UniqueKeyState>(
            """
            SELECT
              r.name AS "Rule", linkage.qualified_name(linkage.rule_relation(r)) AS "Table", s.state AS "State", s.index_name AS "Index",
              s.definition AS "ActualDefinition", linkage.rule_index_definition(r) AS "Definition", s.groups AS "Groups",
              s.duplicates AS "Duplicates", quote_ident(r.name) AS "IndexName", linkage.rule_index_rest(r) AS "IndexRest",
              (
                SELECT pg_get_userbyid(c.relowner)
                FROM pg_class c
                WHERE c.oid = linkage.rule_relation(r) AND NOT pg_has_role(c.relowner, 'USAGE')
              ) AS "OwnedBy"
            FROM linkage.find_unique_key_rule(@rule) r
            CROSS JOIN LATERAL linkage.unique_key_state(r) s
            """,
            new { rule });

    private static LinkageException NameTaken(UniqueKeyState state) => new(
        "Linkage.UniqueKey.Different", FaultKind.Conflict,
        $"{state.Index} is the name of something else than the key of rule {state.Rule}: it is "
        + $"{state.ActualDefinition ?? "no index of its table"}, and the rule wants {state.Definition}. Rename or drop it, or register the rule "
        + "under another name. Nothing was changed.");

    private static LinkageException NotOwner(UniqueKeyState state, string owner, string user) => new(
        "Linkage.UniqueKey.NotOwner", FaultKind.Denied,
        $"Table {state.Table} belongs to role {owner}, and only its owner builds its indexes. "
        + $"Connect as {owner}, or as a member of it: GRANT \"{owner}\" TO \"{user}\".");

    private static LinkageException Duplicates(UniqueKeyState state, string since) => new(
        "Linkage.UniqueKey.Duplicates", FaultKind.Conflict,
        $"The key of rule {state.Rule} can't be built: {state.Duplicates} rows of {state.Table} share their key with another, in {state.Groups} "
        + $"groups. {since}{(since.Length > 0 ? " " : string.Empty)}Get-DuplicateRecord -Rule {state.Rule} lists them, Remove-DuplicateRecord "
        + $"-Rule {state.Rule} removes them. Nothing of the index is left.");
}
