using System.Text.RegularExpressions;
using Npgsql;

namespace Linkage.Engine.Database;

/// <summary>
/// Explains why the server refused a role (SQLSTATE 42501): which privilege it lacks on what, or which table hides rows from it, and who
/// can do what about it. The server itself says little more than "permission denied".
/// </summary>
internal static partial class AccessFaults
{
    /// <summary>Row-level security would have hidden rows. <see cref="LinkageException.Subject"/> is the table, if it is known.</summary>
    public const string RowSecurity = "Linkage.Database.RowSecurity";

    /// <summary>The function of the server that finds out whether policies apply; unlike its message it is never translated.</summary>
    private const string PolicyCheck = "check_enable_rls";

    /// <summary>The fault, with what the catalog tells of it; just the server's words where the catalog can't be asked any more.</summary>
    public static async Task<DatabaseException> ExplainAsync(NpgsqlDataSource source, PostgresException error)
    {
        var explanation = error.Routine == PolicyCheck
            ? await AskAsync(source, "Database/find_row_security.sql", QuotedName().Match(error.MessageText).Groups[1].Value, error)
            : await AskAsync(source, "Database/find_missing_privileges.sql", error.MessageText, error);
        return DatabaseException.Refused(
            error.Routine == PolicyCheck ? RowSecurity : null, explanation?.Message ?? error.MessageText, explanation?.Object, error);
    }

    private static async Task<Explanation?> AskAsync(NpgsqlDataSource source, string query, string named, PostgresException error)
    {
        try
        {
            await using var command = source.CreateCommand(EmbeddedSql.Read(query));
            command.Parameters.AddWithValue("named", named);
            await using var row = await command.ExecuteReaderAsync(CancellationToken.None);
            return await row.ReadAsync(CancellationToken.None)
                ? new Explanation(row.GetString(0), $"{error.MessageText}: {row.GetString(1)}")
                : null;
        }
        catch (NpgsqlException)
        {
            // The refusal is the news, not that the server is gone by now.
            return null;
        }
    }

    /// <summary>What stands in the last quotes of a message, whatever quotes the server's language has.</summary>
    [GeneratedRegex("[\"«„“](.+)[\"»“”]", RegexOptions.CultureInvariant)]
    private static partial Regex QuotedName();

    private sealed record Explanation(string Object, string Message);
}
