using System.Management.Automation;
using Linkage.Engine;
using Linkage.Engine.Database;

namespace Linkage.Cmdlets.Pipeline;

/// <summary>Error records with stable ids and fitting categories.</summary>
internal static class ErrorRecords
{
    /// <summary>Explains an exception; one that nothing is known of keeps its own type and message.</summary>
    public static ErrorRecord From(Exception exception, object? target)
    {
        if (exception is AggregateException { InnerExceptions: [var only] })
            return From(only, target);
        if ((exception as LinkageException ?? DatabaseException.From(exception)) is { } fault)
            return new ErrorRecord(Public(fault), fault.ErrorId, Category(fault.Kind), fault.Subject ?? target);

        return exception switch
        {
            OperationCanceledException or TimeoutException => new(exception, "Linkage.Timeout", ErrorCategory.OperationTimeout, target),
            ArgumentException => new(exception, "Linkage.InvalidArgument", ErrorCategory.InvalidArgument, target),
            NotSupportedException => new(exception, "Linkage.NotSupported", ErrorCategory.NotImplemented, target),
            IOException => new(exception, "Linkage.File", ErrorCategory.ReadError, target),
            UnauthorizedAccessException => new(exception, "Linkage.File", ErrorCategory.PermissionDenied, target),
            _ => new(exception, "Linkage.Unexpected", ErrorCategory.NotSpecified, target),
        };
    }

    /// <summary>An error that a cmdlet itself finds.</summary>
    public static ErrorRecord Create(string errorId, FaultKind kind, string message, object? target) =>
        From(new LinkageException(errorId, kind, message), target);

    private static LinkageFaultException Public(LinkageException fault)
    {
        var server = fault as DatabaseException;
        return new LinkageFaultException(fault.Message, fault)
        {
            SqlState = server?.SqlState,
            ConstraintName = server?.ConstraintName,
            TableName = server?.TableName,
        };
    }

    private static ErrorCategory Category(FaultKind kind) => kind switch
    {
        FaultKind.InvalidInput => ErrorCategory.InvalidArgument,
        FaultKind.NotFound => ErrorCategory.ObjectNotFound,
        FaultKind.Conflict => ErrorCategory.ResourceExists,
        FaultKind.Busy => ErrorCategory.ResourceBusy,
        FaultKind.Denied => ErrorCategory.PermissionDenied,
        FaultKind.LoginRefused => ErrorCategory.AuthenticationError,
        FaultKind.InvalidState => ErrorCategory.InvalidOperation,
        FaultKind.Connection => ErrorCategory.ConnectionError,
        FaultKind.Timeout => ErrorCategory.OperationTimeout,
        _ => ErrorCategory.NotSpecified,
    };
}
