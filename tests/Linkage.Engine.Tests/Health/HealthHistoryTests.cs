using Linkage.Engine.Checks;
using Linkage.Engine.Health;
using Linkage.Engine.UserLinks;
using Npgsql;

namespace Linkage.Engine.Tests.Health;

/// <summary>What checks found is kept, once, for as long as it is wanted.</summary>
public sealed class HealthHistoryTests
{
    private static readonly DateTime _checkedAt = new(2026, 3, 4, 5, 6, 7, DateTimeKind.Utc);

    [Fact]
    public async Task A_record_is_kept_with_all_that_it_says()
    {
        await using var database = await LinkedDatabase.CreateAsync();
        var result = new CheckResult(
            "Rate", CheckStatus.Critical, 1.5, 1, "It's \"bad\" \\ <b>\n", new Dictionary<string, object?> { ["Table"] = "a.\"B\"", ["Rows"] = 7L, ["None"] = null });

        var saved = await SaveAsync(database, result, _checkedAt);

        Assert.Equal(new HealthSaved(1, 0), saved);
        var entry = Assert.Single(await FindAsync(database));
        Assert.Equal(result with { Details = entry.Result.Details }, entry.Result);
        Assert.Equal(result.Details, entry.Result.Details);
        Assert.Equal(("a.\"B\"", _checkedAt, "postgres"), (entry.Result.Subject, entry.CheckedAt, entry.SavedBy));
    }

    [Fact]
    public async Task The_same_record_is_stored_once_and_another_subject_is_another_record()
    {
        await using var database = await LinkedDatabase.CreateAsync();

        Assert.Equal(1, (await SaveAsync(database, Healthy("a"), _checkedAt)).Saved);
        Assert.Equal(0, (await SaveAsync(database, Healthy("a"), _checkedAt)).Saved);
        Assert.Equal(1, (await SaveAsync(database, Healthy("b"), _checkedAt)).Saved);
        Assert.Equal(1, (await SaveAsync(database, Healthy("a"), _checkedAt.AddMilliseconds(1))).Saved);

        Assert.Equal(3, await database.ScalarAsync<long>("SELECT count(*) FROM linkage.health_history"));
    }

    [Fact]
    public async Task What_is_older_than_wanted_goes_with_the_next_record()
    {
        await using var database = await LinkedDatabase.CreateAsync();
        foreach (var days in new[] { 1, 10, 30 })
            await SaveAsync(database, Healthy("a"), DateTime.UtcNow.AddDays(-days));

        var saved = await SaveAsync(database, Healthy("a"), DateTime.UtcNow, TimeSpan.FromDays(9));

        Assert.Equal(new HealthSaved(1, 2), saved);
        Assert.Equal(2, await database.ScalarAsync<long>("SELECT count(*) FROM linkage.health_history"));
    }

    [Fact]
    public async Task A_plan_has_the_true_numbers_and_writes_nothing()
    {
        await using var database = await LinkedDatabase.CreateAsync();
        await SaveAsync(database, Healthy("a"), DateTime.UtcNow.AddDays(-30));
        var now = DateTime.UtcNow;
        var history = new HealthHistory(database.Engine);

        var planned = await history.SaveAsync(Healthy("a"), now, TimeSpan.FromDays(9), onlyPlan: true, default);

        Assert.Equal(1, await database.ScalarAsync<long>("SELECT count(*) FROM linkage.health_history"));
        Assert.Equal(planned, await SaveAsync(database, Healthy("a"), now, TimeSpan.FromDays(9)));
        Assert.Equal(new HealthSaved(0, 0), await history.SaveAsync(Healthy("a"), now, TimeSpan.FromDays(9), onlyPlan: true, default));
    }

    [Fact]
    public async Task It_is_listed_newest_first_from_a_time_up_to_another()
    {
        await using var database = await LinkedDatabase.CreateAsync();
        for (var hour = 0; hour < 5; hour++)
            await SaveAsync(database, Healthy("a") with { Status = (CheckStatus)(hour % 4) }, _checkedAt.AddHours(hour));

        var found = await FindAsync(database, _checkedAt.AddHours(1), _checkedAt.AddHours(4));
        var grave = await FindAsync(database, _checkedAt, _checkedAt.AddDays(1), [CheckStatus.Critical, CheckStatus.Healthy]);

        Assert.Equal([3, 2, 1], found.Select(entry => (entry.CheckedAt - _checkedAt).Hours));
        Assert.Equal([4, 3, 0], grave.Select(entry => (entry.CheckedAt - _checkedAt).Hours));
    }

    [Fact]
    public async Task The_newest_records_come_by_the_index()
    {
        await using var database = await LinkedDatabase.CreateAsync();
        await database.ExecuteAsync(
            """
            INSERT INTO linkage.health_history (check_name, status, message, checked_at)
            SELECT 'Check' || i % 20, 'healthy', '', now() - i * interval '1 minute' FROM generate_series(1, 20000) AS i;
            ANALYZE linkage.health_history;
            """);

        var plan = string.Join('\n', await database.QueryAsync<string>(
            "EXPLAIN " + Engine.Database.EmbeddedSql.Read("Health/find_history.sql"),
            new { since = DateTime.UtcNow.AddDays(-1), until = DateTime.UtcNow, statuses = (string[]?)null }));

        Assert.Contains("Incremental Sort", plan, StringComparison.Ordinal);
        Assert.Contains("Index Scan Backward using health_history_checked_at", plan, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Every_check_of_deliveries_says_which_target_it_is_about_by_one_name()
    {
        await using var database = await LinkedDatabase.CreateAsync();

        foreach (var table in new[] { "message_deliveries", "public.message_deliveries", "public.\"message_deliveries\"" })
        {
            var checks = new DeliveryIntegrity(database.Engine).CheckAsync(new DeliveryIntegrityOptions { Table = table, Full = true }, default);
            await foreach (var check in checks)
                Assert.Equal("message_deliveries", check.Subject);
        }
    }

    [Fact]
    public async Task A_status_that_there_is_not_is_refused_by_the_table()
    {
        await using var database = await LinkedDatabase.CreateAsync();

        var fault = await Assert.ThrowsAsync<PostgresException>(() => database.ExecuteAsync(
            "INSERT INTO linkage.health_history (check_name, status, message, checked_at) VALUES ('a', 'Healthy', '', now())"));

        Assert.Equal("health_status_known", fault.ConstraintName);
    }

    private static CheckResult Healthy(string subject) =>
        new("Rate", CheckStatus.Healthy, 0, 0, "Good.", new Dictionary<string, object?> { ["Table"] = subject });

    private static Task<HealthSaved> SaveAsync(LinkedDatabase database, CheckResult result, DateTime checkedAt, TimeSpan? keepFor = null) =>
        new HealthHistory(database.Engine).SaveAsync(result, checkedAt, keepFor, onlyPlan: false, default);

    private static async Task<List<HealthEntry>> FindAsync(
        LinkedDatabase database, DateTime? since = null, DateTime? until = null, IReadOnlyList<CheckStatus>? statuses = null)
    {
        List<HealthEntry> found = [];
        await foreach (var entry in new HealthHistory(database.Engine).FindAsync(
            since ?? DateTime.UnixEpoch, until ?? DateTime.UtcNow.AddYears(1), statuses, default))
        {
            found.Add(entry);
        }

        return found;
    }
}
