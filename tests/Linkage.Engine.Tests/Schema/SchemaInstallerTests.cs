namespace Linkage.Engine.Tests.Schema;

public sealed class SchemaInstallerTests
{
    [Fact]
    public async Task A_second_install_finds_nothing_to_do()
    {
        await using var database = await LinkedDatabase.CreateAsync();

        var steps = await database.InstallAsync();

        Assert.DoesNotContain(steps, step => step.IsNeeded);
    }
}
