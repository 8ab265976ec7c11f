using Linkage.Engine.Checks;
using Linkage.Engine.Database;

namespace Linkage.Engine.Health.Alerts;

/// <summary>
/// What channels were told, in the database. Of two that want to tell a channel of the same check one waits: whoever sends holds the row
/// by a lease, not by a transaction, which would stay open for as long as a receiver takes.
/// </summary>
/// <param name="database">The one that was checked.</param>
/// <param name="sender">Who sends, for as long as it lives.</param>
internal sealed class AlertStates(LinkageDatabase database, Guid sender)
{
    private static readonly TransactionOptions _writing =
        TransactionOptions.ReadWrite with { ApplicationName = "Linkage Send-LinkageAlert" };

    /// <summary>What channels know of a check, by channel; those that know nothing are not in it.</summary>
    public Task<Dictionary<string, AlertState>> FindAsync(
        CheckResult check, IEnumerable<string> channels, CancellationToken cancellation) =>
        database.TransactAsync(
            TransactionOptions.ReadOnly with { ApplicationName = "Linkage Send-LinkageAlert" },
            async session => (await FindAsync(session, check, [.. channels], EmbeddedSql.Read("Health/Alerts/find_alert_states.sql")))
                .ToDictionary(row => row.Channel, row => row.State),
            cancellation);

    /// <summary>Decides what a channel is told of a record, and holds it for the time that takes. Null while somebody else does.</summary>
    /// <param name="check">What the check found.</param>
    /// <param name="checkedAt">When.</param>
    /// <param name="channel">The channel's name.</param>
    /// <param name="decide">Decides by what the channel knows.</param>
    /// <param name="lease">For how long.</param>
    /// <param name="cancellation">Ends it; nothing has changed then.</param>
    public Task<(AlertState State, AlertDecision Decision)?> ClaimAsync(
        CheckResult check, DateTime checkedAt, string channel, Func<AlertState, AlertDecision> decide, TimeSpan lease,
        CancellationToken cancellation) =>
        database.TransactAsync<(AlertState, AlertDecision)?>(
            _writing,
            async session =>
            {
                var key = new { check = check.Check, subject = check.Subject, channel };
                await session.ExecuteAsync(
                    """
                    INSERT INTO linkage.alert_state (check_name, subject, channel, status, checked_at)
                    VALUES (@check, @subject, @channel, 'healthy', '-infinity')
                    ON CONFLICT DO NOTHING
                    """,
                    key);
                var sql = EmbeddedSql.Read("Health/Alerts/find_alert_states.sql") + "FOR UPDATE";
                var row = (await FindAsync(session, check, [channel], sql)).Single();
                if (row.IsHeld)
                    return null;
                var decision = decide(row.State);
                // A record that is older than what was dealt with changes nothing.
                if (checkedAt < row.State.CheckedAt)
                    return (row.State, decision);
                await session.ExecuteAsync(
                    """
                    UPDATE linkage.alert_state s
                    SET status = @status, checked_at = @checkedAt, troubled_since = @since, sender = @sender,
                      sending_until = clock_timestamp() + @lease
                    WHERE s.check_name = @check AND s.subject = @subject AND s.channel = @channel
                    """,
                    new
                    {
                        key.check, key.subject, key.channel, status = HealthHistory.StatusText(check.Status), checkedAt,
                        since = decision.TroubledSince,
                        sender = decision.Event is null or AlertEvent.Suppressed ? (Guid?)null : sender,
                        lease = decision.Event is null or AlertEvent.Suppressed ? (TimeSpan?)null : lease,
                    });
                return (row.State, decision);
            },
            cancellation);

    /// <summary>Holds it for longer.</summary>
    public Task ExtendAsync(CheckResult check, string channel, TimeSpan lease) => NoteAsync(
        """
        UPDATE linkage.alert_state s
        SET sending_until = clock_timestamp() + @lease
        WHERE s.check_name = @check AND s.subject = @subject AND s.channel = @channel AND s.sender = @sender
        """,
        new { check = check.Check, check.Subject, channel, sender, lease });

    /// <summary>Notes that the channel was told, and lets go of it.</summary>
    public Task ToldAsync(CheckResult check, string channel, AlertEvent what, DateTime now) => NoteAsync(
        """
        UPDATE linkage.alert_state s
        SET told_status = @status, told_at = @now, troubled_since = CASE WHEN @status <> 'healthy' THEN s.troubled_since END,
          undelivered_since = NULL, undelivered_reason = NULL, attempts = 0, sender = NULL, sending_until = NULL
        WHERE s.check_name = @check AND s.subject = @subject AND s.channel = @channel AND s.sender = @sender
        """,
        // To who hears of the gravest only, what is less grave has recovered.
        new
        {
            check = check.Check, check.Subject, channel, sender, now,
            status = HealthHistory.StatusText(what == AlertEvent.Recovered ? CheckStatus.Healthy : check.Status),
        });

    /// <summary>Notes that it could not be told, and lets go of it: the next call tries again.</summary>
    public Task FailedAsync(CheckResult check, string channel, string reason, int attempts, DateTime now) => NoteAsync(
        """
        UPDATE linkage.alert_state s
        SET undelivered_since = COALESCE(s.undelivered_since, @now), undelivered_reason = @reason, attempts = s.attempts + @attempts,
          sender = NULL, sending_until = NULL
        WHERE s.check_name = @check AND s.subject = @subject AND s.channel = @channel AND s.sender = @sender
        """,
        new { check = check.Check, check.Subject, channel, sender, now, reason, attempts });

    // Not cancellable: what happened is noted, also when nobody waits for it any more.
    private Task<int> NoteAsync(string sql, object values) =>
        Runs.Retry.UntilAsync(
            TimeSpan.FromSeconds(5),
            () => database.TransactAsync(_writing, session => session.ExecuteAsync(sql, values), CancellationToken.None),
            CancellationToken.None);

    private Task<IReadOnlyList<Row>> FindAsync(DatabaseSession session, CheckResult check, string[] channels, string sql) =>
        session.QueryAsync<Row>(sql, new { check = check.Check, check.Subject, channels, sender });

    private sealed record Row(
        string Channel, DateTime CheckedAt, DateTime? TroubledSince, string Told, DateTime? ToldAt, DateTime? UndeliveredSince, bool IsHeld)
    {
        public AlertState State => new()
        {
            CheckedAt = CheckedAt,
            TroubledSince = TroubledSince,
            Told = Enum.Parse<CheckStatus>(Told, ignoreCase: true),
            ToldAt = ToldAt,
            UndeliveredSince = UndeliveredSince,
        };
    }
}
