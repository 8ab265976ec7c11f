using Linkage.Engine.UniqueKeys;

namespace Linkage.Engine.Tests.UniqueKeys;

public sealed class KeyCandidatesTests
{
    [Theory]
    [InlineData(600)]
    [InlineData(6000)]
    public async Task All_six_rules_are_found_on_the_sample_data_with_no_more_than_a_handful_of_others(int duplicates)
    {
        await using var database = await KeyScene.CreateSampleAsync(duplicates);
        var usual = (await new UniqueKeyRules(database.Engine).FindAsync(default)).ToDictionary(r => r.Name);

        var report = await FindAsync(database);

        Assert.Empty(report.LeftOut);
        Assert.Subset(
            report.Candidates.Select(c => c.Rule).ToHashSet(), usual.Values.Where(r => r.Origin == "built in").Select(r => r.Name).ToHashSet());
        Assert.InRange(report.Candidates.Count(c => !c.IsRegistered), 0, 3);
        Assert.All(report.Candidates, c => Assert.True(c.IsExact));
        Assert.All(
            report.Candidates.Where(c => c.IsRegistered && usual[c.Rule].Origin == "built in"), c => Assert.Equal(duplicates / 6, c.Duplicates));
        // Three of the expected keys are missing; the others are not proposed.
        Assert.Equal(3, report.Candidates.Count(c => c.IsRegistered && usual[c.Rule].Origin == "expected"));
        Assert.Equal(report.Candidates.Select(c => c.Score).OrderDescending(), report.Candidates.Select(c => c.Score));
    }

    [Fact]
    public async Task A_proposal_can_be_registered_and_then_finds_its_duplicates()
    {
        await using var database = await KeyScene.CreateSampleAsync(600);
        await database.ExecuteAsync("ALTER TABLE campaign_queue RENAME TO \"Queue\"");

        var found = (await FindAsync(database, "\"Queue\"")).Candidates.Single();
        var rule = await KeyScene.RegisterAsync(
            database, new UniqueKeyRequest { Name = found.Rule, Table = found.Table, Keys = found.Keys, Predicate = found.Predicate });

        Assert.Equal(("status = 'pending'", false), (found.Predicate, found.IsRegistered));
        Assert.Equal(
            found.Duplicates,
            await database.ScalarAsync<long>("SELECT duplicates FROM linkage.count_duplicates(linkage.find_unique_key_rule(@Name))", new { rule.Name }));
        Assert.True((await FindAsync(database, "\"Queue\"")).Candidates.Single().IsRegistered);
        await database.ExecuteAsync("CREATE UNIQUE INDEX ON \"Queue\" (lead_card_id, agent) WHERE status = 'pending' AND agent = 'nobody'");
        Assert.Empty((await FindAsync(database, "\"Queue\"")).Candidates);
    }

    [Fact]
    public async Task What_many_rows_share_is_not_proposed_and_an_external_id_is_without_any_row()
    {
        await using var database = await KeyScene.CreateAsync();
        await database.ExecuteAsync(
            """
            CREATE TABLE visits (id bigint PRIMARY KEY, customer_id bigint NOT NULL, email text, "externalId" text);
            CREATE TABLE stays (id bigint PRIMARY KEY, customer_id bigint NOT NULL, email text);
            INSERT INTO stays SELECT i, i / 3, 'someone' FROM generate_series(1, 1000) AS i;
            ANALYZE stays;
            """);

        var visits = (await FindAsync(database, "visits")).Candidates;
        var stays = (await FindAsync(database, "stays")).Candidates;

        Assert.Equal(("externalId", "\"externalId\" IS NOT NULL", 0L), (visits.Single().Keys.Single(), visits.Single().Predicate, visits.Single().Rows));
        Assert.Empty(stays);
    }

    [Fact]
    public async Task No_more_rows_are_read_than_allowed()
    {
        await using var database = await KeyScene.CreateAsync();
        await database.ExecuteAsync(
            "INSERT INTO messages (external_id) SELECT i::text FROM generate_series(1, 20000) AS i; ANALYZE messages");

        var found = (await new KeyCandidates(database.Engine).FindAsync(
            new KeyCandidateOptions { Tables = ["messages"], SampleRows = 1000 }, null, default)).Candidates.Single();

        Assert.InRange(found.Rows, 1, 1000);
        Assert.False(found.IsExact);
        Assert.Contains(found.Reasons, r => r.Contains("in a sample", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Tables_for_which_there_is_no_time_are_named_and_nothing_waits_for_them()
    {
        await using var database = await KeyScene.CreateSampleAsync();
        await using var other = await database.OpenAsync();
        await using var command = new Npgsql.NpgsqlCommand("BEGIN; LOCK TABLE messages IN ACCESS EXCLUSIVE MODE", other);
        await command.ExecuteNonQueryAsync();

        var report = await new KeyCandidates(database.Engine).FindAsync(
            new KeyCandidateOptions { Tables = ["messages"], MaxDuration = TimeSpan.FromMilliseconds(500) }, null, default);

        Assert.Equal(["public.messages"], report.LeftOut);
        Assert.Empty(report.Candidates);
    }

    [Fact]
    public async Task A_table_that_there_is_not_is_an_error()
    {
        await using var database = await KeyScene.CreateAsync();

        var fault = await Assert.ThrowsAsync<LinkageException>(() => FindAsync(database, "mesages"));

        Assert.Contains("messages", fault.Message, StringComparison.Ordinal);
    }

    private static Task<KeyCandidateReport> FindAsync(LinkedDatabase database, params string[] tables) =>
        new KeyCandidates(database.Engine).FindAsync(new KeyCandidateOptions { Tables = tables }, null, CancellationToken.None);
}
