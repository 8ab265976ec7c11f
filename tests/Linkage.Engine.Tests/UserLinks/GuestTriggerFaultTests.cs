using Dapper;

namespace Linkage.Engine.Tests.UserLinks;

/// <summary>Whatever fails when a guest's deliveries are linked, the application's update of the guest goes through.</summary>
public sealed class GuestTriggerFaultTests
{
    [Theory]
    [InlineData("ALTER TABLE user_link_audit RENAME TO kept", false)]
    [InlineData("DROP TABLE user_link_audit CASCADE", false)]
    [InlineData("ALTER TABLE user_link_audit ADD COLUMN demanded integer NOT NULL", false)]
    [InlineData("DROP TABLE linkage.link_suppression CASCADE", true)]
    [InlineData("DROP TABLE linkage.trigger_switch", true)]
    [InlineData("ALTER TABLE linkage.link_target RENAME TO gone", true)]
    [InlineData("ALTER TABLE users RENAME TO people", true)]
    [InlineData("ALTER TABLE message_deliveries RENAME TO posts", true)]
    [InlineData("DROP TABLE message_deliveries CASCADE", true)]
    [InlineData("ALTER TABLE message_deliveries RENAME COLUMN id TO renamed", true)]
    [InlineData("ALTER TABLE message_deliveries RENAME COLUMN guest_id TO renamed", true)]
    [InlineData("ALTER TABLE message_deliveries RENAME COLUMN phone_number TO renamed", true)]
    [InlineData("ALTER TABLE message_deliveries RENAME COLUMN user_id TO renamed", true)]
    [InlineData("ALTER TABLE event_guests RENAME COLUMN id TO renamed", true)]
    [InlineData("ALTER TABLE event_guests RENAME COLUMN event_id TO renamed", true)]
    [InlineData("ALTER TABLE event_guests RENAME COLUMN removed_at TO renamed", true)]
    [InlineData("DROP FUNCTION normalize_phone(text) CASCADE", true)]
    [InlineData("CREATE OR REPLACE FUNCTION get_feature_flag(flag_name text) RETURNS boolean LANGUAGE sql AS 'SELECT 1 / 0 > 0'", true)]
    public async Task A_fault_warns_and_is_audited_where_that_can_be(string fault, bool isAudited)
    {
        await using var scene = await LinkScene.CreateAsync();
        await PrepareAsync(scene);
        await scene.Database.ExecuteAsync(fault);
        var warnings = TriggerFaultTests.Warnings(scene.Database.Connection);

        await scene.Database.ExecuteAsync("UPDATE event_guests SET user_id = @ann::uuid", new { ann = LinkScene.Ann });

        Assert.NotEmpty(warnings);
        Assert.Equal(LinkScene.Ann, await scene.Database.ScalarAsync<string>("SELECT user_id::text FROM event_guests"));
        if (isAudited)
        {
            Assert.Equal(
                ["message_deliveries_backfill skipped t"],
                await scene.Database.QueryAsync<string>(
                    "SELECT format('%s %s %s', table_name, outcome, metadata ->> 'reason' LIKE 'error %') FROM user_link_audit"));
        }
    }

    [Fact]
    public async Task An_owner_without_a_grant_fails_no_update()
    {
        await using var scene = await LinkScene.CreateAsync();
        var delivery = await PrepareAsync(scene);
        var role = $"poor of {scene.Database.Engine.Database}";
        await scene.Database.ExecuteAsync($"CREATE ROLE \"{role}\"; ALTER FUNCTION trigger_backfill_guest_deliveries() OWNER TO \"{role}\"");
        var warnings = TriggerFaultTests.Warnings(scene.Database.Connection);

        await scene.Database.ExecuteAsync("UPDATE event_guests SET user_id = @ann::uuid", new { ann = LinkScene.Ann });

        Assert.NotEmpty(warnings);
        Assert.Equal(LinkScene.Ann, await scene.Database.ScalarAsync<string>("SELECT user_id::text FROM event_guests"));
        Assert.Null(await scene.UserOfAsync(delivery));
        await scene.Database.ExecuteAsync($"DROP OWNED BY \"{role}\" CASCADE; DROP ROLE \"{role}\"");
    }

    [Fact]
    public async Task A_delivery_that_stays_locked_is_given_up_after_the_applications_lock_timeout()
    {
        await using var scene = await LinkScene.CreateAsync();
        var delivery = await PrepareAsync(scene);
        await using var other = await scene.Database.OpenAsync();
        await using (var holding = await other.BeginTransactionAsync())
        {
            await other.ExecuteAsync("SELECT FROM message_deliveries FOR UPDATE");
            await scene.Database.ExecuteAsync("SET lock_timeout = '50ms'");
            await scene.Database.ExecuteAsync("UPDATE event_guests SET user_id = @ann::uuid", new { ann = LinkScene.Ann });
        }

        Assert.Equal(LinkScene.Ann, await scene.Database.ScalarAsync<string>("SELECT user_id::text FROM event_guests"));
        Assert.Null(await scene.UserOfAsync(delivery));
        Assert.Contains("55P03", await scene.Database.ScalarAsync<string>("SELECT metadata ->> 'reason' FROM user_link_audit"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_target_that_fails_does_not_hold_up_the_others()
    {
        await using var scene = await LinkScene.CreateAsync();
        var delivery = await PrepareAsync(scene);
        await scene.Database.ExecuteAsync(
            """
            INSERT INTO linkage.link_target (name, table_schema, table_name, key_columns, phone_column, user_column, guest_column)
            VALUES ('a dropped one', 'public', 'dropped', '{id}', 'phone', 'user_id', 'guest_id');
            """);

        await scene.Database.ExecuteAsync("UPDATE event_guests SET user_id = @ann::uuid", new { ann = LinkScene.Ann });

        Assert.Equal([DeliveryAudit.ByGuestLink("linked", LinkScene.Ann)], await DeliveryAudit.OfAsync(scene.Database, delivery));
        Assert.Equal("a dropped one_backfill", await scene.Database.ScalarAsync<string>("SELECT table_name FROM user_link_audit WHERE outcome = 'skipped'"));
    }

    /// <summary>A delivery of the one guest, who has no user yet.</summary>
    private static async Task<string> PrepareAsync(LinkScene scene) =>
        await scene.DeliveryAsync("2125550188", await scene.GuestAsync(scene.NewPhone(), null));
}
