using System.Net;
using System.Net.Sockets;

namespace Linkage.Engine.Tests.Health.Alerts;

/// <summary>Listens on loopback and speaks with whoever connects.</summary>
internal abstract class TcpReceiver : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _end = new();
    private readonly Task _accepting;

    protected TcpReceiver()
    {
        _listener.Start();
        _accepting = AcceptAsync();
    }

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        _listener.Stop();
        await _accepting;
        _end.Dispose();
    }

    protected abstract Task ServeAsync(NetworkStream stream, CancellationToken end);

    private async Task AcceptAsync()
    {
        List<Task> served = [];
        try
        {
            while (true)
                served.Add(ServeAsync(await _listener.AcceptTcpClientAsync(_end.Token)));
        }
        catch (Exception fault) when (fault is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            await Task.WhenAll(served);
        }
    }

    private async Task ServeAsync(TcpClient client)
    {
        using (client)
        {
            try
            {
                await ServeAsync(client.GetStream(), _end.Token);
            }
            catch (Exception fault) when (fault is IOException or OperationCanceledException)
            {
                // The other side has gone, or the test has ended.
            }
        }
    }
}
