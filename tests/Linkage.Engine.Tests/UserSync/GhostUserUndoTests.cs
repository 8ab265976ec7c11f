using Dapper;
using Linkage.Engine.Runs;

namespace Linkage.Engine.Tests.UserSync;

/// <summary>An undo takes the profiles back that the repair made, unless somebody came to use them; its own undo brings them back as they were.</summary>
public sealed class GhostUserUndoTests
{
    public static TheoryData<string> Shapes => ProfileShape.Labels;

    [Theory]
    [MemberData(nameof(Shapes))]
    public async Task An_undo_takes_back_exactly_what_the_repair_made_and_the_undo_of_that_brings_it_back(string label)
    {
        await using var scene = await UserSyncScene.CreateAsync(ProfileShape.Named(label));
        var signedUp = await scene.SignUpAsync();
        var before = await scene.RowsAsync();
        var ghosts = await scene.GhostsAsync(5);
        var repair = await scene.RepairAsync();
        var repaired = await scene.RowsAsync();

        var undo = await scene.UndoAsync(repair);

        Assert.Equal((5, 5, 0, 0), Counts(undo));
        Assert.Equal(before, await scene.RowsAsync());
        Assert.Equal("undone", await scene.StatusAsync(repair));
        Assert.Equal(ghosts.Select(ghost => ghost.Id), (await scene.FindGhostsAsync()).Select(ghost => ghost.AccountId));
        var again = await scene.UndoAsync(undo);
        Assert.Equal((5, 5, 0, 0), Counts(again));
        Assert.Equal(repaired, await scene.RowsAsync());
        Assert.Equal("completed", await scene.StatusAsync(repair));
        await scene.UndoAsync(again);
        Assert.Equal(before, await scene.RowsAsync());
        await scene.AssertProfilesAsync(signedUp);
    }

    [Fact]
    public async Task A_row_comes_back_with_what_the_accounts_do_not_tell()
    {
        await using var scene = await UserSyncScene.CreateAsync();
        await scene.Database.ExecuteAsync(
            """
            ALTER TABLE users
              ADD COLUMN number bigint GENERATED ALWAYS AS IDENTITY, ADD COLUMN token uuid DEFAULT gen_random_uuid(),
              ADD COLUMN since timestamptz DEFAULT clock_timestamp(), ADD COLUMN note text, ADD COLUMN tags text[] DEFAULT '{a,NULL,"b c"}',
              ADD COLUMN settings jsonb DEFAULT '{"a": null, "b": 1.50}', ADD COLUMN picture bytea DEFAULT '\x00ff',
              ADD COLUMN amount numeric DEFAULT 1.10, ADD COLUMN ratio float8 DEFAULT 0.1, ADD COLUMN span tstzrange DEFAULT '[2024-01-01,)',
              ADD COLUMN doubled text GENERATED ALWAYS AS (name || name) STORED
            """);
        await scene.GhostsAsync(3);
        var repair = await scene.RepairAsync();
        const string Rows = "SELECT t::text FROM users t ORDER BY id";
        var repaired = await scene.Database.QueryAsync<string>(Rows);

        await scene.UndoAsync(await scene.UndoAsync(repair));

        Assert.Equal(repaired, await scene.Database.QueryAsync<string>(Rows));
    }

    [Theory]
    [InlineData("CREATE TABLE orders (user_id uuid REFERENCES users (id))")]
    [InlineData("CREATE TABLE orders (user_id uuid REFERENCES users (id) ON DELETE CASCADE)")]
    [InlineData("CREATE TABLE orders (user_id uuid REFERENCES users (id) ON DELETE SET NULL)")]
    [InlineData("CREATE TABLE orders (user_id uuid DEFAULT NULL REFERENCES users (id) ON DELETE SET DEFAULT)")]
    [InlineData("CREATE TABLE orders (user_id uuid REFERENCES users (id) DEFERRABLE INITIALLY DEFERRED)")]
    [InlineData("CREATE SCHEMA \"Other's\"; CREATE TABLE \"Other's\".\"%I\" (user_id uuid REFERENCES users (id) ON DELETE CASCADE); CREATE VIEW orders AS SELECT * FROM \"Other's\".\"%I\"")]
    [InlineData("CREATE TABLE orders (user_id uuid REFERENCES users (id) ON DELETE CASCADE) PARTITION BY HASH (user_id); CREATE TABLE orders_0 PARTITION OF orders FOR VALUES WITH (MODULUS 1, REMAINDER 0)")]
    public async Task A_profile_that_something_refers_to_stays_and_is_reported(string table)
    {
        await using var scene = await UserSyncScene.CreateAsync();
        await scene.Database.ExecuteAsync(table);
        var ghosts = await scene.GhostsAsync(3);
        var repair = await scene.RepairAsync();
        await scene.Database.ExecuteAsync("INSERT INTO orders VALUES (@Id::uuid)", new { ghosts[1].Id });

        var undo = await scene.UndoAsync(repair);

        Assert.Equal(("completed", "partly undone"), (undo.Status, await scene.StatusAsync(repair)));
        Assert.Equal((3, 2, 0, 1), Counts(undo));
        await scene.AssertProfilesAsync(ghosts[1]);
        Assert.Equal(ghosts[1].Id, await scene.Database.ScalarAsync<string>("SELECT user_id::text FROM orders"));
        var reported = (await scene.LogAsync()).Single(entry => entry.RunId == undo.RunId && entry.Outcome == "conflict");
        Assert.Equal(ghosts[1].Id, reported.RecordId);
        Assert.False(string.IsNullOrEmpty(reported.Reason));

        // The next undo takes back what is free by then, and the undo's undo what it took.
        await scene.Database.ExecuteAsync("DELETE FROM orders");
        var rest = await scene.UndoAsync(repair);
        Assert.Equal(1, rest.Count("rolled_back"));
        Assert.Equal("undone", await scene.StatusAsync(repair));
        await scene.UndoAsync(undo);
        await scene.AssertProfilesAsync(ghosts[0], ghosts[2]);
    }

    [Theory]
    [InlineData("email", "other@example.com")]
    [InlineData("id", null)]
    public async Task A_reference_by_any_key_counts(string key, string? email)
    {
        await using var scene = await UserSyncScene.CreateAsync();
        await scene.Database.ExecuteAsync(
            $"CREATE TABLE orders (key {(key == "id" ? "uuid" : "text")} REFERENCES users ({key}) ON UPDATE CASCADE ON DELETE CASCADE)");
        var ghost = await scene.GhostAsync(scene.NewAccount() with { Email = email ?? "one@example.com" });
        var repair = await scene.RepairAsync();
        await scene.Database.ExecuteAsync($"INSERT INTO orders SELECT {key} FROM users");

        Assert.Equal((1, 0, 0, 1), Counts(await scene.UndoAsync(repair)));

        await scene.AssertProfilesAsync(ghost);
        Assert.Equal(1, await scene.Database.ScalarAsync<long>("SELECT count(*) FROM orders"));
    }

    [Fact]
    public async Task A_profile_that_another_profile_refers_to_stays()
    {
        await using var scene = await UserSyncScene.CreateAsync();
        await scene.Database.ExecuteAsync("ALTER TABLE users ADD COLUMN invited_by uuid REFERENCES users (id) ON DELETE CASCADE");
        var ghosts = await scene.GhostsAsync(2);
        var repair = await scene.RepairAsync();
        await scene.Database.ExecuteAsync(
            "INSERT INTO users (name, invited_by) VALUES ('Guest', @Id::uuid)", new { ghosts[0].Id });

        Assert.Equal((2, 1, 0, 1), Counts(await scene.UndoAsync(repair)));

        Assert.Equal(2, (await scene.RowsAsync()).Count);
    }

    [Theory]
    [InlineData("name = 'Annie'")]
    [InlineData("phone = '+12125550123'")]
    [InlineData("updated_at = updated_at + interval '1 microsecond'")]
    [InlineData("note = 'seen'")]
    public async Task A_profile_that_was_changed_since_stays_and_is_reported(string change)
    {
        await using var scene = await UserSyncScene.CreateAsync();
        await scene.Database.ExecuteAsync("ALTER TABLE users ADD COLUMN note text");
        var ghosts = await scene.GhostsAsync(3);
        var repair = await scene.RepairAsync();
        await scene.Database.ExecuteAsync($"UPDATE users SET {change} WHERE id = @Id::uuid", new { ghosts[1].Id });
        var changed = await scene.Database.ScalarAsync<string>("SELECT to_jsonb(t)::text FROM users t WHERE id = @Id::uuid", new { ghosts[1].Id });

        Assert.Equal((3, 2, 0, 1), Counts(await scene.UndoAsync(repair)));

        Assert.Equal(changed, Assert.Single(await scene.RowsAsync()));
        Assert.Equal("partly undone", await scene.StatusAsync(repair));
    }

    [Fact]
    public async Task How_json_is_written_is_no_change()
    {
        await using var scene = await UserSyncScene.CreateAsync();
        await scene.Database.ExecuteAsync("""ALTER TABLE users ADD COLUMN flags json DEFAULT '{"b":1,  "a":[]}'""");
        await scene.GhostAsync();

        Assert.Equal((1, 1, 0, 0), Counts(await scene.UndoAsync(await scene.RepairAsync())));
    }

    [Fact]
    public async Task A_column_that_was_added_since_is_no_change()
    {
        await using var scene = await UserSyncScene.CreateAsync();
        await scene.GhostsAsync(2);
        var repair = await scene.RepairAsync();
        await scene.Database.ExecuteAsync("ALTER TABLE users ADD COLUMN note text DEFAULT 'none'");

        Assert.Equal(2, (await scene.UndoAsync(repair)).Count("rolled_back"));
    }

    [Fact]
    public async Task A_profile_that_is_gone_or_was_made_anew_by_the_application_is_left_as_it_is()
    {
        await using var scene = await UserSyncScene.CreateAsync();
        var ghosts = await scene.GhostsAsync(3);
        var repair = await scene.RepairAsync();
        await scene.Database.ExecuteAsync(
            """
            DELETE FROM users WHERE id IN (@gone::uuid, @anew::uuid);
            INSERT INTO users (id, name, email) VALUES (@anew::uuid, 'Made by hand', 'hand@example.com');
            """,
            new { gone = ghosts[0].Id, anew = ghosts[1].Id });

        var undo = await scene.UndoAsync(repair);

        Assert.Equal((3, 1), (undo.Count("processed"), undo.Count("rolled_back")));
        Assert.Equal("Made by hand", await scene.Database.ScalarAsync<string>("SELECT name FROM users"));
        var back = await scene.UndoAsync(undo);
        Assert.Equal(1, back.Count("rolled_back"));
        Assert.Equal(
            [ghosts[1].Id, ghosts[2].Id],
            (await scene.ProfilesAsync()).Keys.OrderBy(id => id == ghosts[1].Id ? 0 : 1));
    }

    [Theory]
    [InlineData("INSERT INTO users (id, name, email) SELECT id, 'By hand', 'hand@example.com' FROM auth.users")]
    [InlineData("INSERT INTO users (name, email) SELECT 'Another', email FROM auth.users")]
    public async Task An_undo_of_the_undo_overwrites_nothing(string meanwhile)
    {
        await using var scene = await UserSyncScene.CreateAsync();
        await scene.GhostAsync();
        var undo = await scene.UndoAsync(await scene.RepairAsync());
        await scene.Database.ExecuteAsync(meanwhile);
        var before = await scene.RowsAsync();

        var back = await scene.UndoAsync(undo);

        Assert.Equal((1, 0), (back.Count("processed"), back.Count("rolled_back")));
        Assert.Equal(before, await scene.RowsAsync());
    }

    [Fact]
    public async Task An_account_that_is_gone_gets_no_profile_back_where_the_table_wants_one()
    {
        await using var scene = await UserSyncScene.CreateAsync(ProfileShape.Minimal);
        var ghosts = await scene.GhostsAsync(2);
        var undo = await scene.UndoAsync(await scene.RepairAsync());
        await scene.Database.ExecuteAsync("DELETE FROM auth.users WHERE id = @Id::uuid", new { ghosts[0].Id });

        var back = await scene.UndoAsync(undo);

        Assert.Equal((2, 1), (back.Count("processed"), back.Count("rolled_back")));
        await scene.AssertProfilesAsync(ghosts[1]);
    }

    [Theory]
    [InlineData("ON DELETE CASCADE")]
    [InlineData("ON DELETE SET NULL")]
    [InlineData("")]
    public async Task A_reference_that_arrives_while_the_undo_waits_for_the_row_is_seen(string onDelete)
    {
        await using var scene = await UserSyncScene.CreateAsync();
        await scene.Database.ExecuteAsync($"CREATE TABLE orders (user_id uuid REFERENCES users (id) {onDelete})");
        var ghosts = await scene.GhostsAsync(3);
        var repair = await scene.RepairAsync();
        await using var application = await scene.Database.OpenAsync();
        await using var transaction = await application.BeginTransactionAsync();
        await application.ExecuteAsync("INSERT INTO orders VALUES (@Id::uuid)", new { ghosts[1].Id });

        var undoing = scene.UndoAsync(repair, new() { LockTimeout = TimeSpan.FromMinutes(1) });
        await Poll.UntilAsync(async () =>
        {
            Assert.False(undoing.IsCompleted, "The undo was to wait for the application.");
            return await scene.Database.ScalarAsync<bool>(
                """
                SELECT EXISTS (
                  SELECT FROM pg_stat_activity
                  WHERE datname = current_database() AND application_name LIKE 'Linkage%' AND wait_event_type = 'Lock')
                """);
        });
        await transaction.CommitAsync();
        var undo = await undoing;

        Assert.Equal((3, 2, 0, 1), Counts(undo));
        Assert.Equal(ghosts[1].Id, await scene.Database.ScalarAsync<string>("SELECT user_id::text FROM orders"));
        await scene.AssertProfilesAsync(ghosts[1]);
    }

    [Fact]
    public async Task A_preview_of_an_undo_counts_what_it_would_do_and_writes_nothing()
    {
        await using var scene = await UserSyncScene.CreateAsync();
        await scene.Database.ExecuteAsync("CREATE TABLE orders (user_id uuid REFERENCES users (id))");
        var ghosts = await scene.GhostsAsync(4);
        var repair = await scene.RepairAsync();
        await scene.Database.ExecuteAsync(
            "INSERT INTO orders VALUES (@used::uuid); UPDATE users SET name = 'Other' WHERE id = @changed::uuid",
            new { used = ghosts[0].Id, changed = ghosts[1].Id });
        var before = await scene.RowsAsync();

        var preview = await scene.UndoAsync(repair, new() { Mode = RunMode.Preview });
        var dry = await scene.UndoAsync(repair, new() { Mode = RunMode.DryRun });
        Assert.Equal(before, await scene.RowsAsync());
        var undo = await scene.UndoAsync(repair);

        Assert.Equal((4, 2, 0, 2), Counts(undo));
        Assert.Equal((Counts(undo), Counts(undo)), (Counts(preview), Counts(dry)));
    }

    private static (long, long, long, long) Counts(RunResult undo) =>
        (undo.Count("processed"), undo.Count("rolled_back"), undo.Count("unchanged"), undo.Count("conflicts"));
}
