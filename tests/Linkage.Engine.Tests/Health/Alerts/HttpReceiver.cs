using System.Collections.Concurrent;
using System.Net.Sockets;
using System.Text;

namespace Linkage.Engine.Tests.Health.Alerts;

/// <summary>A request as it arrived.</summary>
internal sealed record Arrived(string Line, IReadOnlyDictionary<string, string> Headers, string Body);

/// <summary>An HTTP server that keeps what arrives and answers as it is told, 200 in the end.</summary>
internal sealed class HttpReceiver : TcpReceiver
{
    public const string Hang = "hang";
    public const string Close = "close";

    private readonly ConcurrentQueue<string> _answers = [];

    public ConcurrentQueue<Arrived> Requests { get; } = [];

    public string Address => $"http://127.0.0.1:{Port}";

    /// <summary>The next answers: a status line with headers, <see cref="Hang"/> or <see cref="Close"/>.</summary>
    public void Answer(params string[] answers)
    {
        foreach (var answer in answers)
            _answers.Enqueue(answer);
    }

    protected override async Task ServeAsync(NetworkStream stream, CancellationToken end)
    {
        while (await ReadAsync(stream, end) is { } request)
        {
            Requests.Enqueue(request);
            var answer = _answers.TryDequeue(out var next) ? next : "200 OK";
            if (answer == Hang)
                await Task.Delay(Timeout.Infinite, end);
            // in the middle of the status line
            await stream.WriteAsync(Encoding.ASCII.GetBytes(answer == Close ? "HTTP/1." : Response(answer)), end);
            if (answer == Close)
                return;
        }
    }

    private static string Response(string answer)
    {
        const string Body = "said the receiver";
        return $"HTTP/1.1 {answer}\r\nContent-Length: {Body.Length}\r\n\r\n{Body}";
    }

    private static async Task<Arrived?> ReadAsync(NetworkStream stream, CancellationToken end)
    {
        if (await LineAsync(stream, end) is not { Length: > 0 } line)
            return null;
        var headers = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        while (await LineAsync(stream, end) is { Length: > 0 } header)
            headers[header[..header.IndexOf(':', StringComparison.Ordinal)]] = header[(header.IndexOf(':', StringComparison.Ordinal) + 1)..].Trim();
        var body = new byte[int.Parse(headers["Content-Length"], System.Globalization.CultureInfo.InvariantCulture)];
        await stream.ReadExactlyAsync(body, end);
        return new Arrived(line, headers, Encoding.UTF8.GetString(body));
    }

    private static async Task<string?> LineAsync(NetworkStream stream, CancellationToken end)
    {
        List<byte> line = [];
        var one = new byte[1];
        while (await stream.ReadAsync(one, end) == 1)
        {
            if (one[0] == '\n')
                return Encoding.ASCII.GetString([.. line]).TrimEnd('\r');
            line.Add(one[0]);
        }

        return null;
    }
}
