using Linkage.Cmdlets.Database;
using Linkage.Engine.UserSync;

namespace Linkage.Cmdlets.UserSync;

/// <summary>A column of the profiles, and where it comes from.</summary>
public sealed class UserSyncMapping
{
    internal UserSyncMapping(LinkageConnection connection, ProfileColumn found)
    {
        Server = connection.Server;
        Database = connection.Database;
        ConnectionId = connection.ConnectionId;
        Column = found.Name;
        Type = found.Type;
        Key = found.IsKey;
        Required = found.IsRequired;
        From = found.Sources.Length == 0 ? null : string.Join(", ", found.Sources);
        Value = found.Fallback;
        Mapped = found.IsMapped;
        Expression = found.Expression;
        Problem = found.Problem;
    }

    /// <summary>The host, or the folder of the socket.</summary>
    public string Server { get; }

    /// <summary>The database's name.</summary>
    public string Database { get; }

    /// <summary>The connection that it was found on.</summary>
    public Guid ConnectionId { get; }

    /// <summary>The column of the profiles.</summary>
    public string Column { get; }

    /// <summary>Its type; null where the table has no such column any more.</summary>
    public string? Type { get; }

    /// <summary>Whether it says whose profile it is.</summary>
    public bool Key { get; }

    /// <summary>Whether a profile can't be without it.</summary>
    public bool Required { get; }

    /// <summary>Columns of the account and paths into its JSON, by commas; the first that has a value is taken. Null if there is none.</summary>
    public string? From { get; }

    /// <summary>The constant to take where none of them has a value; null if there is none.</summary>
    public string? Value { get; }

    /// <summary>Whether Set-UserSyncMapping said so; else it was found by comparing the two tables.</summary>
    public bool Mapped { get; }

    /// <summary>The SQL of it; null where the column is not copied.</summary>
    public string? Expression { get; }

    /// <summary>Why it can't be used so; null if it can.</summary>
    public string? Problem { get; }
}
