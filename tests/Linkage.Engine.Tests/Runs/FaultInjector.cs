using Linkage.Engine.Database;
using Linkage.Engine.Runs;
using Linkage.Engine.Sandbox;
using Linkage.Engine.UserLinks;

namespace Linkage.Engine.Tests.Runs;

/// <summary>What can happen to a run from outside.</summary>
internal enum InjectedFault
{
    /// <summary>A backend of the run is terminated.</summary>
    Terminate,

    /// <summary>A statement of the run is cancelled.</summary>
    Cancel,

    /// <summary>A statement of the run fails, once.</summary>
    Statement,

    /// <summary>Another client starts on the same target.</summary>
    SecondClient,

    /// <summary>All backends of the run are terminated, and another client tries to take the run over at once.</summary>
    Usurper,

    /// <summary>The server is killed and started again.</summary>
    Crash,

    /// <summary>The process that carries the run out is killed.</summary>
    KilledClient,
}

/// <summary>Does it to the run that is at work on a scene, and counts what really happened.</summary>
internal sealed class FaultInjector(PostgresSandbox server, Random random)
{
    private static readonly string[] _states = ["22P02", "23514", "23503", "40001", "40P01", "53100", "P0001"];

    private readonly Dictionary<InjectedFault, int> _counts = Enum.GetValues<InjectedFault>().ToDictionary(f => f, _ => 0);
    private bool _isFatal;

    public IReadOnlyDictionary<InjectedFault, int> Counts => _counts;

    /// <summary>The triggers that make statements of Linkage fail: those of poisoned rows always, others when they were planned.</summary>
    public static Task PrepareAsync(KeyedScene scene) => scene.ExecuteAsync(
        """
        CREATE SEQUENCE rows_touched;
        CREATE SEQUENCE faults_raised START 0 MINVALUE 0;
        CREATE TABLE planned_fault (touch bigint PRIMARY KEY, sql_state text NOT NULL);
        CREATE FUNCTION inject() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE
          planned text;
        BEGIN
          IF current_setting('application_name') NOT LIKE 'Linkage%' THEN
            RETURN NEW;
          ELSIF NEW.status = (CASE WHEN NEW.user_id IS NULL THEN 'poison of undo' ELSE 'poison' END) THEN
            RAISE 'poison';
          END IF;
          SELECT p.sql_state INTO planned FROM public.planned_fault p WHERE p.touch = nextval('public.rows_touched');
          IF FOUND THEN
            -- Not undone when the statement is.
            PERFORM nextval('public.faults_raised');
            RAISE 'planned' USING ERRCODE = planned;
          END IF;
          RETURN NEW;
        END $$;
        CREATE TRIGGER inject BEFORE UPDATE OF user_id ON message_deliveries FOR EACH ROW EXECUTE FUNCTION inject();
        """);

    /// <summary>Says that the process of the run was killed.</summary>
    public void CountKill() => _counts[InjectedFault.KilledClient]++;

    /// <summary>Counts the statements that failed as planned, and plans no more; returns whether one was for want of disk.</summary>
    public async Task<bool> CollectAsync(KeyedScene scene)
    {
        _counts[InjectedFault.Statement] += await scene.ScalarAsync<int>(
            "SELECT (last_value + is_called::integer)::integer FROM faults_raised");
        var isFatal = _isFatal || await scene.ScalarAsync<bool>(
            "SELECT EXISTS (SELECT FROM planned_fault p WHERE p.sql_state = '53100' AND p.touch <= (SELECT last_value FROM rows_touched))");
        await ResetAsync(scene);
        _isFatal = false;
        return isFatal;
    }

    /// <summary>Does it, now.</summary>
    public async Task InjectAsync(InjectedFault fault, KeyedScene scene)
    {
        switch (fault)
        {
            case InjectedFault.Terminate:
                _counts[fault] += await scene.ScalarAsync<int>(Signal("pg_terminate_backend", "LIMIT 1"));
                break;
            case InjectedFault.Cancel:
                _counts[fault] += await scene.ScalarAsync<int>(Signal("pg_cancel_backend", "LIMIT 1"));
                break;
            case InjectedFault.Statement:
                await scene.ExecuteAsync(
                    """
                    INSERT INTO planned_fault SELECT last_value + @distance, @state FROM rows_touched ON CONFLICT DO NOTHING
                    """,
                    new { distance = random.Next(1, 80), state = _states[random.Next(_states.Length)] });
                break;
            case InjectedFault.SecondClient:
                await CompeteAsync(scene, engine => new UserLinkBackfill(engine).RunAsync(
                    RunScene.Target, RunScene.Options(50), _ => { }, CancellationToken.None));
                _counts[fault]++;
                break;
            case InjectedFault.Usurper:
                var run = await scene.ScalarAsync<Guid?>("SELECT id FROM linkage.run WHERE status IN ('running', 'suspended')");
                var killed = await scene.ScalarAsync<int>(Signal("pg_terminate_backend", ""));
                if (run is { } known)
                    await CompeteAsync(scene, engine => new RunEngine(engine).ResumeAsync(
                        known, RunScene.Options(50), _ => { }, CancellationToken.None));
                _counts[fault] += Math.Min(killed, 1);
                break;
            case InjectedFault.Crash:
                // A crash may make sequences jump.
                _isFatal = await CollectAsync(scene);
                await server.KillAsync();
                await server.RestartAsync();
                await ResetAsync(scene);
                _counts[fault]++;
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(fault));
        }
    }

    private static Task<int> ResetAsync(KeyedScene scene) => scene.ExecuteAsync(
        "TRUNCATE planned_fault; ALTER SEQUENCE faults_raised RESTART; ALTER SEQUENCE rows_touched RESTART");

    // One of them works on the run, the other is refused.
    private static async Task CompeteAsync(KeyedScene scene, Func<LinkageDatabase, Task> work)
    {
        await using var engine = await scene.OpenAsync();
        try
        {
            await work(engine);
        }
        catch (LinkageException e)
            when (e.Kind is FaultKind.Busy or FaultKind.Conflict || e.ErrorId is "Linkage.Run.WrongState" or "Linkage.Run.BatchFailed")
        {
        }
    }

    private static string Signal(string function, string limit) =>
        $"""
        SELECT count(*) FILTER (WHERE {function}(a.pid))::integer
        FROM (
          SELECT pid FROM pg_stat_activity
          WHERE datname = current_database() AND application_name LIKE 'Linkage%' AND state <> 'idle' AND pid <> pg_backend_pid()
          ORDER BY random() {limit}
        ) AS a
        """;
}
