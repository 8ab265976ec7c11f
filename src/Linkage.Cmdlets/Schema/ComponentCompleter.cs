using System.Collections;
using System.Management.Automation;
using System.Management.Automation.Language;
using Linkage.Engine.Schema;

namespace Linkage.Cmdlets.Schema;

/// <summary>Completes the names of components.</summary>
public sealed class ComponentCompleter : IArgumentCompleter
{
    /// <inheritdoc/>
    public IEnumerable<CompletionResult> CompleteArgument(
        string commandName, string parameterName, string wordToComplete, CommandAst commandAst, IDictionary fakeBoundParameters) =>
        Migration.Components
            .Where(c => c.StartsWith(wordToComplete.Trim('\'', '"'), StringComparison.OrdinalIgnoreCase))
            .Select(c => new CompletionResult(c));
}
