using System.Text.Json;
using Linkage.Engine.Runs;

namespace Linkage.Engine.Tests.Runs;

/// <summary>What may be changed while a run goes on, as the database keeps it.</summary>
public sealed class RunSettingsTests
{
    private static readonly RunSettings _some = new()
    {
        ThrottleLimit = 3, TargetBatchTime = TimeSpan.FromMilliseconds(250), MaxDuration = TimeSpan.FromMinutes(90),
    };

    [Fact]
    public void They_survive_the_way_there_and_back()
    {
        Assert.Equal(_some, new RunSettings().With(Read(_some.ToJson())));
        Assert.Equal(new RunSettings(), _some.With(Read(new RunSettings().ToJson())));
    }

    [Fact]
    public void What_the_database_does_not_name_stays_but_for_the_duration() =>
        Assert.Equal(_some with { MaxDuration = null }, _some.With(Read("{}")));

    [Theory]
    [InlineData("""{"throttle_limit": 1, "max_duration_s": 5400}""", 1, 250, 90)]
    [InlineData("""{"target_batch_ms": 1000, "max_duration_s": 60}""", 3, 1000, 1)]
    [InlineData("""{"throttle_limit": null, "target_batch_ms": null, "max_duration_s": 5400, "unknown": []}""", 3, 250, 90)]
    public void What_it_names_holds(string json, int workers, int batchMilliseconds, int minutes) => Assert.Equal(
        new RunSettings
        {
            ThrottleLimit = workers, TargetBatchTime = TimeSpan.FromMilliseconds(batchMilliseconds), MaxDuration = TimeSpan.FromMinutes(minutes),
        },
        _some.With(Read(json)));

    private static JsonElement Read(string json) => JsonDocument.Parse(json).RootElement;
}
