using Linkage.Engine.Database;
using Npgsql;

namespace Linkage.Engine.Tests;

/// <summary>Roles without any attribute but to log in. They belong to the server, hence names of each test's own.</summary>
internal static class Roles
{
    /// <summary>Creates one, and returns its name.</summary>
    public static async Task<string> CreateAsync(LinkedDatabase database, string kind)
    {
        var role = $"{kind} of {database.Engine.Database}";
        await database.ExecuteAsync($"DROP ROLE IF EXISTS \"{role}\"; CREATE ROLE \"{role}\" LOGIN PASSWORD 'secret'");
        return role;
    }

    /// <summary>The engine as that role.</summary>
    public static Task<LinkageDatabase> ConnectAsync(LinkedDatabase database, string role) =>
        LinkageDatabase.OpenAsync(ConnectionString(database, role), CancellationToken.None);

    /// <summary>How that role logs in.</summary>
    public static string ConnectionString(LinkedDatabase database, string role) =>
        new NpgsqlConnectionStringBuilder(database.ConnectionString) { Username = role, Password = "secret" }.ConnectionString;

    /// <summary>Makes a role the owner of the application's tables and functions.</summary>
    public static Task<int> GiveTablesAsync(LinkedDatabase database, string role) => database.ExecuteAsync(
        $"""
        GRANT ALL ON SCHEMA public TO "{role}";
        ALTER TABLE users OWNER TO "{role}"; ALTER TABLE events OWNER TO "{role}"; ALTER TABLE event_guests OWNER TO "{role}";
        ALTER TABLE messages OWNER TO "{role}"; ALTER TABLE message_deliveries OWNER TO "{role}";
        ALTER FUNCTION upsert_message_delivery(uuid, uuid, text, uuid, text) OWNER TO "{role}";
        """);

    /// <summary>Lets a role read and write everything, by grants only.</summary>
    public static Task<int> GrantAllAsync(LinkedDatabase database, string role) => database.ExecuteAsync(
        $"""
        GRANT USAGE ON SCHEMA public, linkage TO "{role}";
        GRANT ALL ON ALL TABLES IN SCHEMA public, linkage TO "{role}";
        GRANT ALL ON ALL SEQUENCES IN SCHEMA public, linkage TO "{role}";
        GRANT ALL ON ALL FUNCTIONS IN SCHEMA public, linkage TO "{role}";
        """);

    /// <summary>Removes roles with what is theirs.</summary>
    public static async Task DropAsync(LinkedDatabase database, params string[] roles)
    {
        foreach (var role in roles)
            await database.ExecuteAsync($"DROP OWNED BY \"{role}\" CASCADE; DROP ROLE \"{role}\"");
    }
}
