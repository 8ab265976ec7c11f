using Linkage.Engine.UserLinks;
using Npgsql;
using Xunit.Abstractions;

namespace Linkage.Engine.Tests.UserLinks;

/// <summary>What the rules say of a record, and the story that is told of it: both are the resolver's, and agree.</summary>
public sealed class UserLinkResolverTests(ITestOutputHelper output)
{
    private const string Event = "e0000000-0000-0000-0000-000000000001";
    private const string OtherEvent = "e0000000-0000-0000-0000-000000000002";
    private const string Ann = "a0000000-0000-0000-0000-000000000001";
    private const string Bob = "a0000000-0000-0000-0000-000000000002";
    private const string Delivery = "d0000000-0000-0000-0000-000000000001";

    [Fact]
    public async Task A_guest_with_a_user_decides_whatever_the_phone_says()
    {
        await using var database = await CreateAsync();
        var guest = await GuestAsync(database, Event, "2125550100", Ann);
        await DeliverAsync(database, Delivery, "nonsense", guest);

        var (resolution, story) = await AskAsync(database, Delivery);

        Assert.Equal(("linked", "guest", Ann, guest), (resolution.Outcome, resolution.Rule, resolution.UserId, resolution.GuestId));
        var only = Assert.Single(story);
        Assert.Equal((1, "guest", 1, true), (only.Step, only.Rule, only.LookedAt, only.Decides));
        Assert.Contains(Ann, only.Finding, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Several_guests_with_the_phone_are_ambiguous_even_if_one_of_them_has_a_user()
    {
        await using var database = await CreateAsync();
        await GuestAsync(database, Event, "2125550100", Ann);
        await GuestAsync(database, Event, "+1 212 555 0100", null);

        var (resolution, story) = await AskAsync(database, Event, "(212) 555-0100");

        Assert.Equal(("ambiguous", "event phone", null, "+12125550100"),
            (resolution.Outcome, resolution.Rule, resolution.UserId, resolution.NormalizedPhone));
        Assert.Equal([(1, false), (2, true)], story.Select(s => (s.Step, s.Decides)));
        Assert.Equal(2, story[1].LookedAt);
    }

    [Fact]
    public async Task The_users_are_asked_only_with_the_fallback_on()
    {
        await using var database = await CreateAsync();
        await GuestAsync(database, Event, "2125550100", null);

        var (off, offStory) = await AskAsync(database, Event, "2125550100");
        await SwitchAsync(database, "LINK_USER_BY_PHONE_FALLBACK_TO_USERS", true);
        var (on, onStory) = await AskAsync(database, Event, "2125550100");

        Assert.Equal(("no_match", "event phone"), (off.Outcome, off.Rule));
        Assert.Equal([false, true, false], offStory.Select(s => s.Decides));
        Assert.Contains("LINK_USER_BY_PHONE_FALLBACK_TO_USERS is off", offStory[2].Finding, StringComparison.Ordinal);
        Assert.Equal(("linked", "user phone", Ann), (on.Outcome, on.Rule, on.UserId));
        Assert.Equal([false, false, true], onStory.Select(s => s.Decides));
    }

    [Fact]
    public async Task Nothing_is_looked_at_while_the_feature_is_off()
    {
        await using var database = await CreateAsync();
        var guest = await GuestAsync(database, Event, "2125550100", Ann);
        await DeliverAsync(database, Delivery, "2125550100", guest);
        await SwitchAsync(database, "LINK_USER_BY_PHONE", false);

        var (resolution, story) = await AskAsync(database, Delivery);

        Assert.Equal(("skipped", null, "feature off", null), (resolution.Outcome, resolution.Rule, resolution.Reason, resolution.UserId));
        Assert.Contains("LINK_USER_BY_PHONE is off", Assert.Single(story).Finding, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_removed_guest_is_passed_over_and_still_tells_the_event()
    {
        await using var database = await CreateAsync();
        var removed = await GuestAsync(database, Event, "2125550199", Bob, removed: true);
        await GuestAsync(database, Event, "2125550100", Ann);
        await GuestAsync(database, OtherEvent, "2125550100", Bob);
        await DeliverAsync(database, Delivery, "2125550100", removed);

        var (resolution, story) = await AskAsync(database, Delivery);

        Assert.Equal(("linked", "event phone", Ann, Event), (resolution.Outcome, resolution.Rule, resolution.UserId, resolution.EventId));
        Assert.Contains("was removed", story[0].Finding, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_suppressed_link_is_skipped_and_the_story_says_so()
    {
        await using var database = await CreateAsync();
        var guest = await GuestAsync(database, Event, "2125550100", Ann);
        await DeliverAsync(database, Delivery, null, guest);
        await database.ExecuteAsync(
            $"INSERT INTO linkage.link_suppression (target, record_key, user_id) VALUES ('message_deliveries', '{Delivery}', '{Ann}')");

        var (resolution, story) = await AskAsync(database, Delivery);

        Assert.Equal(("skipped", "guest", "suppressed", null), (resolution.Outcome, resolution.Rule, resolution.Reason, resolution.UserId));
        Assert.Contains("suppressed", Assert.Single(story).Finding, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_delivery_that_does_not_exist_has_no_resolution()
    {
        await using var database = await CreateAsync();

        Assert.Null(await new UserLinkResolver(database.Engine).ResolveDeliveryAsync("message_deliveries", Delivery, CancellationToken.None));
        Assert.Equal(0, await database.ScalarAsync<long>($"SELECT count(*) FROM linkage.explain_user_link('message_deliveries', '{Delivery}', NULL, NULL)"));
    }

    [Fact]
    public async Task A_delivery_that_is_no_id_is_the_servers_error_and_nothing_is_injected()
    {
        await using var database = await CreateAsync();
        var resolver = new UserLinkResolver(database.Engine);

        var error = await Assert.ThrowsAsync<PostgresException>(
            () => resolver.ResolveDeliveryAsync("message_deliveries", "'; DROP TABLE users; --", CancellationToken.None));

        Assert.Equal(PostgresErrorCodes.InvalidTextRepresentation, error.SqlState);
        Assert.Equal(2, await database.ScalarAsync<long>("SELECT count(*) FROM users"));
    }

    [Theory]
    [InlineData(true, false)]
    [InlineData(true, true)]
    [InlineData(false, true)]
    public async Task The_story_names_the_resolvers_rule_and_each_outcome_follows_from_what_was_found(bool linking, bool fallback)
    {
        var seed = Random.Shared.Next();
        output.WriteLine($"seed {seed}");
        await using var database = await CreateAsync();
        await SwitchAsync(database, "LINK_USER_BY_PHONE", linking);
        await SwitchAsync(database, "LINK_USER_BY_PHONE_FALLBACK_TO_USERS", fallback);
        await FillAsync(database, new Random(seed));

        var asked = 0;
        foreach (var delivery in await database.QueryAsync<string>("SELECT id::text FROM message_deliveries ORDER BY id"))
        {
            var (resolution, story) = await AskAsync(database, delivery);

            Assert.Equal(resolution.Rule, story.SingleOrDefault(s => s.Decides)?.Rule);
            Assert.Equal(Expected(resolution, story, linking), resolution.Outcome);
            Assert.Equal(resolution.Outcome == "linked", resolution.UserId is not null);
            asked++;
        }

        Assert.Equal(120, asked);
    }

    /// <summary>The outcome as it follows from the rules' text, given how many rows the deciding rule looked at.</summary>
    private static string Expected(UserLinkResolution resolution, IReadOnlyList<RuleFinding> story, bool linking)
    {
        if (!linking || resolution.Reason == "suppressed")
            return "skipped";
        if (resolution.Reason == "the guest's user does not exist")
            return "no_match";
        var decision = story.SingleOrDefault(s => s.Decides);
        return decision switch
        {
            null => "skipped",
            { LookedAt: > 1 } => "ambiguous",
            { LookedAt: 0 } => "no_match",
            { Rule: "event phone" } when story.Count == 3 => "no_match",
            _ => "linked",
        };
    }

    private static async Task<LinkedDatabase> CreateAsync()
    {
        var database = await LinkedDatabase.CreateAsync();
        await database.ExecuteAsync(
            $"""
             -- Deliveries stay as a test writes them.
             ALTER TABLE message_deliveries DISABLE TRIGGER USER;
             INSERT INTO events (id) VALUES ('{Event}'), ('{OtherEvent}');
             INSERT INTO users (id, phone) VALUES ('{Ann}', '12125550100'), ('{Bob}', '+12125550199');
             """);
        return database;
    }

    private static async Task FillAsync(LinkedDatabase database, Random random)
    {
        // Few phones, so that they meet; and users that are gone, which only a missing foreign key allows.
        string[] phones = ["2125550100", "+1 212 555 0101", "(212) 555-0102", "212.555.0103 ", "12125550104", "nonsense"];
        string? Phone() => random.Next(8) == 0 ? null : phones[random.Next(phones.Length)];
        await database.ExecuteAsync("ALTER TABLE event_guests DROP CONSTRAINT event_guests_user_id_fkey; DELETE FROM users");
        var users = Enumerable.Range(0, 8).Select(_ => NewId(random)).ToList();
        foreach (var user in users.Skip(1))
            await database.ExecuteAsync("INSERT INTO users (id, phone) VALUES (@user::uuid, @phone)", new { user, phone = Phone() });
        List<string?> guests = [null];
        for (var i = 0; i < 24; i++)
        {
            var user = random.Next(2) == 0 ? users[random.Next(users.Count)] : null;
            guests.Add(await GuestAsync(
                database, random.Next(2) == 0 ? Event : OtherEvent, Phone() is { } p ? p + new string(' ', i) : null, user, random.Next(5) == 0));
        }

        for (var i = 0; i < 120; i++)
        {
            var delivery = NewId(random);
            await DeliverAsync(database, delivery, Phone(), guests[random.Next(guests.Count)]);
            if (random.Next(6) == 0)
            {
                await database.ExecuteAsync(
                    "INSERT INTO linkage.link_suppression (target, record_key, user_id) VALUES ('message_deliveries', @delivery, @user::uuid)",
                    new { delivery, user = users[random.Next(users.Count)] });
            }
        }
    }

    private static string NewId(Random random)
    {
        var bytes = new byte[16];
        random.NextBytes(bytes);
        return new Guid(bytes).ToString();
    }

    private static Task<string> GuestAsync(LinkedDatabase database, string eventId, string? phone, string? user, bool removed = false) =>
        database.ScalarAsync<string>(
            """
            INSERT INTO event_guests (event_id, phone, user_id, removed_at)
            VALUES (@eventId::uuid, @phone, @user::uuid, CASE WHEN @removed THEN now() END)
            RETURNING id::text
            """,
            new { eventId, phone, user, removed });

    private static Task<int> DeliverAsync(LinkedDatabase database, string id, string? phone, string? guest) =>
        database.ExecuteAsync(
            "INSERT INTO message_deliveries (id, phone_number, guest_id) VALUES (@id::uuid, @phone, @guest::uuid)", new { id, phone, guest });

    private static Task<int> SwitchAsync(LinkedDatabase database, string flag, bool state) =>
        database.ExecuteAsync("SELECT linkage.set_feature_flag(@flag, @state)", new { flag, state });

    private static async Task<(UserLinkResolution Resolution, IReadOnlyList<RuleFinding> Story)> AskAsync(
        LinkedDatabase database, string eventId, string phone)
    {
        var resolver = new UserLinkResolver(database.Engine);
        var resolution = await resolver.ResolveAsync(eventId, phone, CancellationToken.None);
        return (resolution, await resolver.ExplainAsync(resolution, CancellationToken.None));
    }

    private static async Task<(UserLinkResolution Resolution, IReadOnlyList<RuleFinding> Story)> AskAsync(
        LinkedDatabase database, string delivery)
    {
        var resolver = new UserLinkResolver(database.Engine);
        var resolution = await resolver.ResolveDeliveryAsync("message_deliveries", delivery, CancellationToken.None);
        Assert.NotNull(resolution);
        return (resolution, await resolver.ExplainAsync(resolution, CancellationToken.None));
    }
}
