using Dapper;
using Npgsql;

namespace Linkage.Engine.Tests.Runs;

/// <summary>
/// Makes batches stand still before they update anything, while it is held: a trigger of the application waits for an advisory lock.
/// </summary>
internal sealed class Brake : IAsyncDisposable
{
    private readonly NpgsqlConnection _connection;
    private bool _isHeld;

    private Brake(NpgsqlConnection connection) => _connection = connection;

    /// <summary>A brake that is held.</summary>
    public static async Task<Brake> OnAsync(LinkedDatabase database)
    {
        await database.ExecuteAsync(
            """
            CREATE FUNCTION brake() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
              IF current_setting('application_name') LIKE 'Linkage%' THEN
                PERFORM pg_advisory_xact_lock_shared(4711);
              END IF;
              RETURN NULL;
            END $$;
            CREATE TRIGGER brake BEFORE UPDATE ON message_deliveries FOR EACH STATEMENT EXECUTE FUNCTION brake();
            """);
        var brake = new Brake(await database.OpenAsync());
        await brake.HoldAsync();
        return brake;
    }

    /// <summary>Returns when no batch is past the brake.</summary>
    public async Task HoldAsync()
    {
        await _connection.ExecuteAsync("SELECT pg_advisory_lock(4711)");
        _isHeld = true;
    }

    public async Task ReleaseAsync()
    {
        if (_isHeld)
            await _connection.ExecuteAsync("SELECT pg_advisory_unlock(4711)");
        _isHeld = false;
    }

    public async ValueTask DisposeAsync()
    {
        await ReleaseAsync();
        await _connection.DisposeAsync();
    }
}
