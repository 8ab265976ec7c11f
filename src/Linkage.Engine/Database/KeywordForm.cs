using System.Data.Common;
using Npgsql;

namespace Linkage.Engine.Database;

/// <summary>Npgsql's keyword form (<c>Host=...;Database=...</c>), with errors that never repeat a part of the password.</summary>
internal static class KeywordForm
{
    public static NpgsqlConnectionStringBuilder Parse(string connectionString)
    {
        var pairs = Pairs(connectionString);
        var builder = new NpgsqlConnectionStringBuilder();
        foreach (string keyword in pairs.Keys)
        {
            // A password with an unquoted semicolon is cut in two, and its second half would stand here as a keyword.
            if (!builder.ContainsKey(keyword))
            {
                throw Unreadable(HasPassword(pairs)
                    ? "has a keyword that Npgsql does not know; a password with a semicolon needs quotes around it"
                    : $"has the keyword '{keyword}', which Npgsql does not know");
            }

            try
            {
                builder[keyword] = pairs[keyword];
            }
            catch (ArgumentException)
            {
                throw Unreadable($"has a value for '{keyword}' that can't be used");
            }
        }

        return builder;
    }

    private static DbConnectionStringBuilder Pairs(string connectionString)
    {
        try
        {
            return new DbConnectionStringBuilder { ConnectionString = connectionString };
        }
        catch (ArgumentException)
        {
            throw Unreadable("is not a list of keyword=value pairs parted by semicolons, and not a postgresql:// URI either");
        }
    }

    private static bool HasPassword(DbConnectionStringBuilder pairs) =>
        pairs.ContainsKey("password") || pairs.ContainsKey("pwd") || pairs.ContainsKey("psw");

    private static LinkageException Unreadable(string why) =>
        new("Linkage.Connection.InvalidString", FaultKind.InvalidInput, $"The connection string {why}.");
}
