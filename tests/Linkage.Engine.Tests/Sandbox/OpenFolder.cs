namespace Linkage.Engine.Tests.Sandbox;

/// <summary>An empty folder in which other users may write too: a sandbox that root starts is made by one of them.</summary>
internal sealed class OpenFolder : IDisposable
{
    public OpenFolder()
    {
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(Path, (UnixFileMode)0b111_111_111);
    }

    public string Path { get; } = Directory.CreateTempSubdirectory("linkage-test-").FullName;

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
