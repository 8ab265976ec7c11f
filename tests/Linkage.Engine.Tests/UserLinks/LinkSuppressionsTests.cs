using Linkage.Engine.UserLinks;
using static Linkage.Engine.Tests.UserLinks.LinkScene;

namespace Linkage.Engine.Tests.UserLinks;

public sealed class LinkSuppressionsTests
{
    [Fact]
    public async Task An_undo_leaves_suppressions_that_are_found_by_each_of_their_marks()
    {
        await using var scene = await LinkScene.CreateAsync();
        var ofAnn = await scene.LinkableAsync(Ann);
        var ofBob = await scene.LinkableAsync(Bob);
        var undo = await scene.UndoAsync((await scene.BackfillAsync()).RunId!.Value);

        Assert.Equal(new HashSet<string> { ofAnn, ofBob }, (await FindAsync(scene)).Select(s => s.RecordId).ToHashSet());
        var found = Assert.Single(await FindAsync(scene, record: ofAnn.ToUpperInvariant()));
        Assert.Equal(("message_deliveries", ofAnn, Ann, undo.RunId), (found.Table, found.RecordId, found.UserId, found.RunId));
        Assert.Equal(ofBob, Assert.Single(await FindAsync(scene, user: Bob)).RecordId);
        Assert.Equal(2, (await FindAsync(scene, run: undo.RunId)).Count);
        Assert.Empty(await FindAsync(scene, run: Guid.NewGuid()));
        Assert.Equal(2, (await FindAsync(scene, table: "public.message_deliveries")).Count);
        Assert.Equal(2, (await FindAsync(scene, table: "message_deliveries_backfill")).Count);
        Assert.Equal("Linkage.Target.NotFound", (await Assert.ThrowsAsync<LinkageException>(() => FindAsync(scene, table: "nothing"))).ErrorId);
    }

    [Fact]
    public async Task What_is_released_and_nothing_else_links_again()
    {
        await using var scene = await LinkScene.CreateAsync();
        var released = await scene.LinkableAsync();
        var kept = await scene.LinkableAsync();
        await scene.UndoAsync((await scene.BackfillAsync()).RunId!.Value);
        var suppressions = new LinkSuppressions(scene.Database.Engine);
        var key = (await FindAsync(scene, record: released)).Single().Key;

        Assert.Equal([key], (await suppressions.ReleaseAsync([key, key], CancellationToken.None)).Select(s => s.Key));
        Assert.Empty(await suppressions.ReleaseAsync([key], CancellationToken.None));
        Assert.Empty(await suppressions.FindAsync([key], CancellationToken.None));
        var again = await scene.BackfillAsync();

        Assert.Equal((1, 1), (again.Count("linked"), again.Count("suppressed")));
        Assert.Equal(Ann, await scene.UserOfAsync(released));
        Assert.Null(await scene.UserOfAsync(kept));
    }

    [Fact]
    public async Task Hostile_texts_release_nothing()
    {
        await using var scene = await LinkScene.CreateAsync();
        await scene.LinkableAsync();
        await scene.UndoAsync((await scene.BackfillAsync()).RunId!.Value);
        const string Hostile = "x' OR true; --";

        Assert.Empty(await FindAsync(scene, record: Hostile));
        Assert.Empty(await new LinkSuppressions(scene.Database.Engine).ReleaseAsync(
            [new LinkSuppressionKey("message_deliveries", Hostile, Ann)], CancellationToken.None));
        Assert.Single(await FindAsync(scene));
    }

    private static async Task<List<LinkSuppression>> FindAsync(
        LinkScene scene, string? table = null, string? record = null, string? user = null, Guid? run = null)
    {
        List<LinkSuppression> found = [];
        await foreach (var suppression in new LinkSuppressions(scene.Database.Engine).FindAsync(
            new LinkSuppressionFilter(table, record, user, run), CancellationToken.None))
        {
            found.Add(suppression);
        }

        return found;
    }
}
