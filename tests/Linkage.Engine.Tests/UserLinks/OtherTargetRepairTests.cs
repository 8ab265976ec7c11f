using Linkage.Engine.Runs;
using Linkage.Engine.UserLinks;

namespace Linkage.Engine.Tests.UserLinks;

/// <summary>Wrong links of a table that knows no guests but its own event, with a key of two columns and names that need quotes.</summary>
public sealed class OtherTargetRepairTests
{
    private const string Table = "select";

    [Fact]
    public async Task A_target_without_guests_is_judged_by_its_own_event_and_repaired_and_undone_by_its_own_key()
    {
        await using var scene = await LinkScene.CreateAsync();
        await scene.Database.ExecuteAsync(
            $"""
            CREATE SCHEMA "Odd Schema";
            CREATE TABLE "Odd Schema"."In""vites; --" (
              "Tenant" integer, "order" text, "Phone No" text, "user" uuid, "Event" uuid, PRIMARY KEY ("Tenant", "order"));
            INSERT INTO linkage.link_target (name, table_schema, table_name, key_columns, phone_column, user_column, event_column)
            VALUES ('{Table}', 'Odd Schema', 'In"vites; --', ARRAY['Tenant', 'order'], 'Phone No', 'user', 'Event');
            """);
        var phone = scene.NewPhone();
        var other = scene.NewPhone();
        var nobodys = scene.NewPhone();
        await scene.GuestAsync(phone, LinkScene.Ann);
        await scene.GuestAsync(other, LinkScene.Bob, eventId: LinkScene.OtherEvent);
        await scene.GuestAsync(other, null);
        await scene.Database.ExecuteAsync(
            """
            INSERT INTO "Odd Schema"."In""vites; --" VALUES
              (1, 'right', @phone, @Ann::uuid, @Event::uuid),
              (1, 'other''s "phone"', @phone, @Bob::uuid, @Event::uuid),
              (2, 'other event', @other, @Bob::uuid, @Event::uuid),
              (2, 'no user', @phone, 'a0000000-0000-0000-0000-00000000dead', @Event::uuid),
              (3, 'unlinked', @phone, NULL, @Event::uuid),
              (3, 'unexplained', @nobodys, @Bob::uuid, @Event::uuid)
            """,
            new { phone, other, nobodys, LinkScene.Ann, LinkScene.Bob, LinkScene.Event });
        var before = await StateAsync(scene);

        var found = await ListAsync(scene);

        Assert.Equal(
            [
                ("""["1", "other's \"phone\""]""", "the phone belongs to someone else at this event", LinkScene.Ann),
                ("""["2", "no user"]""", "the user does not exist; the phone belongs to someone else at this event", LinkScene.Ann),
                ("""["2", "other event"]""", "the link came from a guest of another event", null),
            ],
            found.Select(link => (link.DeliveryId, string.Join("; ", link.Reasons), link.ExpectedUserId)));
        Assert.Equal(3, await scene.Database.ScalarAsync<long>($"SELECT linkage.count_wrong_links('{Table}')"));

        var items = found.Select(link => new RepairItem(link.DeliveryId, new(link.UserId), new(link.GuestId), new(link.Phone)))
            .Append(new("""["3","unlinked"]""")).ToList();
        Assert.Empty(await new UserLinkRepair(scene.Database.Engine).FindUnusableAsync(Table, items, CancellationToken.None));
        Assert.Equal(
            ["[1]", "{}", "nonsense", """["x", "unlinked"]"""],
            (await new UserLinkRepair(scene.Database.Engine).FindUnusableAsync(
                Table, [new("[1]"), new("{}"), new("nonsense"), new("""["x", "unlinked"]""")], CancellationToken.None)).Select(u => u.Item.DeliveryId));
        var result = await new UserLinkRepair(scene.Database.Engine).RunAsync(Table, items, new RunOptions(), _ => { }, CancellationToken.None);

        Assert.Equal((1, 2, 1), (result.Count("linked"), result.Count("relinked"), result.Count("unlinked")));
        Assert.Empty(await ListAsync(scene));
        // A user who does not exist comes not back.
        var undo = await scene.UndoAsync(result.RunId!.Value);
        Assert.Equal((3, 1), (undo.Count("rolled_back"), undo.Count("conflicts")));
        Assert.Equal(before.Where(row => !row.Contains("no user", StringComparison.Ordinal)), (await StateAsync(scene)).Where(row => !row.Contains("no user", StringComparison.Ordinal)));
    }

    private static Task<IReadOnlyList<string>> StateAsync(LinkScene scene) =>
        scene.Database.QueryAsync<string>("""SELECT i::text FROM "Odd Schema"."In""vites; --" i ORDER BY 1""");

    private static async Task<List<WrongUserLink>> ListAsync(LinkScene scene)
    {
        List<WrongUserLink> found = [];
        await foreach (var link in new WrongUserLinks(scene.Database.Engine).FindAsync(Table, CancellationToken.None))
            found.Add(link);
        return found;
    }
}
