using System.Reflection;

namespace Linkage.Packaging;

/// <summary>
/// Attributes are read as data: the assembly of PowerShell that is compiled against holds no code, so that attributes made
/// from it forget what they were given.
/// </summary>
internal static class AttributeDataExtensions
{
    /// <summary>The value that a property of the attribute is given; null if it is given none.</summary>
    public static object? Named(this CustomAttributeData attribute, string name) =>
        attribute.NamedArguments.FirstOrDefault(argument => argument.MemberName == name).TypedValue.Value;
}
