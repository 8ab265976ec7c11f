namespace Linkage.Engine.Sandbox;

/// <summary>What kind of throwaway PostgreSQL to start.</summary>
public sealed record SandboxOptions
{
    /// <summary>
    /// The folder that holds <c>initdb</c> and <c>postgres</c>; null searches the machine and then downloads
    /// (see <see cref="PostgresBinaries"/>).
    /// </summary>
    public string? BinDirectory { get; init; }

    /// <summary>The major version wanted, 13 to 18; null takes the newest one found.</summary>
    public int? Version { get; init; }

    /// <summary>
    /// The folder in which the sandbox makes its own; null is the temp folder of the machine. It must be open to the user that runs the
    /// server.
    /// </summary>
    public string? ParentDirectory { get; init; }

    /// <summary>The name of the database that is created at the start.</summary>
    public string Database { get; init; } = "linkage";

    /// <summary>
    /// The locale of the cluster. "C" is on every machine, so that results are the same on all; the encoding is always UTF8.
    /// </summary>
    public string Locale { get; init; } = "C";

    /// <summary>
    /// How many rows of <c>message_deliveries</c> to generate; 0 leaves the database empty (see <see cref="SampleData"/>).
    /// </summary>
    public int SampleDeliveries { get; init; }

    /// <summary>Whether the users of the sample data get accounts (see <see cref="SampleDataOptions.Accounts"/>).</summary>
    public bool SampleAccounts { get; init; }

    /// <summary>
    /// How many rows of <c>"Lead"</c> to generate, with customers and jobs; 0 leaves these tables out (see
    /// <see cref="Sandbox.SampleLeads"/>).
    /// </summary>
    public int SampleLeads { get; init; }

    /// <summary>
    /// How many rows that were imported twice to generate, among ten times as many that were not; 0 leaves these tables out (see
    /// <see cref="Sandbox.SampleDuplicates"/>).
    /// </summary>
    public int SampleDuplicates { get; init; }

    /// <summary>The seed of the sample data: equal seeds give equal rows.</summary>
    public long Seed { get; init; } = 1;

    /// <summary>
    /// True keeps what a crash test or a benchmark relies on (<c>fsync</c>, <c>full_page_writes</c>, <c>synchronous_commit</c>); false, the
    /// default, trades all of it for speed.
    /// </summary>
    public bool Durable { get; init; }

    /// <summary>Further settings for <c>postgresql.conf</c>; they win over those of the sandbox.</summary>
    public IReadOnlyDictionary<string, string> Settings { get; init; } = new Dictionary<string, string>();
}
