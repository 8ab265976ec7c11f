using Linkage.Engine.Database;
using Linkage.Engine.Runs;
using Linkage.Engine.Tests.Runs;
using Linkage.Engine.Tests.UserLinks;
using Linkage.Engine.UserLinks;

namespace Linkage.Engine.Tests.Database;

/// <summary>What row-level security would hide is an error with its remedy, and never a fault of the application's write.</summary>
public sealed class RowSecurityTests
{
    [Theory]
    [InlineData("users")]
    [InlineData("event_guests")]
    [InlineData("message_deliveries")]
    [InlineData("user_link_audit")]
    [InlineData("linkage.run")]
    public async Task A_run_under_policies_names_the_table_and_the_remedy_and_changes_nothing(string table)
    {
        await using var scene = await LinkScene.CreateAsync();
        var delivery = await scene.LinkableAsync();
        var role = await Roles.CreateAsync(scene.Database, "runner");
        await Roles.GrantAllAsync(scene.Database, role);
        await scene.Database.ExecuteAsync(
            $"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY; CREATE POLICY all_pass ON {table} USING (true) WITH CHECK (true)");
        await using (var engine = await Roles.ConnectAsync(scene.Database, role))
        {
            var fault = await Assert.ThrowsAnyAsync<LinkageException>(
                () => new UserLinkBackfill(engine).RunAsync(RunScene.Target, RunScene.Options(), _ => { }, CancellationToken.None));
            var cause = Assert.IsType<DatabaseException>(fault as DatabaseException ?? fault.InnerException);

            Assert.Equal((AccessFaults.RowSecurity, FaultKind.Denied, "42501"), (cause.ErrorId, cause.Kind, cause.SqlState));
            Assert.Equal(table.Contains('.', StringComparison.Ordinal) ? table : $"public.{table}", cause.TableName);
            Assert.Contains($"ALTER ROLE \"{role}\" BYPASSRLS", fault.Message, StringComparison.Ordinal);
            Assert.Null(await scene.UserOfAsync(delivery));

            await scene.Database.ExecuteAsync($"ALTER ROLE \"{role}\" BYPASSRLS");
            await new UserLinkBackfill(engine).RunAsync(RunScene.Target, RunScene.Options(), _ => { }, CancellationToken.None);
            Assert.Equal(LinkScene.Ann, await scene.UserOfAsync(delivery));
        }

        await Roles.DropAsync(scene.Database, role);
    }

    [Fact]
    public async Task A_check_or_a_list_under_policies_is_an_error_and_no_healthy_zero()
    {
        await using var scene = await LinkScene.CreateAsync();
        await scene.LinkableAsync();
        var role = await Roles.CreateAsync(scene.Database, "reader");
        await Roles.GrantAllAsync(scene.Database, role);
        await scene.Database.ExecuteAsync(
            "ALTER TABLE message_deliveries ENABLE ROW LEVEL SECURITY; ALTER TABLE user_link_audit ENABLE ROW LEVEL SECURITY");
        await using (var engine = await Roles.ConnectAsync(scene.Database, role))
        {
            foreach (var read in new Func<Task>[]
            {
                async () => await Listed(new DeliveryIntegrity(engine).CheckAsync(new(), CancellationToken.None)),
                async () => await Listed(new UnlinkedDeliveries(engine).FindAsync(RunScene.Target, false, CancellationToken.None)),
                async () => await Listed(new UserLinkAudit(engine).FindAsync(new(), CancellationToken.None)),
                () => new UserLinkBackfill(engine).RunAsync(
                    RunScene.Target, RunScene.Options() with { Mode = RunMode.Preview }, _ => { }, CancellationToken.None),
            })
            {
                var fault = await Assert.ThrowsAsync<DatabaseException>(read);
                Assert.Equal(AccessFaults.RowSecurity, fault.ErrorId);
            }
        }

        await Roles.DropAsync(scene.Database, role);
    }

    [Fact]
    public async Task The_owner_of_a_table_sees_all_of_it_unless_policies_are_forced_on_it()
    {
        await using var database = await LinkedDatabase.CreateUnlinkedAsync();
        var owner = await Roles.CreateAsync(database, "owner");
        await Roles.GiveTablesAsync(database, owner);
        await database.ExecuteAsync($"GRANT CREATE ON DATABASE {database.Engine.Database} TO \"{owner}\"");
        await using (var engine = await Roles.ConnectAsync(database, owner))
        {
            await LinkedDatabase.InstallAsync(engine);
            await database.ExecuteAsync("ALTER TABLE message_deliveries ENABLE ROW LEVEL SECURITY");
            var backfill = new UserLinkBackfill(engine);
            await backfill.RunAsync(RunScene.Target, RunScene.Options(), _ => { }, CancellationToken.None);

            await database.ExecuteAsync("ALTER TABLE message_deliveries FORCE ROW LEVEL SECURITY");
            var fault = await Assert.ThrowsAnyAsync<LinkageException>(
                () => backfill.RunAsync(RunScene.Target, RunScene.Options(), _ => { }, CancellationToken.None));

            Assert.Contains("NO FORCE ROW LEVEL SECURITY", fault.Message, StringComparison.Ordinal);
        }

        await Roles.DropAsync(database, owner);
    }

    /// <summary>
    /// The triggers run as the owner, who by then may be under forced policies: what they can't see they say in the audit, and where they
    /// can't write the audit they link nothing.
    /// </summary>
    [Theory]
    [InlineData("users", "skipped")]
    [InlineData("event_guests", "skipped")]
    [InlineData("message_deliveries", "linked")]
    [InlineData("feature_flags", "skipped")]
    [InlineData("linkage.link_suppression", "skipped")]
    [InlineData("user_link_audit", null)]
    public async Task Policies_that_are_forced_on_the_triggers_owner_never_fail_the_applications_write(string table, string? outcome)
    {
        await using var database = await LinkedDatabase.CreateUnlinkedAsync();
        var owner = await Roles.CreateAsync(database, "owner");
        var application = await Roles.CreateAsync(database, "application");
        await Roles.GiveTablesAsync(database, owner);
        await database.ExecuteAsync($"GRANT CREATE ON DATABASE {database.Engine.Database} TO \"{owner}\"");
        await using (var engine = await Roles.ConnectAsync(database, owner))
            await LinkedDatabase.InstallAsync(engine);
        await using var scene = await LinkScene.FillAsync(database);
        var linked = await scene.GuestAsync(scene.NewPhone(), LinkScene.Ann);
        var unlinked = await scene.GuestAsync(scene.NewPhone(), null);
        await database.ExecuteAsync("DELETE FROM user_link_audit");
        await database.ExecuteAsync(
            $"""
            GRANT SELECT, INSERT, UPDATE ON users, events, event_guests, messages, message_deliveries TO "{application}";
            ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;
            ALTER TABLE {table} FORCE ROW LEVEL SECURITY;
            CREATE POLICY applications ON {table} TO "{application}" USING (true) WITH CHECK (true);
            """);

        await database.ExecuteAsync($"SET ROLE \"{application}\"");
        await Sessions.InsertDeliveryAsync(database.Connection, linked);
        await Sessions.InsertDeliveryAsync(database.Connection, unlinked);
        await Sessions.LinkGuestAsync(database.Connection, unlinked, LinkScene.Bob);
        await database.ExecuteAsync("RESET ROLE");

        Assert.Equal(2, await database.ScalarAsync<int>("SELECT count(*) FROM message_deliveries"));
        Assert.Equal(LinkScene.Bob, await database.ScalarAsync<string>($"SELECT user_id::text FROM event_guests WHERE id = '{unlinked}'"));
        Assert.Equal(
            outcome,
            await database.ScalarAsync<string?>($"SELECT outcome FROM user_link_audit WHERE source = 'trigger' ORDER BY id LIMIT 1"));
        Assert.Equal(
            outcome == "linked" ? 1 : 0,
            await database.ScalarAsync<int>($"SELECT count(*) FROM message_deliveries WHERE user_id IS NOT NULL"));
        if (outcome == "skipped")
            Assert.All(
                await database.QueryAsync<string>("SELECT metadata ->> 'reason' FROM user_link_audit WHERE outcome = 'skipped'"),
                reason => Assert.StartsWith("error 42501", reason, StringComparison.Ordinal));
        await Roles.DropAsync(database, application, owner);
    }

    private static async Task<List<T>> Listed<T>(IAsyncEnumerable<T> items)
    {
        List<T> all = [];
        await foreach (var item in items)
            all.Add(item);
        return all;
    }
}
