using Linkage.Engine.Runs;
using Linkage.Engine.UniqueKeys;
using static Linkage.Engine.Tests.UniqueKeys.KeyBuildScene;

namespace Linkage.Engine.Tests.UniqueKeys;

public sealed class UniqueKeyBuildTests
{
    [Fact]
    public async Task A_key_is_built_once_and_then_left_as_it_is()
    {
        await using var database = await KeyScene.CreateAsync();

        var first = await AddAsync(database);
        var second = await AddAsync(database);

        Assert.Equal((true, false), (first.IsAdded, second.IsAdded));
        Assert.Equal(("Enforced", $"public.{Rule}"), (second.State.State, second.State.Index));
        Assert.Equal([$"{Rule} true"], await IndexesAsync(database));
    }

    [Fact]
    public async Task A_key_that_an_index_of_another_name_enforces_is_not_built_again()
    {
        await using var database = await KeyScene.CreateAsync();
        await database.ExecuteAsync("CREATE UNIQUE INDEX other ON messages (external_id)");

        var result = await AddAsync(database);

        Assert.Equal((false, "public.other"), (result.IsAdded, result.State.Index));
        Assert.Equal(["other true"], await IndexesAsync(database));
    }

    [Fact]
    public async Task Duplicates_found_by_the_first_look_are_an_error_and_no_build_begins()
    {
        await using var database = await KeyScene.CreateAsync();
        await InsertAsync(database.Connection, "a", "a", "a", "b");

        var fault = await Assert.ThrowsAsync<LinkageException>(() => AddAsync(database));

        Assert.Equal("Linkage.UniqueKey.Duplicates", fault.ErrorId);
        Assert.Contains("2 rows", fault.Message, StringComparison.Ordinal);
        Assert.Contains($"Remove-DuplicateRecord -Rule {Rule}", fault.Message, StringComparison.Ordinal);
        Assert.Empty(await IndexesAsync(database));
        Assert.Equal(4, await database.ScalarAsync<long>("SELECT count(*) FROM messages"));
    }

    [Fact]
    public async Task Duplicates_are_removed_where_somebody_knows_how_and_the_run_is_named()
    {
        await using var database = await KeyScene.CreateAsync();
        await InsertAsync(database.Connection, "a", "a", "b");
        var removal = new Removal(database);

        var result = await AddAsync(database, new UniqueKeyOptions { RemoveDuplicates = removal.RunAsync });

        Assert.True(result.IsAdded);
        Assert.Equal(removal.Runs, result.RunIds);
        Assert.Single(removal.Runs);
        Assert.Equal([$"{Rule} true"], await IndexesAsync(database));
    }

    [Fact]
    public async Task A_removal_that_did_not_complete_ends_it()
    {
        await using var database = await KeyScene.CreateAsync();
        await InsertAsync(database.Connection, "a", "a");
        var removal = new Removal(database) { Status = "stopped" };

        var fault = await Assert.ThrowsAsync<LinkageException>(
            () => AddAsync(database, new UniqueKeyOptions { RemoveDuplicates = removal.RunAsync }));

        Assert.Contains("is stopped", fault.Message, StringComparison.Ordinal);
        Assert.Empty(await IndexesAsync(database));
    }

    [Fact]
    public async Task All_keys_come_to_stand_on_the_sample_data_once_its_duplicates_are_removed()
    {
        await using var database = await KeyScene.CreateSampleAsync();
        var options = new UniqueKeyOptions
        {
            RemoveDuplicates = (rule, stop) => new DuplicateRemoval(database.Engine).RunAsync(rule, new RunOptions(), _ => { }, stop),
        };

        foreach (var rule in await new UniqueKeyRules(database.Engine).FindAsync(default))
        {
            var result = await new UniqueKeyBuild(database.Engine).AddAsync(rule.Name, options, default);
            Assert.Equal(("Enforced", rule.Origin == "built in" ? 1 : 0), (result.State.State, result.RunIds.Count));
        }

        Assert.Equal(0, await database.ScalarAsync<long>("SELECT sum(d.duplicates) FROM linkage.unique_key_rule r, linkage.count_duplicates(r) d"));
    }

    [Fact]
    public async Task A_partitioned_table_gets_an_index_on_each_partition_and_a_valid_whole()
    {
        await using var database = await PartitionedAsync("HASH (external_id)");
        await database.ExecuteAsync($"CREATE UNIQUE INDEX {Rule} ON ONLY messages (external_id) WHERE external_id IS NOT NULL");

        var result = await AddAsync(database);

        Assert.True(result.IsAdded);
        Assert.Equal(
            3,
            await database.ScalarAsync<long>(
                $"SELECT count(*) FROM pg_partition_tree('{Rule}'::regclass) t JOIN pg_index i ON i.indexrelid = t.relid AND i.indisvalid AND i.indisunique"));
        Assert.False((await AddAsync(database)).IsAdded);
    }

    [Fact]
    public async Task Odd_names_are_built_as_they_are()
    {
        await using var database = await KeyScene.CreateAsync();
        await database.ExecuteAsync(
            """
            CREATE SCHEMA "odd.schema";
            CREATE TABLE "odd.schema"."a ""b"".c" ("k k" int) PARTITION BY LIST ("k k");
            CREATE TABLE "odd.schema"."part 'one'" PARTITION OF "odd.schema"."a ""b"".c" FOR VALUES IN (1);
            """);
        var rule = await KeyScene.RegisterAsync(
            database, new UniqueKeyRequest { Name = "Odd \"rule\" 'n' ü" + new string('x', 40), Table = "\"odd.schema\".\"a \"\"b\"\".c\"", Keys = ["k k"] });

        Assert.True((await new UniqueKeyBuild(database.Engine).AddAsync(rule.Name, new UniqueKeyOptions(), default)).IsAdded);
        Assert.False((await new UniqueKeyBuild(database.Engine).AddAsync(rule.Name, new UniqueKeyOptions(), default)).IsAdded);
        Assert.Equal(0, await database.ScalarAsync<long>("SELECT count(*) FROM pg_index WHERE NOT indisvalid"));
    }

    [Fact]
    public async Task A_rule_without_its_table_is_an_error()
    {
        await using var database = await LinkedDatabase.CreateEmptyAsync();
        await KeyScene.InstallAsync(database.Engine);

        Assert.Equal("Linkage.UniqueKeyRule.TableGone", (await Assert.ThrowsAsync<LinkageException>(() => AddAsync(database))).ErrorId);
    }
}
