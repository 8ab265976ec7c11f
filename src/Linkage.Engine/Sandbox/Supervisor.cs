using System.Diagnostics;
using System.Text;
using System.Threading.Channels;

namespace Linkage.Engine.Sandbox;

/// <summary>
/// A small process between the caller and the server that owns the folder, runs every program of PostgreSQL, and outlives the caller: its
/// orders come through a pipe, and the end of the pipe, however the caller died, means stop the server and remove the folder. Orders are
/// carried out one after the other, so a caller that dies in the middle of a start leaves nothing behind either.
/// </summary>
internal sealed class Supervisor : IAsyncDisposable
{
    private const string Ok = "linkage: ok";
    private const string Failed = "linkage: failed";

    private static readonly TimeSpan _removalLimit = TimeSpan.FromSeconds(60);

    private readonly Process _launcher;
    private readonly Channel<string> _answers = Channel.CreateUnbounded<string>();
    private readonly SemaphoreSlim _oneOrder = new(1);
    private readonly Task _reading;

    // The first answer is unasked for: the folder. A caller that gave up waiting leaves an answer behind that is not the next one's.
    private int _asked = 1;
    private int _answered;

    private Supervisor(Process launcher)
    {
        _launcher = launcher;
        _reading = Task.Run(ReadAnswersAsync);
    }

    /// <summary>The folder that the supervisor made and will remove.</summary>
    public string Folder { get; private set; } = "";

    /// <summary>Starts the supervisor, which makes its folder.</summary>
    /// <exception cref="SandboxException">The folder can't be made, or the programs can't be run by the user who must.</exception>
    public static async Task<Supervisor> StartAsync(PostgresBinaries binaries, string parentDirectory, CancellationToken cancellation)
    {
        var user = UnprivilegedUser.IsNeeded ? await UnprivilegedUser.FindAsync(cancellation) : null;
        var start = OperatingSystem.IsWindows() ? PowerShellStart(binaries, parentDirectory) : ShellStart(binaries, parentDirectory, user);
        var supervisor = new Supervisor(ToolRunner.Start(start));
        try
        {
            supervisor.Folder = await supervisor.AnswerAsync("The sandbox's folder can't be made", cancellation);
            return supervisor;
        }
        catch
        {
            await supervisor.DisposeAsync();
            throw;
        }
    }

    /// <summary>Gives an order and returns the detail of its answer.</summary>
    /// <param name="order">One line, see <see cref="SupervisorScript"/>.</param>
    /// <param name="onFailure">How the message begins if the order fails.</param>
    /// <param name="cancellation">Gives up waiting; the order itself is carried out.</param>
    /// <exception cref="SandboxException">The order failed; the message ends with the tail of the server's log.</exception>
    public async Task<string> OrderAsync(string order, string onFailure, CancellationToken cancellation)
    {
        if (order.AsSpan().ContainsAny('\n', '\r'))
            throw new ArgumentException($"A line break in '{order}'.", nameof(order));
        await _oneOrder.WaitAsync(cancellation);
        try
        {
            // Not cancellable: half a line would spoil the next order.
            await _launcher.StandardInput.WriteLineAsync(order);
            await _launcher.StandardInput.FlushAsync(CancellationToken.None);
            _asked++;
            return await AnswerAsync(onFailure, cancellation);
        }
        catch (IOException e)
        {
            throw new SandboxException($"{onFailure}: the sandbox's supervisor is gone.", e);
        }
        finally
        {
            _oneOrder.Release();
        }
    }

    /// <summary>Has the server stopped and the folder removed, and waits for both.</summary>
    /// <exception cref="SandboxException">The folder is still there.</exception>
    public async ValueTask DisposeAsync()
    {
        try
        {
            _launcher.StandardInput.Close();
        }
        catch (IOException)
        {
            // The supervisor is gone, which the wait below will notice.
        }
        try
        {
            await _reading.WaitAsync(_removalLimit);
        }
        catch (TimeoutException e)
        {
            throw new SandboxException($"The sandbox in '{Folder}' was not removed within {_removalLimit.TotalSeconds} s.", e);
        }
        _launcher.Dispose();
        _oneOrder.Dispose();
        if (Folder.Length > 0 && Directory.Exists(Folder))
            throw new SandboxException($"The sandbox's folder '{Folder}' could not be removed; remove it by hand.");
    }

    private async Task<string> AnswerAsync(string onFailure, CancellationToken cancellation)
    {
        var diagnostics = new StringBuilder();
        await foreach (var line in _answers.Reader.ReadAllAsync(cancellation))
        {
            var isOk = line.StartsWith(Ok, StringComparison.Ordinal);
            var isFailure = line.StartsWith(Failed, StringComparison.Ordinal);
            if (!isOk && !isFailure)
                diagnostics.AppendLine(line);
            else if (++_answered < _asked)
                diagnostics.Clear();
            else if (isOk)
                return line[Ok.Length..].Trim();
            else
                throw new SandboxException($"{onFailure}: {diagnostics}{line[Failed.Length..].Trim()}{LogTail()}");
        }
        throw new SandboxException($"{onFailure}: the sandbox's supervisor is gone. {diagnostics}");
    }

    private string LogTail()
    {
        const int Lines = 15;
        if (Folder.Length == 0)
            return "";
        var text = new StringBuilder();
        foreach (var log in Directory.EnumerateFiles(Folder, "*.log"))
        {
            // The server may have it open for writing.
            using var reader = new StreamReader(new FileStream(log, FileMode.Open, FileAccess.Read, FileShare.ReadWrite));
            var lines = reader.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries);
            text.AppendLine().AppendJoin(Environment.NewLine, lines.TakeLast(Lines));
        }
        return text.ToString();
    }

    private async Task ReadAnswersAsync()
    {
        while (await _launcher.StandardOutput.ReadLineAsync() is { } line)
            _answers.Writer.TryWrite(line);
        _answers.Writer.Complete();
    }

    private static ProcessStartInfo ShellStart(PostgresBinaries binaries, string parentDirectory, UnprivilegedUser? user)
    {
        const string Name = "linkage-sandbox"; // What a list of processes shows.
        string[] command =
        [
            .. user?.Command ?? [],
            "/bin/sh", "-c", SupervisorScript.ShellLauncher, Name,
            SupervisorScript.Shell, Name, binaries.BinDirectory, parentDirectory,
        ];
        var start = Piped(command[0], command.Skip(1));
        if (user is not null)
            start.Environment["HOME"] = "/"; // Root's own is closed to that user.
        return start;
    }

    private static ProcessStartInfo PowerShellStart(PostgresBinaries binaries, string parentDirectory)
    {
        var script = $"$bin = {Quoted(binaries.BinDirectory)}; $parent = {Quoted(parentDirectory)}\n{SupervisorScript.PowerShell}";
        var encoded = Convert.ToBase64String(Encoding.Unicode.GetBytes(script));
        return Piped("powershell.exe", ["-NoProfile", "-NonInteractive", "-EncodedCommand", encoded]);

        static string Quoted(string text) => "'" + text.Replace("'", "''", StringComparison.Ordinal) + "'";
    }

    private static ProcessStartInfo Piped(string file, IEnumerable<string> arguments)
    {
        var start = new ProcessStartInfo(file, arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            CreateNoWindow = true, // And with it a console of its own, which Ctrl+C in the caller's does not reach.
            WorkingDirectory = Path.GetPathRoot(Environment.SystemDirectory) is { Length: > 0 } root ? root : "/",
        };
        // PGDATA, PGPORT, PGOPTIONS and the like are meant for another server.
        foreach (var name in start.Environment.Keys.Where(name => name.StartsWith("PG", StringComparison.Ordinal)).ToList())
            start.Environment.Remove(name);
        start.Environment["LC_ALL"] = "C";
        return start;
    }
}
