using Linkage.Engine.Health.Reports;

namespace Linkage.Engine.Tests.Health;

/// <summary>How the file of a report takes its place.</summary>
public sealed class ReportFileTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("linkage-report-").FullName;

    private string Target => Path.Join(_folder, "report.html");

    [Fact]
    public async Task A_file_that_is_there_is_replaced_and_nothing_else_is_left()
    {
        await File.WriteAllTextAsync(Target, "old");

        var length = await WriteAsync("new one");

        Assert.Equal("new one", await File.ReadAllTextAsync(Target));
        Assert.Equal(7, length);
        Assert.Equal([Target], Directory.GetFileSystemEntries(_folder));
    }

    [Fact]
    public async Task A_reader_of_the_old_one_reads_it_to_its_end()
    {
        await File.WriteAllTextAsync(Target, new string('o', 100_000));
        await using var reading = new FileStream(Target, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);

        await WriteAsync("new");

        using var reader = new StreamReader(reading);
        Assert.Equal(new string('o', 100_000), await reader.ReadToEndAsync());
    }

    [Fact]
    public async Task One_that_may_not_be_replaced_stays()
    {
        await File.WriteAllTextAsync(Target, "old");

        var refused = await Assert.ThrowsAsync<LinkageException>(() => WriteAsync("new", mayReplace: false));

        Assert.Equal(FaultKind.Conflict, refused.Kind);
        Assert.Equal("old", await File.ReadAllTextAsync(Target));
    }

    [Fact]
    public async Task A_read_only_one_is_replaced_only_if_that_is_wanted()
    {
        await File.WriteAllTextAsync(Target, "old");
        File.SetAttributes(Target, FileAttributes.ReadOnly);

        await Assert.ThrowsAsync<LinkageException>(() => WriteAsync("new"));
        await WriteAsync("newer", mayReplaceReadOnly: true);

        Assert.Equal("newer", await File.ReadAllTextAsync(Target));
    }

    [SkippableFact]
    public async Task It_keeps_the_permissions_of_the_one_that_it_replaces_and_links_stay_links()
    {
        Skip.If(OperatingSystem.IsWindows(), "Windows has neither.");
        if (OperatingSystem.IsWindows())
            return;
        var link = Path.Join(_folder, "latest.html");
        await File.WriteAllTextAsync(Target, "old");
        File.SetUnixFileMode(Target, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        File.CreateSymbolicLink(link, Target);

        await new ReportFile(link).WriteAsync("new"u8.ToArray(), true, false, CancellationToken.None);

        Assert.Equal(Target, new FileInfo(link).LinkTarget);
        Assert.Equal("new", await File.ReadAllTextAsync(Target));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Target));
    }

    [Fact]
    public async Task Where_it_can_not_be_nothing_is_written()
    {
        await Assert.ThrowsAsync<LinkageException>(() => new ReportFile(_folder).WriteAsync([], true, false, CancellationToken.None));
        await Assert.ThrowsAsync<LinkageException>(() => new ReportFile(Path.Join(_folder, "no", "r.html")).WriteAsync([], true, false, CancellationToken.None));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            () => new ReportFile(Target).WriteAsync("new"u8.ToArray(), true, false, new CancellationToken(canceled: true)));

        Assert.Empty(Directory.GetFileSystemEntries(_folder));
    }

    public void Dispose()
    {
        foreach (var file in Directory.GetFiles(_folder))
            File.SetAttributes(file, FileAttributes.Normal);
        Directory.Delete(_folder, recursive: true);
    }

    private Task<long> WriteAsync(string text, bool mayReplace = true, bool mayReplaceReadOnly = false) =>
        new ReportFile(Target).WriteAsync(System.Text.Encoding.UTF8.GetBytes(text), mayReplace, mayReplaceReadOnly, CancellationToken.None);
}
