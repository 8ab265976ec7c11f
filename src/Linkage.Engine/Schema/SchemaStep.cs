namespace Linkage.Engine.Schema;

/// <summary>One step of an install: a script as it will be run, or why it need not.</summary>
/// <param name="Component">What it belongs to.</param>
/// <param name="Kind">How it is run.</param>
/// <param name="Name">The script's name.</param>
/// <param name="Sql">The script, filled in.</param>
/// <param name="IsNeeded">Whether the database lacks it, or has it otherwise than this version would.</param>
public sealed record SchemaStep(string Component, MigrationKind Kind, string Name, string Sql, bool IsNeeded)
{
    /// <summary>Tells this text of the script from every other.</summary>
    public string Checksum { get; } =
        Convert.ToHexString(System.Security.Cryptography.SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(Sql)));
}

/// <summary>What an install would do: its steps in order, and which objects of the application it would replace.</summary>
/// <param name="Steps">Every step, needed or not.</param>
/// <param name="Replaces">What stands there already, is not Linkage's, and would be replaced (and kept for uninstall).</param>
public sealed record SchemaPlan(IReadOnlyList<SchemaStep> Steps, IReadOnlyList<string> Replaces);
