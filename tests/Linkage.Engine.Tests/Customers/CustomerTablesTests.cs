using Linkage.Engine.Customers;
using Linkage.Engine.Schema;

namespace Linkage.Engine.Tests.Customers;

public sealed class CustomerTablesTests
{
    private static readonly Dictionary<string, string?> _found = [];

    [Fact]
    public async Task Install_registers_what_has_the_usual_names()
    {
        await using var scene = await CustomerScene.CreateUnlinkedAsync();

        await LinkedDatabase.InstallAsync(scene.Database.Engine);

        var tables = await new CustomerTables(scene.Database.Engine).FindAsync(CancellationToken.None);
        Assert.Equal(
            [("customer", "public.\"Customer\""), ("lead", "public.\"Lead\""), ("address", "public.\"CustomerAddress\""), ("audit", "public.\"Audit\""),
             ("follower", "public.\"Job\"")],
            tables.Select(t => (t.Role, t.Table)));
        Assert.Equal(scene.Shape.LeadColumns, tables[1].Columns);
        Assert.Equal(scene.Shape.CustomerColumns, tables[0].Columns);
        Assert.Equal(scene.Shape.JobColumns, tables[4].Columns);
    }

    [Fact]
    public async Task Install_leaves_the_component_out_where_the_tables_are_absent_and_nobody_named_it()
    {
        await using var database = await LinkedDatabase.CreateEmptyAsync();

        var plan = await new SchemaInstaller(database.Engine).PlanAsync([], CancellationToken.None);

        Assert.Contains("\"Lead\"", plan.Omitted["Customers"], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Install_by_name_goes_where_the_tables_are_absent_and_later_installs_upgrade_it()
    {
        await using var database = await LinkedDatabase.CreateEmptyAsync();

        await CustomerScene.InstallAsync(database.Engine);
        var installer = new SchemaInstaller(database.Engine);
        await installer.ApplyAsync(await installer.PlanAsync([], CancellationToken.None), _ => { }, null, CancellationToken.None);
        var again = await installer.PlanAsync([], CancellationToken.None);

        Assert.False(again.IsNeeded);
        Assert.Contains(again.Steps, step => step.Component == "Customers");
        Assert.DoesNotContain("Customers", again.Omitted.Keys);
        Assert.Equal(
            ["public.\"Audit\""], (await new CustomerTables(database.Engine).FindAsync(CancellationToken.None)).Select(t => t.Table));
    }

    [Fact]
    public async Task Tables_that_come_later_are_registered_by_the_next_install()
    {
        await using var database = await LinkedDatabase.CreateEmptyAsync();
        await CustomerScene.InstallAsync(database.Engine);
        await database.ExecuteAsync(CustomerShape.Bigint.Definition);

        await database.InstallAsync();

        Assert.Equal(5, (await new CustomerTables(database.Engine).FindAsync(CancellationToken.None)).Count);
    }

    [Fact]
    public async Task What_was_unregistered_stays_so()
    {
        await using var scene = await CustomerScene.CreateAsync();
        var tables = new CustomerTables(scene.Database.Engine);

        await tables.UnregisterAsync("\"Job\"", isPlan: false, CancellationToken.None);
        await scene.Database.ExecuteAsync("UPDATE linkage.migration SET checksum = ''");
        await scene.Database.InstallAsync();

        Assert.DoesNotContain("follower", (await tables.FindAsync(CancellationToken.None)).Select(t => t.Role));
    }

    [Fact]
    public async Task A_plan_of_unregistering_writes_nothing()
    {
        await using var scene = await CustomerScene.CreateAsync();
        var tables = new CustomerTables(scene.Database.Engine);

        Assert.Equal("follower", (await tables.UnregisterAsync("public.\"Job\"", isPlan: true, CancellationToken.None)).Role);

        Assert.Equal(5, (await tables.FindAsync(CancellationToken.None)).Count);
    }

    [Fact]
    public async Task A_table_of_any_name_is_registered_with_its_columns()
    {
        await using var scene = await CustomerScene.CreateAsync(CustomerShape.Mapped);

        var tables = await new CustomerTables(scene.Database.Engine).FindAsync(CancellationToken.None);

        Assert.Equal(scene.Shape.LeadColumns, tables.Single(t => t.Role == "lead").Columns);
        Assert.Equal([scene.Shape.Job, scene.Shape.OtherFollower], tables.Where(t => t.Role == "follower").Select(t => t.Table));
    }

    [Fact]
    public async Task Registering_again_replaces_columns_or_changes_nothing()
    {
        await using var scene = await CustomerScene.CreateAsync();
        var tables = new CustomerTables(scene.Database.Engine);

        var same = await tables.RegisterAsync("lead", "\"Lead\"", _found, CancellationToken.None);
        var less = await tables.RegisterAsync("lead", "\"Lead\"", new Dictionary<string, string?> { ["address"] = "" }, CancellationToken.None);

        Assert.Equal(("Unchanged", "Replaced"), (same.Change, less.Change));
        Assert.DoesNotContain("address", (await tables.FindAsync(CancellationToken.None)).Single(t => t.Role == "lead").Columns.Keys);
    }

    [Theory]
    [InlineData("lead", "\"Leed\"", null, "Similar are: \"Lead\"")]
    [InlineData("lead", "no name at all", null, "There is no table")]
    [InlineData("follower", "\"Lead\"", null, "registered already, in the role of lead")]
    [InlineData("lead", "other_lead", null, "already: Unregister-CustomerTable first")]
    [InlineData("follower", "linkage.run", null, "Linkage's own")]
    [InlineData("follower", "a_view", null, "a view")]
    [InlineData("follower", "composite", null, "by -KeyColumn")]
    [InlineData("follower", "composite", """{"key": "a"}""", "is not unique")]
    [InlineData("follower", "typed", null, "keys of one table are in the other")]
    [InlineData("follower", "bare", null, "No column is given for the lead")]
    [InlineData("follower", "bare", """{"lead": "kead_id"}""", "Similar are: lead_ids")]
    [InlineData("follower", "bare", """{"phone": "id"}""", "has no column for phone")]
    [InlineData("follower", "required", null, "DROP NOT NULL")]
    public async Task What_cannot_be_registered_is_refused_with_the_remedy(string role, string table, string? columns, string remedy)
    {
        await using var scene = await CustomerScene.CreateAsync();
        await scene.Database.ExecuteAsync(
            """
            CREATE TABLE other_lead (LIKE "Lead" INCLUDING ALL);
            CREATE VIEW a_view AS SELECT * FROM "Job";
            CREATE TABLE composite (a int, b int, lead_id uuid, customer_id uuid, PRIMARY KEY (a, b));
            CREATE TABLE typed (id int PRIMARY KEY, lead_id bigint, customer_id uuid);
            CREATE TABLE bare (id int PRIMARY KEY, lead_ids text);
            CREATE TABLE required (id int PRIMARY KEY, lead_id uuid, customer_id uuid NOT NULL);
            """);

        var refused = await Assert.ThrowsAsync<LinkageException>(() => new CustomerTables(scene.Database.Engine).RegisterAsync(
            role, table, columns is null ? _found : System.Text.Json.JsonSerializer.Deserialize<Dictionary<string, string?>>(columns)!,
            CancellationToken.None));

        Assert.Equal("Linkage.CustomerTable.Unusable", refused.ErrorId);
        Assert.Contains(remedy, refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_column_without_index_warns_and_is_registered()
    {
        await using var scene = await CustomerScene.CreateAsync();
        await scene.Database.ExecuteAsync("CREATE TABLE messages (id int PRIMARY KEY, lead_id uuid, customer_id uuid)");

        var registered = await new CustomerTables(scene.Database.Engine).RegisterAsync("follower", "messages", _found, CancellationToken.None);

        Assert.Equal("Registered", registered.Change);
        foreach (var warning in registered.Warnings)
            await scene.Database.ExecuteAsync(warning[warning.IndexOf("CREATE INDEX", StringComparison.Ordinal)..]);
        Assert.Equal(2, registered.Warnings.Count);
        Assert.Empty((await new CustomerTables(scene.Database.Engine).PlanAsync("follower", "messages", _found, CancellationToken.None)).Warnings);
    }

    [Fact]
    public async Task Tokens_stand_for_tables_columns_and_types()
    {
        await using var scene = await CustomerScene.CreateAsync(CustomerShape.Mapped);
        var lead = await scene.AddAsync(scene.NewLead("x") with { Phone = "1", Psid = "17" });

        var sql = await scene.Database.ScalarAsync<string>(
            """
            SELECT linkage.customer_sql(
              'SELECT {l.key} || '' '' || {l.phone} || '' '' || {l.psid} || '' '' || pg_typeof({l.created_at}) FROM {lead} l
               WHERE l.{lead.key} = ''' || @id || '''::{lead.key:type} AND {l.customer} IS NULL')
            """,
            new { id = lead.Id });

        Assert.Equal($"{lead.Id} 1 17 timestamp with time zone", await scene.Database.ScalarAsync<string>(sql));
    }

    [Fact]
    public async Task A_token_without_a_column_is_an_error_to_write_and_null_to_read()
    {
        await using var scene = await CustomerScene.CreateAsync();
        await new CustomerTables(scene.Database.Engine).RegisterAsync(
            "lead", "\"Lead\"", new Dictionary<string, string?> { ["address"] = "" }, CancellationToken.None);

        Assert.Equal("NULL::text", await scene.Database.ScalarAsync<string>("SELECT linkage.customer_sql('{l.address}')"));
        var fault = await Assert.ThrowsAsync<Npgsql.PostgresException>(
            () => scene.Database.ScalarAsync<string>("SELECT linkage.customer_sql('{lead.address}')"));
        Assert.Equal("LK041", fault.SqlState);
    }
}
