using Npgsql;

namespace Linkage.Engine.Database;

/// <summary>Reads what Linkage's own SQL functions raise (SQLSTATE class LK), and what the server says where they are missing.</summary>
internal static class ServerFaults
{
    /// <summary>LK001: another run holds the target. <see cref="LinkageException.Subject"/> is its id.</summary>
    public const string TargetHeld = "Linkage.Run.TargetHeld";

    /// <summary>LK002: the run was taken over, stopped or finished by another session.</summary>
    public const string NoLongerRunning = "Linkage.Run.NoLongerRunning";

    /// <summary>Linkage's objects are missing in the database.</summary>
    public const string SchemaMissing = "Linkage.Schema.Missing";

    /// <summary>A run is not in a state for what is asked of it.</summary>
    public const string WrongState = "Linkage.Run.WrongState";

    private static readonly Dictionary<string, (string ErrorId, FaultKind Kind)> _own = new(StringComparer.Ordinal)
    {
        ["LK001"] = (TargetHeld, FaultKind.Busy),
        ["LK002"] = (NoLongerRunning, FaultKind.Conflict),
        ["LK003"] = ("Linkage.Schema.Outdated", FaultKind.InvalidState),
        ["LK004"] = ("Linkage.Run.NotFound", FaultKind.NotFound),
        ["LK005"] = ("Linkage.Run.NothingToUndo", FaultKind.InvalidState),
        ["LK006"] = ("Linkage.Target.NotFound", FaultKind.NotFound),
        ["LK007"] = ("Linkage.Guest.NotFound", FaultKind.NotFound),
        ["LK008"] = ("Linkage.FeatureFlag.NotInTable", FaultKind.InvalidState),
        ["LK009"] = (WrongState, FaultKind.InvalidState),
        ["LK010"] = ("Linkage.Schema.CannotAdopt", FaultKind.InvalidState),
        ["LK011"] = ("Linkage.Target.Unusable", FaultKind.InvalidInput),
        ["LK012"] = ("Linkage.Target.BuiltIn", FaultKind.InvalidState),
        ["LK013"] = ("Linkage.Trigger.Missing", FaultKind.InvalidState),
        ["LK014"] = ("Linkage.Trigger.NotOwner", FaultKind.Denied),
        ["LK016"] = ("Linkage.Row.Clash", FaultKind.Conflict),
        ["LK017"] = ("Linkage.Row.NotChanged", FaultKind.InvalidState),
        ["LK018"] = ("Linkage.Run.ChangedLater", FaultKind.InvalidState),
        ["LK020"] = ("Linkage.Phone.NotPossible", FaultKind.InvalidInput),
        ["LK030"] = ("Linkage.ProfileMapping.Unusable", FaultKind.InvalidInput),
        ["LK040"] = ("Linkage.CustomerTable.Unusable", FaultKind.InvalidInput),
        ["LK041"] = ("Linkage.CustomerTable.NotRegistered", FaultKind.NotFound),
        ["LK042"] = ("Linkage.Customer.CannotBeMade", FaultKind.InvalidState),
        ["LK043"] = ("Linkage.CustomerDecision.NotFound", FaultKind.NotFound),
        ["LK044"] = ("Linkage.CustomerDecision.Contradicts", FaultKind.Conflict),
        ["LK045"] = ("Linkage.Customer.Unusable", FaultKind.InvalidInput),
        ["LK060"] = ("Linkage.UniqueKeyRule.Unusable", FaultKind.InvalidInput),
        ["LK061"] = ("Linkage.UniqueKeyRule.NotFound", FaultKind.NotFound),
        ["LK062"] = ("Linkage.UniqueKeyRule.TableGone", FaultKind.InvalidState),
        ["LK063"] = ("Linkage.UniqueKey.CannotBeBuilt", FaultKind.InvalidState),
        ["LK064"] = ("Linkage.DuplicateRecord.CannotBeRemoved", FaultKind.Conflict),
    };

    /// <summary>The fault behind a server error, or null where it is none of Linkage's.</summary>
    public static LinkageException? Read(PostgresException error, string database)
    {
        if (_own.TryGetValue(error.SqlState, out var fault))
        {
            var message = string.IsNullOrEmpty(error.Hint) ? error.MessageText : $"{error.MessageText} {error.Hint}";
            // The driver hides DETAIL, which may hold data; so what the fault is about travels as the name of a related object.
            var subject = string.IsNullOrEmpty(error.TableName) ? null : error.TableName;
            return new LinkageException(fault.ErrorId, fault.Kind, message, error) { Subject = subject };
        }

        return error.SqlState is PostgresErrorCodes.UndefinedTable or PostgresErrorCodes.UndefinedFunction or PostgresErrorCodes.InvalidSchemaName
            && error.MessageText.Contains("linkage", StringComparison.Ordinal)
            ? new LinkageException(
                SchemaMissing, FaultKind.InvalidState,
                $"Database {database} lacks Linkage's objects, or has those of another version ({error.MessageText}). "
                + "Run Install-LinkageSchema; Test-LinkageSchema says what is missing.",
                error)
            : null;
    }
}
