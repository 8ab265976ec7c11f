using System.Net.Sockets;
using Npgsql;

namespace Linkage.Engine.Tests.Health.Alerts;

/// <summary>The way to a server, which can be cut.</summary>
internal sealed class Wire(NpgsqlConnectionStringBuilder server) : TcpReceiver
{
    public string ConnectionString => new NpgsqlConnectionStringBuilder(server.ConnectionString) { Host = "127.0.0.1", Port = Port }.ConnectionString;

    protected override async Task ServeAsync(NetworkStream stream, CancellationToken end)
    {
        using var far = new TcpClient();
        await far.ConnectAsync(server.Host!, server.Port, end);
        await Task.WhenAny(stream.CopyToAsync(far.GetStream(), end), far.GetStream().CopyToAsync(stream, end));
    }
}
