using System.Text.RegularExpressions;
using Linkage.Benchmarks.Measuring;

namespace Linkage.Benchmarks.UserLinks;

/// <summary>
/// The backfill that teams write by hand: a loop in PL/pgSQL, one call and one audit row per record. It goes by Linkage's
/// normalize_phone, flag and audit table here, since its own would link other rows.
/// </summary>
internal static partial class HandwrittenLoop
{
    public static Task InstallAsync(BenchmarkDatabase database)
    {
        var script = SqlFiles.Read("legacy_user_links.sql");
        var functions = Function(script, "link_user_by_phone") + Function(script, "backfill_user_links");
        return database.ExecuteAsync("CREATE SCHEMA by_hand;" + Published().Replace(functions, "by_hand.$1"));
    }

    public static Task RunAsync(BenchmarkDatabase database) => database.ExecuteAsync(
        "SELECT * FROM by_hand.backfill_user_links('message_deliveries', 2147483647, false)");

    private static string Function(string script, string name)
    {
        var start = script.IndexOf($"CREATE FUNCTION public.{name}(", StringComparison.Ordinal);
        return script[start..(script.IndexOf("\n$$;", start, StringComparison.Ordinal) + "\n$$;".Length)];
    }

    [GeneratedRegex(@"\bpublic\.(link_user_by_phone|backfill_user_links)\b")]
    private static partial Regex Published();
}
