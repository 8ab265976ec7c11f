using Linkage.Engine.UserLinks;

namespace Linkage.Engine.Tests.UserLinks;

public sealed class FeatureFlagsTests
{
    [Fact]
    public async Task A_switched_flag_holds_for_the_next_statement()
    {
        await using var scene = await LinkScene.CreateAsync();
        var delivery = await scene.LinkableAsync();
        var flags = new FeatureFlags(scene.Database.Engine);

        Assert.Equal(
            [new(FeatureFlags.LinkUserByPhone, true, true), new(FeatureFlags.FallbackToUsers, false, false)],
            await flags.FindAsync(FeatureFlags.Known.ToArray(), CancellationToken.None));
        Assert.Equal(
            new FeatureFlag(FeatureFlags.LinkUserByPhone, false, false),
            await flags.SetAsync(FeatureFlags.LinkUserByPhone, false, CancellationToken.None));
        Assert.Equal(1, (await scene.BackfillAsync()).Count("skipped"));
        await flags.SetAsync(FeatureFlags.LinkUserByPhone, true, CancellationToken.None);
        Assert.Equal(1, (await scene.BackfillAsync()).Count("linked"));
        Assert.NotNull(await scene.UserOfAsync(delivery));
    }

    [Fact]
    public async Task A_preview_says_what_would_be_and_changes_nothing()
    {
        await using var database = await LinkedDatabase.CreateAsync();
        var flags = new FeatureFlags(database.Engine);

        Assert.Equal(new FeatureFlag(FeatureFlags.FallbackToUsers, true, true),
            await flags.PreviewAsync(FeatureFlags.FallbackToUsers, true, CancellationToken.None));
        Assert.False(await database.ScalarAsync<bool>("SELECT get_feature_flag('LINK_USER_BY_PHONE_FALLBACK_TO_USERS')"));
    }

    [Theory]
    [InlineData("LINK_USER_BY_PHON")]
    [InlineData("'; DROP TABLE feature_flags; --")]
    public async Task A_misspelt_flag_is_refused_rather_than_made(string name)
    {
        await using var database = await LinkedDatabase.CreateAsync();

        var fault = await Assert.ThrowsAsync<LinkageException>(
            () => new FeatureFlags(database.Engine).SetAsync(name, false, CancellationToken.None));

        Assert.Equal("Linkage.FeatureFlag.NotFound", fault.ErrorId);
        Assert.Equal(2, await database.ScalarAsync<long>("SELECT count(*) FROM feature_flags"));
    }

    [Fact]
    public async Task The_applications_own_table_is_used_under_its_own_column_names()
    {
        await using var database = await LinkedDatabase.CreateUnlinkedAsync();
        await database.ExecuteAsync(
            """
            CREATE TABLE feature_flags (flag_key text PRIMARY KEY, is_enabled boolean NOT NULL);
            INSERT INTO feature_flags VALUES ('DARK_MODE', true)
            """);
        await database.InstallAsync();
        var flags = new FeatureFlags(database.Engine);

        await flags.SetAsync(FeatureFlags.FallbackToUsers, true, CancellationToken.None);
        await flags.SetAsync("DARK_MODE", false, CancellationToken.None);

        Assert.Equal(
            [("DARK_MODE", false), (FeatureFlags.LinkUserByPhone, true), (FeatureFlags.FallbackToUsers, true)],
            (await flags.FindAsync(null, CancellationToken.None)).Select(f => (f.Name, f.IsEnabled!.Value)));
        Assert.True(await database.ScalarAsync<bool>("SELECT is_enabled FROM feature_flags WHERE flag_key = 'LINK_USER_BY_PHONE_FALLBACK_TO_USERS'"));
    }

    [Fact]
    public async Task Where_the_applications_function_decides_otherwise_nothing_is_changed()
    {
        await using var database = await LinkedDatabase.CreateUnlinkedAsync();
        await database.ExecuteAsync("CREATE FUNCTION get_feature_flag(name text) RETURNS boolean LANGUAGE sql STABLE AS 'SELECT true'");
        await database.ExecuteAsync("CREATE TABLE feature_flags (name text PRIMARY KEY, enabled boolean NOT NULL)");
        await database.InstallAsync();

        var fault = await Assert.ThrowsAsync<LinkageException>(
            () => new FeatureFlags(database.Engine).SetAsync(FeatureFlags.LinkUserByPhone, false, CancellationToken.None));

        Assert.Equal("Linkage.FeatureFlag.NotInTable", fault.ErrorId);
        Assert.True(await database.ScalarAsync<bool>("SELECT enabled FROM feature_flags WHERE name = 'LINK_USER_BY_PHONE'"));
    }

    [Fact]
    public async Task Where_there_is_no_table_the_function_is_asked()
    {
        await using var database = await LinkedDatabase.CreateUnlinkedAsync();
        await database.ExecuteAsync("CREATE FUNCTION get_feature_flag(text) RETURNS boolean LANGUAGE sql STABLE AS 'SELECT $1 = ''LINK_USER_BY_PHONE'''");
        await database.InstallAsync();
        var flags = new FeatureFlags(database.Engine);

        Assert.Equal(
            [new(FeatureFlags.LinkUserByPhone, true, null), new(FeatureFlags.FallbackToUsers, false, null)],
            await flags.FindAsync(FeatureFlags.Known.ToArray(), CancellationToken.None));
        var fault = await Assert.ThrowsAsync<LinkageException>(() => flags.SetAsync(FeatureFlags.LinkUserByPhone, false, CancellationToken.None));
        Assert.Equal("Linkage.FeatureFlag.NotInTable", fault.ErrorId);
    }
}
