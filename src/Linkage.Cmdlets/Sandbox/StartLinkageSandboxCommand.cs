using System.Management.Automation;
using Linkage.Cmdlets.Database;
using Linkage.Cmdlets.Pipeline;
using Linkage.Engine.Database;
using Linkage.Engine.Sandbox;

namespace Linkage.Cmdlets.Sandbox;

/// <summary>Starts a throwaway PostgreSQL and makes it the default connection.</summary>
[Cmdlet(VerbsLifecycle.Start, "LinkageSandbox", SupportsShouldProcess = true)]
[OutputType(typeof(LinkageSandbox))]
public sealed class StartLinkageSandboxCommand : LinkageCmdlet
{
    /// <summary>How many deliveries of sample data to make, with the ills that the cmdlets cure; 0 leaves the database empty.</summary>
    [Parameter(Position = 0)]
    [ValidateRange(0, int.MaxValue)]
    public int SampleDeliveries { get; set; }

    /// <summary>How many leads to make, with customers and jobs, which have ills as well; no such table if none is named.</summary>
    [Parameter]
    [ValidateRange(Engine.Sandbox.SampleLeads.Minimum, int.MaxValue)]
    public int? SampleLeads { get; set; }

    /// <summary>How many rows to make that were imported twice, among ten times as many that were not; no such table without it.</summary>
    [Parameter]
    [ValidateRange(Engine.Sandbox.SampleDuplicates.Minimum, int.MaxValue)]
    public int? SampleDuplicates { get; set; }

    /// <summary>The seed of the sample data: equal seeds give equal rows.</summary>
    [Parameter]
    public long Seed { get; set; } = 1;

    /// <summary>The major version wanted; the newest that is found, if none is named.</summary>
    [Parameter]
    [ValidateRange(13, 18)]
    public int? Version { get; set; }

    /// <summary>The folder that holds the server's programs, to use these and no others.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? BinDirectory { get; set; }

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        var session = RunspaceConnections.Current;
        var options = new SandboxOptions
        {
            SampleDeliveries = SampleDeliveries,
            SampleAccounts = true,
            SampleLeads = SampleLeads ?? 0,
            SampleDuplicates = SampleDuplicates ?? 0,
            Seed = Seed,
            Version = Version,
            BinDirectory = BinDirectory is { } folder ? GetUnresolvedProviderPathFromPSPath(folder) : null,
        };
        Run(async cancellation =>
        {
            if (!await ShouldProcessAsync("this machine", "Start a throwaway PostgreSQL"))
                return;
            Report(new ProgressRecord(1, "Starting a throwaway PostgreSQL", "Creating the cluster"));
            var server = await PostgresSandbox.StartAsync(options, cancellation);
            var sandbox = await ConnectAsync(server, cancellation);
            session.Add(sandbox);
            session.SetDefault(sandbox);
            Emit(sandbox);
        });
    }

    private static async Task<LinkageSandbox> ConnectAsync(PostgresSandbox server, CancellationToken cancellation)
    {
        try
        {
            var settings = ConnectionSettings.Parse(server.ConnectionString, _ => null);
            return new LinkageSandbox(server, await settings.OpenAsync(cancellation), settings.Password);
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }
}
