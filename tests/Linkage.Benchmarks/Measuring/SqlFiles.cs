namespace Linkage.Benchmarks.Measuring;

/// <summary>The contenders' statements.</summary>
internal static class SqlFiles
{
    public static string Read(string name)
    {
        using var stream = typeof(SqlFiles).Assembly.GetManifestResourceStream(name)!;
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }
}
