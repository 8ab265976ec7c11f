namespace Linkage.Cmdlets.Pipeline;

/// <summary>Carries a fault of the worker to the pipeline's thread, apart from what the pipeline itself throws there.</summary>
internal sealed class WorkFailedException(Exception cause) : Exception(cause.Message, cause);
