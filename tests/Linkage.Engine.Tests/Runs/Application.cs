using Dapper;
using Linkage.Engine.Database;
using Npgsql;

namespace Linkage.Engine.Tests.Runs;

/// <summary>What writes to the tables of a <see cref="KeyedScene"/> while runs are at work on them: something after each batch.</summary>
/// <param name="scene">Where.</param>
/// <param name="random">Decides what.</param>
/// <param name="isSkewed">Where its own rows come in.</param>
internal sealed class Application(KeyedScene scene, Random random, bool isSkewed)
{
    /// <summary>Writes once for each tick until there will be none.</summary>
    public async Task WorkAsync(SemaphoreSlim ticks, CancellationToken end)
    {
        try
        {
            while (true)
            {
                await ticks.WaitAsync(end);
                await WriteAsync();
            }
        }
        catch (OperationCanceledException) when (end.IsCancellationRequested)
        {
        }
    }

    private async Task WriteAsync()
    {
        try
        {
            await using var connection = new NpgsqlConnection(scene.ConnectionString);
            await connection.ExecuteAsync(Statement());
        }
        catch (NpgsqlException e)
            when (TransientErrors.IsTransient(e) && e is not PostgresException { SqlState: PostgresErrorCodes.DeadlockDetected })
        {
            // The server is away. In a deadlock it is the batch that is to give way, so one would fail the test.
        }
    }

    private string Statement()
    {
        var some = $"abs(hashtext({scene.Key.Text()})) % 97 = {random.Next(97)}";
        return random.Next(14) switch
        {
            0 or 1 => scene.Insert(8, isSkewed),
            2 => $"UPDATE message_deliveries d SET phone_number = '2125550001' WHERE {some}",
            3 => $"DELETE FROM message_deliveries d WHERE {some} AND {random.Next(3)} = 0",
            // whoever had it before
            4 => $"""
                  WITH u AS (
                    UPDATE message_deliveries d SET user_id = (SELECT id FROM users WHERE phone IS NULL ORDER BY id LIMIT 1)
                    WHERE {some} RETURNING {scene.Key.Text()} AS key, user_id)
                  INSERT INTO own SELECT key, user_id FROM u ON CONFLICT (key) DO UPDATE SET user_id = EXCLUDED.user_id
                  """,
            5 => $"""
                  UPDATE event_guests g SET user_id = (SELECT id FROM users WHERE phone IS NOT NULL ORDER BY id LIMIT 1)
                  WHERE user_id IS NULL AND abs(hashtext(id::text)) % 29 = {random.Next(29)}
                  """,
            6 => $"""
                  UPDATE event_guests g SET user_id = (SELECT id FROM users WHERE phone IS NOT NULL ORDER BY id DESC LIMIT 1)
                  WHERE user_id IS NOT NULL AND abs(hashtext(id::text)) % 97 = {random.Next(97)}
                  """,
            7 => $"UPDATE event_guests g SET removed_at = now() WHERE abs(hashtext(id::text)) % 197 = {random.Next(197)}",
            8 => random.Next(8) == 0 ? "VACUUM FULL message_deliveries" : "VACUUM message_deliveries",
            _ => $"UPDATE message_deliveries d SET status = status || '.' WHERE status NOT LIKE 'poison%' AND {some}",
        };
    }
}
