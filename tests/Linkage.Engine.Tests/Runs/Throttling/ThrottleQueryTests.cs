using Linkage.Engine.Runs.Throttling;

namespace Linkage.Engine.Tests.Runs.Throttling;

/// <summary>The user's own probe.</summary>
[Collection(ThrottleServer.Name)]
public sealed class ThrottleQueryTests(ThrottleServer server)
{
    [Theory]
    [InlineData("SELECT false")]
    [InlineData("SELECT NULL")]
    [InlineData("SELECT NULL::boolean")]
    [InlineData("SELECT ''")]
    [InlineData("SELECT '  '::char(9)")]
    [InlineData("SELECT true WHERE false")]
    [InlineData("SELECT false, true;")]
    public async Task False_null_blank_and_no_row_let_the_run_go_on(string query)
    {
        await using var scene = await server.CreateSceneAsync();

        var throttle = await scene.OpenQueryAsync(query);

        Assert.Null(await throttle.CheckAsync(CancellationToken.None));
    }

    [Theory]
    [InlineData("SELECT 'night shift'", "night shift")]
    [InlineData("SELECT 'night shift'::varchar(40), 1", "night shift")]
    [InlineData("SELECT 'night'::name", "night")]
    [InlineData("TABLE reason", "night shift")]
    public async Task Text_holds_and_is_the_reason(string query, string reason)
    {
        await using var scene = await server.CreateSceneAsync();
        await scene.Database.ExecuteAsync(
            $"""
            CREATE DOMAIN explanation AS text; CREATE TABLE reason (reason explanation); INSERT INTO reason VALUES ('night shift');
            GRANT SELECT ON reason TO "{scene.Run.UserName}";
            """);

        var throttle = await scene.OpenQueryAsync(query);

        Assert.Equal(new Hold("throttle query", reason), await throttle.CheckAsync(CancellationToken.None));
    }

    [Fact]
    public async Task True_holds_until_it_is_false()
    {
        await using var scene = await server.CreateSceneAsync();
        var throttle = await scene.OpenQueryAsync("SELECT count(*) > 0 FROM delivery");
        Assert.Null(await throttle.CheckAsync(CancellationToken.None));

        await scene.Database.ExecuteAsync("INSERT INTO delivery VALUES (1)");
        Assert.Equal("throttle query", (await throttle.CheckAsync(CancellationToken.None))?.Signal);

        await scene.Database.ExecuteAsync("DELETE FROM delivery");
        Assert.Null(await throttle.CheckAsync(CancellationToken.None));
    }

    [Theory]
    [InlineData("SELECT 1", FaultKind.InvalidInput)]
    [InlineData("SELECT now()", FaultKind.InvalidInput)]
    [InlineData("SELECT '{}'::jsonb", FaultKind.InvalidInput)]
    [InlineData("SELECT", FaultKind.InvalidInput)]
    [InlineData("SELECT nothing FROM nowhere", FaultKind.InvalidInput)]
    [InlineData("", FaultKind.InvalidInput)]
    [InlineData("SELECT pg_sleep(60) IS NULL", FaultKind.InvalidInput)]
    [InlineData("SELECT true FROM pg_authid", FaultKind.Denied)]
    public async Task What_is_not_understood_is_refused_at_the_start(string query, FaultKind kind)
    {
        await using var scene = await server.CreateSceneAsync();

        var fault = await scene.RefusedAsync(ThrottleOptions.None with { Query = query });

        Assert.Equal((kind, "throttle query"), (fault.Kind, fault.Subject));
        Assert.Contains("-ThrottleQuery", fault.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("INSERT INTO delivery VALUES (1) RETURNING true")]
    [InlineData("INSERT INTO delivery VALUES (1)")]
    [InlineData("SELECT true; COMMIT; INSERT INTO delivery VALUES (1)")]
    [InlineData("COMMIT")]
    [InlineData("WITH i AS (INSERT INTO delivery VALUES (1) RETURNING true) TABLE i")]
    public async Task It_writes_nothing(string query)
    {
        await using var scene = await server.CreateSceneAsync();

        await scene.RefusedAsync(ThrottleOptions.None with { Query = query });

        Assert.Equal(0, await scene.Database.ScalarAsync<long>("SELECT count(*) FROM delivery"));
    }

    [Theory]
    [InlineData("DROP TABLE signal")]
    [InlineData("ALTER TABLE signal ALTER held TYPE integer USING 1")]
    [InlineData("REVOKE SELECT ON signal FROM PUBLIC")]
    public async Task A_probe_that_fails_later_holds_until_it_works_again(string damage)
    {
        const string Create = "CREATE TABLE signal AS SELECT false AS held; GRANT SELECT ON signal TO PUBLIC";
        await using var scene = await server.CreateSceneAsync();
        await scene.Database.ExecuteAsync(Create);
        var throttle = await scene.OpenQueryAsync("SELECT held FROM signal");
        Assert.Null(await throttle.CheckAsync(CancellationToken.None));

        await scene.Database.ExecuteAsync(damage);
        Assert.Equal("throttle query", (await throttle.CheckAsync(CancellationToken.None))?.Signal);

        await scene.Database.ExecuteAsync($"DROP TABLE IF EXISTS signal; {Create}");
        Assert.Null(await throttle.CheckAsync(CancellationToken.None));
    }
}
