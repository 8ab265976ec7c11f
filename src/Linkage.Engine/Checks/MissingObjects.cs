using Linkage.Engine.Database;
using Npgsql;

namespace Linkage.Engine.Checks;

/// <summary>What a check needs and a database lacks: a finding of the check, where anything else that goes wrong is an error.</summary>
internal static class MissingObjects
{
    /// <summary>What is missing, in a sentence; null if the fault is of another kind.</summary>
    public static string? Problem(Exception fault) => fault switch
    {
        LinkageException missing when missing.ErrorId == ServerFaults.SchemaMissing => missing.Message,
        PostgresException missing when missing.SqlState
            is PostgresErrorCodes.UndefinedTable or PostgresErrorCodes.UndefinedFunction or PostgresErrorCodes.UndefinedColumn =>
            $"Something that Linkage needs is missing ({missing.MessageText}); Test-LinkageSchema says what.",
        _ => null,
    };
}
