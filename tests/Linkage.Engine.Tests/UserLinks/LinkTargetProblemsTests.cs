using Linkage.Engine.UserLinks;
using static Linkage.Engine.Tests.UserLinks.TargetScene;

namespace Linkage.Engine.Tests.UserLinks;

/// <summary>What can't be registered as a target, and that it is told with every problem.</summary>
public sealed class LinkTargetProblemsTests
{
    [Theory]
    // what is no table that could be linked
    [InlineData("SELECT", "nowhere", "mobile", "owner", "guest", null, 1, "nowhere")]
    [InlineData("SELECT", "Odd Name", "mobile", "owner", "guest", null, 1, "SQL notation")]
    [InlineData("CREATE VIEW v AS SELECT * FROM tickets", "v", "mobile", "owner", "guest", null, 1, "view")]
    [InlineData("SELECT", "linkage.run", "target", "kind", null, "id", 3, "linkage")]
    [InlineData("CREATE TABLE child () INHERITS (tickets)", "tickets", "mobile", "owner", "guest", null, 1, "inherit")]
    [InlineData("SELECT", "users", "phone", "id", null, "id", 3, "rules")]
    // columns
    [InlineData("SELECT", "tickets", "mobil", "ownr", "guest", null, 2, "Similar are: mobile", "Similar are: owner")]
    [InlineData("SELECT", "tickets", "mobile", "tag", "guest", null, 2, "is of type text, and users.id of uuid", "NOT NULL")]
    [InlineData("SELECT", "tickets", "mobile", "owner", "tag", null, 1, "event_guests.id of uuid")]
    [InlineData("SELECT", "tickets", "mobile", "owner", null, "tag", 1, "event_guests.event_id of uuid")]
    [InlineData("SELECT", "tickets", "guest", "owner", "guest", null, 2, "no text", "column of its own")]
    [InlineData("SELECT", "tickets", "mobile", "owner", null, null, 1, "Neither")]
    [InlineData("ALTER TABLE tickets DROP CONSTRAINT tickets_pkey; ALTER TABLE tickets ADD PRIMARY KEY (owner)",
        "tickets", "mobile", "owner", "guest", null, 1, "part of the key")]
    [InlineData("ALTER TABLE tickets DROP COLUMN owner; ALTER TABLE tickets ADD owner uuid GENERATED ALWAYS AS (guest) STORED",
        "tickets", "mobile", "owner", "guest", null, 1, "generated")]
    [InlineData("ALTER TABLE tickets ADD clean text GENERATED ALWAYS AS (lower(mobile)) STORED", "tickets", "clean", "owner", "guest", null, 1, "generated")]
    // keys
    [InlineData("ALTER TABLE tickets DROP CONSTRAINT tickets_pkey", "tickets", "mobile", "owner", "guest", null, 1, "no primary key")]
    // publications
    [InlineData("CREATE PUBLICATION p FOR TABLE tickets; ALTER TABLE tickets REPLICA IDENTITY NOTHING", "tickets", "mobile", "owner", "guest", null, 1, "REPLICA IDENTITY DEFAULT")]
    public async Task What_can_not_be_registered_is_told_with_every_problem(
        string setup, string table, string phone, string user, string? guest, string? eventColumn, int problems, params string[] named)
    {
        await using var scene = await CreateAsync(Tickets + ";" + setup);

        var fault = await RefusedAsync(
            scene, new LinkTargetDefinition(table, phone, user) { GuestColumn = guest, EventColumn = eventColumn });

        Assert.All(named, word => Assert.Contains(word, fault.Message, StringComparison.Ordinal));
        Assert.Equal(problems, fault.Message.Split('\n').Length - 1);
    }

    [Fact]
    public async Task All_problems_of_a_registration_come_at_once()
    {
        await using var scene = await CreateAsync("CREATE TABLE bad (id integer, phone boolean, user_id text NOT NULL, guest text)");

        var fault = await RefusedAsync(
            scene,
            new LinkTargetDefinition("bad", "phone", "user_id")
            {
                KeyColumns = ["id"], GuestColumn = "guest", EventColumn = "nothing", Name = "message_deliveries_backfill",
            });

        // the event, three types, the null, the key, the name
        Assert.Equal(7, fault.Message.Split('\n').Length - 1);
    }

    [Fact]
    public async Task A_partition_and_a_published_one_without_identity_are_refused()
    {
        await using var scene = await CreateAsync(
            """
            CREATE TABLE parts (id bigint PRIMARY KEY, mobile text, owner uuid, guest uuid) PARTITION BY HASH (id);
            CREATE TABLE part PARTITION OF parts FOR VALUES WITH (MODULUS 1, REMAINDER 0);
            CREATE PUBLICATION p FOR TABLE parts;
            """);
        Assert.Contains("register that", (await RefusedAsync(scene, TicketsByGuest with { Table = "part" })).Message, StringComparison.Ordinal);
        await new LinkTargets(scene.Database.Engine).PlanAsync(TicketsByGuest with { Table = "parts" }, CancellationToken.None);

        await scene.Database.ExecuteAsync("ALTER TABLE part REPLICA IDENTITY NOTHING");
        Assert.Contains("part is published", (await RefusedAsync(scene, TicketsByGuest with { Table = "parts" })).Message, StringComparison.Ordinal);

        await scene.Database.ExecuteAsync("ALTER TABLE part REPLICA IDENTITY FULL");
        await RegisterAsync(scene, TicketsByGuest with { Table = "parts" });
    }

    [Fact]
    public async Task A_temporary_table_is_refused()
    {
        await using var scene = await CreateAsync("CREATE TEMPORARY TABLE passing (id bigint PRIMARY KEY, mobile text, owner uuid, guest uuid)");

        var fault = await Assert.ThrowsAsync<Npgsql.PostgresException>(() => scene.Database.ExecuteAsync(
            "SELECT linkage.register_link_target('passing', NULL, 'mobile', 'owner', 'guest', NULL, NULL, false)"));

        Assert.Equal("LK011", fault.SqlState);
        Assert.Contains("temporary", fault.MessageText, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("ALTER TABLE tickets ADD small integer UNIQUE", "small", "may be null")]
    [InlineData("ALTER TABLE tickets ADD small integer NOT NULL", "small", "unique")]
    [InlineData("ALTER TABLE tickets ADD small integer NOT NULL; CREATE UNIQUE INDEX ON tickets (small) WHERE owner IS NULL", "small", "unique")]
    [InlineData("ALTER TABLE tickets ADD ratio double precision NOT NULL UNIQUE", "ratio", "not exact")]
    public async Task A_key_must_be_unique_exact_and_without_nulls(string setup, string key, string named)
    {
        await using var scene = await CreateAsync($"{Tickets}; {setup}");

        Assert.Contains(named, (await RefusedAsync(scene, TicketsByGuest with { KeyColumns = [key] })).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("message_deliveries")]
    [InlineData("message_deliveries_backfill")]
    [InlineData("public.message_deliveries")]
    [InlineData("user_link_audit")]
    public async Task A_name_that_could_mean_something_else_is_refused(string name)
    {
        await using var scene = await CreateAsync(Tickets);

        await RefusedAsync(scene, TicketsByGuest with { Name = name });
    }
}
