using System.Reflection;
using Linkage.Cmdlets.Database;
using Linkage.Cmdlets.Pipeline;
using Linkage.Packaging;

namespace Linkage.Cmdlets.Tests;

public sealed class CmdletContractTests
{
    private static readonly Assembly _assembly = typeof(DatabaseCmdlet).Assembly;
    private static readonly string[] _privateAssemblies = ["Linkage.Engine", "Npgsql", "Dapper"];

    private static readonly string[] _readingVerbs =
        ["Get", "Find", "Test", "Measure", "Resolve", "ConvertTo", "Connect", "Disconnect"];

    private static readonly string[] _destructiveVerbs = ["Undo", "Remove", "Clear", "Merge", "Uninstall", "Unregister"];

    public static TheoryData<string> Names => [.. CmdletDescription.In(_assembly).Select(cmdlet => cmdlet.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public void Stands_in_a_file_of_its_own_in_its_capabilitys_folder(string name)
    {
        var type = Find(name).Type;

        Assert.Equal(name.Replace("-", string.Empty, StringComparison.Ordinal) + "Command", type.Name);
        var folder = type.Namespace!["Linkage.Cmdlets.".Length..];
        Assert.True(File.Exists(Path.Combine(Repository.Root, "src", "Linkage.Cmdlets", folder, type.Name + ".cs")));
        Assert.True(type.IsSealed);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Says_what_it_emits(string name) => Assert.NotEmpty(Find(name).OutputTypes);

    [Theory]
    [MemberData(nameof(Names))]
    public void Has_WhatIf_and_Confirm_exactly_if_it_changes_something(string name)
    {
        var cmdlet = Find(name);

        Assert.Equal(!_readingVerbs.Contains(cmdlet.Verb), cmdlet.SupportsShouldProcess);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Asks_by_itself_exactly_if_it_takes_something_away(string name)
    {
        var cmdlet = Find(name);
        const int High = 3;

        // A key is built when what is there twice is gone.
        Assert.Equal(_destructiveVerbs.Contains(cmdlet.Verb) || name == "Add-UniqueKey", cmdlet.ConfirmImpact == High);
    }

    [Fact]
    public void No_type_of_the_engine_or_its_libraries_shows_in_public()
    {
        var leaks = from type in _assembly.GetExportedTypes()
                    from used in TypesInSignaturesOf(type)
                    where _privateAssemblies.Contains(used.Assembly.GetName().Name)
                    select $"{type}: {used}";

        Assert.Empty(leaks);
    }

    [Fact]
    public void The_libraries_under_the_engine_are_not_used_directly()
    {
        // They would be looked for in the default context, where another module may have loaded another version.
        Assert.DoesNotContain(_assembly.GetReferencedAssemblies(), reference => reference.Name is "Npgsql" or "Dapper");
    }

    [Fact]
    public void Output_records_are_flat()
    {
        var nested = from type in CmdletDescription.In(_assembly).SelectMany(cmdlet => cmdlet.OutputTypes).Distinct()
                     where type.Assembly == _assembly
                     from property in type.GetProperties()
                     where !IsFlat(property)
                     select $"{type.Name}.{property.Name}: {property.PropertyType}";

        Assert.Empty(nested);
    }

    [Fact]
    public void Output_records_say_first_where_they_come_from()
    {
        // In this order they go into CSV files and JSON, where inherited properties would come last.
        var others = from type in CmdletDescription.In(_assembly).SelectMany(cmdlet => cmdlet.OutputTypes).Distinct()
                     where type.Assembly == _assembly && type.GetProperty("ConnectionId") is not null && !typeof(LinkageConnection).IsAssignableFrom(type)
                     let first = string.Join(", ", type.GetProperties().Take(2).Select(property => property.Name))
                     where first != "Server, Database"
                     select $"{type.Name}: {first}";

        Assert.Empty(others);
    }

    private static bool IsFlat(PropertyInfo property)
    {
        var type = Nullable.GetUnderlyingType(property.PropertyType) ?? property.PropertyType;
        return type.IsPrimitive || type.IsEnum || property.Name is "Details" || typeof(TextList).IsAssignableFrom(type)
            || type == typeof(string) || type == typeof(decimal) || type == typeof(Guid) || type == typeof(DateTime) || type == typeof(TimeSpan);
    }

    private static IEnumerable<Type> TypesInSignaturesOf(Type type)
    {
        const BindingFlags Visible = BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly;
        var methods = type.GetMethods(Visible).Cast<MethodBase>().Concat(type.GetConstructors(Visible))
            .Where(method => method.IsPublic || method.IsFamily || method.IsFamilyOrAssembly);
        var used = methods.SelectMany(method => method.GetParameters().Select(parameter => parameter.ParameterType))
            .Concat(methods.OfType<MethodInfo>().Select(method => method.ReturnType))
            .Concat(type.GetFields(Visible).Where(field => field.IsPublic || field.IsFamily).Select(field => field.FieldType))
            .Concat(type.GetInterfaces())
            .Append(type.BaseType ?? typeof(object));
        return used.SelectMany(Parts);
    }

    private static IEnumerable<Type> Parts(Type type) =>
        [type, .. type.GetGenericArguments().SelectMany(Parts), .. type.HasElementType ? Parts(type.GetElementType()!) : []];

    private static CmdletDescription Find(string name) => CmdletDescription.In(_assembly).Single(cmdlet => cmdlet.Name == name);
}
