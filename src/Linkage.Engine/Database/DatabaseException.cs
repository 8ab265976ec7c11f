using System.Net.Sockets;
using Npgsql;

namespace Linkage.Engine.Database;

/// <summary>What the server or the way to it reported, with a stable id: a fault that a DBA can look up by its SQLSTATE.</summary>
public sealed class DatabaseException : LinkageException
{
    private DatabaseException(string errorId, FaultKind kind, string message, Exception cause)
        : base(errorId, kind, message, cause)
    {
    }

    /// <summary>The server's five-character code; null if the fault is not the server's.</summary>
    public string? SqlState { get; private init; }

    /// <summary>The constraint that was violated, if one was.</summary>
    public string? ConstraintName { get; private init; }

    /// <summary>The table that it concerns, if the server says so.</summary>
    public string? TableName { get; private init; }

    /// <summary>Explains a fault of the server or the driver; null if the exception is of another kind.</summary>
    public static DatabaseException? From(Exception exception) => From(exception, string.Empty, null);

    /// <summary>Explains why a connection could not be opened.</summary>
    internal static DatabaseException? From(Exception exception, ConnectionSettings settings) =>
        From(exception, $"Can't connect to {settings}: ", settings.ToString());

    /// <summary>Explains why the server refused a role.</summary>
    /// <param name="errorId">Null for the id of the server's code.</param>
    /// <param name="message">What the role lacks, and the remedy.</param>
    /// <param name="subject">On what; null if nobody knows.</param>
    /// <param name="error">What the server said.</param>
    internal static DatabaseException Refused(string? errorId, string message, string? subject, PostgresException error) => new(
        errorId ?? SqlStates.Classify(error.SqlState).ErrorId, FaultKind.Denied, $"{message} (SQLSTATE {error.SqlState})", error)
    {
        Subject = subject,
        SqlState = error.SqlState,
        TableName = subject,
    };

    private static DatabaseException? From(Exception exception, string context, string? subject) => exception switch
    {
        PostgresException server => FromServer(server, context, subject),
        NpgsqlException { InnerException: TimeoutException } slow => new(
            "Linkage.Connection.Timeout", FaultKind.Timeout, $"{context}The server did not answer in time: {slow.Message}", slow) { Subject = subject },
        NpgsqlException { InnerException: SocketException or null } unreachable => new(
            "Linkage.Connection.Failed", FaultKind.Connection, $"{context}{unreachable.Message}{Reason(unreachable)}", unreachable) { Subject = subject },
        NpgsqlException lost => new(
            "Linkage.Connection.Lost", FaultKind.Connection, $"{context}The connection was lost: {lost.Message}{Reason(lost)}", lost) { Subject = subject },
        SocketException unknownHost => new(
            "Linkage.Connection.Failed", FaultKind.Connection, $"{context}{unknownHost.Message}", unknownHost) { Subject = subject },
        _ => null,
    };

    private static DatabaseException FromServer(PostgresException error, string context, string? subject)
    {
        var (errorId, kind) = SqlStates.Classify(error.SqlState);
        var constraint = string.IsNullOrEmpty(error.ConstraintName) ? string.Empty : $", constraint \"{error.ConstraintName}\"";
        var hint = string.IsNullOrEmpty(error.Hint) ? string.Empty : $" {error.Hint}";
        return new DatabaseException(errorId, kind, $"{context}{error.MessageText} (SQLSTATE {error.SqlState}{constraint}).{hint}", error)
        {
            Subject = subject,
            SqlState = error.SqlState,
            ConstraintName = error.ConstraintName,
            TableName = error.TableName,
        };
    }

    private static string Reason(NpgsqlException exception) =>
        exception.InnerException is { } cause && cause.Message != exception.Message ? $" ({cause.Message})" : string.Empty;
}
