using Linkage.Engine.Runs;
using Xunit.Abstractions;

namespace Linkage.Engine.Tests.UserSync.Differential;

/// <summary>
/// What profile an account gets is decided once: the trigger, the repair, its preview and the list of ghosts agree with a plain model, row
/// by row, in every shape of the profile table.
/// </summary>
public sealed class ProfileDifferentialTests(ITestOutputHelper output)
{
    public static TheoryData<string> Shapes => ProfileShape.Labels;

    [Theory]
    [MemberData(nameof(Shapes))]
    public async Task Every_way_to_a_profile_agrees_with_the_model(string label)
    {
        var seed = TestSeed.Next(output);
        var random = new Random(seed);
        var shape = ProfileShape.Named(label);
        var accounts = new RandomAccounts(seed, 500).All;
        var expected = Expect(shape, accounts, []);
        var made = expected.Where(profile => profile.Value is not null).ToDictionary(profile => profile.Key, profile => profile.Value!);
        var refused = expected.Where(profile => profile.Value is null).Select(profile => profile.Key).ToHashSet();
        output.WriteLine($"{made.Count} profiles, {refused.Count} refused");
        Assert.True(made.Count > 20);
        if (shape.Columns.Any(column => column.IsRequired))
            Assert.NotEmpty(refused);
        await using var scene = await UserSyncScene.CreateAsync(shape);

        var rest = accounts.ToArray().AsMemory();
        while (rest.Length > 0)
        {
            var size = Math.Min(rest.Length, random.Next(3) == 0 ? 1 : random.Next(1, 60));
            await scene.SignUpAsync(rest[..size].ToArray());
            rest = rest[size..];
        }

        await scene.AssertProfilesAsync(made);
        AssertSame(refused, (await scene.FaultsAsync()).Select(fault => fault.AccountId));
        AssertSame(refused, (await scene.FindGhostsAsync()).Select(ghost => ghost.AccountId));
        Assert.DoesNotContain(await scene.FindGhostsAsync(), ghost => ghost.Repairable);
        await AssertRefusedAsync(scene, await scene.RepairAsync(options: Options(random, RunMode.Apply)), refused);

        await scene.ForgetProfilesAsync();
        var ghosts = await scene.FindGhostsAsync();
        Assert.Equal(accounts.Where(account => account.IsActive).Select(account => account.Id), ghosts.Select(ghost => ghost.AccountId));
        AssertSame(made.Keys, ghosts.Where(ghost => ghost.Repairable).Select(ghost => ghost.AccountId));
        AssertCounts(await scene.RepairAsync(options: Options(random, RunMode.Preview)), made.Count, refused.Count);
        AssertCounts(await scene.RepairAsync(options: Options(random, RunMode.DryRun)), made.Count, refused.Count);
        Assert.Empty(await scene.RowsAsync());

        var repair = await scene.RepairAsync(options: Options(random, RunMode.Apply));
        AssertCounts(repair, made.Count, refused.Count);
        await scene.AssertProfilesAsync(made);
        await AssertRefusedAsync(scene, repair, refused);
        AssertSame(refused, (await scene.FindGhostsAsync()).Select(ghost => ghost.AccountId));
        var rows = await scene.RowsAsync();

        var undo = await scene.UndoAsync(repair, Options(random, RunMode.Apply));
        Assert.Equal((made.Count, 0), (undo.Count("rolled_back"), undo.Count("conflicts")));
        Assert.Empty(await scene.RowsAsync());
        var again = await scene.UndoAsync(undo, Options(random, RunMode.Apply));
        Assert.Equal(made.Count, again.Count("rolled_back"));
        Assert.Equal(rows, await scene.RowsAsync());
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public async Task A_list_is_repaired_as_the_model_says_beside_what_is_there(string label)
    {
        var seed = TestSeed.Next(output);
        var random = new Random(seed);
        var shape = ProfileShape.Named(label);
        var accounts = new RandomAccounts(seed, 400).All;
        await using var scene = await UserSyncScene.CreateAsync(shape);
        var (first, others) = (accounts.Where(_ => random.Next(3) == 0).ToList(), new List<Account>());
        others.AddRange(accounts.Except(first));
        await scene.SignUpAsync(first);
        await scene.AddAsync(others);
        var there = Made(Expect(shape, first, []));
        var listed = others.Where(_ => random.Next(2) == 0).OrderBy(_ => random.Next()).ToList();

        var expected = Expect(shape, listed.OrderBy(account => account.CreatedAt), there.Values);
        string[] ids = [.. listed.Select(account => account.Id)];
        var preview = await scene.RepairAsync(ids, Options(random, RunMode.Preview));
        var repair = await scene.RepairAsync(ids, Options(random, RunMode.Apply));

        var made = Made(expected);
        var skipped = listed.Count(account => !account.IsActive);
        foreach (var result in new[] { preview, repair })
        {
            AssertCounts(result, made.Count, expected.Count - made.Count, skipped);
        }

        await scene.AssertProfilesAsync(there.Concat(made).ToDictionary());
    }

    /// <summary>What becomes of accounts without a profile, beside profiles that are there; null where none can be made.</summary>
    private static Dictionary<string, Dictionary<string, string?>?> Expect(
        ProfileShape shape, IEnumerable<Account> accounts, IEnumerable<Dictionary<string, string?>> profiles)
    {
        var model = new ProfileModel(shape, profiles);
        return accounts.Where(account => account.IsActive).ToDictionary(account => account.Id, model.Make);
    }

    private static Dictionary<string, Dictionary<string, string?>> Made(Dictionary<string, Dictionary<string, string?>?> expected) =>
        expected.Where(profile => profile.Value is not null).ToDictionary(profile => profile.Key, profile => profile.Value!);

    private static RunOptions Options(Random random, RunMode mode) =>
        new() { Mode = mode, BatchSize = random.Next(5, 200), MaxFaults = int.MaxValue };

    private static void AssertCounts(RunResult result, int repaired, int failed, int skipped = 0) => Assert.Equal(
        (repaired + failed + skipped, repaired, failed, skipped),
        (result.Count("processed"), result.Count("repaired"), result.Count("failed_accounts") + result.Count("failed"), result.Count("skipped")));

    /// <summary>The log of a repair has a reason for each that it could not repair.</summary>
    private static async Task AssertRefusedAsync(UserSyncScene scene, RunResult repair, HashSet<string> refused)
    {
        var failed = (await scene.LogAsync()).Where(entry => entry.RunId == repair.RunId && entry.Outcome == "failed").ToList();
        AssertSame(refused, failed.Select(entry => entry.RecordId));
        Assert.All(failed, entry => Assert.False(string.IsNullOrEmpty(entry.Reason)));
    }

    private static void AssertSame(IEnumerable<string> expected, IEnumerable<string> actual)
    {
        var (left, right) = (expected.ToHashSet(), actual.ToHashSet());
        Assert.Equal((0, 0), (left.Except(right).Count(), right.Except(left).Count()));
    }
}
