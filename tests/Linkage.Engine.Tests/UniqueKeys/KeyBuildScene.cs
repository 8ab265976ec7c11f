using System.Text.Json;
using Dapper;
using Linkage.Engine.Runs;
using Linkage.Engine.UniqueKeys;
using Npgsql;

namespace Linkage.Engine.Tests.UniqueKeys;

/// <summary>What tests of key builds set up and look at: the key of messages.</summary>
internal static class KeyBuildScene
{
    public const string Rule = "messages_external_id_unique_idx";

    public static Task<UniqueKeyResult> AddAsync(LinkedDatabase database, UniqueKeyOptions? options = null) =>
        new UniqueKeyBuild(database.Engine).AddAsync(Rule, options ?? new UniqueKeyOptions(), CancellationToken.None);

    public static Task<int> InsertAsync(NpgsqlConnection connection, params string[] ids) =>
        connection.ExecuteAsync("INSERT INTO messages (external_id) SELECT unnest(@ids)", new { ids });

    /// <summary>A session in a transaction that began before the build, and has to do with no table of it.</summary>
    public static async Task<NpgsqlConnection> OldSnapshotAsync(LinkedDatabase database)
    {
        var reader = await database.OpenAsync();
        await reader.ExecuteAsync("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM leads");
        return reader;
    }

    /// <summary>Returns when the build waits for another session.</summary>
    public static Task WaitAsync(LinkedDatabase database, Task build) =>
        Poll.UntilAsync(async () =>
        {
            Assert.False(build.IsCompleted, "The build was to wait.");
            return await database.ScalarAsync<bool>(
                "SELECT EXISTS (SELECT FROM pg_stat_progress_create_index p WHERE p.datname = current_database() AND p.phase LIKE 'waiting%')");
        });

    /// <summary>The indexes of messages but that of the primary key, and whether they are valid.</summary>
    public static Task<IReadOnlyList<string>> IndexesAsync(LinkedDatabase database) => database.QueryAsync<string>(
        """
        SELECT format('%s %s', c.relname, i.indisvalid::text)
        FROM pg_index i
        JOIN pg_class c ON c.oid = i.indexrelid
        WHERE i.indrelid = 'messages'::regclass AND NOT i.indisprimary
        ORDER BY 1
        """);

    public static async Task<LinkedDatabase> PartitionedAsync(string by)
    {
        var database = await LinkedDatabase.CreateEmptyAsync();
        await database.ExecuteAsync(
            $"""
            CREATE TABLE messages (id bigint, external_id text) PARTITION BY {by};
            CREATE TABLE messages_0 PARTITION OF messages FOR VALUES WITH (MODULUS 2, REMAINDER 0);
            CREATE TABLE messages_1 PARTITION OF messages FOR VALUES WITH (MODULUS 2, REMAINDER 1);
            """);
        await database.InstallAsync();
        return database;
    }

    /// <summary>What removes duplicates here: all but one of each.</summary>
    public sealed class Removal(LinkedDatabase database)
    {
        public List<Guid> Runs { get; } = [];

        public string Status { get; init; } = "completed";

        public async Task<RunResult> RunAsync(string rule, CancellationToken cancellation)
        {
            Runs.Add(Guid.NewGuid());
            await using var connection = await database.OpenAsync();
            var removed = await connection.ExecuteAsync(
                "DELETE FROM messages m WHERE EXISTS (SELECT FROM messages o WHERE o.external_id = m.external_id AND o.ctid < m.ctid)");
            return new RunResult(Runs[^1], "public.messages", Status, new Dictionary<string, long> { ["removed"] = removed }, Array.Empty<JsonElement>(), TimeSpan.Zero);
        }
    }
}
