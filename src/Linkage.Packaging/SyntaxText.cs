namespace Linkage.Packaging;

/// <summary>The syntax of a cmdlet as <c>Get-Command -Syntax</c> writes it.</summary>
public static class SyntaxText
{
    /// <summary>One line for each parameter set.</summary>
    public static IEnumerable<string> Of(CmdletDescription cmdlet)
    {
        ArgumentNullException.ThrowIfNull(cmdlet);
        return cmdlet.ParameterSets.Select(set => string.Join(' ', Words(cmdlet, set)));
    }

    /// <summary>The parameters of a set: those with a position first, then those that must be given, then the others.</summary>
    internal static IEnumerable<ParameterDescription> Ordered(CmdletDescription cmdlet, string set) => cmdlet.Parameters
        .Where(parameter => parameter.IsIn(set))
        .OrderBy(parameter => parameter.Position(set) ?? int.MaxValue)
        .ThenByDescending(parameter => parameter.IsMandatory(set))
        .ThenBy(parameter => parameter.IsShared);

    private static IEnumerable<string> Words(CmdletDescription cmdlet, string set)
    {
        yield return cmdlet.Name;
        foreach (var parameter in Ordered(cmdlet, set))
            yield return Word(parameter, set);
        if (cmdlet.SupportsShouldProcess)
            yield return "[-WhatIf] [-Confirm]";
        yield return "[<CommonParameters>]";
    }

    private static string Word(ParameterDescription parameter, string set)
    {
        var name = parameter.Position(set) is null ? $"-{parameter.Name}" : $"[-{parameter.Name}]";
        var word = parameter.IsSwitch ? name : $"{name} <{parameter.TypeName}>";
        return parameter.IsMandatory(set) ? word : $"[{word}]";
    }
}
