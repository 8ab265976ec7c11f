using Linkage.Cmdlets.Runs;

namespace Linkage.Cmdlets.Customers;

/// <summary>What splitting a customer came to.</summary>
public sealed class CustomerSplitResult
{
    internal CustomerSplitResult(RunReport report, string customer, string? newCustomer, int leads)
    {
        Server = report.Connection.Server;
        Database = report.Connection.Database;
        ConnectionId = report.Connection.ConnectionId;
        RunId = report.RunId;
        Table = report.Table;
        Status = report.Status;
        Customer = customer;
        NewCustomer = newCustomer;
        Leads = leads;
        Moved = report.Counts.Of("moved");
        Tables = MovedTables.Of(report.Counts);
        Elapsed = report.Elapsed;
        Held = report.Holds.Total;
        HeldFor = report.Holds.ToString();
        DryRun = report.DryRun;
        Sample = report.Sample;
        Message = report.Message;
    }

    /// <summary>The host, or the folder of the socket.</summary>
    public string Server { get; }

    /// <summary>The database's name.</summary>
    public string Database { get; }

    /// <summary>The connection that it ran on.</summary>
    public Guid ConnectionId { get; }

    /// <summary>The run, to undo it by; null under <c>-WhatIf</c>, and where none was started.</summary>
    public Guid? RunId { get; }

    /// <summary>The table of the customers, in SQL notation; null where the run did not start.</summary>
    public string? Table { get; }

    /// <summary>completed, stopped, failed, preview (<c>-WhatIf</c>), or what another session made of the run.</summary>
    public string Status { get; }

    /// <summary>The customer that was split.</summary>
    public string Customer { get; }

    /// <summary>The one that was made; null under <c>-WhatIf</c>, and where none was.</summary>
    public string? NewCustomer { get; }

    /// <summary>How many leads were to go to it.</summary>
    public long Leads { get; }

    /// <summary>How many rows belong to it: leads, and what follows them.</summary>
    public long Moved { get; }

    /// <summary>By table: <c>public."Job": 3 moved; public.notes: 2 moved, 1 removed</c>; null if none has changed.</summary>
    public string? Tables { get; }

    /// <summary>Wall-clock time.</summary>
    public TimeSpan Elapsed { get; }

    /// <summary>How much of it the run was held back.</summary>
    public TimeSpan Held { get; }

    /// <summary>What for, and how long: <c>autovacuum 12 s, replica lag 3 s</c>; null if it never was.</summary>
    public string? HeldFor { get; }

    /// <summary>Whether it only recorded what it would do.</summary>
    public bool DryRun { get; }

    /// <summary>The first five.</summary>
    public RunSample Sample { get; }

    /// <summary>Why it ended as it did; null if there is nothing to say.</summary>
    public string? Message { get; }
}
