using Dapper;
using Npgsql;

namespace Linkage.Engine.Tests.UserLinks;

/// <summary>What tests with several sessions at once need, without a sleep.</summary>
internal static class Sessions
{
    /// <summary>Returns when the session waits for a lock; fails the test if its statement ends before.</summary>
    public static Task WaitForLockAsync(LinkedDatabase database, NpgsqlConnection waiting, Task statement) =>
        Poll.UntilAsync(async () =>
        {
            Assert.False(statement.IsCompleted, "The statement was to wait for the other session.");
            return await database.ScalarAsync<bool>(
                "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE pid = @pid AND wait_event_type = 'Lock')", new { pid = waiting.ProcessID });
        });

    /// <summary>A row of a delivery, from any session.</summary>
    public static async Task<string> InsertDeliveryAsync(NpgsqlConnection connection, string? guest, string? phone = null) =>
        (await connection.ExecuteScalarAsync<string>(
            "INSERT INTO message_deliveries (phone_number, guest_id) VALUES (@phone, @guest::uuid) RETURNING id::text", new { phone, guest }))!;

    public static Task<int> LinkGuestAsync(NpgsqlConnection connection, string guest, string? user) =>
        connection.ExecuteAsync("UPDATE event_guests SET user_id = @user::uuid WHERE id = @guest::uuid", new { guest, user });
}
