using Linkage.Engine.Runs;
using Linkage.Engine.UserLinks;
using static Linkage.Engine.Tests.UserLinks.LinkScene;

namespace Linkage.Engine.Tests.UserLinks;

public sealed class UserLinkAuditTests
{
    private const string Shared = "+12135559999";

    [Fact]
    public async Task An_entry_carries_all_that_was_decided()
    {
        await using var scene = await LinkScene.CreateAsync();
        var guest = await scene.GuestAsync("+12135550000", Ann);
        var delivery = await scene.DeliveryAsync("(213) 555-0000", guest);
        var run = await scene.BackfillAsync();

        var entry = Assert.Single(await scene.AuditAsync());

        Assert.Equal(
            ("message_deliveries", delivery, Event, "+12135550000", guest, Ann),
            (entry.Table, entry.RecordId, entry.EventId, entry.Phone, entry.GuestId, entry.UserId));
        Assert.Equal(
            ("linked", "guest", "backfill", null, run.RunId, false, null),
            (entry.Outcome, entry.Rule, entry.Source, entry.Reason, entry.RunId, entry.IsDryRun, entry.PreviousUserId));
        Assert.Equal(DateTimeKind.Utc, entry.CreatedAt.Kind);
    }

    [Fact]
    public async Task Every_filter_lets_through_what_it_names_and_nothing_else()
    {
        await using var scene = await LinkScene.CreateAsync();
        var linked = await scene.LinkableAsync(Bob);
        var ambiguous = await scene.AmbiguousAsync(Shared);
        var other = await scene.GuestAsync("+12135558888", null, eventId: OtherEvent);
        var noMatch = await scene.DeliveryAsync("+12135558888", other);
        var skipped = await scene.DeliveryAsync("nonsense", null);
        var run = await scene.BackfillAsync();
        // An undo, and what the trigger finds for a delivery of a guest who is linked.
        var undo = await scene.UndoAsync(run.RunId!.Value);
        var guest = await scene.GuestAsync("+12135557777", Ann);
        await scene.Database.ExecuteAsync(
            "INSERT INTO message_deliveries (phone_number, guest_id) VALUES ('2135557777', @guest::uuid)", new { guest });

        async Task<string[]> Found(UserLinkAuditFilter filter) =>
            [.. (await scene.AuditAsync(filter)).Select(e => $"{e.Source} {e.Outcome}").Order()];

        Assert.Equal(6, (await scene.AuditAsync()).Count);
        Assert.Equal(["backfill ambiguous"], await Found(new() { Outcomes = ["ambiguous"] }));
        Assert.Equal(["backfill ambiguous", "backfill skipped"], await Found(new() { Outcomes = ["ambiguous", "skipped"] }));
        Assert.Equal(["backfill linked", "trigger linked", "undo unlinked"], await Found(new() { Rules = ["guest"] }));
        Assert.Equal(["trigger linked"], await Found(new() { Sources = ["trigger"] }));
        Assert.Equal(["undo unlinked"], await Found(new() { RunId = undo.RunId }));
        Assert.Equal(["backfill linked", "undo unlinked"], await Found(new() { RecordId = linked.ToUpperInvariant() }));
        Assert.Equal(["backfill no_match"], await Found(new() { EventId = OtherEvent }));
        Assert.Equal(["backfill no_match"], await Found(new() { RecordId = noMatch }));
        Assert.Equal(["backfill ambiguous"], await Found(new() { RecordId = ambiguous }));
        Assert.Equal(["backfill skipped"], await Found(new() { RecordId = skipped }));
        Assert.Equal(["backfill linked", "undo unlinked"], await Found(new() { UserId = Bob }));
        Assert.Equal(6, (await Found(new() { Tables = ["message_deliveries"] })).Length);
        Assert.Empty(await Found(new() { Tables = ["message_deliveries_backfill"] }));
        Assert.Empty(await Found(new() { Until = DateTimeOffset.UtcNow.AddHours(-1) }));
        Assert.Empty(await Found(new() { Since = DateTimeOffset.UtcNow.AddHours(1) }));
        Assert.Equal(6, (await Found(new() { Since = DateTimeOffset.UtcNow.AddHours(-1), Until = DateTimeOffset.UtcNow.AddHours(1) })).Length);
        Assert.Equal(2, (await Found(new() { First = 2 })).Length);
    }

    [Theory]
    [InlineData("2135559999")]
    [InlineData("12135559999")]
    [InlineData("+12135559999")]
    [InlineData("(213) 555-9999")]
    public async Task A_phone_is_found_in_any_written_form(string written)
    {
        await using var scene = await LinkScene.CreateAsync();
        var delivery = await scene.AmbiguousAsync(Shared);
        await scene.LinkableAsync();
        await scene.BackfillAsync();

        var entry = Assert.Single(await scene.AuditAsync(new() { Phone = written }));

        Assert.Equal((delivery, Shared), (entry.RecordId, entry.Phone));
    }

    [Fact]
    public async Task What_is_no_phone_is_refused_rather_than_not_found()
    {
        await using var scene = await LinkScene.CreateAsync();

        var fault = await Assert.ThrowsAsync<LinkageException>(() => scene.AuditAsync(new() { Phone = "nonsense" }));

        Assert.Equal(("Linkage.Phone.NotPossible", FaultKind.InvalidInput), (fault.ErrorId, fault.Kind));
    }

    [Fact]
    public async Task Dry_runs_are_left_out_unless_they_or_their_run_are_asked_for()
    {
        await using var scene = await LinkScene.CreateAsync();
        await scene.LinkableAsync();
        var dry = await scene.BackfillAsync(RunMode.DryRun);

        Assert.Empty(await scene.AuditAsync());
        Assert.True(Assert.Single(await scene.AuditAsync(new() { WithDryRuns = true })).IsDryRun);
        Assert.True(Assert.Single(await scene.AuditAsync(new() { RunId = dry.RunId })).IsDryRun);
        Assert.Empty(await new UserLinkAudit(scene.Database.Engine).MeasureAsync(null, null, null, CancellationToken.None));
    }

    [Fact]
    public async Task Hostile_texts_are_values_and_nothing_else()
    {
        await using var scene = await LinkScene.CreateAsync();
        await scene.LinkableAsync();
        await scene.BackfillAsync();
        const string Hostile = "'; DROP TABLE user_link_audit; --";

        Assert.Empty(await scene.AuditAsync(new() { Tables = [Hostile], Outcomes = [Hostile], Rules = [Hostile], Sources = [Hostile] }));
        Assert.Empty(await scene.AuditAsync(new() { RecordId = Hostile }));
        Assert.Empty(await new UserLinkAudit(scene.Database.Engine).MeasureAsync(null, null, [Hostile], CancellationToken.None));
        Assert.Equal(0, (await scene.ClearAsync(TimeSpan.Zero, tables: [Hostile])).Count("processed"));
        Assert.Single(await scene.AuditAsync());
    }

    [Fact]
    public async Task The_whole_audit_streams_by_its_key_without_a_sort()
    {
        await using var scene = await LinkScene.CreateAsync();
        await scene.Database.ExecuteAsync(
            """
            INSERT INTO user_link_audit (table_name, outcome) SELECT 'message_deliveries', 'no_match' FROM generate_series(1, 5000);
            ANALYZE user_link_audit
            """);

        var plan = string.Join('\n', await scene.Database.QueryAsync<string>("EXPLAIN SELECT * FROM linkage.find_user_link_audit()"));

        Assert.Contains("Index Scan using user_link_audit_pkey", plan, StringComparison.Ordinal);
        Assert.DoesNotContain("Sort", plan, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_adopted_audit_with_random_ids_comes_in_time_order_and_is_cleared_whole()
    {
        var database = await LinkedDatabase.CreateUnlinkedAsync();
        await database.ExecuteAsync(
            """
            CREATE TABLE user_link_audit (
              id uuid PRIMARY KEY DEFAULT gen_random_uuid(), table_name text NOT NULL, record_id uuid NOT NULL, event_id uuid,
              normalized_phone text, matched_guest_id uuid, linked_user_id uuid, outcome text NOT NULL,
              created_at timestamptz NOT NULL DEFAULT now());
            INSERT INTO user_link_audit (table_name, record_id, outcome, created_at)
            SELECT 'message_deliveries', gen_random_uuid(), 'no_match', now() - i * interval '1 hour' FROM generate_series(1, 200) i
            """);
        await database.InstallAsync();
        await using var scene = await LinkScene.FillAsync(database);

        var entries = await scene.AuditAsync();
        var cleared = await scene.ClearAsync(TimeSpan.FromMinutes(100 * 60 + 30), batchSize: 7);

        Assert.Equal(200, entries.Count);
        Assert.Equal(entries.Select(e => e.CreatedAt).Order(), entries.Select(e => e.CreatedAt));
        Assert.Equal((100, 100), (cleared.Count("processed"), cleared.Count("cleared")));
        Assert.Equal(entries.Skip(100).Select(e => e.AuditId), (await scene.AuditAsync()).Select(e => e.AuditId));
    }

    [Fact]
    public async Task A_measure_counts_by_table_and_outcome_with_their_events_and_times()
    {
        await using var scene = await LinkScene.CreateAsync();
        await scene.Database.ExecuteAsync(
            $"""
            INSERT INTO user_link_audit (table_name, outcome, event_id, created_at, dry_run) VALUES
              ('message_deliveries', 'linked', '{Event}', '2026-01-01 00:00Z', false),
              ('message_deliveries', 'linked', '{Event}', '2026-01-02 00:00Z', false),
              ('message_deliveries', 'linked', '{OtherEvent}', '2026-01-03 00:00Z', false),
              ('message_deliveries', 'linked', NULL, '2026-01-04 00:00Z', false),
              ('message_deliveries', 'linked', '{Event}', '2026-01-05 00:00Z', true),
              ('message_deliveries', 'no_match', NULL, '2026-01-03 00:00Z', false),
              ('message_deliveries_backfill', 'linked', '{Event}', '2026-01-03 00:00Z', false)
            """);
        var audit = new UserLinkAudit(scene.Database.Engine);
        static DateTime Day(int day) => new(2026, 1, day, 0, 0, 0, DateTimeKind.Utc);

        Assert.Equal(
            [
                new UserLinkAuditMeasure("message_deliveries", "linked", 4, 2, Day(1), Day(4)),
                new UserLinkAuditMeasure("message_deliveries", "no_match", 1, 0, Day(3), Day(3)),
                new UserLinkAuditMeasure("message_deliveries_backfill", "linked", 1, 1, Day(3), Day(3)),
            ],
            await audit.MeasureAsync(null, null, null, CancellationToken.None));
        Assert.Equal(
            [new UserLinkAuditMeasure("message_deliveries", "linked", 1, 1, Day(2), Day(2))],
            await audit.MeasureAsync(Day(2), Day(3), ["message_deliveries"], CancellationToken.None));
    }

    [Fact]
    public async Task What_is_ambiguous_comes_with_the_guests_who_have_the_phone()
    {
        await using var scene = await LinkScene.CreateAsync();
        await scene.AmbiguousAsync(Shared);
        await scene.DeliveryAsync(Shared, await scene.GuestAsync("2135559999 ", null, removed: true));
        await scene.BackfillAsync();
        await scene.BackfillAsync();
        await scene.BackfillAsync(RunMode.DryRun);

        var found = Assert.Single(
            await new UserLinkAudit(scene.Database.Engine).FindAmbiguousAsync(null, null, null, CancellationToken.None));

        Assert.Equal((Event, Shared, 4, 2, 2, 0), (found.EventId, found.Phone, found.Count, found.Records, found.Guests, found.Users));
        Assert.Equal(["First", "Second"], found.GuestNames.Split(", ").Order());
        Assert.Equal(2, found.GuestIds.Split(", ").Length);
    }
}
