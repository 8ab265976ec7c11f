using System.Reflection;

namespace Linkage.Packaging;

/// <summary>A cmdlet as its attributes declare it.</summary>
public sealed class CmdletDescription
{
    private const string Namespace = "System.Management.Automation.";

    private CmdletDescription(Type type, CustomAttributeData cmdlet)
    {
        Type = type;
        Verb = (string)cmdlet.ConstructorArguments[0].Value!;
        Noun = (string)cmdlet.ConstructorArguments[1].Value!;
        SupportsShouldProcess = cmdlet.Named("SupportsShouldProcess") is true;
        ConfirmImpact = cmdlet.Named("ConfirmImpact") as int?;
        DefaultParameterSet = cmdlet.Named("DefaultParameterSetName") as string;
        OutputTypes = [.. type.GetCustomAttributesData()
            .Where(attribute => attribute.AttributeType.FullName == Namespace + "OutputTypeAttribute")
            .SelectMany(attribute => (IEnumerable<CustomAttributeTypedArgument>)attribute.ConstructorArguments[0].Value!)
            .Select(argument => (Type)argument.Value!)];
        Parameters = [.. ParameterDescription.Of(type)];
    }

    /// <summary>The class behind it.</summary>
    public Type Type { get; }

    /// <summary>The first half of its name.</summary>
    public string Verb { get; }

    /// <summary>The second half of its name.</summary>
    public string Noun { get; }

    /// <summary>Its name as users know it.</summary>
    public string Name => $"{Verb}-{Noun}";

    /// <summary>Whether it has <c>-WhatIf</c> and <c>-Confirm</c>.</summary>
    public bool SupportsShouldProcess { get; }

    /// <summary>How grave its changes are, as PowerShell counts: 3 is high; null if it doesn't say.</summary>
    public int? ConfirmImpact { get; }

    /// <summary>The parameter set that holds when the arguments fit several; null if there is only one.</summary>
    public string? DefaultParameterSet { get; }

    /// <summary>What it says it emits.</summary>
    public IReadOnlyList<Type> OutputTypes { get; }

    /// <summary>Its own parameters as they are declared, then inherited ones; without those that every cmdlet of PowerShell has.</summary>
    public IReadOnlyList<ParameterDescription> Parameters { get; }

    /// <summary>The names of its parameter sets, the default first; one empty name if there is only one.</summary>
    public IReadOnlyList<string> ParameterSets
    {
        get
        {
            // The default one may have no parameter of its own.
            var named = Parameters.SelectMany(parameter => parameter.Sets).Append(DefaultParameterSet).Where(set => set is not null).Distinct().ToList();
            return named.Count == 0 ? [string.Empty] : [.. named.OrderByDescending(set => set == DefaultParameterSet).Select(set => set!)];
        }
    }

    /// <summary>All cmdlets of an assembly, by name.</summary>
    public static IReadOnlyList<CmdletDescription> In(Assembly assembly)
    {
        ArgumentNullException.ThrowIfNull(assembly);
        var cmdlets = from type in assembly.GetExportedTypes()
                      from attribute in type.GetCustomAttributesData()
                      where attribute.AttributeType.FullName == Namespace + "CmdletAttribute"
                      select new CmdletDescription(type, attribute);
        return [.. cmdlets.OrderBy(cmdlet => cmdlet.Name, StringComparer.Ordinal)];
    }
}
