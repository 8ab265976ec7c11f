namespace Linkage.Engine.Schema;

/// <summary>One step of an install: a script as it will be run, or why it need not.</summary>
/// <param name="Component">What it belongs to.</param>
/// <param name="Kind">How it is run.</param>
/// <param name="Name">The script's name.</param>
/// <param name="Sql">The script, filled in.</param>
public sealed record SchemaStep(string Component, MigrationKind Kind, string Name, string Sql)
{
    /// <summary>Whether the database lacks it, or has it otherwise than this version would.</summary>
    public bool IsNeeded { get; init; } = true;

    /// <summary>What of the application's it replaces, and keeps for an uninstall.</summary>
    public IReadOnlyList<string> Replaces { get; init; } = [];

    /// <summary>What else somebody who reviews the step should know.</summary>
    public IReadOnlyList<string> Notes { get; init; } = [];

    /// <summary>The functions that the script itself creates in the application's schema, by signature.</summary>
    internal IReadOnlyList<string> DirectFunctions { get; init; } = [];

    /// <summary>The constraint that a validation is about.</summary>
    internal StaleConstraint? Constraint { get; init; }

    /// <summary>Tells this text of the script from every other.</summary>
    public string Checksum { get; } =
        Convert.ToHexString(System.Security.Cryptography.SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(Sql)));

    /// <summary>Whether it runs in the one transaction for all that needs no lock of a busy table.</summary>
    internal bool IsTransactional => Kind is MigrationKind.Versioned or MigrationKind.Repeatable;
}

/// <summary>What an install would do, in order.</summary>
/// <param name="ApplicationSchema">The schema of the application's tables, unquoted.</param>
/// <param name="Steps">Every step, needed or not.</param>
/// <param name="Omitted">The components that are left out, with what of the application's tables they lack here.</param>
public sealed record SchemaPlan(string ApplicationSchema, IReadOnlyList<SchemaStep> Steps, IReadOnlyDictionary<string, string> Omitted)
{
    /// <summary>Whether there is anything to do.</summary>
    public bool IsNeeded => Steps.Any(s => s.IsNeeded);
}
