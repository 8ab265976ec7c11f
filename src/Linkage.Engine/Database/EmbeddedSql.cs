using System.Collections.Concurrent;
using System.Reflection;

namespace Linkage.Engine.Database;

/// <summary>The .sql files that lie beside the code that runs them.</summary>
internal static class EmbeddedSql
{
    private static readonly ConcurrentDictionary<string, string> _texts = new(StringComparer.Ordinal);

    /// <summary>The text of a file, by its path below the project: <c>UserLinks/find_unlinked.sql</c>.</summary>
    public static string Read(string path) => _texts.GetOrAdd(path, static name =>
    {
        using var stream = Assembly.GetExecutingAssembly().GetManifestResourceStream(name)
            ?? throw new InvalidOperationException($"The assembly holds no {name}.");
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    });
}
