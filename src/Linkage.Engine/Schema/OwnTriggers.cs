using Linkage.Engine.Database;

namespace Linkage.Engine.Schema;

/// <summary>A trigger of Linkage's on a table of the application.</summary>
/// <param name="Number">Triggers of the same number are switched together: the one that links and the one that audits it.</param>
/// <param name="Target">The link target that it serves; null for a trigger that serves all targets, or none.</param>
/// <param name="Table">Its table, in SQL notation.</param>
/// <param name="Name">Its name.</param>
/// <param name="State">Enabled, Always, Disabled, ReplicaOnly, SwitchedOff or Missing.</param>
/// <param name="OffBy">What keeps it from firing: Trigger or Switch; null if nothing does, or if it is missing.</param>
/// <param name="IsOptional">Whether an install leaves it disabled, for whoever wants it to enable it.</param>
/// <param name="Owner">The role that the table belongs to; null if there is no table.</param>
/// <param name="MayAlter">Whether the connected role may disable and enable the trigger itself.</param>
/// <param name="SwitchedOffBy">Who used the switch.</param>
/// <param name="SwitchedOffAt">When; UTC.</param>
public sealed record OwnTrigger(
    int Number, string? Target, string Table, string Name, string State, string? OffBy, bool IsOptional, string? Owner, bool MayAlter,
    string? SwitchedOffBy, DateTime? SwitchedOffAt)
{
    /// <summary>The trigger as a switch would leave it.</summary>
    public OwnTrigger Switched(bool isOn) => (isOn, State, MayAlter) switch
    {
        (true, "Always", _) or (false, "Disabled", _) => this,
        (true, _, _) => this with { State = "Enabled", OffBy = null },
        (false, _, true) => this with { State = "Disabled", OffBy = "Trigger" },
        (false, _, false) => this with { State = "SwitchedOff", OffBy = "Switch" },
    };
}

/// <summary>Lists triggers, and switches them off and on.</summary>
/// <param name="database">Whose.</param>
public sealed class OwnTriggers(LinkageDatabase database)
{
    /// <summary>Triggers with their state.</summary>
    /// <param name="tables">Tables in SQL notation or by their bare name, or link targets by name; null for all.</param>
    /// <param name="cancellation">Cancels the query.</param>
    /// <exception cref="LinkageException">Linkage has no trigger on such a table.</exception>
    public Task<IReadOnlyList<OwnTrigger>> FindAsync(IReadOnlyCollection<string>? tables, CancellationToken cancellation) =>
        database.TransactAsync(
            TransactionOptions.ReadOnly with { ApplicationName = "Linkage Get-LinkageTrigger" },
            session => session.QueryAsync<OwnTrigger>(
                """
                SELECT
                  t.number AS "Number", t.target AS "Target", t.table_name AS "Table", t.trigger_name AS "Name", t.state AS "State",
                  t.off_by AS "OffBy", t.is_optional AS "IsOptional", t.owner AS "Owner", t.may_alter AS "MayAlter",
                  t.switched_off_by AS "SwitchedOffBy", t.switched_off_at AS "SwitchedOffAt"
                FROM linkage.triggers(@tables::text[]) t
                """,
                new { tables = tables?.ToArray() }),
            cancellation);

    /// <summary>
    /// Switches the triggers of a number. Off disables them where the role may, and else uses the switch that their function looks at; on
    /// undoes whichever it was.
    /// </summary>
    /// <returns>What was used: Trigger, Switch or both; null where there was nothing to do.</returns>
    /// <exception cref="LinkageException">
    /// A trigger is missing, only another role may enable it, or the table was in use for too long.
    /// </exception>
    public Task<string?> SwitchAsync(OwnTrigger trigger, bool isOn, Action<string>? waiting, CancellationToken cancellation) =>
        ShortLock.TransactAsync(
            database,
            $"{(isOn ? "Enabling" : "Disabling")} the triggers on {trigger.Table}",
            session => session.QuerySingleAsync<string?>(
                "SELECT linkage.switch_triggers(@Number, @isOn)", new { trigger.Number, isOn }),
            waiting,
            cancellation);
}
