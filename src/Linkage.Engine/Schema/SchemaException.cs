namespace Linkage.Engine.Schema;

/// <summary>A database that Linkage can't be installed in or used on as it is. The message names what is missing and the remedy.</summary>
public sealed class SchemaException : LinkageException
{
    /// <summary>Says what is wrong and what to do.</summary>
    public SchemaException(string message, Exception? inner = null)
        : base("Linkage.Schema.Unfit", FaultKind.InvalidState, message, inner)
    {
    }

    private SchemaException(string errorId, string message)
        : base(errorId, FaultKind.InvalidState, message)
    {
    }

    /// <summary>Things of the application under documented names that can't be taken over; nothing was changed.</summary>
    /// <param name="problems">Each with its remedy.</param>
    internal static SchemaException CannotAdopt(IEnumerable<string> problems) =>
        new("Linkage.Schema.CannotAdopt", string.Join(Environment.NewLine, problems) + " Nothing was changed.");

    /// <summary>A database that a newer module installed: an older one would take back what that one made.</summary>
    internal static SchemaException Newer(Version installed) => new(
        "Linkage.Schema.Newer",
        $"This database was installed by Linkage {installed}; this is Linkage {SchemaInstaller.ModuleVersion}. Update the module.");
}
