using Linkage.Engine.Checks;
using Linkage.Engine.Database;
using Linkage.Engine.Health.Alerts;
using Xunit.Abstractions;

namespace Linkage.Engine.Tests.Health.Alerts;

/// <summary>A channel is told when something changes, once, whoever sends, and what could not be told is told later.</summary>
public sealed class AlertStateTests(ITestOutputHelper output)
{
    [Theory]
    [InlineData("H", "-")]
    [InlineData("C C C H H", "Fired Suppressed Suppressed Recovered -")]
    [InlineData("W C W H", "Fired Changed Changed Recovered")]
    [InlineData("U U H U", "Fired Suppressed Recovered Fired")]
    [InlineData("C U C", "Fired Changed Changed")]
    [InlineData("H C H C H", "- Fired Recovered Fired Recovered")]
    public async Task It_is_told_when_the_status_changes(string statuses, string events)
    {
        await using var scene = await AlertScene.CreateAsync();
        List<string> told = [];

        foreach (var status in statuses.Split(' '))
        {
            // a sender of its own each time, as a job has
            told.Add((await scene.TellAsync(scene.Sender(), Status(status)))?.Event.ToString() ?? "-");
            scene.Time.Pass(TimeSpan.FromMinutes(1));
        }

        Assert.Equal(events, string.Join(' ', told));
        Assert.Equal(told.Count(what => what is not ("-" or "Suppressed")), scene.Http.Requests.Count);
    }

    [Theory]
    [InlineData("W C W C H", "- Fired Recovered Fired Recovered")]
    [InlineData("C U H", "Fired Suppressed Recovered")]
    [InlineData("U W H", "- - -")]
    public async Task Who_wants_the_gravest_only_hears_of_nothing_else(string statuses, string events)
    {
        await using var scene = await AlertScene.CreateAsync();
        var file =
            $$"""
            { "Channels": { "Ops": { "Type": "Webhook", "Url": "{{scene.Http.Address}}" } },
              "Routes": [ { "Condition": "ghost*", "Severity": "critical", "Channel": "ops" } ] }
            """;
        List<string> told = [];

        foreach (var status in statuses.Split(' '))
        {
            told.Add((await scene.TellAsync(scene.Sender(file: file), Status(status)))?.Event.ToString() ?? "-");
            scene.Time.Pass(TimeSpan.FromMinutes(1));
        }

        Assert.Equal(events, string.Join(' ', told));
    }

    [Fact]
    public async Task What_is_critical_is_repeated_after_the_set_time_and_a_warning_is_not()
    {
        await using var scene = await AlertScene.CreateAsync();
        var sender = scene.Sender(options: new AlertOptions { RepeatAfter = TimeSpan.FromHours(1) });
        async Task<AlertEvent?> AfterAsync(int minutes, CheckStatus status)
        {
            scene.Time.Pass(TimeSpan.FromMinutes(minutes));
            return (await scene.TellAsync(sender, status))?.Event;
        }

        Assert.Equal(AlertEvent.Fired, await AfterAsync(0, CheckStatus.Critical));
        Assert.Equal(AlertEvent.Suppressed, await AfterAsync(59, CheckStatus.Critical));
        Assert.Equal(AlertEvent.Repeated, await AfterAsync(1, CheckStatus.Critical));
        Assert.Equal(AlertEvent.Suppressed, await AfterAsync(59, CheckStatus.Critical));
        Assert.Equal(AlertEvent.Changed, await AfterAsync(1, CheckStatus.Warning));
        Assert.Equal(AlertEvent.Suppressed, await AfterAsync(600, CheckStatus.Warning));
    }

    [Fact]
    public async Task Force_sends_regardless()
    {
        await using var scene = await AlertScene.CreateAsync();
        var forced = scene.Sender(options: new AlertOptions { Force = true });

        Assert.Equal(AlertEvent.Repeated, (await scene.TellAsync(forced, CheckStatus.Healthy))!.Event);
        Assert.Equal(AlertEvent.Fired, (await scene.TellAsync(forced, CheckStatus.Warning))!.Event);
        Assert.Equal(AlertEvent.Repeated, (await scene.TellAsync(forced, CheckStatus.Warning))!.Event);
        Assert.Equal(AlertEvent.Recovered, (await scene.TellAsync(scene.Sender(), CheckStatus.Healthy))!.Event);
    }

    [Fact]
    public async Task A_recovery_says_how_long_it_lasted_also_after_a_restart()
    {
        await using var scene = await AlertScene.CreateAsync();
        var began = scene.Time.Now;
        await scene.TellAsync(scene.Sender(), CheckStatus.Warning);
        scene.Time.Pass(TimeSpan.FromHours(1));
        await scene.TellAsync(scene.Sender(), CheckStatus.Critical);
        scene.Time.Pass(TimeSpan.FromMinutes(65));

        await using var other = await LinkageDatabase.OpenAsync(scene.Database.ConnectionString, default);
        var outcome = Assert.Single(await scene.TellAsync(scene.Sender(), AlertScene.Check(CheckStatus.Healthy), database: other));

        Assert.Equal(AlertEvent.Recovered, outcome.Event);
        var told = scene.Last();
        Assert.Equal(125 * 60, (int)told["durationSeconds"]!);
        Assert.Equal(began, (DateTime)told["since"]!, TimeSpan.FromMilliseconds(1));
        Assert.Equal("Critical", (string?)told["previousStatus"]);
        Assert.Contains("has recovered after 2 h 5 min", (string?)told["title"], StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_is_about_different_tables_is_told_apart()
    {
        await using var scene = await AlertScene.CreateAsync();
        var sender = scene.Sender();

        foreach (var table in new[] { "a", "b", "a" })
            await scene.TellAsync(sender, AlertScene.Check(CheckStatus.Critical, table: table));

        Assert.Equal(2, scene.Http.Requests.Count);
    }

    [Fact]
    public async Task A_record_that_is_older_than_what_was_dealt_with_is_no_news()
    {
        await using var scene = await AlertScene.CreateAsync();
        await scene.TellAsync(scene.Sender(), CheckStatus.Critical);
        await scene.TellAsync(scene.Sender(), AlertScene.Check(CheckStatus.Healthy), scene.Time.Now.AddMinutes(1));

        var late = Assert.Single(await scene.TellAsync(scene.Sender(), AlertScene.Check(CheckStatus.Critical), scene.Time.Now.AddSeconds(30)));

        Assert.Equal(AlertEvent.Suppressed, late.Event);
        Assert.Equal(2, scene.Http.Requests.Count);
    }

    [Fact]
    public async Task Of_many_who_send_at_once_one_does()
    {
        await using var scene = await AlertScene.CreateAsync();
        var check = AlertScene.Check(CheckStatus.Critical);
        var time = scene.Time.Now;

        var outcomes = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Task.Run(() => scene.TellAsync(scene.Sender(), check, time))));

        Assert.Single(scene.Http.Requests);
        Assert.Equal(
            [AlertEvent.Fired, .. Enumerable.Repeat(AlertEvent.Suppressed, 7)], outcomes.SelectMany(o => o).Select(o => o.Event).Order());
    }

    [Fact]
    public async Task Who_waits_for_another_tells_it_if_that_one_fails()
    {
        await using var scene = await AlertScene.CreateAsync();
        scene.Http.Answer("400 Bad Request");
        var check = AlertScene.Check(CheckStatus.Critical);
        var time = scene.Time.Now;

        var outcomes = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(() => scene.TellAsync(scene.Sender(), check, time))));

        Assert.Equal(2, scene.Http.Requests.Count);
        Assert.Equal(
            [AlertEvent.Fired, AlertEvent.Suppressed, AlertEvent.Suppressed, AlertEvent.Failed],
            outcomes.SelectMany(o => o).Select(o => o.Event).Order());
    }

    [Fact]
    public async Task Who_died_while_sending_is_replaced_when_its_lease_is_over()
    {
        await using var scene = await AlertScene.CreateAsync();
        await scene.Database.ExecuteAsync(
            """
            INSERT INTO linkage.alert_state (check_name, channel, status, checked_at, troubled_since, sender, sending_until)
            SELECT 'GhostUsers', @channel, 'critical', now() - interval '1 year', now(), gen_random_uuid(), clock_timestamp() - interval '1 ms'
            """,
            new { channel = await ChannelAsync(scene) });

        Assert.Equal(AlertEvent.Fired, (await scene.TellAsync(scene.Sender(), CheckStatus.Critical))!.Event);
    }

    [Fact]
    public async Task Who_lives_and_sends_is_waited_for()
    {
        await using var scene = await AlertScene.CreateAsync();
        await scene.Database.ExecuteAsync(
            """
            INSERT INTO linkage.alert_state (check_name, channel, status, checked_at, troubled_since, sender, sending_until)
            SELECT 'GhostUsers', @channel, 'critical', now() - interval '1 year', now(), gen_random_uuid(), clock_timestamp() + interval '1 hour'
            """,
            new { channel = await ChannelAsync(scene) });

        var waiting = scene.TellAsync(scene.Sender(), CheckStatus.Critical);
        await Poll.UntilAsync(() => scene.Time.Waits.Count > 2);
        Assert.Empty(scene.Http.Requests);
        await scene.Database.ExecuteAsync("UPDATE linkage.alert_state SET sender = NULL, sending_until = NULL, told_status = 'critical', told_at = now()");

        Assert.Equal(AlertEvent.Suppressed, (await waiting)!.Event);
    }

    [Fact]
    public async Task An_alert_that_nobody_got_is_told_with_the_recovery()
    {
        await using var scene = await AlertScene.CreateAsync();
        scene.Http.Answer("400 Bad Request");
        Assert.Equal(AlertEvent.Failed, (await scene.TellAsync(scene.Sender(), CheckStatus.Critical))!.Event);
        scene.Time.Pass(TimeSpan.FromMinutes(10));

        var outcome = await scene.TellAsync(scene.Sender(), CheckStatus.Healthy);

        Assert.Equal(AlertEvent.Recovered, outcome!.Event);
        Assert.Equal(600, (int)scene.Last()["durationSeconds"]!);
        Assert.Contains("could not be told while it lasted", (string?)scene.Last()["message"], StringComparison.Ordinal);
        Assert.Null(await scene.TellAsync(scene.Sender(), CheckStatus.Healthy));
    }

    [Fact]
    public async Task What_was_claimed_and_never_sent_is_told_with_the_recovery_too()
    {
        await using var scene = await AlertScene.CreateAsync();
        await scene.Database.ExecuteAsync(
            """
            INSERT INTO linkage.alert_state (check_name, channel, status, checked_at, troubled_since, sender, sending_until)
            SELECT 'GhostUsers', @channel, 'critical', @now - interval '1 hour', @now - interval '1 hour', gen_random_uuid(), clock_timestamp()
            """,
            new { channel = await ChannelAsync(scene), now = scene.Time.Now });

        Assert.Equal(AlertEvent.Recovered, (await scene.TellAsync(scene.Sender(), CheckStatus.Healthy))!.Event);
        Assert.Contains("could not be told while it lasted", (string?)scene.Last()["message"], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Who_waits_for_a_receiver_keeps_its_lease_for_that_long()
    {
        await using var scene = await AlertScene.CreateAsync();
        scene.Http.Answer("429 Too Many Requests\r\nRetry-After: 55", HttpReceiver.Hang);

        var telling = scene.TellAsync(scene.Sender(), CheckStatus.Critical);
        await Poll.UntilAsync(() => scene.Http.Requests.Count == 2);

        Assert.InRange(
            await scene.Database.ScalarAsync<double>("SELECT EXTRACT(epoch FROM sending_until - clock_timestamp())::float8 FROM linkage.alert_state"), 40, 76);
        Assert.Equal(AlertEvent.Fired, (await telling)!.Event);
    }

    [Fact]
    public async Task Any_history_of_statuses_and_failures_ends_with_the_channel_knowing_how_it_is()
    {
        var random = new Random(TestSeed.Next(output));
        await using var scene = await AlertScene.CreateAsync();
        var (known, last) = (CheckStatus.Healthy, CheckStatus.Healthy);
        for (var step = 0; step < 40; step++)
        {
            last = (CheckStatus)random.Next(4);
            if (random.Next(3) == 0)
                scene.Http.Answer("400 Bad Request");
            var before = scene.Http.Requests.Count;
            var outcome = await scene.TellAsync(scene.Sender(), last);
            if (outcome?.SentAt is not null)
                known = Enum.Parse<CheckStatus>((string)scene.Last()["status"]!);
            Assert.Equal(outcome?.Attempts ?? 0, scene.Http.Requests.Count - before);
            Assert.True(outcome?.Event == AlertEvent.Failed || known == last, $"{last} at step {step}, it knows {known}");
            scene.Time.Pass(TimeSpan.FromMinutes(1));
        }
    }

    [Fact]
    public async Task Where_the_database_is_out_of_reach_it_is_told_all_the_same_and_that_is_an_error()
    {
        await using var scene = await AlertScene.CreateAsync();
        LinkageDatabase gone;
        await using (var wire = new Wire(new Npgsql.NpgsqlConnectionStringBuilder(scene.Database.ConnectionString)))
            gone = await LinkageDatabase.OpenAsync(wire.ConnectionString, default);

        await using (gone)
        {
            var told = Assert.Single(await scene.TellAsync(scene.Sender(), AlertScene.Check(CheckStatus.Unknown, "Test-UserSync"), database: gone));

            Assert.Equal(AlertEvent.Fired, told.Event);
            Assert.Equal("Linkage.Alert.NotNoted", told.Problem!.ErrorId);
            Assert.Empty(await scene.TellAsync(scene.Sender(), AlertScene.Check(CheckStatus.Healthy), database: gone));
            Assert.Single(scene.Http.Requests);
        }
    }

    private static CheckStatus Status(string letter) => letter switch
    {
        "H" => CheckStatus.Healthy,
        "W" => CheckStatus.Warning,
        "C" => CheckStatus.Critical,
        _ => CheckStatus.Unknown,
    };

    private static async Task<string> ChannelAsync(AlertScene scene)
    {
        await foreach (var plan in scene.Sender().PlanAsync(scene.Database.Engine, AlertScene.Check(CheckStatus.Critical), scene.Time.Now, default))
            return plan.Channel;
        throw new InvalidOperationException("There is no channel.");
    }
}
