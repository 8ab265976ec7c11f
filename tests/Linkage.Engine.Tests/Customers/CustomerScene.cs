using System.Text.Json;
using System.Text.Json.Nodes;
using Dapper;
using Linkage.Engine.Customers;
using Linkage.Engine.Database;
using Linkage.Engine.Runs;
using Linkage.Engine.Schema;
using Npgsql;

namespace Linkage.Engine.Tests.Customers;

/// <summary>A lead as a test puts it in and finds it again; null for an id that the database or the scene makes.</summary>
internal sealed record TestLead
{
    public string Id { get; init; } = "";

    public string? Name { get; init; }

    public string? Phone { get; init; }

    public string? Email { get; init; }

    public string? Psid { get; init; }

    public string? Address { get; init; }

    public string? CustomerId { get; init; }

    public DateTime CreatedAt { get; init; }
}

/// <summary>A customer.</summary>
internal sealed record TestCustomer
{
    public string Id { get; init; } = "";

    public string? Name { get; init; }

    public string? Phone { get; init; }

    public string? Email { get; init; }

    public string? Metadata { get; init; }

    public DateTime CreatedAt { get; init; }
}

/// <summary>A job.</summary>
internal sealed record TestJob(string Id, string? LeadId, string? CustomerId);

/// <summary>A database of one test with an application's leads, customers, jobs and addresses, and Linkage installed.</summary>
internal sealed class CustomerScene : IAsyncDisposable
{
    private static readonly DateTime _start = new(2024, 1, 1, 0, 0, 0, DateTimeKind.Utc);

    private int _rows;

    private CustomerScene(LinkedDatabase database, CustomerShape shape)
    {
        Database = database;
        Shape = shape;
    }

    public LinkedDatabase Database { get; }

    public CustomerShape Shape { get; }

    /// <summary>A scene of that shape; that of the documentation, with uuids, without one.</summary>
    public static async Task<CustomerScene> CreateAsync(CustomerShape? shape = null)
    {
        shape ??= CustomerShape.Uuid;
        var test = await PostgresFixture.CreateFilledDatabaseAsync($"customers, {shape.Label}", async connection =>
        {
            await using (var filling = new NpgsqlConnection(connection))
            {
                await filling.OpenAsync();
                await filling.ExecuteAsync(shape.Definition);
            }

            await using var engine = await LinkageDatabase.OpenAsync(connection, CancellationToken.None);
            await InstallAsync(engine);
            if (!shape.IsUsual)
                await RegisterAsync(engine, shape);
        });
        return await OpenAsync(await LinkedDatabase.OpenAsync(test), shape);
    }

    /// <summary>The scene without Linkage: for tests of the install.</summary>
    public static async Task<CustomerScene> CreateUnlinkedAsync(CustomerShape? shape = null)
    {
        shape ??= CustomerShape.Uuid;
        var database = await LinkedDatabase.CreateEmptyAsync();
        await database.ExecuteAsync(shape.Definition);
        return await OpenAsync(database, shape);
    }

    /// <summary>Linkage with the component of customers, whatever tables there are.</summary>
    public static async Task<IReadOnlyList<SchemaStep>> InstallAsync(LinkageDatabase engine)
    {
        var installer = new SchemaInstaller(engine);
        List<SchemaStep> steps = [];
        await installer.ApplyAsync(
            await installer.PlanAsync(["Customers"], CancellationToken.None), steps.Add, waiting: null, CancellationToken.None);
        return steps;
    }

    /// <summary>Registers the tables of a shape.</summary>
    public static async Task RegisterAsync(LinkageDatabase engine, CustomerShape shape)
    {
        var tables = new CustomerTables(engine);
        await tables.RegisterAsync("customer", shape.Customer, Optional(shape.CustomerColumns), CancellationToken.None);
        await tables.RegisterAsync("lead", shape.Lead, Optional(shape.LeadColumns), CancellationToken.None);
        await tables.RegisterAsync("address", shape.Address, Optional(shape.AddressColumns), CancellationToken.None);
        await tables.RegisterAsync("follower", shape.Job, Optional(shape.JobColumns), CancellationToken.None);
        if (shape.OtherFollower is { } other)
            await tables.RegisterAsync("follower", other, new Dictionary<string, string?>(), CancellationToken.None);
    }

    public ValueTask DisposeAsync() => Database.DisposeAsync();

    /// <summary>A lead that nobody else is like, a minute younger than the one before.</summary>
    public TestLead NewLead(string? name = null)
    {
        var number = ++_rows;
        return new TestLead { Name = name ?? $"Lead {number}", CreatedAt = _start.AddMinutes(number) };
    }

    /// <summary>Adds leads in that order; they come back with their ids.</summary>
    public Task<IReadOnlyList<TestLead>> AddAsync(params IReadOnlyList<TestLead> leads) => AddAsync(Database.Connection, leads);

    /// <inheritdoc cref="AddAsync(IReadOnlyList{TestLead})"/>
    public async Task<IReadOnlyList<TestLead>> AddAsync(NpgsqlConnection connection, IReadOnlyList<TestLead> leads)
    {
        List<TestLead> added = [];
        foreach (var lead in leads)
            added.Add(lead with { Id = await InsertAsync(connection, Shape.Lead, Shape.LeadColumns, lead.Id, Values(lead)) });
        return added;
    }

    /// <summary>Adds one lead.</summary>
    public async Task<TestLead> AddAsync(TestLead lead) => (await AddAsync([lead]))[0];

    /// <summary>Adds a customer, a minute younger than the row before.</summary>
    public async Task<TestCustomer> AddAsync(TestCustomer customer)
    {
        if (customer.CreatedAt == default)
            customer = customer with { CreatedAt = _start.AddMinutes(++_rows) };
        return customer with
        {
            Id = await InsertAsync(Database.Connection, Shape.Customer, Shape.CustomerColumns, customer.Id, new()
            {
                ["name"] = customer.Name ?? "", ["phone"] = customer.Phone, ["email"] = customer.Email, ["metadata"] = customer.Metadata,
                ["created_at"] = Timestamp(customer.CreatedAt),
            }),
        };
    }

    /// <summary>Adds a job of a lead; returns its id.</summary>
    public Task<string> AddJobAsync(TestLead lead, string? customerId = null) => AddFollowerAsync(Shape.Job, Shape.JobColumns, lead, customerId);

    /// <summary>Adds a row of the further table that follows leads; returns its id.</summary>
    public Task<string> AddOtherFollowerAsync(TestLead lead, string? customerId = null) => AddFollowerAsync(
        Shape.OtherFollower!, new() { ["key"] = "id", ["lead"] = "leadId", ["customer"] = "customerId" }, lead, customerId);

    /// <summary>All leads, in the order of their ids.</summary>
    public Task<IReadOnlyList<TestLead>> LeadsAsync() => Database.QueryAsync<TestLead>(
        $"""
        SELECT
          {Column(Shape.LeadColumns, "key")} AS "Id", {Column(Shape.LeadColumns, "name")} AS "Name", {Column(Shape.LeadColumns, "phone")} AS "Phone",
          {Column(Shape.LeadColumns, "email")} AS "Email", {Column(Shape.LeadColumns, "psid")} AS "Psid",
          {Column(Shape.LeadColumns, "address")} AS "Address", {Column(Shape.LeadColumns, "customer")} AS "CustomerId"
        FROM {Shape.Lead} t
        ORDER BY 1
        """);

    /// <summary>All customers, in the order of their ids.</summary>
    public Task<IReadOnlyList<TestCustomer>> CustomersAsync() => Database.QueryAsync<TestCustomer>(
        $"""
        SELECT
          {Column(Shape.CustomerColumns, "key")} AS "Id", {Column(Shape.CustomerColumns, "name")} AS "Name",
          {Column(Shape.CustomerColumns, "phone")} AS "Phone", {Column(Shape.CustomerColumns, "email")} AS "Email",
          {Column(Shape.CustomerColumns, "metadata")} AS "Metadata", t.{CustomerShape.Quoted(Shape.CustomerColumns["created_at"])} AS "CreatedAt"
        FROM {Shape.Customer} t
        ORDER BY 1
        """);

    /// <summary>All jobs, in the order of their ids.</summary>
    public Task<IReadOnlyList<TestJob>> JobsAsync() => Database.QueryAsync<TestJob>(
        $"""
        SELECT
          {Column(Shape.JobColumns, "key")} AS "Id", {Column(Shape.JobColumns, "lead")} AS "LeadId",
          {Column(Shape.JobColumns, "customer")} AS "CustomerId"
        FROM {Shape.Job} t
        ORDER BY 1
        """);

    /// <summary>Who is with whom: the ids of the leads of each customer, in a stable order; leads without one are left out.</summary>
    public async Task<IReadOnlyList<IReadOnlyList<string>>> GroupsAsync() =>
        [.. (await LeadsAsync())
            .Where(l => l.CustomerId is not null)
            .GroupBy(l => l.CustomerId, l => l.Id)
            .Select(g => (IReadOnlyList<string>)[.. g.Order(StringComparer.Ordinal)])
            .OrderBy(g => g[0], StringComparer.Ordinal)];

    /// <summary>Every row of leads, customers, jobs, addresses and further followers as JSON text, in a stable order: to compare before and after.</summary>
    public async Task<IReadOnlyList<string>> RowsAsync()
    {
        List<string> rows = [];
        foreach (var table in new[] { Shape.Customer, Shape.Lead, Shape.Job, Shape.Address, Shape.OtherFollower }.OfType<string>())
            rows.AddRange(await Database.QueryAsync<string>($"SELECT to_jsonb(t)::text FROM {table} t ORDER BY 1"));
        return rows;
    }

    public Task<RunResult> BackfillAsync(RunOptions? options = null, CustomerMatch? match = null) =>
        new CustomerBackfill(Database.Engine).RunAsync(match ?? new CustomerMatch(), options ?? new RunOptions(), _ => { }, CancellationToken.None);

    public Task<RunResult> UndoAsync(RunResult run, RunOptions? options = null) =>
        new RunUndo(Database.Engine).UndoAsync(
            run.RunId!.Value, allowRelink: false, options ?? new RunOptions(), _ => { }, CancellationToken.None);

    public async Task<string> StatusAsync(RunResult run) =>
        (await new RunLog(Database.Engine).GetAsync(run.RunId!.Value, CancellationToken.None)).Status;

    /// <summary>A column on alias t, as text.</summary>
    public static string Column(Dictionary<string, string> columns, string name) => $"t.{CustomerShape.Quoted(columns[name])}::text";

    private static async Task<CustomerScene> OpenAsync(LinkedDatabase database, CustomerShape shape)
    {
        await database.ExecuteAsync("SET TimeZone = 'UTC'");
        return new CustomerScene(database, shape);
    }

    private static Dictionary<string, string?> Optional(Dictionary<string, string> columns) =>
        columns.ToDictionary(c => c.Key, c => (string?)c.Value);

    private Task<string> AddFollowerAsync(string table, Dictionary<string, string> columns, TestLead lead, string? customerId) =>
        InsertAsync(Database.Connection, table, columns, "", new() { ["lead"] = lead.Id, ["customer"] = customerId });

    private Dictionary<string, string?> Values(TestLead lead) => new()
    {
        ["name"] = lead.Name, ["phone"] = lead.Phone, ["email"] = lead.Email, ["psid"] = lead.Psid, ["address"] = lead.Address,
        ["customer"] = lead.CustomerId, ["created_at"] = Timestamp(lead.CreatedAt == default ? _start.AddMinutes(++_rows) : lead.CreatedAt),
    };

    private static string Timestamp(DateTime time) => time.ToString("yyyy-MM-dd HH:mm:ss.ffffff", System.Globalization.CultureInfo.InvariantCulture);

    /// <summary>What is a JSON object stands in the row as such, all else as text.</summary>
    private static JsonNode Json(string value) => value.StartsWith("{\"", StringComparison.Ordinal) ? JsonNode.Parse(value)! : JsonValue.Create(value);

    /// <summary>Inserts a row of texts that are read as the columns' types, and returns its key as text.</summary>
    private async Task<string> InsertAsync(
        NpgsqlConnection connection, string table, Dictionary<string, string> columns, string id, Dictionary<string, string?> values)
    {
        if (id.Length > 0)
            values["key"] = id;
        else if (Shape == CustomerShape.Text)
            values["key"] = $"id-{++_rows:D6}";
        var row = values.Where(v => v.Value is not null).ToDictionary(v => columns[v.Key], v => v.Value);
        return (await connection.ExecuteScalarAsync<string>(
            $"""
            INSERT INTO {table} ({string.Join(", ", row.Keys.Select(CustomerShape.Quoted))}) OVERRIDING SYSTEM VALUE
            SELECT {string.Join(", ", row.Keys.Select(c => "r." + CustomerShape.Quoted(c)))}
            FROM jsonb_populate_record(NULL::{table}, @row::jsonb) AS r
            RETURNING {CustomerShape.Quoted(columns["key"])}::text
            """,
            new { row = JsonSerializer.Serialize(row.ToDictionary(v => v.Key, v => Json(v.Value!))) }))!;
    }
}
