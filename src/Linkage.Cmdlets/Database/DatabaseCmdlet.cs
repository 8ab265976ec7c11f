using System.Management.Automation;
using Linkage.Cmdlets.Pipeline;
using Linkage.Engine;
using Linkage.Engine.Database;

namespace Linkage.Cmdlets.Database;

/// <summary>
/// The base of the cmdlets that work on databases. A piped record goes to the connection that it came from; else the named
/// connections serve, else the runspace's default, else the <c>PG*</c> variables.
/// </summary>
public abstract class DatabaseCmdlet : LinkageCmdlet
{
    /// <summary>The connections to work on; each output says which one it is about.</summary>
    [Parameter(ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [ValidateNotNullOrEmpty]
    public LinkageConnection[]? Connection { get; set; }

    /// <summary>The connection that a piped record came from.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    public Guid? ConnectionId { get; set; }

    /// <summary>
    /// Runs work on each connection that is meant at the moment, one after the other. One that fails gives a non-terminating
    /// error and what <see cref="FailedResult"/> returns; the others go on.
    /// </summary>
    private protected void RunOnEach(Func<LinkageConnection, CancellationToken, Task> work) =>
        RunOn(CurrentConnections(), work);

    /// <inheritdoc cref="RunOnEach"/>
    /// <param name="connections">Where to work: for cmdlets that gather records first and work at the end.</param>
    /// <param name="work">What to do on each.</param>
    private protected void RunOn(
        IReadOnlyList<LinkageConnection> connections, Func<LinkageConnection, CancellationToken, Task> work)
    {
        if (connections.Count == 0)
            return;
        Run(async cancellation =>
        {
            foreach (var connection in connections)
            {
                try
                {
                    if (connection.IsClosed)
                        throw Closed(connection);
                    await work(connection, cancellation);
                }
                catch (Exception fault) when (!cancellation.IsCancellationRequested)
                {
                    var error = ErrorRecords.From(fault, connection.ToString());
                    if (FailedResult(connection, error) is { } result)
                        Emit(result);
                    EmitError(error);
                }
            }
        });
    }

    /// <summary>What the cmdlet emits for a connection on which its work failed; null if its results know no failure.</summary>
    private protected virtual object? FailedResult(LinkageConnection connection, ErrorRecord error) => null;

    /// <summary>
    /// The connections that are meant at the moment: by the current record if it carries an id, else by parameter, else by
    /// default. Writes an error and returns none if the record's connection is not among them. Pipeline thread only.
    /// </summary>
    private protected IReadOnlyList<LinkageConnection> CurrentConnections()
    {
        var session = RunspaceConnections.Current;
        if (ConnectionId is { } id)
        {
            var known = Connection is { } named ? Array.Find(named, connection => connection.ConnectionId == id) : session.Find(id);
            if (known is not null)
                return [known];
            WriteError(Unknown(id));
            return [];
        }

        return Connection ?? [session.Default ?? FromEnvironment(session)];
    }

    private LinkageConnection FromEnvironment(RunspaceConnections session)
    {
        LinkageConnection? connection = null;
        Run(async cancellation =>
        {
            var settings = ConnectionSettings.FromEnvironment(Environment.GetEnvironmentVariable) ?? throw new LinkageException(
                "Linkage.Connection.None",
                FaultKind.InvalidState,
                "No database is connected: call Connect-LinkageDatabase, pass -Connection, or set PGHOST and its kin.");
            connection = session.FindFromEnvironment(settings.ConnectionString);
            if (connection is null)
            {
                EmitVerbose($"Connecting to {settings}, as the PG* variables say.");
                connection = new LinkageConnection(await settings.OpenAsync(cancellation));
                session.AddFromEnvironment(settings.ConnectionString, connection);
            }
        });
        return connection!;
    }

    private ErrorRecord Unknown(Guid id) => ErrorRecords.Create(
        "Linkage.Connection.Unknown",
        FaultKind.NotFound,
        Connection is null
            ? $"The record came from connection {id}, which is not open in this session; what was found in one database is never changed in another. Connect, and query it again."
            : $"The record came from connection {id}, which is not among those given by -Connection; what was found in one database is never changed in another.",
        id);

    private protected static LinkageException Closed(LinkageConnection connection) => new(
        "Linkage.Connection.Closed",
        FaultKind.InvalidState,
        $"The connection to {connection} was disconnected; call Connect-LinkageDatabase again.");
}
