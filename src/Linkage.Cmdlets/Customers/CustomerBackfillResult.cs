using Linkage.Cmdlets.Runs;

namespace Linkage.Cmdlets.Customers;

/// <summary>What giving leads their customers came to.</summary>
public sealed class CustomerBackfillResult
{
    internal CustomerBackfillResult(RunReport report)
    {
        var failedGroups = report.Counts.Of("failed_groups");
        Server = report.Connection.Server;
        Database = report.Connection.Database;
        ConnectionId = report.Connection.ConnectionId;
        RunId = report.RunId;
        Table = report.Table;
        Status = report.Status;
        Processed = report.Counts.Of("processed");
        CustomersCreated = report.Counts.Of("customers_created");
        CustomersReused = report.Counts.Of("customers_reused");
        LeadsLinked = report.Counts.Of("leads_linked");
        LeadsAlreadyLinked = report.Counts.Of("leads_already_linked");
        LeadsLeftOut = report.Counts.Of("leads_left_out");
        JobsLinked = report.Counts.Of("jobs_linked");
        JobsAlreadyLinked = report.Counts.Of("jobs_already_linked");
        GroupsByPsid = report.Counts.Of("groups_by_psid");
        GroupsByPhone = report.Counts.Of("groups_by_phone");
        GroupsByEmail = report.Counts.Of("groups_by_email");
        GroupsOfOne = report.Counts.Of("groups_of_one");
        Errors = failedGroups + report.Failed;
        Elapsed = report.Elapsed;
        Held = report.Holds.Total;
        HeldFor = report.Holds.ToString();
        DryRun = report.DryRun;
        Sample = report.Sample;
        Message = report.MessageAfter(
            failedGroups, "group", "got no customer, since what must be unique in it is taken; linkage.customer_change says which.");
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

    /// <summary>How many groups were examined: those with a lead that had no customer, and customers whose leads are followed by rows without one.</summary>
    public long Processed { get; }

    /// <summary>How many customers were made.</summary>
    public long CustomersCreated { get; }

    /// <summary>How many groups got a customer that was there.</summary>
    public long CustomersReused { get; }

    /// <summary>How many leads got their customer.</summary>
    public long LeadsLinked { get; }

    /// <summary>How many had one before.</summary>
    public long LeadsAlreadyLinked { get; }

    /// <summary>How many were changed, linked or deleted while the run was at work, and left to the next one.</summary>
    public long LeadsLeftOut { get; }

    /// <summary>How many rows that follow leads, of all tables that do, got the customer of their lead.</summary>
    public long JobsLinked { get; }

    /// <summary>How many had one before.</summary>
    public long JobsAlreadyLinked { get; }

    /// <summary>How many groups have a PSID in common.</summary>
    public long GroupsByPsid { get; }

    /// <summary>How many have a phone in common.</summary>
    public long GroupsByPhone { get; }

    /// <summary>How many have an e-mail in common.</summary>
    public long GroupsByEmail { get; }

    /// <summary>How many are one lead that nothing identifies.</summary>
    public long GroupsOfOne { get; }

    /// <summary>How many groups could not be given a customer; linkage.customer_change and linkage.run_fault say why.</summary>
    public long Errors { get; }

    /// <summary>Wall-clock time.</summary>
    public TimeSpan Elapsed { get; }

    /// <summary>How much of it the run was held back.</summary>
    public TimeSpan Held { get; }

    /// <summary>What for, and how long: <c>autovacuum 12 s, replica lag 3 s</c>; null if it never was.</summary>
    public string? HeldFor { get; }

    /// <summary>Whether it only recorded what it would do.</summary>
    public bool DryRun { get; }

    /// <summary>The first five groups.</summary>
    public RunSample Sample { get; }

    /// <summary>Why it ended as it did, and how many groups got no customer; null if there is nothing to say.</summary>
    public string? Message { get; }
}
