using Linkage.Engine.UserLinks;

namespace Linkage.Engine.Tests.UserLinks;

/// <summary>A table of tickets beside the application's own, to be registered as a target.</summary>
internal static class TargetScene
{
    public const string Tickets =
        "CREATE TABLE tickets (id bigint PRIMARY KEY, mobile text, owner uuid, guest uuid, event uuid, tag text NOT NULL, UNIQUE (tag, id))";

    /// <summary>How they are registered, by their guests.</summary>
    public static LinkTargetDefinition TicketsByGuest { get; } = new("tickets", "mobile", "owner") { GuestColumn = "guest" };

    public static async Task<LinkScene> CreateAsync(string tables)
    {
        var scene = await LinkScene.CreateAsync();
        await scene.Database.ExecuteAsync(tables);
        return scene;
    }

    public static Task<LinkTargetRegistration> RegisterAsync(LinkScene scene, LinkTargetDefinition definition) =>
        new LinkTargets(scene.Database.Engine).RegisterAsync(definition, waiting: null, CancellationToken.None);

    public static async Task<LinkageException> RefusedAsync(LinkScene scene, LinkTargetDefinition definition)
    {
        var before = await NamesAsync(scene);
        var fault = await Assert.ThrowsAsync<LinkageException>(() => RegisterAsync(scene, definition));
        Assert.Equal("Linkage.Target.Unusable", fault.ErrorId);
        Assert.Equal(before, await NamesAsync(scene));
        return fault;
    }

    public static Task<IReadOnlyList<string>> NamesAsync(LinkScene scene) =>
        scene.Database.QueryAsync<string>("SELECT name FROM linkage.link_target ORDER BY name");
}
