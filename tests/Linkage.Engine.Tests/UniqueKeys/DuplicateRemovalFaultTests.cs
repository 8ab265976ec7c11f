using Linkage.Engine.Runs;
using Linkage.Engine.Tests.Runs;
using Linkage.Engine.UniqueKeys;
using Npgsql;
using Xunit.Abstractions;

namespace Linkage.Engine.Tests.UniqueKeys;

/// <summary>Removals and their undo among kills, other clients and tables that are connected in many ways, with random data.</summary>
/// <param name="output">Gets the seeds.</param>
public sealed class DuplicateRemovalFaultTests(ITestOutputHelper output)
{
    private const int Documents = 900;

    /// <summary>
    /// Documents that refer to each other, pages by a composite key with a unique number in each document, links between two documents, and
    /// readers whose rows go with a document.
    /// </summary>
    private const string Tables =
        """
        CREATE TABLE document (
          id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, team text NOT NULL DEFAULT 't', code text, rank integer, replaces bigint REFERENCES document,
          UNIQUE (team, id));
        CREATE INDEX ON document (replaces);
        CREATE TABLE page (
          team text, document_id bigint, number integer, text text, PRIMARY KEY (document_id, number),
          FOREIGN KEY (team, document_id) REFERENCES document (team, id) ON UPDATE CASCADE ON DELETE CASCADE);
        CREATE TABLE link (one bigint REFERENCES document, other bigint REFERENCES document DEFERRABLE INITIALLY DEFERRED);
        CREATE INDEX ON link (one);
        CREATE INDEX ON link (other);
        CREATE TABLE reader (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, document_id bigint REFERENCES document ON DELETE CASCADE, name text);
        CREATE INDEX ON reader (document_id);
        """;

    private static readonly UniqueKeyRequest _rule = new()
    {
        Name = "document_idx", Table = "document", Keys = ["team", "code"], Predicate = "code IS NOT NULL", Keep = ["rank DESC NULLS LAST"],
    };

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task Every_reference_goes_to_who_stays_and_all_comes_back(int workers)
    {
        await using var scene = await FilledAsync(new Random(TestSeed.Next(output)));
        var before = await scene.RowsAsync();
        var expected = await ExpectedAsync(scene);

        var run = await scene.RemoveAsync(_rule.Name, RemovalScene.Options(batchSize: 13, workers: workers));

        Assert.Equal(0, run.Count("failed"));
        Assert.Equal(expected, await ReferencesAsync(scene));
        await scene.AssertSoundAsync();
        await scene.AssertUndoneExactlyAsync(run, before);
    }

    [Fact]
    public async Task A_killed_removal_goes_on_or_is_undone()
    {
        var random = new Random(TestSeed.Next(output));
        for (var round = 0; round < 3; round++)
        {
            await using var scene = await FilledAsync(random);
            var before = await scene.RowsAsync();
            var expected = await ExpectedAsync(scene);
            var run = await KilledBackfill.KillAsync(
                scene.Database.ConnectionString, 13, random.Next(2, 8), random.Next(2_000_000), work: "duplicates");

            if (round % 2 == 0)
            {
                var result = await new RunEngine(scene.Database.Engine).ResumeAsync(run, RemovalScene.Options(), _ => { }, CancellationToken.None);
                Assert.Equal(("completed", 0), (result.Status, result.Count("failed")));
                Assert.Equal(expected, await ReferencesAsync(scene));
                await scene.AssertSoundAsync();
                await scene.AssertUndoneExactlyAsync(result, before);
            }
            else
            {
                // The server notices that its client is gone when the statement ends.
                await Poll.UntilAsync(() => scene.Database.ScalarAsync<bool>(
                    "SELECT NOT linkage.run_is_alive(r) FROM linkage.run r WHERE r.id = @run", new { run }));
                Assert.Equal(0, (await scene.UndoAsync(run)).Count("conflicts"));
                Assert.Equal(before, await scene.RowsAsync());
            }
        }
    }

    [Fact]
    public async Task A_killed_undo_goes_on_where_it_was()
    {
        var random = new Random(TestSeed.Next(output));
        await using var scene = await FilledAsync(random);
        var before = await scene.RowsAsync();
        var run = await scene.RemoveAsync(_rule.Name, RemovalScene.Options(batchSize: 13));
        var undo = await KilledBackfill.KillAsync(
            scene.Database.ConnectionString, 13, random.Next(2, 8), random.Next(2_000_000), work: "undo", run: run.RunId!.Value);

        var result = await scene.UndoAsync(run.RunId!.Value);

        Assert.Equal((undo, "completed", 0), (result.RunId, result.Status, result.Count("conflicts")));
        Assert.Equal(before, await scene.RowsAsync());
    }

    [Fact]
    public async Task What_the_application_adds_meanwhile_is_not_lost_and_the_next_run_does_the_rest()
    {
        var random = new Random(TestSeed.Next(output));
        await using var scene = await FilledAsync(random);
        using var done = new CancellationTokenSource();
        var readers = await scene.Database.ScalarAsync<long>("SELECT count(*) FROM reader");
        var application = AddReadersAsync(scene.Database.ConnectionString, new Random(random.Next()), done.Token);

        var run = await scene.RemoveAsync(_rule.Name, RemovalScene.Options(batchSize: 5));
        await done.CancelAsync();
        var added = await application;
        var next = await scene.RemoveAsync(_rule.Name);

        output.WriteLine($"{added} readers added");
        Assert.Equal((0, 0), (run.Count("failed"), next.Count("failed")));
        Assert.Empty(await scene.FindAsync(_rule.Name));
        // Nobody was taken along by a document that went.
        Assert.Equal(readers + added, await scene.Database.ScalarAsync<long>("SELECT count(*) FROM reader"));
    }

    [Fact]
    public async Task Two_runs_at_once_remove_each_duplicate_once()
    {
        await using var scene = await FilledAsync(new Random(TestSeed.Next(output)));
        var duplicates = (await scene.FindAsync(_rule.Name)).Sum(group => group.Duplicates.Length);
        var patient = RemovalScene.Options() with { TargetWait = TimeSpan.FromMinutes(1) };

        var runs = await Task.WhenAll(scene.RemoveAsync(_rule.Name, patient), scene.RemoveAsync(_rule.Name, patient));

        Assert.Equal(duplicates, runs.Sum(run => run.Count("removed")));
        await scene.AssertSoundAsync();
    }

    private static async Task<RemovalScene> FilledAsync(Random random)
    {
        var scene = await RemovalScene.CreateAsync(Tables, _rule);
        await scene.Database.ExecuteAsync(
            """
            SELECT setseed(@seed);
            INSERT INTO document (team, code, rank)
            SELECT 't' || (random() * 2)::int, CASE WHEN random() < 0.9 THEN 'c' || (random() * 120)::int END, NULLIF((random() * 5)::int, 0)
            FROM generate_series(1, @documents);
            UPDATE document SET replaces = 1 + (random() * (@documents - 1))::int WHERE random() < 0.3;
            INSERT INTO page
            SELECT team, id, n, 'p' || (random() * 100)::int FROM document, generate_series(1, 3) AS n WHERE random() < 0.4;
            INSERT INTO link SELECT 1 + (random() * (@documents - 1))::int, 1 + (random() * (@documents - 1))::int FROM generate_series(1, 700);
            INSERT INTO reader (document_id, name) SELECT 1 + (random() * (@documents - 1))::int, 'r' || i FROM generate_series(1, 1200) AS i;
            """,
            new { seed = random.NextDouble(), documents = Documents });
        return scene;
    }

    /// <summary>What should refer to what in the end: each document that goes is read as the one that stays.</summary>
    private static Task<IReadOnlyList<string>> ExpectedAsync(RemovalScene scene) => ReferencesAsync(
        scene,
        """
        SELECT id, CASE WHEN code IS NULL THEN id ELSE first_value(id) OVER (PARTITION BY team, code ORDER BY rank DESC NULLS LAST, id) END AS stays
        FROM document
        """);

    private static Task<IReadOnlyList<string>> ReferencesAsync(RemovalScene scene) => ReferencesAsync(scene, "SELECT id, id AS stays FROM document");

    private static Task<IReadOnlyList<string>> ReferencesAsync(RemovalScene scene, string stays) => scene.Database.QueryAsync<string>(
        $"""
        WITH d AS ({stays})
        -- who would come to refer to itself refers to nothing
        SELECT concat_ws(' ', 'document', x.id, x.code, CASE WHEN r.stays <> x.id OR x.replaces = x.id THEN r.stays END)
        FROM document x JOIN d ON d.id = x.id AND d.stays = x.id LEFT JOIN d AS r ON r.id = x.replaces
        UNION ALL
        SELECT DISTINCT concat_ws(' ', 'page', d.stays, p.number) FROM page p JOIN d ON d.id = p.document_id
        UNION ALL
        SELECT concat_ws(' ', 'link', a.stays, b.stays) FROM link l JOIN d a ON a.id = l.one JOIN d b ON b.id = l.other
        UNION ALL
        SELECT concat_ws(' ', 'reader', r.id, d.stays, r.name) FROM reader r JOIN d ON d.id = r.document_id
        ORDER BY 1
        """);

    private static async Task<int> AddReadersAsync(string connectionString, Random random, CancellationToken end)
    {
        await using var connection = new NpgsqlConnection(connectionString);
        await connection.OpenAsync(CancellationToken.None);
        var added = 0;
        while (!end.IsCancellationRequested)
        {
            await using var command = new NpgsqlCommand("INSERT INTO reader (document_id, name) VALUES ($1, 'new')", connection)
            {
                Parameters = { new() { Value = random.NextInt64(1, Documents + 1) } },
            };
            try
            {
                added += await command.ExecuteNonQueryAsync(CancellationToken.None);
            }
            catch (PostgresException gone) when (gone.SqlState == PostgresErrorCodes.ForeignKeyViolation)
            {
            }
        }

        return added;
    }
}
