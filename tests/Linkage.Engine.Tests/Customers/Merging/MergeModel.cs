namespace Linkage.Engine.Tests.Customers.Merging;

/// <summary>A row of the model: a table, a key, and columns; of equal content if they are equal.</summary>
internal sealed record ModelRow(string Table, string Key, string Columns)
{
    public static ModelRow Of(string table, string key, params string?[] columns) =>
        new(table, key, string.Join('|', columns.Select(c => c ?? "null")));

    public string?[] Values => [.. Columns.Split('|').Select(c => c == "null" ? null : c)];

    public ModelRow With(int column, string? value)
    {
        var values = Values;
        values[column] = value;
        return Of(Table, Key, values);
    }
}

/// <summary>What a merge or split did in the model.</summary>
internal sealed class ModelRun
{
    public List<(string Table, string Key, ModelRow? Before, ModelRow? After, bool IsFill)> Changes { get; } = [];

    public string? Into { get; init; }

    public IReadOnlyList<string> Merged { get; init; } = [];

    public bool IsUndone { get; set; }

    /// <summary>Whether a later one went on with what this one changed.</summary>
    public bool IsFollowedBy(ModelRun later)
    {
        var changed = later.Changes.Where(c => !c.IsFill).Select(c => (c.Table, c.Key)).ToHashSet();
        return Changes.Any(c => changed.Contains((c.Table, c.Key)))
            || Changes.Any(c => c.Table == "customer" && c.Before is null && c.Key == later.Into)
            || Changes.Any(c => CustomersLeft(c.Before, c.After).Any(later.Merged.Contains));
    }

    /// <summary>The customers that a row referred to before, and does not any more.</summary>
    private static IEnumerable<string> CustomersLeft(ModelRow? before, ModelRow? after)
    {
        int[] columns = before?.Table switch { "customer" => [3], "lead" or "address" => [0], "job" => [1, 2], _ => [] };
        return columns.Where(c => before!.Values[c] != after?.Values[c]).Select(c => before!.Values[c]).OfType<string>();
    }
}

/// <summary>
/// Customers and what refers to them as plain rows in memory, merged and split by plain loops: what the database is compared with.
/// Columns: customer name, phone, email, referred_by; lead customer, name, phone, email; job lead, customer, billed_to; address customer,
/// label; visit address; redirect into.
/// </summary>
internal sealed class MergeModel
{
    private readonly Dictionary<(string Table, string Key), ModelRow> _rows = [];

    public IEnumerable<ModelRow> All => _rows.Values;

    public IEnumerable<ModelRow> Of(string table) =>
        _rows.Values.Where(r => r.Table == table).OrderBy(r => r.Key, StringComparer.Ordinal).ToList();

    public void Add(ModelRow row) => _rows[(row.Table, row.Key)] = row;

    public ModelRun Merge(IReadOnlyList<string> from, string into)
    {
        var run = new ModelRun { Into = into, Merged = from };

        // An address gives way to one with its label, that of the survivor first, then in the order of those merged.
        var kept = Of("address").Where(a => a.Values[0] == into && a.Values[1] is not null).ToDictionary(a => a.Values[1]!, a => a.Key);
        foreach (var address in from.SelectMany(f => Of("address").Where(a => a.Values[0] == f && a.Values[1] is not null)))
        {
            if (kept.TryAdd(address.Values[1]!, address.Key))
                continue;
            foreach (var visit in Of("visit").Where(v => v.Values[0] == address.Key))
                Change(run, visit, visit.With(0, kept[address.Values[1]!]));
            Change(run, address, null);
        }

        Replace(run, "lead", [0], from, into);
        Replace(run, "job", [1, 2], from, into);
        Replace(run, "address", [0], from, into);
        foreach (var customer in Of("customer").Where(c => from.Contains(c.Values[3]) && !from.Contains(c.Key)))
            Change(run, customer, customer.With(3, customer.Key == into ? null : into));

        var survivor = _rows[("customer", into)];
        var filled = survivor;
        for (var column = 0; column < 3; column++)
        {
            var first = from.Select(f => _rows[("customer", f)].Values[column]).FirstOrDefault(v => v is not null);
            filled = filled.With(column, filled.Values[column] ?? first);
        }

        foreach (var customer in from)
        {
            Change(run, _rows[("customer", customer)], null);
            Change(run, null, ModelRow.Of("redirect", customer, into));
        }

        if (filled != survivor)
            Change(run, survivor, filled, isFill: true);
        return run;
    }

    public ModelRun Split(string customer, IReadOnlyList<string> leads, string made)
    {
        var run = new ModelRun();
        string? First(int column) => leads.Select(l => _rows[("lead", l)].Values[column]).FirstOrDefault(v => v is not null);
        Change(run, null, ModelRow.Of("customer", made, First(1), First(2), First(3), null));
        foreach (var lead in Of("lead").Where(l => leads.Contains(l.Key)))
            Change(run, lead, lead.With(0, made));
        foreach (var job in Of("job").Where(j => leads.Contains(j.Values[0]) && (j.Values[1] == customer || j.Values[2] == customer)))
        {
            var moved = job.Values[1] == customer ? job.With(1, made) : job;
            Change(run, job, job.Values[2] == customer ? moved.With(2, made) : moved);
        }

        return run;
    }

    public void Undo(ModelRun run)
    {
        foreach (var (table, key, before, after, isFill) in Enumerable.Reverse(run.Changes))
        {
            if (before is null)
                _rows.Remove((table, key));
            else if (after is null)
                _rows[(table, key)] = before;
            else
                Restore(_rows[(table, key)], before, after);
        }

        run.IsUndone = true;
    }

    public void Redo(ModelRun run)
    {
        foreach (var (table, key, _, after, _) in run.Changes)
        {
            if (after is null)
                _rows.Remove((table, key));
            else
                _rows[(table, key)] = after;
        }

        run.IsUndone = false;
    }

    /// <summary>Gives back only what was changed: other columns may have been written since.</summary>
    private void Restore(ModelRow current, ModelRow before, ModelRow after)
    {
        for (var column = 0; column < before.Values.Length; column++)
        {
            if (before.Values[column] != after.Values[column])
                current = current.With(column, before.Values[column]);
        }

        Add(current);
    }

    private void Replace(ModelRun run, string table, int[] columns, IReadOnlyList<string> from, string into)
    {
        foreach (var row in Of(table))
        {
            var moved = row;
            foreach (var column in columns.Where(c => from.Contains(row.Values[c])))
                moved = moved.With(column, into);
            if (moved != row)
                Change(run, row, moved);
        }
    }

    private void Change(ModelRun run, ModelRow? before, ModelRow? after, bool isFill = false)
    {
        var row = (before ?? after)!;
        run.Changes.Add((row.Table, row.Key, before, after, isFill));
        if (after is null)
            _rows.Remove((row.Table, row.Key));
        else
            Add(after);
    }
}
