using Linkage.Engine.Checks;
using Linkage.Engine.Customers;
using Linkage.Engine.Sandbox;

namespace Linkage.Engine.Tests.Customers;

/// <summary>Checks tell what is in the tables of leads, customers and what follows leads.</summary>
public sealed class CustomerChecksTests
{
    public static TheoryData<string> Shapes => [.. _shapes.Keys];

    private static readonly Dictionary<string, CustomerShape> _shapes = new()
    {
        ["uuid"] = CustomerShape.Uuid, ["text"] = CustomerShape.Text, ["bigint"] = CustomerShape.Bigint, ["mapped"] = CustomerShape.Mapped,
    };

    [Fact]
    public async Task An_empty_database_is_healthy()
    {
        await using var scene = await CustomerScene.CreateAsync();

        var checks = await CheckAsync(scene);

        Assert.Equal(CustomerChecks.Names, checks.Select(check => check.Check));
        Assert.All(checks, check => Assert.Equal(CheckStatus.Healthy, check.Status));
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public async Task Each_ill_is_counted_whatever_the_tables_are_like(string shape)
    {
        await using var scene = await CustomerScene.CreateAsync(_shapes[shape]);
        var first = await scene.AddAsync(new TestCustomer { Phone = "(205) 555-1234", Email = "ann@example.com" });
        var second = await scene.AddAsync(new TestCustomer { Phone = "+12055551234", Email = " ANN@example.com" });
        var third = await scene.AddAsync(new TestCustomer { Phone = "000-000-0000", Email = "none" });
        var fourth = await scene.AddAsync(new TestCustomer { Phone = "000-000-0000", Email = "none" });
        var linked = await scene.AddAsync([.. Enumerable.Range(0, 6).Select(_ => scene.NewLead() with { CustomerId = first.Id })]);
        await scene.AddAsync(scene.NewLead() with { CustomerId = second.Id });
        var open = await scene.AddAsync(scene.NewLead());
        await scene.AddJobAsync(linked[0], first.Id);
        await scene.AddJobAsync(linked[0], second.Id);
        await scene.AddJobAsync(linked[1]);
        await scene.AddJobAsync(open);

        var checks = (await CheckAsync(scene)).ToDictionary(check => check.Check);

        Assert.Equal(
            [
                ("CustomersWithoutLeads", CheckStatus.Warning, 2), ("DuplicateEmails", CheckStatus.Warning, 1),
                ("DuplicatePhones", CheckStatus.Warning, 1), ("JobsDisagreeWithLead", CheckStatus.Critical, 1),
                ("JobsWithoutCustomer", CheckStatus.Critical, 2), ("LargeCustomers", CheckStatus.Warning, 1),
                ("LeadsWithoutCustomer", CheckStatus.Warning, 1), ("NoCustomers", CheckStatus.Healthy, 1),
                ("NoRecentAudit", CheckStatus.Warning, null),
            ],
            checks.Values.OrderBy(check => check.Check, StringComparer.Ordinal).Select(check => (check.Check, check.Status, check.Value)));
        Assert.Equal([1L, 0L], Details(checks["JobsWithoutCustomer"], "LeftBehind", "WithoutLead"));
        Assert.Equal([6L, first.Id], Details(checks["LargeCustomers"], "Largest", "Customers"));
        Assert.Equal(2L, checks["DuplicatePhones"].Details["Customers"]);
        Assert.Equal(
            new[] { first.Id, second.Id }.Order(StringComparer.Ordinal),
            ((string)checks["DuplicateEmails"].Details["Example"]!).Split(", "));
        Assert.NotEqual(third.Id, fourth.Id);
    }

    [Fact]
    public async Task Sample_data_is_as_ill_as_it_says()
    {
        await using var database = await LinkedDatabase.CreateEmptyAsync();
        var sample = await SampleLeads.FillAsync(database.Connection, 2000, 1, default);
        await CustomerScene.InstallAsync(database.Engine);

        var checks = (await new CustomerChecks(database.Engine).CheckAsync(new CustomerCheckOptions(), default))
            .ToDictionary(check => check.Check, check => check.Value);

        Assert.Equal(
            [
                sample.LeadsWithoutCustomer, sample.JobsWithoutCustomer, sample.JobsThatDisagree, sample.LargeCustomers,
                sample.DuplicatePhones, sample.DuplicateEmails, sample.CustomersWithoutLeads,
            ],
            CustomerChecks.Names.Take(7).Select(name => (long)checks[name]!));
    }

    [Fact]
    public async Task Rows_of_every_table_that_follows_leads_are_counted_and_those_without_a_lead_told_apart()
    {
        await using var scene = await CustomerScene.CreateAsync(CustomerShape.Mapped);
        var customer = await scene.AddAsync(new TestCustomer());
        var lead = await scene.AddAsync(scene.NewLead() with { CustomerId = customer.Id });
        await scene.AddJobAsync(lead);
        await scene.AddOtherFollowerAsync(lead);
        await scene.AddOtherFollowerAsync(lead, customer.Id);
        await scene.Database.ExecuteAsync("UPDATE conversations SET \"leadId\" = NULL WHERE \"customerId\" IS NULL");

        var check = await CheckAsync(scene, "JobsWithoutCustomer");

        Assert.Equal((CheckStatus.Critical, 2), (check.Status, check.Value));
        Assert.Equal([1L, 1L], Details(check, "LeftBehind", "WithoutLead"));
    }

    [Theory]
    [InlineData(5, CheckStatus.Healthy)]
    [InlineData(4, CheckStatus.Warning)]
    public async Task How_many_leads_are_too_many_is_an_option(int maxLeads, CheckStatus status)
    {
        await using var scene = await CustomerScene.CreateAsync();
        var customer = await scene.AddAsync(new TestCustomer());
        await scene.AddAsync([.. Enumerable.Range(0, 5).Select(_ => scene.NewLead() with { CustomerId = customer.Id })]);

        var check = await CheckAsync(scene, "LargeCustomers", new CustomerCheckOptions { MaxLeads = maxLeads });

        Assert.Equal(status, check.Status);
    }

    [Fact]
    public async Task Leads_without_any_customer_at_all_are_critical()
    {
        await using var scene = await CustomerScene.CreateAsync();
        await scene.AddAsync(scene.NewLead());

        var check = await CheckAsync(scene, "NoCustomers");

        Assert.Equal((CheckStatus.Critical, 0, 1), (check.Status, check.Value, check.Threshold));
    }

    [Theory]
    [InlineData("6 days", "{}", CheckStatus.Healthy)]
    [InlineData("8 days", "{}", CheckStatus.Warning)]
    [InlineData("6 days", null, CheckStatus.Healthy)]
    public async Task The_audit_must_have_a_backfill_of_the_last_days(string age, string? payload, CheckStatus status)
    {
        await using var scene = await CustomerScene.CreateAsync();
        await scene.AddAsync(scene.NewLead());
        await scene.Database.ExecuteAsync(
            """
            INSERT INTO "Audit" (action, payload, created_at)
            VALUES ('backfill_customers', @payload::jsonb, now() - @age::interval), ('customer_created', '{}', now())
            """,
            new { age, payload });

        var check = await CheckAsync(scene, "NoRecentAudit");

        Assert.Equal((status, 7), (check.Status, check.Threshold));
        Assert.Equal(int.Parse(age[..1], System.Globalization.CultureInfo.InvariantCulture), check.Value!.Value, 2);
        Assert.IsType<DateTime>(check.Details["LastBackfillAt"]);
    }

    [Fact]
    public async Task A_backfill_that_was_undone_does_not_count()
    {
        await using var scene = await CustomerScene.CreateAsync();
        await scene.AddAsync(scene.NewLead());
        await scene.Database.ExecuteAsync("""
            INSERT INTO "Audit" (action, payload) VALUES ('backfill_customers', '{"undoneAt": "2026-01-01T00:00:00Z"}')
            """);

        var check = await CheckAsync(scene, "NoRecentAudit");

        Assert.Equal((CheckStatus.Warning, null), (check.Status, check.Value));
    }

    [Fact]
    public async Task A_longer_time_may_be_allowed_between_two_backfills()
    {
        await using var scene = await CustomerScene.CreateAsync();
        await scene.AddAsync(scene.NewLead());
        await scene.Database.ExecuteAsync(
            """INSERT INTO "Audit" (action, created_at) VALUES ('backfill_customers', now() - interval '8 days')""");

        var check = await CheckAsync(scene, "NoRecentAudit", new CustomerCheckOptions { AuditAge = TimeSpan.FromDays(9) });

        Assert.Equal(CheckStatus.Healthy, check.Status);
    }

    [Fact]
    public async Task What_is_not_registered_is_unknown_and_the_other_checks_are_made()
    {
        await using var scene = await CustomerScene.CreateAsync();
        var tables = new CustomerTables(scene.Database.Engine);
        await tables.UnregisterAsync(scene.Shape.Job, isPlan: false, default);
        await tables.RegisterAsync("customer", scene.Shape.Customer, new Dictionary<string, string?> { ["email"] = "" }, default);
        await scene.Database.ExecuteAsync("""DROP TABLE "Audit" """);

        var checks = await CheckAsync(scene);

        Assert.Equal(
            ["JobsWithoutCustomer", "JobsDisagreeWithLead", "DuplicateEmails", "NoRecentAudit"],
            checks.Where(check => check.Status == CheckStatus.Unknown).Select(check => check.Check));
        Assert.All(checks.Where(check => check.Status != CheckStatus.Unknown), check => Assert.Equal(CheckStatus.Healthy, check.Status));
    }

    [Fact]
    public async Task Everything_is_unknown_without_the_component()
    {
        await using var database = await LinkedDatabase.CreateAsync();

        var checks = await new CustomerChecks(database.Engine).CheckAsync(new CustomerCheckOptions(), default);

        Assert.Equal(CustomerChecks.Names, checks.Select(check => check.Check));
        Assert.All(checks, check => Assert.Equal(CheckStatus.Unknown, check.Status));
    }

    private static IEnumerable<object?> Details(CheckResult check, params string[] names) => names.Select(name => check.Details[name]);

    private static Task<IReadOnlyList<CheckResult>> CheckAsync(CustomerScene scene, CustomerCheckOptions? options = null) =>
        new CustomerChecks(scene.Database.Engine).CheckAsync(options ?? new CustomerCheckOptions(), default);

    private static async Task<CheckResult> CheckAsync(CustomerScene scene, string name, CustomerCheckOptions? options = null) =>
        (await CheckAsync(scene, options)).Single(check => check.Check == name);
}
