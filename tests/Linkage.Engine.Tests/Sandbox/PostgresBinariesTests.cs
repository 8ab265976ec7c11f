using Linkage.Engine.Sandbox;

namespace Linkage.Engine.Tests.Sandbox;

public class PostgresBinariesTests
{
    [Fact]
    public async Task A_folder_without_PostgreSQL_is_named_with_the_remedy()
    {
        using var folder = new OpenFolder();

        var fault = await Assert.ThrowsAsync<SandboxException>(() => PostgresBinaries.FindAsync(folder.Path, null, default));

        Assert.Contains(folder.Path, fault.Message, StringComparison.Ordinal);
        Assert.Contains(PostgresBinaries.BinVariable, fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_folder_of_another_version_than_wanted_is_refused()
    {
        var server = await PostgresFixture.ServerAsync();
        var other = server.ServerVersion.Major == 18 ? 17 : 18;

        await Assert.ThrowsAsync<SandboxException>(() => PostgresBinaries.FindAsync(server.BinDirectory, other, default));
        Assert.Equal(server.ServerVersion.Major, (await PostgresBinaries.FindAsync(server.BinDirectory, null, default)).MajorVersion);
    }

    [Theory]
    [InlineData(12)]
    [InlineData(19)]
    public async Task Versions_that_are_not_supported_are_refused(int version) =>
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => PostgresBinaries.FindAsync(null, version, default));
}
