using System.Collections;
using System.Management.Automation;
using System.Management.Automation.Language;
using System.Text.Json;
using Linkage.Engine;
using Linkage.Engine.Health.Alerts;

namespace Linkage.Cmdlets.Health;

/// <summary>Reads a file of channels and routes: JSON, or PowerShell data, of which nothing is executed.</summary>
internal static class AlertRouteReader
{
    /// <exception cref="LinkageException">Something is wrong with it.</exception>
    /// <exception cref="IOException">It can't be read.</exception>
    public static AlertRoutes Read(string path, IDictionary? secrets)
    {
        var name = Path.GetFileName(path);
        var given = (secrets ?? new Hashtable()).Cast<DictionaryEntry>().ToDictionary(
            entry => $"{entry.Key}", entry => Secret(entry.Value).Value, StringComparer.OrdinalIgnoreCase);
        var json = Path.GetExtension(path).ToUpperInvariant() switch
        {
            ".JSON" => File.ReadAllText(path),
            ".PSD1" => JsonSerializer.Serialize(Plain(Data(path, name))),
            _ => throw Unusable($"{name}: a file of routes ends in .psd1 or .json."),
        };
        return AlertRouteFile.Read(name, json, given, Environment.GetEnvironmentVariable, TimeProvider.System);
    }

    private static AlertSecret Secret(object? value) => value switch
    {
        PSObject { BaseObject: var inner } when inner is not PSCustomObject => Secret(inner),
        string text => new AlertSecret(text),
        System.Security.SecureString text => new AlertSecret(text),
        PSCredential credential => new AlertSecret(credential),
        _ => throw Unusable("-Secret takes texts, SecureStrings and credentials, by name: @{ SlackUrl = Get-Secret SlackUrl }."),
    };

    private static object Data(string path, string name)
    {
        // Unreadable is another thing than wrong.
        using (File.OpenRead(path))
        {
        }

        var script = Parser.ParseFile(path, out _, out var errors);
        if (errors.Length > 0)
            throw Unusable(string.Join(
                Environment.NewLine, errors.Select(error => $"{name}:{error.Extent.StartLineNumber}: {error.Message}")));
        if (script.Find(ast => ast is HashtableAst, searchNestedScriptBlocks: false) is not HashtableAst table)
            throw Unusable($"{name}: it has to be a table, as in @{{ Channels = @{{ ... }} }}.");
        try
        {
            return table.SafeGetValue();
        }
        catch (InvalidOperationException fault)
        {
            throw Unusable($"{name}: it may hold data only, no commands and no variables: {fault.Message}");
        }
    }

    private static object? Plain(object? value) => value switch
    {
        IDictionary table => table.Cast<DictionaryEntry>().ToDictionary(entry => $"{entry.Key}", entry => Plain(entry.Value)),
        string or bool or int or long or double or null => value,
        IEnumerable list => list.Cast<object?>().Select(Plain).ToList(),
        _ => $"{value}",
    };

    private static LinkageException Unusable(string message) => new("Linkage.AlertRoute.Unusable", FaultKind.InvalidInput, message);
}
