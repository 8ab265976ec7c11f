using System.Collections.Concurrent;
using System.Net.Sockets;
using System.Text;

namespace Linkage.Engine.Tests.Health.Alerts;

/// <summary>A mail as it arrived: who it was handed in for, and its lines.</summary>
internal sealed record ArrivedMail(string From, IReadOnlyList<string> To, string Text)
{
    /// <summary>The lines of its header, unfolded.</summary>
    public IReadOnlyList<string> Headers => Text[..Text.IndexOf("\n\n", StringComparison.Ordinal)].Replace("\n ", " ", StringComparison.Ordinal).Split('\n');

    /// <summary>The body, decoded.</summary>
    public string Body
    {
        get
        {
            var body = Text[(Text.IndexOf("\n\n", StringComparison.Ordinal) + 2)..];
            return Headers.Contains("Content-Transfer-Encoding: base64")
                ? Encoding.UTF8.GetString(Convert.FromBase64String(body.Replace("\n", "", StringComparison.Ordinal)))
                : body.Replace("=\n", "", StringComparison.Ordinal);
        }
    }
}

/// <summary>A mail server that keeps what arrives and answers as it is told, command by command; that all is well in the end.</summary>
internal sealed class SmtpReceiver : TcpReceiver
{
    private readonly ConcurrentDictionary<string, ConcurrentQueue<string>> _answers = [];

    public ConcurrentQueue<ArrivedMail> Mails { get; } = [];

    public ConcurrentQueue<string> Commands { get; } = [];

    /// <summary>The next answers to a command, such as RCPT; <see cref="HttpReceiver.Hang"/> for none.</summary>
    public void Answer(string command, params string[] answers)
    {
        var queue = _answers.GetOrAdd(command, _ => []);
        foreach (var answer in answers)
            queue.Enqueue(answer);
    }

    protected override async Task ServeAsync(NetworkStream stream, CancellationToken end)
    {
        using var reader = new StreamReader(stream, Encoding.UTF8, leaveOpen: true);
        await using var writer = new StreamWriter(stream, new UTF8Encoding(false), leaveOpen: true) { NewLine = "\r\n", AutoFlush = true };
        await writer.WriteLineAsync("220 here");
        var (from, to) = ("", new List<string>());
        while (await reader.ReadLineAsync(end) is { } line)
        {
            Commands.Enqueue(line);
            var command = line.Split(' ')[0].ToUpperInvariant();
            var answer = _answers.TryGetValue(command, out var queue) && queue.TryDequeue(out var next) ? next : command == "DATA" ? "354 go on" : "250 well";
            if (answer == HttpReceiver.Hang)
                await Task.Delay(Timeout.Infinite, end);
            await writer.WriteLineAsync(answer);
            if (command == "MAIL")
                from = line;
            else if (command == "RCPT" && answer.StartsWith("250", StringComparison.Ordinal))
                to.Add(line[(line.IndexOf('<', StringComparison.Ordinal) + 1)..line.IndexOf('>', StringComparison.Ordinal)]);
            else if (command == "DATA" && answer.StartsWith("354", StringComparison.Ordinal))
                await KeepAsync(reader, writer, from, to, end);
            else if (command == "QUIT")
                return;
        }
    }

    private async Task KeepAsync(StreamReader reader, StreamWriter writer, string from, List<string> to, CancellationToken end)
    {
        var text = new StringBuilder();
        while (await reader.ReadLineAsync(end) is { } line && line != ".")
            text.Append(line.StartsWith('.') ? line[1..] : line).Append('\n');
        Mails.Enqueue(new ArrivedMail(from, [.. to], text.ToString()));
        await writer.WriteLineAsync("250 kept");
    }
}
