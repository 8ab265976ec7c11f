namespace Linkage.Engine.Database;

/// <summary>The server's error codes as stable ids of Linkage; the code itself is the id where none has a name here.</summary>
internal static class SqlStates
{
    public static (string ErrorId, FaultKind Kind) Classify(string sqlState) => sqlState switch
    {
        "23505" => ("Linkage.Database.UniqueViolation", FaultKind.Conflict),
        "23503" => ("Linkage.Database.ForeignKeyViolation", FaultKind.Conflict),
        "23514" => ("Linkage.Database.CheckViolation", FaultKind.InvalidInput),
        "23502" => ("Linkage.Database.NotNullViolation", FaultKind.InvalidInput),
        "25006" => ("Linkage.Database.ReadOnly", FaultKind.Denied),
        "28P01" or "28000" => ("Linkage.Connection.LoginRefused", FaultKind.LoginRefused),
        "3D000" => ("Linkage.Connection.DatabaseNotFound", FaultKind.NotFound),
        "40001" => ("Linkage.Database.SerializationFailure", FaultKind.Busy),
        "40P01" => ("Linkage.Database.Deadlock", FaultKind.Busy),
        "42501" => ("Linkage.Database.InsufficientPrivilege", FaultKind.Denied),
        "42P01" => ("Linkage.Database.TableNotFound", FaultKind.NotFound),
        "42703" => ("Linkage.Database.ColumnNotFound", FaultKind.NotFound),
        "42883" => ("Linkage.Database.FunctionNotFound", FaultKind.NotFound),
        "3F000" => ("Linkage.Database.SchemaNotFound", FaultKind.NotFound),
        "53300" => ("Linkage.Connection.TooMany", FaultKind.Busy),
        "55P03" => ("Linkage.Database.LockTimeout", FaultKind.Busy),
        "57014" => ("Linkage.Database.StatementTimeout", FaultKind.Timeout),
        "57P01" or "57P02" => ("Linkage.Connection.Lost", FaultKind.Connection),
        "57P03" => ("Linkage.Connection.NotReady", FaultKind.Busy),
        _ when sqlState.StartsWith("08", StringComparison.Ordinal) => ("Linkage.Connection.Lost", FaultKind.Connection),
        _ => ($"Linkage.Database.{sqlState}", FaultKind.InvalidState),
    };
}
