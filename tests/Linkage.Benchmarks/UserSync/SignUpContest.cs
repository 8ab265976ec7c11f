using Linkage.Benchmarks.Measuring;
using Npgsql;
using NpgsqlTypes;

namespace Linkage.Benchmarks.UserSync;

/// <summary>
/// What a sign-up costs, each in a transaction of its own. The sign-ups take turns, row by row, between databases with this trigger and
/// that, so that whatever else the machine does hits all of them. They don't wait for the disk (synchronous_commit off): that is the same
/// for all, and would hide the difference. The triggers must leave the same profiles.
/// </summary>
internal sealed class SignUpContest(BenchmarkServer server, string template) : IContest
{
    private const int WarmUp = 500;
    private const int SignUps = 5_000;
    private const string Without = "without a trigger";
    private const string Ours = "on_auth_user_created";
    private const string ByHand = "trigger by hand";

    private static readonly (string Name, string Prepare)[] _contenders =
    [
        (Without, "ALTER TABLE auth.users DISABLE TRIGGER USER"),
        (Ours, ""),
        (ByHand, "ALTER TABLE auth.users DISABLE TRIGGER USER; " + SqlFiles.Read("handwritten_trigger.sql")),
    ];

    // Of the id, e-mail, phone, metadata and time of a sign-up.
    private static readonly NpgsqlDbType[] _types =
        [NpgsqlDbType.Uuid, NpgsqlDbType.Text, NpgsqlDbType.Text, NpgsqlDbType.Jsonb, NpgsqlDbType.TimestampTz];

    private readonly Timings _times = new();

    public IEnumerable<(string Name, double Value)> Ratios =>
    [
        ("signup_overhead_ms", _times.Median(Ours) - _times.Median(Without)),
        ("signup_by_hand_overhead_ms", _times.Median(ByHand) - _times.Median(Without)),
        ("signup", _times.Median(Ours) / _times.Median(Without)),
        ("signup_by_hand", _times.Median(ByHand) / _times.Median(Without)),
        ("signup_to_by_hand", _times.Median(Ours) / _times.Median(ByHand)),
    ];

    public async Task<string?> RunAsync(int rounds)
    {
        for (var round = 0; round < rounds; round++)
        {
            List<(string Name, BenchmarkDatabase Database, NpgsqlCommand SignUp)> turns = [];
            foreach (var (name, prepare) in _contenders)
            {
                var database = await server.CopyAsync(template);
                await database.ExecuteAsync("SET synchronous_commit = off; " + prepare);
                turns.Add((name, database, await PrepareAsync(database)));
            }

            _times.Add(await SignUpInTurnsAsync(turns));
            var profiles = await UserSyncBenchmark.ProfilesAsync(turns[1].Database);
            var byHand = await UserSyncBenchmark.ProfilesAsync(turns[2].Database);
            foreach (var (_, database, command) in turns)
            {
                await command.DisposeAsync();
                await server.DropAsync(database);
                await database.DisposeAsync();
            }

            if (profiles != byHand)
                return $"The triggers did not leave the same profiles:\n{Ours}: {profiles}\n{ByHand}: {byHand}";
        }

        return null;
    }

    public string ToMarkdown() => _times.ToMarkdown("one sign-up");

    private static async Task<Timings> SignUpInTurnsAsync(List<(string Name, BenchmarkDatabase Database, NpgsqlCommand SignUp)> turns)
    {
        var times = new Timings();
        var now = DateTime.UtcNow;
        for (var i = 0; i < WarmUp + SignUps; i++)
        {
            if (i == WarmUp)
                times.Clear();
            var id = Guid.NewGuid();
            foreach (var (name, _, command) in turns)
            {
                command.Parameters[0].Value = id;
                command.Parameters[1].Value = $"new{i}@example.com";
                command.Parameters[2].Value = $"1312{2_000_000 + i}";
                command.Parameters[3].Value = $$"""{"full_name": "New {{i}}", "avatar_url": "https://avatars.example.com/new{{i}}.png"}""";
                command.Parameters[4].Value = now;
                await times.TakeAsync(name, () => command.ExecuteNonQueryAsync());
            }
        }

        return times;
    }

    private static async Task<NpgsqlCommand> PrepareAsync(BenchmarkDatabase database)
    {
        var command = new NpgsqlCommand(SqlFiles.Read("sign_up.sql"), database.Connection);
        foreach (var type in _types)
            command.Parameters.Add(new NpgsqlParameter { NpgsqlDbType = type });
        await command.PrepareAsync();
        return command;
    }
}
