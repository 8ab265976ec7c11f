namespace Linkage.Engine.Sandbox;

/// <summary>The .sql files of this folder.</summary>
internal static class SandboxSql
{
    public static string Read(string path)
    {
        using var stream = typeof(SandboxSql).Assembly.GetManifestResourceStream(path)
            ?? throw new InvalidOperationException($"The assembly holds no {path}.");
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }
}
