namespace Linkage.Engine.Tests.UserSync;

/// <summary>What is measured from time to time, and the figures that are made of it.</summary>
public sealed class UserSyncHistoryTests
{
    private const string Figures =
        """
        SELECT
          status AS "Status", auth_users AS "Accounts", profiles AS "Profiles", ghost_users AS "Ghosts", orphaned_profiles AS "Orphans",
          soft_deleted_users AS "Deleted", anonymous_users AS "Anonymous", discrepancy AS "Discrepancy", open_faults AS "Faults",
          trigger_enabled AS "IsEnabled", oldest_ghost_at AS "OldestGhostAt"
        FROM
        """ + " ";

    [Fact]
    public async Task A_measurement_keeps_what_the_checks_and_statistics_say()
    {
        await using var scene = await UserSyncScene.CreateAsync();
        await scene.SignUpAsync();
        await scene.AddAsync(scene.NewAccount() with { IsAnonymous = true }, scene.NewAccount() with { DeletedAt = DateTime.UtcNow });
        var ghosts = await scene.GhostsAsync(2);
        await scene.Database.ExecuteAsync("INSERT INTO users (name) VALUES ('Orphan')");

        var recorded = Assert.Single(await scene.Database.QueryAsync<Measurement>(
            Figures + "linkage.record_user_sync()"));

        Assert.Equal(new Measurement("critical", 5, 2, 2, 1, 1, 1, 1, 0, true, ghosts[0].CreatedAt), recorded);
        Assert.Equal(
            recorded,
            Assert.Single(await scene.Database.QueryAsync<Measurement>(
                Figures + "user_sync_monitoring_log")));
    }

    [Fact]
    public async Task The_history_is_of_the_last_days_newest_first()
    {
        await using var scene = await UserSyncScene.CreateAsync();
        await scene.Database.ExecuteAsync(
            "INSERT INTO user_sync_monitoring_log (recorded_at, status, ghost_users) SELECT now() - i * interval '1 day' - interval '1 hour', 'healthy', i FROM generate_series(0, 40) AS i");

        Assert.Equal([0, 1, 2], await scene.Database.QueryAsync<long>("SELECT ghost_users FROM linkage.user_sync_history(3)"));
        Assert.Equal(7, await scene.Database.ScalarAsync<long>("SELECT count(*) FROM get_sync_status_history()"));
        Assert.Equal([0], await scene.Database.QueryAsync<long>("SELECT ghost_users FROM get_latest_sync_status()"));
    }

    [Fact]
    public async Task Without_a_history_there_are_no_times_and_no_incidents()
    {
        await using var scene = await UserSyncScene.CreateAsync();

        var none = await scene.StatisticsAsync();

        Assert.Equal(0, none.Incidents);
        Assert.Null(none.MeanTimeToDetect);
        Assert.Null(none.MeanTimeToResolve);
        Assert.Null(none.TriggerUptime);
        Assert.Null(none.MeasuredSince);
    }

    [Fact]
    public async Task Times_to_detect_and_to_resolve_are_those_of_the_incidents()
    {
        await using var scene = await UserSyncScene.CreateAsync();
        // Hours ago: ghosts, and since when the oldest of them waits.
        await MeasureAsync(
            scene,
            (100, 0, null),
            (90, 2, 91), // the first incident: 1 h to detect ...
            (80, 3, 91),
            (70, 0, null), // ... 20 h to resolve
            (60, 0, null),
            (50, 1, 53), // the second: 3 h ...
            (40, 0, null), // ... 10 h
            (30, 5, 32)); // the third: 2 h, not resolved

        var found = await scene.StatisticsAsync();

        Assert.Equal(
            (3, TimeSpan.FromHours(2), TimeSpan.FromHours(15)), (found.Incidents, found.MeanTimeToDetect, found.MeanTimeToResolve));
    }

    [Fact]
    public async Task An_account_that_is_older_than_the_measurement_before_became_a_ghost_after_that()
    {
        await using var scene = await UserSyncScene.CreateAsync();
        // It signed up a thousand hours ago and had its profile until lately.
        await MeasureAsync(scene, (20, 0, null), (16, 1, 1000), (8, 0, null));

        var found = await scene.StatisticsAsync();

        Assert.Equal((1, TimeSpan.FromHours(4), TimeSpan.FromHours(8)), (found.Incidents, found.MeanTimeToDetect, found.MeanTimeToResolve));
    }

    [Fact]
    public async Task Only_the_days_that_were_asked_for_count()
    {
        await using var scene = await UserSyncScene.CreateAsync();
        await MeasureAsync(scene, (240, 1, 241), (230, 0, null), (20, 1, 21), (10, 0, null));

        Assert.Equal((1, 2), ((await scene.StatisticsAsync(2)).Incidents, (await scene.StatisticsAsync(30)).Incidents));
    }

    [Fact]
    public async Task Uptime_is_the_share_of_the_measured_time_that_the_trigger_was_enabled()
    {
        await using var scene = await UserSyncScene.CreateAsync();
        await scene.Database.ExecuteAsync(
            """
            INSERT INTO user_sync_monitoring_log (recorded_at, status, ghost_users, trigger_enabled) VALUES
              (now() - interval '100 hours', 'healthy', 0, true),
              (now() - interval '75 hours', 'critical', 0, false),
              (now() - interval '50 hours', 'healthy', 0, true)
            """);

        Assert.Equal(75.0, (await scene.StatisticsAsync()).TriggerUptime!.Value, 1);
    }

    private static async Task MeasureAsync(UserSyncScene scene, params (int HoursAgo, int Ghosts, int? OldestHoursAgo)[] measurements)
    {
        foreach (var (hoursAgo, ghosts, oldest) in measurements)
        {
            await scene.Database.ExecuteAsync(
                """
                INSERT INTO user_sync_monitoring_log (recorded_at, status, ghost_users, trigger_enabled, oldest_ghost_at)
                VALUES (
                  timestamptz 'today' - make_interval(hours => @hoursAgo), 'healthy', @ghosts, true,
                  timestamptz 'today' - make_interval(hours => @oldest))
                """,
                new { hoursAgo, ghosts, oldest });
        }
    }

    private sealed record Measurement(
        string Status, long Accounts, long Profiles, long Ghosts, long Orphans, long Deleted, long Anonymous, long Discrepancy, long Faults,
        bool IsEnabled, DateTime? OldestGhostAt);
}
