using System.Globalization;
using System.Reflection;

namespace Linkage.Packaging;

/// <summary>A parameter of a cmdlet as its attributes declare it.</summary>
public sealed class ParameterDescription
{
    private const string AttributeName = "System.Management.Automation.ParameterAttribute";

    private readonly PropertyInfo _property;
    private readonly IReadOnlyList<CustomAttributeData> _declarations;

    private ParameterDescription(PropertyInfo property, object cmdlet)
    {
        _property = property;
        _declarations = [.. property.GetCustomAttributesData().Where(attribute => attribute.AttributeType.FullName == AttributeName)];
        DefaultValue = property.CanRead ? Shown(property.GetValue(cmdlet)) : string.Empty;
        Aliases = [.. property.GetCustomAttributesData()
            .Where(attribute => attribute.AttributeType.Name == "AliasAttribute")
            .SelectMany(attribute => (IEnumerable<CustomAttributeTypedArgument>)attribute.ConstructorArguments[0].Value!)
            .Select(argument => (string)argument.Value!)];
    }

    /// <summary>Its name, without the dash.</summary>
    public string Name => _property.Name;

    /// <summary>Its type without the wrapping of nullable values.</summary>
    public Type Type => Nullable.GetUnderlyingType(_property.PropertyType) ?? _property.PropertyType;

    /// <summary>Whether it is given by name alone.</summary>
    public bool IsSwitch => Type.Name == "SwitchParameter";

    /// <summary>Whether a base class declares it, so that several cmdlets share it.</summary>
    public bool IsShared => _property.DeclaringType!.IsAbstract;

    /// <summary>What it is when it is left out; empty if that is nothing.</summary>
    public string DefaultValue { get; }

    /// <summary>Its other names.</summary>
    public IReadOnlyList<string> Aliases { get; }

    /// <summary>Its type as PowerShell writes it.</summary>
    public string TypeName => NameOf(Type);

    /// <summary>The parameter sets that it belongs to; null stands for all.</summary>
    internal IEnumerable<string?> Sets => _declarations.Select(declaration => declaration.Named("ParameterSetName") as string);

    /// <summary>Whether it belongs to a parameter set.</summary>
    public bool IsIn(string set) => Sets.Any(own => own is null || own == set);

    /// <summary>Whether it must be given.</summary>
    public bool IsMandatory(string set) => Declaration(set).Named("Mandatory") is true;

    /// <summary>Its position; null if it is given by name.</summary>
    public int? Position(string set) => Declaration(set).Named("Position") as int?;

    /// <summary>How it takes what is piped, as help writes it.</summary>
    public string PipelineInput(string set)
    {
        string[] ways =
        [
            .. Declaration(set).Named("ValueFromPipeline") is true ? ["ByValue"] : Array.Empty<string>(),
            .. Declaration(set).Named("ValueFromPipelineByPropertyName") is true ? ["ByPropertyName"] : Array.Empty<string>(),
        ];
        return ways.Length == 0 ? "False" : $"True ({string.Join(", ", ways)})";
    }

    internal static IEnumerable<ParameterDescription> Of(Type type)
    {
        var cmdlet = Activator.CreateInstance(type)!;
        return from property in type.GetProperties()
               where property.GetCustomAttributesData().Any(attribute => attribute.AttributeType.FullName == AttributeName)
               orderby property.DeclaringType == type descending, property.MetadataToken
               select new ParameterDescription(property, cmdlet);
    }

    private CustomAttributeData Declaration(string set) =>
        _declarations.FirstOrDefault(declaration => declaration.Named("ParameterSetName") as string == set) ?? _declarations[0];

    private static string NameOf(Type type) => type switch
    {
        { IsArray: true } => NameOf(type.GetElementType()!) + "[]",
        _ when type == typeof(int) => "int",
        _ when type == typeof(long) => "long",
        _ when type == typeof(string) => "string",
        _ when type == typeof(bool) => "bool",
        _ when type == typeof(double) => "double",
        _ when type == typeof(decimal) => "decimal",
        _ when type == typeof(object) => "Object",
        _ => type.Name,
    };

    private static string Shown(object? value) => value switch
    {
        null or false or 0 or 0L or Array { Length: 0 } => string.Empty,
        Array list => string.Join(", ", list.Cast<object>()),
        TimeSpan time when time == TimeSpan.Zero => string.Empty,
        DateTime date when date == default => string.Empty,
        Guid id when id == Guid.Empty => string.Empty,
        _ when value.GetType().Name == "SwitchParameter" => "False",
        _ => Convert.ToString(value, CultureInfo.InvariantCulture)!,
    };
}
