using Dapper;
using Linkage.Engine.Customers;
using Linkage.Engine.Runs;
using Linkage.Engine.Tests.Runs;
using Npgsql;
using Xunit.Abstractions;

namespace Linkage.Engine.Tests.Customers;

/// <summary>A backfill that is killed or interfered with: no customer is made twice or in vain, and what was done is in the journal.</summary>
public sealed class CustomerBackfillCrashTests(ITestOutputHelper output)
{
    private const int Leads = 3000;
    private const int Groups = Leads / 2;

    [Fact]
    public async Task A_killed_client_leaves_whole_batches_and_the_run_goes_on_to_its_end()
    {
        var random = new Random(TestSeed.Next(output));
        await using var scene = await FilledAsync();
        var run = await KilledBackfill.KillAsync(
            scene.Database.ConnectionString, 30, random.Next(5, 25), random.Next(2_000_000), work: "customers");
        await AssertSoundAsync(scene);
        output.WriteLine($"{await scene.Database.ScalarAsync<long>("SELECT count(*) FROM \"Customer\"")} customers when it was killed");

        var result = await new RunEngine(scene.Database.Engine).ResumeAsync(run, Options(), _ => { }, CancellationToken.None);

        await AssertDoneAsync(scene, result);
    }

    [Fact]
    public async Task What_a_killed_client_left_is_undone_exactly()
    {
        var random = new Random(TestSeed.Next(output));
        await using var scene = await FilledAsync();
        var before = await scene.RowsAsync();
        var run = await KilledBackfill.KillAsync(
            scene.Database.ConnectionString, 30, random.Next(5, 25), random.Next(2_000_000), work: "customers");

        var undo = await new RunUndo(scene.Database.Engine).UndoAsync(run, false, Options(), _ => { }, CancellationToken.None);

        Assert.Equal(0, undo.Count("conflicts"));
        Assert.Equal(before, await scene.RowsAsync());
    }

    [Fact]
    public async Task A_killed_undo_goes_on_where_it_was()
    {
        var random = new Random(TestSeed.Next(output));
        await using var scene = await FilledAsync();
        var before = await scene.RowsAsync();
        var run = await scene.BackfillAsync();
        var undo = await KilledBackfill.KillAsync(
            scene.Database.ConnectionString, 30, random.Next(5, 25), random.Next(2_000_000), work: "undo", run: run.RunId!.Value);

        var result = await scene.UndoAsync(run, Options());

        Assert.Equal((undo, "completed", 0), (result.RunId, result.Status, result.Count("conflicts")));
        Assert.Equal(before, await scene.RowsAsync());
    }

    [Fact]
    public async Task A_run_whose_backends_are_terminated_goes_on()
    {
        var random = new Random(TestSeed.Next(output));
        await using var scene = await FilledAsync();
        await using var killer = await scene.Database.OpenAsync();
        var kills = 0;

        var result = await new CustomerBackfill(scene.Database.Engine).RunAsync(new CustomerMatch(), Options(), _ =>
        {
            if (kills < 8 && random.Next(4) == 0)
            {
                kills += killer.ExecuteScalar<int>(
                    """
                    SELECT count(pg_terminate_backend(pid))::integer
                    FROM pg_stat_activity
                    WHERE datname = current_database() AND application_name LIKE 'Linkage%' AND state <> 'idle' AND pid <> pg_backend_pid()
                    """);
            }
        }, CancellationToken.None);

        output.WriteLine($"{kills} backends terminated");
        await AssertDoneAsync(scene, result);
    }

    [Fact]
    public async Task Two_runs_at_once_make_each_customer_once()
    {
        await using var scene = await FilledAsync();
        var patient = Options() with { TargetWait = TimeSpan.FromMinutes(1) };

        var results = await Task.WhenAll(scene.BackfillAsync(patient), scene.BackfillAsync(patient));

        Assert.Equal((Groups, Leads), (results.Sum(r => r.Count("customers_created")), results.Sum(r => r.Count("leads_linked"))));
        await AssertSoundAsync(scene);
        Assert.Equal(Groups, await scene.Database.ScalarAsync<long>("SELECT count(*) FROM \"Customer\""));
    }

    [Fact]
    public async Task While_the_application_writes_nothing_of_its_own_is_overwritten_and_the_next_run_does_the_rest()
    {
        var random = new Random(TestSeed.Next(output));
        await using var scene = await FilledAsync();
        using var done = new CancellationTokenSource();
        var application = Task.WhenAll(Enumerable.Range(0, 2).Select(_ => WriteAsync(scene, new Random(random.Next()), done.Token)));

        var result = await scene.BackfillAsync(Options());
        await done.CancelAsync();
        var writes = await application;

        output.WriteLine($"{writes.Sum()} writes; {result.Count("leads_linked")} linked, {result.Count("leads_left_out")} left out");
        Assert.Equal(("completed", 0), (result.Status, result.Count("failed") + result.Count("failed_groups")));
        await AssertSoundAsync(scene);
        await scene.BackfillAsync();
        await AssertSoundAsync(scene);
        Assert.Equal(0, await scene.Database.ScalarAsync<long>("SELECT count(*) FROM \"Lead\" WHERE customer_id IS NULL"));
        Assert.Equal(0, (await scene.BackfillAsync()).Count("leads_linked"));
        // Leads that the application gave a customer of its own; another lead of theirs may have got that one by a run.
        const string Own =
            """
            SELECT to_jsonb(l)::text FROM "Lead" l JOIN "Customer" c ON c.id = l.customer_id
            WHERE c.name = 'own' AND NOT EXISTS (
              SELECT FROM linkage.customer_change t
              WHERE t.action = 'link' AND l.id::text = ANY (t.lead_ids) AND l.id::text <> ALL (COALESCE(t.left_out, '{}')))
            ORDER BY 1
            """;
        var own = await scene.Database.QueryAsync<string>(Own);
        await scene.UndoAsync(result);
        Assert.Equal(own, await scene.Database.QueryAsync<string>(Own));
    }

    /// <summary>The application, until the end: adds leads, changes what identifies them, gives them customers of its own, deletes some.</summary>
    private static async Task<int> WriteAsync(CustomerScene scene, Random random, CancellationToken end)
    {
        string[] writes =
        [
            "INSERT INTO \"Lead\" (name, messenger_psid) VALUES ('new', 'psid-' || @number)",
            "UPDATE \"Lead\" SET messenger_psid = 'psid-' || @number WHERE id = (SELECT id FROM \"Lead\" WHERE customer_id IS NULL OFFSET @number LIMIT 1)",
            """
            WITH own AS (INSERT INTO "Customer" (name) VALUES ('own') RETURNING id)
            UPDATE "Lead" SET customer_id = own.id FROM own
            WHERE customer_id IS NULL AND "Lead".id = (SELECT id FROM "Lead" WHERE customer_id IS NULL OFFSET @number LIMIT 1)
            """,
            """
            WITH gone AS (DELETE FROM "Job" WHERE lead_id = (SELECT id FROM "Lead" WHERE customer_id IS NULL OFFSET @number LIMIT 1) RETURNING lead_id)
            SELECT FROM gone
            """,
        ];
        await using var connection = await scene.Database.OpenAsync();
        var count = 0;
        while (!end.IsCancellationRequested)
        {
            try
            {
                await connection.ExecuteAsync(writes[random.Next(writes.Length)], new { number = random.Next(Groups) });
                count++;
            }
            catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.DeadlockDetected)
            {
                // The application tries again.
            }
        }

        return count;
    }

    private static async Task<CustomerScene> FilledAsync()
    {
        var scene = await CustomerScene.CreateAsync();
        await scene.Database.ExecuteAsync(
            """
            INSERT INTO "Lead" (name, messenger_psid) SELECT 'Lead ' || i, 'psid-' || i % @groups FROM generate_series(1, @leads) AS i;
            INSERT INTO "Job" (lead_id) SELECT id FROM "Lead";
            """,
            new { leads = Leads, groups = Groups });
        return scene;
    }

    private static RunOptions Options() => new() { BatchSize = 30, Settings = new() { ThrottleLimit = 2 } };

    private static async Task AssertDoneAsync(CustomerScene scene, RunResult result)
    {
        Assert.Equal(
            ("completed", Groups, Groups, Leads, Leads),
            (result.Status, result.Count("processed"), result.Count("customers_created"), result.Count("leads_linked"), result.Count("jobs_linked")));
        await AssertSoundAsync(scene);
        Assert.Equal(Groups, await scene.Database.ScalarAsync<long>("SELECT count(*) FROM \"Customer\""));
        Assert.Equal(1, await scene.Database.ScalarAsync<long>("SELECT count(*) FROM \"Audit\""));
    }

    /// <summary>Every customer that a run made has a lead, the journal has all that runs did, and jobs are with their leads' customers.</summary>
    private static async Task AssertSoundAsync(CustomerScene scene)
    {
        Assert.Empty(await scene.Database.QueryAsync<string>(
            """
            SELECT 'a customer without journal ' || c.id FROM "Customer" c
            WHERE c.name <> 'own' AND NOT EXISTS (
              SELECT FROM linkage.customer_change t WHERE t.customer_id = c.id::text AND t.outcome = 'created' AND t.fingerprint IS NOT NULL)
            UNION ALL
            SELECT 'a link without journal ' || l.id FROM "Lead" l JOIN "Customer" c ON c.id = l.customer_id
            WHERE c.name <> 'own' AND NOT EXISTS (
              SELECT FROM linkage.customer_change t
              WHERE t.customer_id = c.id::text AND l.id::text = ANY (t.lead_ids) AND l.id::text <> ALL (COALESCE(t.left_out, '{}')))
            UNION ALL
            SELECT 'a key twice: ' || (c.metadata ->> 'groupKey') FROM "Customer" c
            WHERE c.metadata IS NOT NULL GROUP BY c.metadata ->> 'groupKey' HAVING count(*) > 1
            UNION ALL
            SELECT 'a job elsewhere ' || j.id FROM "Job" j JOIN "Lead" l ON l.id = j.lead_id WHERE j.customer_id <> l.customer_id
            """));
    }
}
