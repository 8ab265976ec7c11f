using Linkage.Engine.Runs;
using Xunit.Abstractions;

namespace Linkage.Engine.Tests.Customers.Merging;

/// <summary>Random merges, splits, undos and their undo, chains and diamonds among them, against a plain model.</summary>
public sealed class MergeModelTests(ITestOutputHelper output)
{
    private const int Steps = 60;
    private static readonly string[] _labels = ["home", "work", "other"];

    /// <summary>In the order of their foreign keys.</summary>
    private static readonly (string Table, string Statement)[] _inserts =
    [
        ("customer", "INSERT INTO \"Customer\" (id, name, phone, email, referred_by) VALUES (@key, @a, @b, @c, @d)"),
        ("lead", "INSERT INTO \"Lead\" (id, customer_id, name, phone, email) VALUES (@key, @a, @b, @c, @d)"),
        ("job", "INSERT INTO \"Job\" VALUES (@key, @a, @b, @c)"),
        ("address", "INSERT INTO \"CustomerAddress\" (id, customer_id, label) VALUES (@key, @a, @b)"),
        ("visit", "INSERT INTO visit (address_id, note) VALUES (@a, @key)"),
    ];

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public async Task Random_merges_splits_and_undos_leave_what_a_plain_model_has(int offset)
    {
        var random = new Random(TestSeed.Next(output) + offset);
        await using var scene = await MergeScene.CreateAsync();
        var model = await FillAsync(scene, random);
        List<(ModelRun Model, RunResult Run)> runs = [];
        var refused = 0;
        (ModelRun Model, RunResult Undo)? lastUndo = null;

        for (var step = 0; step < Steps; step++)
        {
            var customers = model.Of("customer").Select(c => c.Key).ToArray();
            random.Shuffle(customers);
            var choice = random.Next(10);
            var undone = lastUndo;
            lastUndo = null;
            if (choice < 3 && customers.Length > 3)
            {
                var from = customers[1..random.Next(2, 4)];
                output.WriteLine($"{step}: merge {string.Join(", ", from)} into {customers[0]}");
                var run = await scene.MergeAsync(from, customers[0]);
                runs.Add((model.Merge(from, customers[0]), run));
            }
            else if (choice < 5 && model.Of("lead").Where(l => l.Values[0] is not null).ToArray() is { Length: > 0 } leads)
            {
                var customer = leads[random.Next(leads.Length)].Values[0]!;
                var all = leads.Where(l => l.Values[0] == customer).Select(l => l.Key).ToArray();
                random.Shuffle(all);
                var split = all[..random.Next(1, all.Length + 1)];
                output.WriteLine($"{step}: split {string.Join(", ", split)} off {customer}");
                var run = await scene.SplitAsync(customer, split);
                runs.Add((model.Split(customer, split, run.Sample[0].GetProperty("customer").GetString()!), run));
            }
            else if (choice < 9 && runs.Exists(r => !r.Model.IsUndone))
            {
                // The last ones more often: chains are taken back in reverse order then.
                var standing = runs.Where(r => !r.Model.IsUndone).ToList();
                var (of, run) = random.Next(3) == 0 ? standing[random.Next(standing.Count)] : standing[^1];
                var later = runs.SkipWhile(r => r.Run != run).Skip(1).Where(r => !r.Model.IsUndone && of.IsFollowedBy(r.Model)).ToList();
                output.WriteLine($"{step}: undo {runs.FindIndex(r => r.Run == run)}{(later.Count > 0 ? ", refused" : "")}");
                if (later.Count > 0)
                {
                    var fault = await scene.AssertRefusedAsync("Linkage.Run.ChangedLater", () => scene.UndoAsync(run));
                    Assert.Equal(later[^1].Run.RunId.ToString(), fault.Subject);
                    refused++;
                }
                else
                {
                    var undo = await scene.UndoAsync(run);
                    Assert.True(undo.Count("conflicts") == 0, string.Join("; ", undo.Sample));
                    Assert.Equal("undone", await scene.StatusAsync(run));
                    model.Undo(of);
                    lastUndo = (of, undo);
                }
            }
            else if (undone is { } last)
            {
                output.WriteLine($"{step}: redo");
                Assert.Equal(0, (await scene.UndoAsync(last.Undo)).Count("conflicts"));
                model.Redo(last.Model);
            }

            await AssertSameAsync(scene, model);
        }

        output.WriteLine($"{runs.Count} merges and splits, {runs.Count(r => r.Model.IsUndone)} undone, {refused} undos refused");

        // And everything back, the last one first.
        foreach (var (of, run) in Enumerable.Reverse(runs).Where(r => !r.Model.IsUndone).ToList())
        {
            await scene.UndoAsync(run);
            model.Undo(of);
            await AssertSameAsync(scene, model);
        }

        Assert.Equal(0, await scene.Database.ScalarAsync<int>("SELECT count(*) FROM linkage.customer_redirect"));
    }

    private static async Task<MergeModel> FillAsync(MergeScene scene, Random random)
    {
        var model = new MergeModel();
        string? Some(string value) => random.Next(2) == 0 ? null : value;
        string Customer() => $"c{random.Next(12):D2}";
        for (var i = 0; i < 12; i++)
        {
            model.Add(ModelRow.Of(
                "customer", $"c{i:D2}", Some($"name {i}"), Some($"+1{i}"), Some($"c{i}@x"), i > 0 ? Some($"c{random.Next(i):D2}") : null));
        }

        for (var i = 0; i < 24; i++)
        {
            model.Add(ModelRow.Of(
                "lead", $"l{i:D2}", random.Next(5) == 0 ? null : Customer(), Some($"lead {i}"), Some($"+2{i}"), Some($"l{i}@x")));
        }

        for (var i = 0; i < 24; i++)
        {
            var lead = model.Of("lead").ElementAt(random.Next(24));
            model.Add(ModelRow.Of("job", $"j{i:D2}", lead.Key, lead.Values[0], random.Next(3) == 0 ? Customer() : null));
        }

        foreach (var customer in model.Of("customer"))
        {
            foreach (var label in _labels.Where(_ => random.Next(2) == 0))
                model.Add(ModelRow.Of("address", $"a-{customer.Key}-{label}", customer.Key, label));
            if (random.Next(3) == 0)
                model.Add(ModelRow.Of("address", $"a-{customer.Key}-x", customer.Key, null));
        }

        var addresses = model.Of("address").ToList();
        for (var i = 0; i < 30; i++)
            model.Add(ModelRow.Of("visit", $"v{i:D2}", addresses[random.Next(addresses.Count)].Key));

        foreach (var (table, statement) in _inserts)
        {
            foreach (var row in model.Of(table))
            {
                var v = row.Values;
                await scene.Database.ExecuteAsync(
                    statement,
                    new { key = row.Key, a = v[0], b = v.ElementAtOrDefault(1), c = v.ElementAtOrDefault(2), d = v.ElementAtOrDefault(3) });
            }
        }

        return model;
    }

    private static async Task AssertSameAsync(MergeScene scene, MergeModel model)
    {
        var rows = await scene.Database.QueryAsync<(string Table, string Key, string Columns)>(
            """
            SELECT 'customer', id, array_to_string(ARRAY[name, phone, email, referred_by], '|', 'null') FROM "Customer"
            UNION ALL
            SELECT 'lead', id, array_to_string(ARRAY[customer_id, name, phone, email], '|', 'null') FROM "Lead"
            UNION ALL
            SELECT 'job', id, array_to_string(ARRAY[lead_id, customer_id, billed_to], '|', 'null') FROM "Job"
            UNION ALL
            SELECT 'address', id, concat_ws('|', customer_id, COALESCE(label, 'null')) FROM "CustomerAddress"
            UNION ALL
            SELECT 'visit', note, COALESCE(address_id, 'null') FROM visit
            UNION ALL
            SELECT 'redirect', from_id, into_id FROM linkage.customer_redirect
            """);
        var found = rows.Select(r => new ModelRow(r.Table, r.Key, r.Columns)).ToHashSet();
        var expected = model.All.ToHashSet();
        Assert.True(
            found.SetEquals(expected) && found.Count == rows.Count,
            $"missing: {string.Join("; ", expected.Except(found))}\nunexpected: {string.Join("; ", found.Except(expected))}");
    }
}
