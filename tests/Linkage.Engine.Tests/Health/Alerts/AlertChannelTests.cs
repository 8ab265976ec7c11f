using System.Text.Json.Nodes;
using Linkage.Engine.Checks;
using Linkage.Engine.Health.Alerts;

namespace Linkage.Engine.Tests.Health.Alerts;

/// <summary>What receivers get, what becomes of it when they are not well, and that no secret goes anywhere else.</summary>
public sealed class AlertChannelTests
{
    private const string Hostile = "<!channel> & <http://evil|click> [x](http://evil) *b*\r\nBcc: all@evil\u202E\u0007 \ud83d\ude00 </script>";

    private static readonly string[] _secrets = ["T0SECRETPATH", "B0SECRETTOKEN", "R0SECRETKEY"];

    [Fact]
    public async Task Slack_gets_blocks_in_which_text_stays_text()
    {
        await using var scene = await AlertScene.CreateAsync();

        await scene.TellAsync(scene.Sender("Slack"), AlertScene.Check(CheckStatus.Critical, message: Hostile, table: "<@U1>"));

        var arrived = Assert.Single(scene.Http.Requests);
        Assert.Equal($"POST {AlertScene.Path} HTTP/1.1", arrived.Line);
        Assert.Equal("application/json; charset=utf-8", arrived.Headers["Content-Type"]);
        var payload = JsonNode.Parse(arrived.Body)!;
        Assert.Equal(["header", "section", "section"], payload["blocks"]!.AsArray().Select(block => (string?)block!["type"]));
        var marked = payload["blocks"]!.AsArray().Skip(1).SelectMany(Texts).Append((string)payload["text"]!).ToList();
        Assert.Contains(marked, text => text.Contains("&lt;!channel&gt; &amp; &lt;http://evil|click&gt;", StringComparison.Ordinal));
        Assert.All(marked, text => Assert.DoesNotMatch("[<>]|&(?!(amp|lt|gt);)", text));
        Assert.Contains(marked, text => text == "*Value*\n2.5");
    }

    [Fact]
    public async Task Teams_gets_an_adaptive_card_without_markdown()
    {
        await using var scene = await AlertScene.CreateAsync();

        await scene.TellAsync(scene.Sender("Teams"), AlertScene.Check(CheckStatus.Warning, message: Hostile));

        var message = scene.Last();
        Assert.Equal("message", (string?)message["type"]);
        var attachment = Assert.Single(message["attachments"]!.AsArray())!;
        Assert.Equal("application/vnd.microsoft.card.adaptive", (string?)attachment["contentType"]);
        var card = attachment["content"]!;
        Assert.Equal(("AdaptiveCard", "1.4"), ((string?)card["type"], (string?)card["version"]));
        Assert.All(card["body"]!.AsArray(), block => Assert.Equal("RichTextBlock", (string?)block!["type"]));
        Assert.All(
            card["body"]!.AsArray().SelectMany(block => block!["inlines"]!.AsArray()), run => Assert.Equal("TextRun", (string?)run!["type"]));
        Assert.Equal(Hostile, (string?)card["body"]![1]!["inlines"]![0]!["text"]);
    }

    [Fact]
    public async Task PagerDuty_gets_a_trigger_and_a_resolve_of_the_same_key()
    {
        await using var scene = await AlertScene.CreateAsync();
        List<JsonNode> events = [];

        foreach (var status in new[] { CheckStatus.Critical, CheckStatus.Warning, CheckStatus.Unknown, CheckStatus.Healthy })
        {
            await scene.TellAsync(scene.Sender("PagerDuty"), status);
            events.Add(scene.Last());
        }

        Assert.Equal(["trigger", "trigger", "trigger", "resolve"], events.Select(e => (string?)e["event_action"]));
        Assert.Equal(["critical", "warning", "warning", null], events.Select(e => (string?)e["payload"]?["severity"]));
        Assert.Single(events.Select(e => (string?)e["dedup_key"]).Distinct());
        Assert.All(events, e => Assert.Equal("R0SECRETKEY", (string?)e["routing_key"]));
        Assert.Equal("GhostUsers", (string?)events[0]["payload"]!["class"]);
        Assert.Contains(scene.Database.Engine.Database, (string?)events[0]["payload"]!["source"], StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_long_key_of_PagerDuty_is_as_long_as_it_may_be_and_still_its_own()
    {
        await using var scene = await AlertScene.CreateAsync();
        List<string> keys = [];

        foreach (var table in new[] { new string('a', 300), new string('a', 299) + "b" })
        {
            await scene.TellAsync(scene.Sender("PagerDuty"), AlertScene.Check(CheckStatus.Critical, table: table));
            keys.Add((string)scene.Last()["dedup_key"]!);
        }

        Assert.All(keys, key => Assert.True(key.Length <= 255));
        Assert.NotEqual(keys[0], keys[1]);
    }

    [Fact]
    public async Task Any_webhook_gets_all_there_is_to_know_and_nothing_of_the_details()
    {
        await using var scene = await AlertScene.CreateAsync();
        var check = AlertScene.Check(CheckStatus.Critical, message: Hostile) with
        {
            Value = double.PositiveInfinity,
            Details = new Dictionary<string, object?> { ["Table"] = "a.b", ["Email"] = "person@example.com" },
        };

        await scene.TellAsync(scene.Sender(), check);

        var told = scene.Last().AsObject();
        Assert.Equal(
            ["version", "event", "title", "server", "port", "database", "check", "subject", "status", "previousStatus", "value", "threshold", "message",
                "checkedAt", "since", "durationSeconds", "key"],
            told.Select(property => property.Key));
        Assert.Equal(("Fired", "GhostUsers", "a.b", "Critical", "Healthy"), (
            (string?)told["event"], (string?)told["check"], (string?)told["subject"], (string?)told["status"], (string?)told["previousStatus"]));
        Assert.Null(told["value"]);
        Assert.Equal(Hostile, (string?)told["message"]);
        Assert.DoesNotContain("person@example.com", scene.Http.Requests.Single().Body, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Slack")]
    [InlineData("Teams")]
    [InlineData("PagerDuty")]
    [InlineData("Webhook")]
    public async Task A_message_that_is_too_long_is_clipped_and_never_within_a_character(string type)
    {
        await using var scene = await AlertScene.CreateAsync();

        await scene.TellAsync(
            scene.Sender(type),
            AlertScene.Check(CheckStatus.Critical, new string('c', 500), string.Concat(Enumerable.Repeat("\ud83d\ude00&", 4000)), new string('t', 500)));

        Assert.DoesNotContain("\ufffd", scene.Http.Requests.Single().Body, StringComparison.Ordinal);
        Assert.All(Texts(scene.Last()), text => Assert.True(text.Length <= 3000));
    }

    [Fact]
    public async Task Too_many_requests_are_waited_for_as_long_as_the_receiver_asks()
    {
        await using var scene = await AlertScene.CreateAsync();
        var date = scene.Time.Now.AddSeconds(50);
        scene.Http.Answer("429 Too Many Requests\r\nRetry-After: 7", $"503 Service Unavailable\r\nRetry-After: {date:R}");

        var outcome = await scene.TellAsync(scene.Sender(), CheckStatus.Critical);

        Assert.Equal((AlertEvent.Fired, 3), (outcome!.Event, outcome.Attempts));
        Assert.Equal(TimeSpan.FromSeconds(7), scene.Time.Waits.First());
        Assert.InRange(scene.Time.Waits.Last(), TimeSpan.FromSeconds(42), TimeSpan.FromSeconds(43));
    }

    [Fact]
    public async Task Who_asks_to_be_left_alone_for_too_long_is_tried_by_the_next_call()
    {
        await using var scene = await AlertScene.CreateAsync();
        scene.Http.Answer("429 Too Many Requests\r\nRetry-After: 3600");

        Assert.Equal((AlertEvent.Failed, 1), Short(await scene.TellAsync(scene.Sender(), CheckStatus.Critical)));
        Assert.Equal((AlertEvent.Fired, 1), Short(await scene.TellAsync(scene.Sender(), CheckStatus.Critical)));
    }

    [Theory]
    [InlineData("500 Internal Server Error", 2)]
    [InlineData("502 Bad Gateway", 2)]
    [InlineData("408 Request Timeout", 2)]
    [InlineData(HttpReceiver.Hang, 2)]
    [InlineData(HttpReceiver.Close, 2)]
    [InlineData("400 Bad Request", 1)]
    [InlineData("401 Unauthorized", 1)]
    [InlineData("404 Not Found", 1)]
    [InlineData("302 Found\r\nLocation: http://127.0.0.1:1/", 1)]
    public async Task What_may_pass_is_tried_again_and_what_does_not_fails_at_once(string answer, int attempts)
    {
        await using var scene = await AlertScene.CreateAsync();
        scene.Http.Answer(answer);

        var outcome = await scene.TellAsync(scene.Sender(options: Impatient()), CheckStatus.Critical);

        Assert.Equal((attempts == 1 ? AlertEvent.Failed : AlertEvent.Fired, attempts), Short(outcome));
        Assert.Equal(attempts - 1, scene.Time.Waits.Count);
    }

    [Theory]
    [InlineData("500 Internal Server Error")]
    [InlineData(HttpReceiver.Hang)]
    [InlineData(HttpReceiver.Close)]
    public async Task What_stays_so_fails_with_an_error_is_kept_and_told_by_the_next_call(string answer)
    {
        await using var scene = await AlertScene.CreateAsync();
        scene.Http.Answer(answer, answer, answer);

        var failed = await scene.TellAsync(scene.Sender(options: Impatient(retries: 2)), CheckStatus.Critical);

        Assert.Equal((AlertEvent.Failed, 3), Short(failed));
        Assert.Equal("Linkage.Alert.NotDelivered", failed!.Problem!.ErrorId);
        Assert.Null(failed.SentAt);
        var kept = Assert.Single(await scene.Database.QueryAsync<(string, int, bool, bool)>(
            "SELECT told_status, attempts, undelivered_since IS NOT NULL AND undelivered_reason <> '', sender IS NULL FROM linkage.alert_state"));
        Assert.Equal(("healthy", 3, true, true), kept);
        Assert.Equal((AlertEvent.Fired, 1), Short(await scene.TellAsync(scene.Sender(options: Impatient()), CheckStatus.Critical)));
        Assert.Equal(("critical", 0), Assert.Single(await scene.Database.QueryAsync<(string, int)>(
            "SELECT told_status, attempts FROM linkage.alert_state WHERE undelivered_since IS NULL AND undelivered_reason IS NULL")));
    }

    [Fact]
    public async Task The_wait_between_attempts_grows()
    {
        await using var scene = await AlertScene.CreateAsync();
        scene.Http.Answer([.. Enumerable.Repeat("500 No", 5)]);

        await scene.TellAsync(scene.Sender(options: Impatient(retries: 4) with { RetryInterval = TimeSpan.FromSeconds(2) }), CheckStatus.Critical);

        Assert.Equal(4, scene.Time.Waits.Count);
        Assert.All(scene.Time.Waits.Select((wait, place) => wait / Math.Pow(2, place)), base0 => Assert.InRange(base0.TotalSeconds, 1, 2));
    }

    [Fact]
    public async Task A_receiver_that_is_down_is_not_waited_for_with_each_record()
    {
        await using var scene = await AlertScene.CreateAsync();
        scene.Http.Answer([.. Enumerable.Repeat("500 No", 5)]);
        var sender = scene.Sender(options: Impatient(retries: 3));

        var attempts = new List<int>();
        foreach (var name in new[] { "a", "b", "c" })
            attempts.Add(Assert.Single(await scene.TellAsync(sender, AlertScene.Check(CheckStatus.Critical, name))).Attempts);

        Assert.Equal([4, 1, 1], attempts);
    }

    [Theory]
    [InlineData("Slack")]
    [InlineData("Teams")]
    [InlineData("PagerDuty")]
    [InlineData("Webhook")]
    public async Task No_secret_is_in_what_is_shown_stored_or_raised(string type)
    {
        await using var scene = await AlertScene.CreateAsync();
        scene.Http.Answer(
            $"400 T0SECRETPATH B0SECRETTOKEN {(type == "PagerDuty" ? "R0SECRETKEY" : "")}", HttpReceiver.Hang, HttpReceiver.Close, "200 OK");
        List<string?> shown = [];

        for (var call = 0; call < 3; call++)
        {
            var sender = scene.Sender(type, options: Impatient(retries: 0));
            await foreach (var plan in sender.PlanAsync(scene.Database.Engine, AlertScene.Check(CheckStatus.Critical), scene.Time.Now, default))
                shown.AddRange([plan.Payload, plan.Title, plan.Channel, plan.Reason]);
            foreach (var outcome in await scene.TellAsync(sender, AlertScene.Check(CheckStatus.Critical)))
                shown.AddRange([outcome.Channel, outcome.Reason, outcome.Problem?.ToString()]);
            shown.AddRange(await scene.Database.QueryAsync<string>("SELECT s::text FROM linkage.alert_state s"));
        }

        Assert.All(shown.OfType<string>(), text => Assert.All(_secrets, secret => Assert.DoesNotContain(secret, text, StringComparison.Ordinal)));
        Assert.Contains(shown, text => text?.Contains("400 ***", StringComparison.Ordinal) == true);
    }

    [Fact]
    public async Task Headers_of_a_webhook_go_along()
    {
        await using var scene = await AlertScene.CreateAsync();
        var file =
            $$"""
            { "Channels": { "Ops": { "Type": "Webhook", "Url": "{{scene.Http.Address}}", "Headers": { "Authorization": "Bearer B0SECRETTOKEN" } } },
              "Routes": [ { "Condition": "*", "Channel": "Ops" } ] }
            """;

        await scene.TellAsync(scene.Sender(file: file), CheckStatus.Warning);

        Assert.Equal("Bearer B0SECRETTOKEN", scene.Http.Requests.Single().Headers["Authorization"]);
    }

    [Fact]
    public async Task Mail_arrives_at_all_recipients_and_a_check_can_not_add_headers()
    {
        await using var scene = await AlertScene.CreateAsync();

        var outcome = Assert.Single(await scene.TellAsync(
            scene.Sender(file: MailTo(scene, "a@example.com", "b@example.com")),
            AlertScene.Check(CheckStatus.Critical, message: Hostile + "\r\n.\r\nQUIT", table: "x\r\nBcc: all@evil")));

        Assert.Equal((AlertEvent.Fired, 1), Short(outcome));
        var mail = Assert.Single(scene.Smtp.Mails);
        Assert.Equal(["a@example.com", "b@example.com"], mail.To);
        Assert.DoesNotContain(mail.Headers, header => header.StartsWith("Bcc", StringComparison.OrdinalIgnoreCase));
        Assert.Contains("Auto-Submitted: auto-generated", mail.Headers);
        Assert.Contains("Status: Critical", mail.Body, StringComparison.Ordinal);
        Assert.Contains("[x](http://evil)", mail.Body, StringComparison.Ordinal);
        Assert.Contains("QUIT", mail.Body, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("MAIL", "451 later", AlertEvent.Fired, 2)]
    [InlineData("RCPT", "450 busy", AlertEvent.Fired, 2)]
    [InlineData("EHLO", "421 closing", AlertEvent.Fired, 2)]
    [InlineData("DATA", HttpReceiver.Hang, AlertEvent.Fired, 2)]
    [InlineData("MAIL", "550 not you", AlertEvent.Failed, 1)]
    [InlineData("RCPT", "550 nobody", AlertEvent.Failed, 1)]
    public async Task A_mail_server_is_tried_again_where_that_may_help(string command, string answer, AlertEvent what, int attempts)
    {
        await using var scene = await AlertScene.CreateAsync();
        scene.Smtp.Answer(command, answer);
        if (command == "EHLO")
            scene.Smtp.Answer("HELO", answer);

        var outcome = await scene.TellAsync(
            scene.Sender(file: MailTo(scene, "a@example.com"), options: Impatient() with { Timeout = TimeSpan.FromSeconds(2) }), CheckStatus.Critical);

        Assert.Equal((what, attempts), Short(outcome));
        Assert.Equal(what == AlertEvent.Fired ? 1 : 0, scene.Smtp.Mails.Count);
    }

    [Fact]
    public async Task A_recipient_who_is_refused_is_an_error_and_the_others_are_not_told_twice()
    {
        await using var scene = await AlertScene.CreateAsync();
        scene.Smtp.Answer("RCPT", "250 well", "550 nobody");
        var file = MailTo(scene, "a@example.com", "gone@example.com");

        var outcome = await scene.TellAsync(scene.Sender(file: file), CheckStatus.Critical);

        Assert.Equal((AlertEvent.Fired, 1), Short(outcome));
        Assert.Equal("Linkage.Alert.PartlyDelivered", outcome!.Problem!.ErrorId);
        Assert.Contains("gone@example.com", outcome.Problem.Message, StringComparison.Ordinal);
        Assert.Equal(["a@example.com"], scene.Smtp.Mails.Single().To);
        Assert.Equal(AlertEvent.Suppressed, (await scene.TellAsync(scene.Sender(file: file), CheckStatus.Critical))!.Event);
    }

    [Theory]
    [InlineData("235 welcome", AlertEvent.Fired)]
    [InlineData("535 no", AlertEvent.Failed)]
    public async Task A_user_signs_in_and_nobody_else_learns_the_password(string answer, AlertEvent what)
    {
        const string Password = "S0SECRETPASSWORD";
        await using var scene = await AlertScene.CreateAsync();
        scene.Smtp.Answer("EHLO", "250-here\r\n250 AUTH LOGIN");
        scene.Smtp.Answer("AUTH", "334 UGFzc3dvcmQ6");
        var line = Convert.ToBase64String(System.Text.Encoding.UTF8.GetBytes(Password));
        scene.Smtp.Answer(line.ToUpperInvariant(), answer);
        if (what == AlertEvent.Failed)
            scene.Smtp.Answer("MAIL", $"530 sign in first, {Password} is wrong");
        var file = MailTo(scene, "a@example.com").Replace("\"Tls\"", $"\"User\": \"linkage\", \"Password\": \"{Password}\", \"Tls\"", StringComparison.Ordinal);

        var outcome = await scene.TellAsync(scene.Sender(file: file, options: Impatient(retries: 0)), CheckStatus.Critical);

        Assert.Equal((what, 1), Short(outcome));
        Assert.Contains(line, scene.Smtp.Commands);
        Assert.DoesNotContain(Password, $"{outcome!.Reason} {outcome.Problem}", StringComparison.Ordinal);
        Assert.DoesNotContain(Password, await scene.Database.ScalarAsync<string>("SELECT s::text FROM linkage.alert_state s"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_server_without_STARTTLS_gets_nothing_where_it_is_asked_for()
    {
        await using var scene = await AlertScene.CreateAsync();
        var file = MailTo(scene, "a@example.com").Replace(", \"Tls\": false", "", StringComparison.Ordinal);

        var outcome = await scene.TellAsync(scene.Sender(file: file, options: Impatient(retries: 0)), CheckStatus.Critical);

        Assert.Equal((AlertEvent.Failed, 1), Short(outcome));
        Assert.DoesNotContain(scene.Smtp.Commands, command => command.StartsWith("MAIL", StringComparison.Ordinal));
    }

    private static (AlertEvent Event, int Attempts) Short(AlertOutcome? outcome) => (outcome!.Event, outcome.Attempts);

    private static AlertOptions Impatient(int retries = 3) => new() { Timeout = TimeSpan.FromMilliseconds(500), MaximumRetryCount = retries };

    private static string MailTo(AlertScene scene, params string[] recipients) =>
        $$"""
        { "Channels": { "Email": { "Server": "127.0.0.1", "Port": {{scene.Smtp.Port}}, "Tls": false, "From": "linkage@example.com",
            "To": [ {{string.Join(", ", recipients.Select(r => $"\"{r}\""))}} ] } },
          "Routes": [ { "Condition": "*", "Channel": "Email" } ] }
        """;

    private static IEnumerable<string> Texts(JsonNode? node) => node switch
    {
        JsonObject table => table.SelectMany(property => Texts(property.Value)),
        JsonArray list => list.SelectMany(Texts),
        JsonValue value when value.TryGetValue<string>(out var text) => [text],
        _ => [],
    };
}
