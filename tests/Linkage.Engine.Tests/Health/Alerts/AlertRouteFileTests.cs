using Linkage.Engine.Checks;
using Linkage.Engine.Customers;
using Linkage.Engine.Health.Alerts;
using Linkage.Engine.Schema;
using Linkage.Engine.UserLinks;
using Linkage.Engine.UserSync;

namespace Linkage.Engine.Tests.Health.Alerts;

/// <summary>A file says who is told of what; whatever is wrong with it is said, entry by entry.</summary>
public sealed class AlertRouteFileTests
{
    private const string Chat = """ "Slack": { "Url": "https://hooks.example/1" } """;

    [Theory]
    [InlineData("nonsense", "routes.psd1: it is no JSON")]
    [InlineData("[]", "the file: it has to be a table with Channels, Routes")]
    [InlineData("{}", "Channels: it has to hold at least one channel")]
    [InlineData("""{ "Channels": { "Ops": {} } }""", "Channels.Ops.Type: a channel of this name needs one")]
    [InlineData("""{ "Channels": { "Ops": { "Type": "Fax" } } }""", "Channels.Ops.Type: 'Fax' is no type; it is one of Slack, Teams, Webhook, PagerDuty, Email")]
    [InlineData("""{ "Channels": { "Slack": { "Uri": "x" } } }""", "Channels.Slack.Uri: there is no such entry: it is one of Type, Url")]
    [InlineData("""{ "Channels": { "Slack": {} } }""", "Channels.Slack.Url: it is missing")]
    [InlineData("""{ "Channels": { "Slack": { "Url": "" } } }""", "Channels.Slack.Url: it is empty")]
    [InlineData("""{ "Channels": { "Slack": { "Url": "ftp://x" } } }""", "Channels.Slack.Url: it is no address that begins with https:// or http://")]
    [InlineData("""{ "Channels": { "Slack": { "Url": { "Env": "GONE" } } } }""", "Channels.Slack.Url: the variable GONE is not set in the environment")]
    [InlineData("""{ "Channels": { "Slack": { "Url": { "Secret": "gone" } } } }""", "Channels.Slack.Url: there is no secret 'gone' among those given by -Secret")]
    [InlineData("""{ "Channels": { "Slack": { "Url": 1 } } }""", "Channels.Slack.Url: it is neither a text, nor @{ Env = 'NAME' }")]
    [InlineData("""{ "Channels": { "Webhook": { "Url": "https://x", "Headers": { "A": "b\nc" } } } }""", "Channels.Webhook.Headers.A: it is no header")]
    [InlineData("""{ "Channels": { "PagerDuty": {} } }""", "Channels.PagerDuty.RoutingKey: it is missing")]
    [InlineData("""{ "Channels": { "Email": { "Server": "m", "Port": 465, "From": "a@b", "To": "c@d" } } }""", "Channels.Email.Port: 465 is for TLS from the first byte, which is not supported")]
    [InlineData("""{ "Channels": { "Email": { "Server": "m", "Port": "25", "From": "a@b", "To": "c@d" } } }""", "Channels.Email.Port: it has to be a whole number")]
    [InlineData("""{ "Channels": { "Email": { "Server": "m", "From": "a@b", "To": "c@d\nBcc: e@f" } } }""", "Channels.Email.To: 'c@d Bcc: e@f' is no mail address")]
    [InlineData("""{ "Channels": { "Email": { "Server": "m", "From": "a@b", "To": "c@d, e@f" } } }""", "is no mail address")]
    [InlineData("""{ "Channels": { "Email": { "Server": "m", "From": "a@b", "To": "c@d", "User": "u" } } }""", "Channels.Email.Password: it is missing")]
    [InlineData("""{ "Channels": { "Email": { "Server": "m", "From": "a@b", "To": "c@d", "User": "u", "Password": "p", "Tls": false } } }""", "Channels.Email.Tls: without it the password would cross the network in the clear")]
    [InlineData("""{ "Channels": { "Email": { "Server": "m", "From": "a@b" } } }""", "Channels.Email.To: it is missing")]
    [InlineData("""{ "Channels": {""" + Chat + """}, "Routes": [ { "Channel": "Slack" } ] }""", "Routes[0].Condition: it is missing")]
    [InlineData("""{ "Channels": {""" + Chat + """}, "Routes": [ { "Condition": "*", "Channel": "Sleck" } ] }""", "Routes[0].Channel: there is no 'Sleck' among Channels (Slack)")]
    [InlineData("""{ "Channels": {""" + Chat + """}, "Routes": [ { "Condition": "*", "Channel": "Slack", "Severity": "High" } ] }""", "Routes[0].Severity: 'High' is none: it is Warning, for whatever is not healthy, or Critical")]
    [InlineData("""{ "Channels": {""" + Chat + """}, "Routes": [ 5 ] }""", "Routes[0]: it has to be a table with Condition, Severity, Channel, To")]
    public void What_is_wrong_is_said_with_the_file_and_the_entry(string json, string problem)
    {
        var fault = Assert.Throws<LinkageException>(() => Read(json));

        Assert.Equal("Linkage.AlertRoute.Unusable", fault.ErrorId);
        Assert.StartsWith("routes.psd1: ", fault.Message, StringComparison.Ordinal);
        Assert.Contains(problem, fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void All_that_is_wrong_is_said_at_once()
    {
        var fault = Assert.Throws<LinkageException>(() => Read(
            """{ "Channels": { "Slack": {}, "Email": { "From": "x" } }, "Routes": [ { "Condition": "a", "Channel": "b" } ], "Extra": 1 }"""));

        Assert.Equal(6, fault.Message.Split('\n').Length);
    }

    [Fact]
    public void A_problem_never_shows_a_secret()
    {
        var fault = Assert.Throws<LinkageException>(() => Read(
            """{ "Channels": { "Slack": { "Url": "hooks.example/SECRET" }, "Webhook": { "Url": "https://x/SECRET", "Headers": { "A b": "SECRET" } } } }"""));

        Assert.DoesNotContain("SECRET", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Secrets_come_from_the_environment_or_the_caller()
    {
        using var routes = AlertRouteFile.Read(
            "routes.json", """{ "channels": { "SLACK": { "url": { "env": "HOOK" } }, "PagerDuty": { "RoutingKey": { "Secret": "Key" } } } }""",
            new Dictionary<string, string> { ["Key"] = "k123" }, name => name == "HOOK" ? "https://hooks.example/1" : null, TimeProvider.System);

        Assert.Equal(["PagerDuty", "SLACK"], routes.For("SchemaTriggers").Select(target => target.Name).Order());
    }

    [Fact]
    public void Routes_of_a_check_are_united_channel_by_channel()
    {
        using var routes = Read(
            """
            { "Channels": { "Slack": { "Url": "https://x/1" }, "Mail": { "Type": "Email", "Server": "m", "From": "a@b", "To": "team@b" } },
              "Routes": [
                { "Condition": ["Ghost*", "Orphan?dProfiles"], "Severity": "Critical", "Channel": ["Slack", "Mail"], "To": "dba@b" },
                { "Condition": "GhostUsers", "Channel": "slack" },
                { "Condition": "ghostusers", "Severity": "Critical", "Channel": "Mail", "To": ["dba@b", "boss@b"] } ] }
            """);

        var ghosts = routes.For("GhostUsers").ToDictionary(target => target.Name);
        Assert.Equal(CheckStatus.Warning, ghosts["Slack"].Floor);
        Assert.Equal(CheckStatus.Critical, ghosts["Mail"].Floor);
        Assert.Equal(["dba@b", "boss@b"], ghosts["Mail"].Recipients);
        Assert.Equal(2, routes.For("OrphanedProfiles").Count);
        Assert.Empty(routes.For("NoCustomers"));
    }

    [Theory]
    [InlineData("GhostUsers", "Email Slack", "Email Slack")]
    [InlineData("UserSyncTrigger", "Email PagerDuty Slack", "Email PagerDuty Slack")]
    [InlineData("DeliveryTriggers", "Email PagerDuty Slack", "Email PagerDuty Slack")]
    [InlineData("OrphanedProfiles", "Slack", "Email Slack")]
    [InlineData("UserCountParity", "Email Slack", "Email Slack")]
    [InlineData("DeliveryInconsistencyRate", "Slack", "Email PagerDuty Slack")]
    [InlineData("LeadsWithoutCustomer", "Slack", "Email Slack")]
    [InlineData("Test-UserSync", "Slack", "Email Slack")]
    public void The_usual_routes_are_the_documented_ones(string check, string ofWarnings, string ofCritical)
    {
        using var routes = Read(
            """
            { "Channels": { "Slack": { "Url": "https://x/1" }, "PagerDuty": { "RoutingKey": "kkkk" },
                            "Email": { "Server": "m", "From": "a@b", "To": "team@b" } } }
            """);

        string Of(CheckStatus status) =>
            string.Join(' ', routes.For(check).Where(target => target.Floor <= status).Select(target => target.Name).Order(StringComparer.Ordinal));
        Assert.Equal(ofWarnings, Of(CheckStatus.Warning));
        Assert.Equal(ofCritical, Of(CheckStatus.Critical));
        Assert.Empty(routes.Warnings);
    }

    [Fact]
    public void The_usual_routes_take_any_chat_for_Slack_and_say_which_kind_is_missing()
    {
        using var routes = Read("""{ "Channels": { "Ops": { "Type": "teams", "Url": "https://x/1" } } }""");

        Assert.Equal("Ops", Assert.Single(routes.For("GhostUsers")).Name);
        Assert.Equal(2, routes.Warnings.Count);
        Assert.Contains(routes.Warnings, warning => warning.Contains("type Email", StringComparison.Ordinal) && warning.Contains("GhostUsers", StringComparison.Ordinal));
        Assert.Contains(routes.Warnings, warning => warning.Contains("type PagerDuty", StringComparison.Ordinal) && warning.Contains("UserSyncTrigger", StringComparison.Ordinal));
    }

    [Fact]
    public async Task The_usual_routes_name_checks_that_there_are()
    {
        await using var database = await LinkedDatabase.CreateAsync();
        List<string> known = [.. UserSyncChecks.Names, .. CustomerChecks.Names];
        known.AddRange((await new SchemaInspector(database.Engine).CheckAsync(default)).Select(check => check.Check));
        await foreach (var check in new DeliveryIntegrity(database.Engine).CheckAsync(new DeliveryIntegrityOptions(), default))
            known.Add(check.Check);

        Assert.Empty(AlertRoute.Usual.SelectMany(route => route.Conditions).Distinct().Except([.. known, "*"]));
    }

    [Fact]
    public void Two_addresses_are_two_channels_and_their_names_tell_nothing()
    {
        using var one = AlertRouteFile.OneChannel("Slack", "https://hooks.example/SECRET1", null, TimeProvider.System);
        using var other = AlertRouteFile.OneChannel("Slack", "https://hooks.example/SECRET2", null, TimeProvider.System);
        using var again = AlertRouteFile.OneChannel("Slack", "https://hooks.example/SECRET1", null, TimeProvider.System);
        static string Name(AlertRoutes routes) => Assert.Single(routes.For("x")).Name;

        Assert.Matches("^Slack-[0-9a-f]{8}$", Name(one));
        Assert.NotEqual(Name(one), Name(other));
        Assert.Equal(Name(one), Name(again));
        Assert.Throws<LinkageException>(() => AlertRouteFile.OneChannel("PagerDuty", "https://hooks.example/1", null, TimeProvider.System));
    }

    private static AlertRoutes Read(string json) =>
        AlertRouteFile.Read("routes.psd1", json, new Dictionary<string, string>(), _ => null, TimeProvider.System);
}
