using System.Diagnostics;
using System.Globalization;
using Linkage.Engine.Phones;
using Linkage.Engine.Sandbox;
using Linkage.Engine.Tests.Phones;
using Npgsql;

namespace Linkage.Benchmarks;

/// <summary>
/// What <c>normalize_phone</c> costs a query, beside a bare <c>regexp_replace</c> that only drops what is no digit, and beside the function
/// that a DBA would write for North America alone.
/// </summary>
public static class PhonesBenchmark
{
    private const int Seed = 1;

    private static readonly (string Name, string Expression)[] _contenders =
    [
        ("bare regexp_replace", @"regexp_replace(phone, '\D', '', 'g')"),
        ("plain PL/pgSQL", "plain_normalize(phone)"),
        ("normalize_phone", "normalize_phone(phone)"),
    ];

    private static readonly (string Name, Func<Random, string> Write)[] _data =
    [
        ("clean", random => $"+1{NorthAmerican(random)}"),
        ("north_american", WriteNorthAmerican),
        ("international", WriteInternational),
    ];

    /// <summary>Runs every contender on every kind of data in turn and prints the medians.</summary>
    /// <param name="rows">Rows of each kind.</param>
    /// <param name="runs">How often each contender runs.</param>
    public static async Task RunAsync(long rows, int runs)
    {
        await using var server = await PostgresSandbox.StartAsync(new SandboxOptions(), CancellationToken.None);
        await using var connection = new NpgsqlConnection(server.ConnectionString + ";Command Timeout=0");
        await connection.OpenAsync();
        await PhoneFunction.InstallAsync(connection);
        await ExecuteAsync(connection, """
            SET max_parallel_workers_per_gather = 0;
            SET jit = off;
            CREATE FUNCTION plain_normalize(phone text) RETURNS text LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
            DECLARE
              digits text := regexp_replace(phone, '\D', '', 'g');
            BEGIN
              IF length(digits) = 10 THEN
                RETURN '+1' || digits;
              ELSIF length(digits) = 11 AND left(digits, 1) = '1' THEN
                RETURN '+' || digits;
              END IF;
              RETURN NULL;
            END $$;
            """);

        Console.WriteLine($"{rows:N0} rows of each kind, {runs} runs, PostgreSQL {server.ServerVersion}");
        Console.WriteLine($"{"data",-16}{"contender",-22}{"median s",10}{"rows/s",14}{"ratio",8}");
        var ratios = new List<string>();
        foreach (var (data, write) in _data)
        {
            var random = new Random(Seed);
            var phones = Enumerable.Range(0, checked((int)rows)).Select(_ => write(random)).ToArray();
            await FillAsync(connection, data, phones);
            var times = _contenders.Select(_ => new List<double>()).ToArray();
            var inCSharp = new List<double>();
            // The first round is not counted: it compiles expressions, functions and methods.
            for (var run = 0; run <= runs; run++)
            {
                for (var i = 0; i < _contenders.Length; i++)
                    times[i].Add(await TimeAsync(() => ExecuteAsync(connection, $"SELECT count({_contenders[i].Expression}) FROM {data}")));
                inCSharp.Add(TimeInCSharp(phones));
            }
            foreach (var counted in times.Append(inCSharp))
                counted.RemoveAt(0);

            var bare = Median(times[0]);
            for (var i = 0; i < _contenders.Length; i++)
                Print(data, _contenders[i].Name, Median(times[i]), rows, bare);
            Print(data, "C# Normalize", Median(inCSharp), rows, bare);
            ratios.Add(string.Create(CultureInfo.InvariantCulture, $"{data}={Median(times[2]) / bare:F2}"));
            ratios.Add(string.Create(CultureInfo.InvariantCulture, $"{data}_vs_plain={Median(times[2]) / Median(times[1]):F2}"));
            ratios.Add(string.Create(CultureInfo.InvariantCulture, $"{data}_csharp_speedup={Median(times[2]) / Median(inCSharp):F1}"));
        }
        Console.WriteLine($"RATIOS {string.Join(' ', ratios)}");
    }

    private static string NorthAmerican(Random random) => $"{random.Next(200, 1000)}{random.Next(200, 1000)}{random.Next(10000):0000}";

    /// <summary>The common written forms in equal parts; one in fifty has an extension.</summary>
    private static string WriteNorthAmerican(Random random)
    {
        var n = NorthAmerican(random);
        var (a, b, c) = (n[..3], n[3..6], n[6..]);
        var text = random.Next(7) switch
        {
            0 => n,
            1 => "1" + n,
            2 => "+1" + n,
            3 => $"({a}) {b}-{c}",
            4 => $"{a}-{b}-{c}",
            5 => $"{a}.{b}.{c}",
            _ => $"+1 ({a}) {b}-{c}",
        };
        return random.Next(50) == 0 ? $"{text} x{random.Next(1000)}" : text;
    }

    /// <summary>Three fifths clean; the rest with spaces, a trunk prefix in parentheses, or the international prefix of US.</summary>
    private static string WriteInternational(Random random)
    {
        var (code, length) = random.Next(8) switch
        {
            0 => ("44", 10),
            1 => ("49", 11),
            2 => ("33", 9),
            3 => ("39", 10),
            4 => ("61", 9),
            5 => ("91", 10),
            6 => ("52", 10),
            _ => ("353", 9),
        };
        var n = random.Next(2, 10) + string.Concat(Enumerable.Range(1, length - 1).Select(_ => random.Next(10)));
        return random.Next(20) switch
        {
            < 12 => $"+{code}{n}",
            < 18 => $"+{code} {n[..3]} {n[3..6]} {n[6..]}",
            18 => $"+{code} (0){n}",
            _ => $"011 {code} {n[..3]} {n[3..]}",
        };
    }

    private static async Task FillAsync(NpgsqlConnection connection, string table, string[] phones)
    {
        await ExecuteAsync(connection, $"CREATE TABLE {table} (phone text)");
        await using (var writer = await connection.BeginTextImportAsync($"COPY {table} FROM STDIN"))
        {
            foreach (var phone in phones)
                await writer.WriteLineAsync(phone);
        }
        await ExecuteAsync(connection, $"VACUUM ANALYZE {table}");
    }

    private static async Task ExecuteAsync(NpgsqlConnection connection, string sql)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync();
    }

    private static async Task<double> TimeAsync(Func<Task> work)
    {
        var watch = Stopwatch.StartNew();
        await work();
        return watch.Elapsed.TotalSeconds;
    }

    /// <summary>Seconds for all of them: the mean over at least half a second, since one pass is too short to be measured.</summary>
    private static double TimeInCSharp(string[] phones)
    {
        var passes = 0;
        var watch = Stopwatch.StartNew();
        for (; watch.Elapsed < TimeSpan.FromSeconds(0.5); passes++)
        {
            foreach (var phone in phones)
                PhoneNumber.Normalize(phone);
        }
        return watch.Elapsed.TotalSeconds / passes;
    }

    private static double Median(List<double> times) => times.Order().ElementAt(times.Count / 2);

    private static void Print(string data, string contender, double seconds, long rows, double bare) =>
        Console.WriteLine($"{data,-16}{contender,-22}{seconds,10:F3}{rows / seconds,14:N0}{seconds / bare,8:F2}");
}
