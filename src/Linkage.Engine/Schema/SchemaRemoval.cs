namespace Linkage.Engine.Schema;

/// <summary>What an uninstall does to one object.</summary>
/// <param name="Kind">Trigger, Function, Index, Table, Column or Constraint.</param>
/// <param name="Name">The object, as <c>function public.f(text)</c>.</param>
/// <param name="Action">Removed, Restored (to what stood there before Linkage), or Kept.</param>
/// <param name="Reason">Why it was kept, or which row a constraint that was kept is no longer true of; null otherwise.</param>
public sealed record SchemaRemoval(string Kind, string Name, string Action, string? Reason = null);
