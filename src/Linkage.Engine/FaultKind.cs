namespace Linkage.Engine;

/// <summary>The sorts of faults that Linkage finds; each shell or host maps them to its own categories.</summary>
public enum FaultKind
{
    /// <summary>An argument can't be used as given.</summary>
    InvalidInput,

    /// <summary>What was named does not exist.</summary>
    NotFound,

    /// <summary>What was to be made exists already, or has changed since it was read.</summary>
    Conflict,

    /// <summary>Somebody else holds it at the moment; a later attempt may succeed.</summary>
    Busy,

    /// <summary>A privilege is missing.</summary>
    Denied,

    /// <summary>The server does not accept who we say we are.</summary>
    LoginRefused,

    /// <summary>The database, or what is installed in it, is not in a state that allows this.</summary>
    InvalidState,

    /// <summary>No connection, or one that was lost.</summary>
    Connection,

    /// <summary>It took longer than allowed.</summary>
    Timeout,
}
