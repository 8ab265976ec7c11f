using System.Diagnostics;
using System.Globalization;
using Dapper;
using Linkage.Benchmarks.Measuring;
using Npgsql;
using NpgsqlTypes;

namespace Linkage.Benchmarks.UserLinks;

/// <summary>
/// What the triggers add to the application's own writes: to one insert in a transaction of its own, as upserts of an application are,
/// and to a COPY. The single inserts take turns, row by row, between a database with the triggers and one without, so that whatever
/// else the machine does hits both. They don't wait for the disk (synchronous_commit off): that is the same for both, and would hide
/// the difference.
/// </summary>
internal static class TriggerBenchmark
{
    private const int WarmUp = 500;
    private const int Inserts = 5_000;
    private const int Copied = 100_000;
    private const string Without = "COPY without triggers";
    private const string With = "COPY with triggers";

    private const string Insert =
        "INSERT INTO message_deliveries (message_id, guest_id, phone_number, status) VALUES ($1, $2, $3, 'pending')";

    public static async Task<int> RunAsync(BenchmarkOptions options)
    {
        await using var server = await BenchmarkServer.StartAsync(options.Rows);
        var conditions = $"{options.Rows:N0} deliveries; {options.Runs} rounds, PostgreSQL {server.Version}, fsync on";
        Console.WriteLine(conditions);
        var copies = new Results();
        List<double> without = [], with = [];
        for (var run = 0; run < options.Runs; run++)
        {
            await using var plain = await server.CopyAsync(BenchmarkServer.Template);
            await using var linking = await server.CopyAsync(BenchmarkServer.Template);
            await plain.ExecuteAsync(
                "ALTER TABLE message_deliveries DISABLE TRIGGER USER; ALTER TABLE event_guests DISABLE TRIGGER USER");
            var rows = await AddMessagesAsync(plain, linking);
            var singles = rows.Take(WarmUp + Inserts).ToList();
            var (plainTimes, linkingTimes) = await InsertInTurnsAsync(plain, linking, singles);
            without.AddRange(plainTimes);
            with.AddRange(linkingTimes);

            var bulk = rows.Skip(singles.Count).Take(Copied).ToList();
            foreach (var (name, database) in new[] { (Without, plain), (With, linking) })
            {
                await database.ExecuteAsync("CHECKPOINT;");
                copies.Add(name, bulk.Count, await Measurement.TakeAsync(database, () => CopyAsync(database, bulk)));
            }

            await server.DropAsync(plain);
            await server.DropAsync(linking);
        }

        var (bare, linked) = (Results.Median(without), Results.Median(with));
        Console.WriteLine($"{"one insert, in microseconds",-34}{"median",10}{"p95",9}{"p99",9}");
        Print("without triggers", without);
        Print("with triggers", with);
        copies.Print();
        if (options.Docs is { } folder)
        {
            await Report.WriteAsync(
                folder, "trigger", options.Rows, $"A COPY of {Copied:N0} deliveries", conditions, copies,
                $"""
                {options.Runs * Inserts:N0} inserts of one delivery, each in a transaction of its own, in turns with and without triggers; microseconds.

                | one insert | median | p95 | p99 |
                |---|--:|--:|--:|
                | without triggers | {Figures(without)} |
                | with triggers | {Figures(with)} |
                """);
        }

        var cpu = copies.ServerSeconds(With) - copies.ServerSeconds(Without);
        Results.PrintRatios(
            ("insert_overhead_us", linked - bare),
            ("insert", linked / bare),
            ("copy", copies.Seconds(With) / copies.Seconds(Without)),
            ("copy_cpu", copies.ServerSeconds(With) / copies.ServerSeconds(Without)),
            ("copy_cpu_overhead_us", cpu / Copied * 1e6));
        return 0;
    }

    /// <summary>A new message to every event, and in both databases the same deliveries of it, in no order.</summary>
    private static async Task<List<(Guid Message, Guid Guest, string? Phone)>> AddMessagesAsync(params BenchmarkDatabase[] databases)
    {
        foreach (var database in databases)
        {
            await database.ExecuteAsync(
                """
                INSERT INTO messages (id, event_id, body)
                SELECT md5('benchmark' || e.id::text)::uuid, e.id, 'Once more' FROM events e;
                ANALYZE messages;
                """);
        }

        var rows = await databases[0].Connection.QueryAsync<(Guid, Guid, string?)>(
            """
            SELECT md5('benchmark' || g.event_id::text)::uuid, g.id, g.phone
            FROM event_guests g
            ORDER BY hashtextextended(g.id::text, 0)
            LIMIT @limit
            """,
            new { limit = WarmUp + Inserts + Copied });
        return rows.AsList();
    }

    private static async Task<(IEnumerable<double> Plain, IEnumerable<double> Linking)> InsertInTurnsAsync(
        BenchmarkDatabase plain, BenchmarkDatabase linking, List<(Guid Message, Guid Guest, string? Phone)> rows)
    {
        await using var first = await PrepareAsync(plain);
        await using var second = await PrepareAsync(linking);
        List<double> plainTimes = [], linkingTimes = [];
        foreach (var row in rows)
        {
            plainTimes.Add(await TimeAsync(first, row));
            linkingTimes.Add(await TimeAsync(second, row));
        }

        return (plainTimes.Skip(WarmUp), linkingTimes.Skip(WarmUp));
    }

    private static async Task<NpgsqlCommand> PrepareAsync(BenchmarkDatabase database)
    {
        await database.ExecuteAsync("SET synchronous_commit = off");
        var command = new NpgsqlCommand(Insert, database.Connection);
        command.Parameters.Add(new NpgsqlParameter { NpgsqlDbType = NpgsqlDbType.Uuid });
        command.Parameters.Add(new NpgsqlParameter { NpgsqlDbType = NpgsqlDbType.Uuid });
        command.Parameters.Add(new NpgsqlParameter { NpgsqlDbType = NpgsqlDbType.Text });
        await command.PrepareAsync();
        return command;
    }

    private static async Task<double> TimeAsync(NpgsqlCommand command, (Guid Message, Guid Guest, string? Phone) row)
    {
        command.Parameters[0].Value = row.Message;
        command.Parameters[1].Value = row.Guest;
        command.Parameters[2].Value = (object?)row.Phone ?? DBNull.Value;
        var start = Stopwatch.GetTimestamp();
        await command.ExecuteNonQueryAsync();
        return Stopwatch.GetElapsedTime(start).TotalMicroseconds;
    }

    private static async Task CopyAsync(BenchmarkDatabase database, List<(Guid Message, Guid Guest, string? Phone)> rows)
    {
        await using var writer = await database.Connection.BeginBinaryImportAsync(
            "COPY message_deliveries (message_id, guest_id, phone_number) FROM STDIN (FORMAT binary)");
        foreach (var (message, guest, phone) in rows)
        {
            await writer.StartRowAsync();
            await writer.WriteAsync(message, NpgsqlDbType.Uuid);
            await writer.WriteAsync(guest, NpgsqlDbType.Uuid);
            await writer.WriteAsync(phone, NpgsqlDbType.Text);
        }

        await writer.CompleteAsync();
    }

    private static void Print(string name, List<double> times) => Console.WriteLine(
        $"{name,-34}{Results.Median(times),10:F0}{Quantile(times, 95),9:F0}{Quantile(times, 99),9:F0}");

    private static string Figures(List<double> times) => string.Create(
        CultureInfo.InvariantCulture, $"{Results.Median(times):N0} | {Quantile(times, 95):N0} | {Quantile(times, 99):N0}");

    private static double Quantile(List<double> times, int percent) => times.Order().ElementAt(times.Count * percent / 100);
}
