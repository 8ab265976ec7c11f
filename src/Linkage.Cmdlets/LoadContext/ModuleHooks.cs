using System.Management.Automation;
using Linkage.Cmdlets.Database;

namespace Linkage.Cmdlets.LoadContext;

/// <summary>What happens when a runspace imports or removes the module.</summary>
public sealed class ModuleHooks : IModuleAssemblyInitializer, IModuleAssemblyCleanup
{
    /// <summary>Makes the engine loadable; it is loaded when a cmdlet first needs it.</summary>
    public void OnImport() => EngineLoadContext.Hook();

    /// <summary>Closes the runspace's connections, removes its sandboxes, and unhooks the engine.</summary>
    /// <param name="psModuleInfo">The module that is being removed.</param>
    public void OnRemove(PSModuleInfo psModuleInfo)
    {
        RunspaceConnections.CloseCurrent();
        EngineLoadContext.Unhook();
    }
}
