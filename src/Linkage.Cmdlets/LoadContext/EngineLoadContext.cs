using System.Reflection;
using System.Runtime.Loader;

namespace Linkage.Cmdlets.LoadContext;

/// <summary>
/// Where the engine and the libraries under it live, apart from everything that the shell or other modules load: two
/// modules with two versions of the same library work side by side.
/// </summary>
internal sealed class EngineLoadContext : AssemblyLoadContext
{
    private const string EngineName = "Linkage.Engine";

    private static readonly EngineLoadContext _instance = new();
    private static readonly object _gate = new();
    private static int _imports;

    private readonly string _folder = Path.Combine(
        Path.GetDirectoryName(typeof(EngineLoadContext).Assembly.Location)!, "bin");

    private EngineLoadContext()
        : base("Linkage")
    {
    }

    /// <summary>Each runspace that imports the module counts; the first one hooks the resolver.</summary>
    public static void Hook()
    {
        lock (_gate)
        {
            if (_imports++ == 0)
                Default.Resolving += ResolveEngine;
        }
    }

    /// <summary>The last runspace that removes the module unhooks the resolver.</summary>
    public static void Unhook()
    {
        lock (_gate)
        {
            if (_imports > 0 && --_imports == 0)
                Default.Resolving -= ResolveEngine;
        }
    }

    protected override Assembly? Load(AssemblyName assemblyName)
    {
        var path = Path.Combine(_folder, assemblyName.Name + ".dll");
        return File.Exists(path) ? LoadFromAssemblyPath(path) : null;
    }

    /// <summary>Only the engine is handed out; what it stands on is seen by the engine alone.</summary>
    private static Assembly? ResolveEngine(AssemblyLoadContext context, AssemblyName name) =>
        name.Name == EngineName ? _instance.LoadFromAssemblyName(name) : null;
}
