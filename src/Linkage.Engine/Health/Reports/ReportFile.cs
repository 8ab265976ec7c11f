using System.Text;

namespace Linkage.Engine.Health.Reports;

/// <summary>
/// The file of a report. Whoever opens it meanwhile sees the whole old one or the whole new one: it is written beside its place and then moved
/// there.
/// </summary>
/// <param name="path">The file's full path.</param>
public sealed class ReportFile(string path)
{
    /// <summary>Refuses a place that can't take the file, before work is spent on it.</summary>
    /// <param name="mayReplace">Whether a file that is there may be replaced.</param>
    /// <param name="mayReplaceReadOnly">Whether it may be even if it is marked read-only.</param>
    /// <exception cref="LinkageException">There is no such folder, a folder has the name, or a file has it that may not be replaced.</exception>
    public void Require(bool mayReplace, bool mayReplaceReadOnly)
    {
        if (Directory.Exists(path))
            throw Unusable(FaultKind.InvalidInput, $"{path} is a folder. Name a file in it, such as {Path.Join(path, "report.html")}.");
        if (!Directory.Exists(Path.GetDirectoryName(path)))
            throw Unusable(FaultKind.NotFound, $"There is no folder {Path.GetDirectoryName(path)}. Make it first, or name another place.");
        if (!File.Exists(path))
            return;
        if (!mayReplace)
            throw Unusable(FaultKind.Conflict, $"{path} is there already. Name another file, or leave out -NoClobber to replace it.");
        if (!mayReplaceReadOnly && File.GetAttributes(path).HasFlag(FileAttributes.ReadOnly))
            throw Unusable(FaultKind.Denied, $"{path} is marked read-only. -Force replaces it all the same.");
    }

    /// <summary>Writes it; returns how many bytes it has.</summary>
    /// <inheritdoc cref="Require"/>
    /// <exception cref="IOException">The disk refused.</exception>
    /// <exception cref="UnauthorizedAccessException">The folder may not be written to.</exception>
    public async Task<long> WriteAsync(byte[] content, bool mayReplace, bool mayReplaceReadOnly, CancellationToken cancellation)
    {
        Require(mayReplace, mayReplaceReadOnly);
        // A link stays one, and what it leads to is replaced.
        var target = new FileInfo(path) is { LinkTarget: not null } link ? link.ResolveLinkTarget(returnFinalTarget: true)!.FullName : path;
        var draft = Path.Join(Path.GetDirectoryName(target), $".{Path.GetFileName(target)}.{Guid.NewGuid():N}.tmp");
        try
        {
            await File.WriteAllBytesAsync(draft, content, cancellation);
            if (File.Exists(target))
                TakeOver(target, draft);
            File.Move(draft, target, mayReplace);
        }
        finally
        {
            File.Delete(draft);
        }

        return content.Length;
    }

    /// <summary>A page as it is stored: UTF-8, without a byte order mark.</summary>
    public static byte[] Render(IReadOnlyList<DatabaseReport> reports, ReportOptions options)
    {
        using var stream = new MemoryStream();
        using (var output = new StreamWriter(stream, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false)))
            ReportPage.Write(output, reports, options);
        return stream.ToArray();
    }

    // Who could read the old one can read the new one, and nobody else.
    private static void TakeOver(string from, string to)
    {
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(to, File.GetUnixFileMode(from));
        else if (File.GetAttributes(from).HasFlag(FileAttributes.ReadOnly))
            File.SetAttributes(from, File.GetAttributes(from) & ~FileAttributes.ReadOnly);
    }

    private static LinkageException Unusable(FaultKind kind, string message) => new("Linkage.Report.UnusablePath", kind, message);
}
