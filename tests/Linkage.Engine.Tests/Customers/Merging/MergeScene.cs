using Linkage.Engine.Customers;
using Linkage.Engine.Database;
using Linkage.Engine.Runs;

namespace Linkage.Engine.Tests.Customers.Merging;

/// <summary>What tests of merges and splits do with a database that has customers.</summary>
/// <param name="database">The database.</param>
internal sealed class MergeScene(LinkedDatabase database) : IAsyncDisposable
{
    /// <summary>
    /// An application whose customers are referred to in many ways: leads, jobs by two columns, addresses with a unique label, visits of
    /// addresses in a table without any key, and customers among themselves.
    /// </summary>
    public const string Tables =
        """
        CREATE TABLE "Customer" (
          id text PRIMARY KEY, name text, phone text, email text, metadata jsonb, created_at timestamptz NOT NULL DEFAULT now(),
          referred_by text REFERENCES "Customer"
        );
        CREATE TABLE "Lead" (
          id text PRIMARY KEY, name text, phone text, email text, messenger_psid text, customer_id text REFERENCES "Customer",
          created_at timestamptz NOT NULL DEFAULT now()
        );
        CREATE TABLE "Job" (
          id text PRIMARY KEY, lead_id text REFERENCES "Lead", customer_id text REFERENCES "Customer", billed_to text REFERENCES "Customer"
        );
        CREATE TABLE "CustomerAddress" (
          id text PRIMARY KEY, customer_id text NOT NULL REFERENCES "Customer", label text, created_at timestamptz NOT NULL DEFAULT now(),
          UNIQUE (customer_id, label)
        );
        CREATE TABLE visit (address_id text REFERENCES "CustomerAddress" ON DELETE CASCADE, note text);
        """;

    private static readonly string[] _tables =
        ["\"Customer\"", "\"Lead\"", "\"Job\"", "\"CustomerAddress\"", "visit", "linkage.customer_redirect"];

    public LinkedDatabase Database => database;

    /// <summary>A database with those tables and Linkage.</summary>
    public static Task<MergeScene> CreateAsync() => CreateAsync("", "");

    /// <summary>The same with further tables, and rows.</summary>
    public static async Task<MergeScene> CreateAsync(string furtherTables, string rows)
    {
        var test = await PostgresFixture.CreateFilledDatabaseAsync("merging" + furtherTables, async connection =>
        {
            await using (var filling = new Npgsql.NpgsqlConnection(connection))
            {
                await filling.OpenAsync();
                await Dapper.SqlMapper.ExecuteAsync(filling, Tables + furtherTables);
            }

            await using var engine = await LinkageDatabase.OpenAsync(connection, CancellationToken.None);
            await CustomerScene.InstallAsync(engine);
        });
        var database = await LinkedDatabase.OpenAsync(test);
        await database.ExecuteAsync("SET TimeZone = 'UTC'");
        if (rows.Length > 0)
            await database.ExecuteAsync(rows);
        return new MergeScene(database);
    }

    public ValueTask DisposeAsync() => database.DisposeAsync();

    public Task<RunResult> MergeAsync(string from, string into, string policy = "KeepSurvivor", RunMode mode = RunMode.Apply) =>
        MergeAsync([from], into, policy, mode);

    public Task<RunResult> MergeAsync(
        IReadOnlyList<string> from, string into, string policy = "KeepSurvivor", RunMode mode = RunMode.Apply) =>
        new CustomerMerge(database.Engine).RunAsync(
            from, into, policy, new RunOptions { Mode = mode }, _ => { }, CancellationToken.None);

    public Task<RunResult> SplitAsync(
        string customer, IReadOnlyList<string> leads, NewCustomer? made = null, RunMode mode = RunMode.Apply) =>
        new CustomerSplit(database.Engine).RunAsync(
            customer, leads, made ?? new NewCustomer(), new RunOptions { Mode = mode }, _ => { }, CancellationToken.None);

    public Task<RunResult> UndoAsync(RunResult run, RunMode mode = RunMode.Apply) => UndoAsync(run.RunId!.Value, mode);

    public Task<RunResult> UndoAsync(Guid runId, RunMode mode = RunMode.Apply) =>
        new RunUndo(database.Engine).UndoAsync(runId, allowRelink: false, new RunOptions { Mode = mode }, _ => { }, CancellationToken.None);

    public async Task<ResolvedCustomer> ResolveAsync(string customer) =>
        (await new CustomerRedirects(database.Engine).ResolveAsync([customer], CancellationToken.None))[0];

    public async Task<string> StatusAsync(RunResult run) =>
        (await new RunLog(database.Engine).GetAsync(run.RunId!.Value, CancellationToken.None)).Status;

    /// <summary>Every row of the application, and every redirect, as text in a stable order; of further tables too.</summary>
    public async Task<IReadOnlyList<string>> RowsAsync(params string[] furtherTables)
    {
        List<string> rows = [];
        foreach (var table in _tables.Concat(furtherTables))
            rows.AddRange(await database.QueryAsync<string>($"SELECT $t${table}$t$ || t::text FROM {table} t ORDER BY 1"));
        return rows;
    }

    /// <summary>Fails unless something is refused with that error, and changes nothing.</summary>
    public async Task<LinkageException> AssertRefusedAsync(string errorId, Func<Task> work, params string[] furtherTables)
    {
        var before = await RowsAsync(furtherTables);
        var fault = await Assert.ThrowsAsync<LinkageException>(work);
        Assert.Equal(errorId, fault.ErrorId);
        Assert.Equal(before, await RowsAsync(furtherTables));
        return fault;
    }

    /// <summary>
    /// Fails unless a merge can be undone, that again, and again undone, with every row what it was each time. Returns the merge.
    /// </summary>
    public async Task<RunResult> AssertExactAsync(Func<Task<RunResult>> work, params string[] furtherTables)
    {
        var before = await RowsAsync(furtherTables);
        var run = await work();
        Assert.Equal("completed", run.Status);
        var after = await RowsAsync(furtherTables);
        Assert.NotEqual(before, after);

        var undo = await UndoAsync(run);
        Assert.Equal((0, 0), (undo.Count("conflicts"), undo.Count("unchanged")));
        Assert.Equal(before, await RowsAsync(furtherTables));
        Assert.Equal("undone", await StatusAsync(run));

        var again = await UndoAsync(undo);
        Assert.Equal(0, again.Count("conflicts"));
        Assert.Equal(after, await RowsAsync(furtherTables));
        Assert.Equal("completed", await StatusAsync(run));

        await UndoAsync(run);
        Assert.Equal(before, await RowsAsync(furtherTables));
        await UndoAsync(await LastRunAsync());
        Assert.Equal(after, await RowsAsync(furtherTables));
        return run;
    }

    private Task<Guid> LastRunAsync() => database.ScalarAsync<Guid>("SELECT id FROM linkage.run ORDER BY id DESC LIMIT 1");
}
