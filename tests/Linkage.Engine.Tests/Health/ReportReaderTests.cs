using Linkage.Engine.Checks;
using Linkage.Engine.Database;
using Linkage.Engine.Health.Reports;
using Linkage.Engine.UserSync;
using Npgsql;
using Xunit.Abstractions;

namespace Linkage.Engine.Tests.Health;

/// <summary>What a report is made of.</summary>
public sealed class ReportReaderTests(ITestOutputHelper output)
{
    [Fact]
    public async Task Figures_are_those_of_the_tables()
    {
        await using var scene = await ReportScene.CreateAsync();

        var report = await scene.ReadAsync();

        Assert.Equal(
            await scene.Database.QueryAsync<(string, long)>(
                "SELECT outcome, count(*) FROM user_link_audit WHERE NOT dry_run GROUP BY outcome ORDER BY outcome COLLATE \"C\""),
            report.Outcomes.Found!.GroupBy(step => step.Outcome).OrderBy(o => o.Key, StringComparer.Ordinal).Select(o => (o.Key, o.Sum(step => step.Count))));
        Assert.Equal(await scene.Database.ScalarAsync<long>("SELECT count(*) FROM linkage.run"), report.Runs.Found!.Total);
        Assert.Equal(await scene.Database.ScalarAsync<long>("SELECT count(*) FROM check_ghost_users()"), report.Ghosts.Found!.Total);
        Assert.Equal(await scene.Database.ScalarAsync<long>("SELECT count(*) FROM check_orphaned_profiles()"), report.Orphans.Found!.Total);
        Assert.Equal(
            await scene.Database.ScalarAsync<long>(
                "SELECT count(DISTINCT (event_id, normalized_phone)) FROM user_link_audit WHERE outcome = 'ambiguous' AND NOT dry_run"),
            report.Ambiguous.Found!.Total);
        Assert.Equal(
            await scene.Database.ScalarAsync<long>("SELECT sum(n - 1) FROM (SELECT count(*) AS n FROM messages WHERE external_id IS NOT NULL GROUP BY external_id) g"),
            report.Checks.Single(check => check.Check == "messages_external_id_unique_idx").Value);
    }

    [Fact]
    public async Task Checks_are_those_of_the_cmdlets()
    {
        await using var scene = await ReportScene.CreateAsync();

        var report = await scene.ReadAsync();

        var alone = await new UserSyncChecks(scene.Database.Engine).CheckAsync(CancellationToken.None);
        Assert.Equal(
            alone.Select(check => (check.Check, check.Status, check.Value, check.Message)),
            report.Groups.Single(group => group.Kind == CheckGroupKind.UserSync).Checks.Select(check => (check.Check, check.Status, check.Value, check.Message)));
        Assert.Equal(CheckStatus.Critical, report.Status);
    }

    [Fact]
    public async Task The_history_is_aggregated_step_by_step()
    {
        await using var scene = await ReportScene.CreateAsync();
        await scene.StoreHistoryAsync(times: 1000);

        var report = await scene.ReadAsync();

        var steps = ReportSteps.Over(scene.Options.Since, scene.Options.Until);
        var rows = await scene.Database.QueryAsync<(string Check, double Value, string Status, DateTime At)>(
            "SELECT check_name, value, status, checked_at FROM linkage.health_history");
        var expected = from row in rows
                       group row by (row.Check, Step: (int)Math.Floor((row.At - steps.Since) / steps.Width)) into step
                       orderby step.Key.Check, step.Key.Step
                       select (step.Key.Check, step.Key.Step, step.Max(row => row.Value), step.Max(row => Enum.Parse<CheckStatus>(row.Status, ignoreCase: true)), step.LongCount());
        Assert.Equal(expected, report.History.Found!.Select(step => (step.Check, step.Step, step.Value!.Value, step.Status, step.Times)));
        Assert.True(report.History.Found!.Count <= 3 * steps.Count);
    }

    [Fact]
    public async Task All_of_it_is_of_one_moment()
    {
        await using var scene = await ReportScene.CreateAsync();
        var before = await scene.Database.ScalarAsync<long>("SELECT count(*) FROM users");

        var seen = await scene.Database.Engine.ReadAtOnceAsync(
            "a test",
            async now =>
            {
                await scene.Database.ExecuteAsync("INSERT INTO users (phone) VALUES ('+15550000001')");
                return await now.TransactAsync(TransactionOptions.ReadOnly, session => session.QuerySingleAsync<long>("SELECT count(*) FROM users"), default);
            },
            CancellationToken.None);

        Assert.Equal(before, seen);
        Assert.Equal(before + 1, await scene.Database.ScalarAsync<long>("SELECT count(*) FROM users"));
    }

    [Fact]
    public async Task What_reads_at_one_moment_writes_nothing()
    {
        await using var scene = await ReportScene.CreateAsync();

        var refused = await Assert.ThrowsAsync<PostgresException>(() => scene.Database.Engine.ReadAtOnceAsync(
            "a test",
            now => now.TransactAsync(TransactionOptions.ReadWrite, session => session.ExecuteAsync("DELETE FROM message_deliveries"), default),
            CancellationToken.None));

        Assert.Equal(PostgresErrorCodes.ReadOnlySqlTransaction, refused.SqlState);
    }

    [Fact]
    public async Task Lists_are_cut_and_say_how_long_they_are()
    {
        await using var scene = await ReportScene.CreateAsync();

        var report = await new ReportReader(scene.Database.Engine, scene.Options with { First = 1 }).ReadAsync(CancellationToken.None);

        Assert.Single(report.Ghosts.Found!.Items);
        Assert.Equal(await scene.Database.ScalarAsync<long>("SELECT count(*) FROM check_ghost_users()"), report.Ghosts.Found.Total);
        Assert.True(report.Ghosts.Found.Total > 1);
    }

    [Fact]
    public async Task Without_Linkage_each_part_says_so()
    {
        await using var bare = await LinkedDatabase.CreateUnlinkedAsync();

        var report = await new ReportReader(bare.Engine, LastDay).ReadAsync(CancellationToken.None);

        Assert.Equal("SchemaInstalled", Assert.Single(report.Checks).Check);
        Assert.Equal(CheckStatus.Critical, report.Status);
        Assert.All(report.Groups.Skip(1), group => Assert.Contains("Install-LinkageSchema", group.Absent, StringComparison.Ordinal));
        Assert.All(
            [report.History.Absent, report.UserSync.Absent, report.Outcomes.Absent, report.Runs.Absent, report.Ghosts.Absent, report.Ambiguous.Absent],
            absent => Assert.Contains("Install-LinkageSchema", absent, StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_component_that_is_not_installed_is_no_error_and_no_alarm()
    {
        await using var database = await LinkedDatabase.CreateAsync();

        var report = await new ReportReader(database.Engine, LastDay).ReadAsync(CancellationToken.None);

        Assert.Contains("Install-LinkageSchema -Component UserSync", report.Ghosts.Absent, StringComparison.Ordinal);
        Assert.Equal(CheckStatus.Healthy, report.Status);
    }

    [Fact]
    public async Task What_a_role_may_not_read_is_said_in_its_place()
    {
        await using var scene = await ReportScene.CreateAsync();
        var role = await Roles.CreateAsync(scene.Database, "reporter");
        await Roles.GrantAllAsync(scene.Database, role);
        await scene.Database.ExecuteAsync($"REVOKE ALL ON user_link_audit FROM \"{role}\"");
        await using var limited = await Roles.ConnectAsync(scene.Database, role);

        var report = await scene.ReadAsync(limited);

        Assert.Contains("user_link_audit", report.Outcomes.Absent, StringComparison.Ordinal);
        Assert.NotNull(report.Runs.Found);
        Assert.NotNull(report.History.Found);
    }

    [Fact]
    public void Steps_are_few_and_cover_the_period()
    {
        var random = new Random(TestSeed.Next(output));
        for (var n = 0; n < 500; n++)
        {
            var since = DateTime.UnixEpoch.AddMinutes(random.Next(30_000_000));
            var until = since + TimeSpan.FromSeconds(Math.Exp(random.NextDouble() * 22) + 1);

            var steps = ReportSteps.Over(since, until);

            Assert.InRange(steps.Count, 1, 93);
            Assert.True(steps.StartOf(0) == since && steps.StartOf(steps.Count) >= until && steps.StartOf(steps.Count - 1) < until);
        }
    }

    private static ReportOptions LastDay => new() { Since = DateTime.UtcNow.AddDays(-1), Until = DateTime.UtcNow };
}
