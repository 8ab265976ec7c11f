using System.Xml.Linq;
using Linkage.Engine.Database;
using Linkage.Engine.Health.Reports;
using Linkage.Engine.Runs;
using Linkage.Engine.Sandbox;
using Linkage.Engine.UserLinks;
using Npgsql;

namespace Linkage.Engine.Tests.Health;

/// <summary>A database with all components, sample data with ills, runs and a history of checks; and its report as it would be stored.</summary>
internal sealed class ReportScene : IAsyncDisposable
{
    private ReportScene(LinkedDatabase database) => Database = database;

    public LinkedDatabase Database { get; }

    public ReportOptions Options { get; init; } = new() { Since = DateTime.UtcNow.AddDays(-30), Until = DateTime.UtcNow.AddMinutes(1) };

    public static async Task<ReportScene> CreateAsync() => new(await LinkedDatabase.OpenAsync(
        await PostgresFixture.CreateFilledDatabaseAsync("report", async connection =>
        {
            await using (var filling = new NpgsqlConnection(connection))
            {
                await filling.OpenAsync();
                await SampleData.FillAsync(filling, new SampleDataOptions { Deliveries = 400, Accounts = true }, CancellationToken.None);
                await SampleLeads.FillAsync(filling, 200, 1, CancellationToken.None);
                await SampleDuplicates.FillAsync(filling, 60, 1, CancellationToken.None);
            }

            await using var engine = await LinkageDatabase.OpenAsync(connection, CancellationToken.None);
            await LinkedDatabase.InstallAsync(engine);
            await new UserLinkBackfill(engine).RunAsync(
                "message_deliveries", new RunOptions(), _ => { }, CancellationToken.None);
        })));

    /// <summary>Stores checks of the last days: so many of each of three, at even times.</summary>
    public Task StoreHistoryAsync(int times) => Database.ExecuteAsync(
        """
        INSERT INTO linkage.health_history (check_name, subject, status, value, threshold, message, checked_at)
        SELECT
          c.name, c.subject, CASE i % 5 WHEN 0 THEN 'critical' WHEN 1 THEN 'warning' ELSE 'healthy' END, (i * 7919) % 100, 0, 'A message.',
          @since + (@until - @since) * ((i - 0.5) / @times)
        FROM generate_series(1, @times) AS i
        CROSS JOIN (VALUES ('DeliveryInconsistencyRate', 'message_deliveries'), ('GhostUsers', ''), ('OrphanedProfiles', '')) AS c (name, subject)
        """,
        new { Options.Since, Options.Until, times });

    public Task<DatabaseReport> ReadAsync(LinkageDatabase? database = null) =>
        new ReportReader(database ?? Database.Engine, Options).ReadAsync(CancellationToken.None);

    /// <summary>The page of what is read now.</summary>
    public async Task<XDocument> PageAsync() => Page(await ReadAsync());

    public XDocument Page(params DatabaseReport[] reports) => XDocument.Parse(Text(reports));

    public string Text(params DatabaseReport[] reports)
    {
        using var output = new StringWriter();
        ReportPage.Write(output, reports, Options);
        return output.ToString();
    }

    public ValueTask DisposeAsync() => Database.DisposeAsync();
}
