using Linkage.Engine.Runs;
using Xunit.Abstractions;

namespace Linkage.Engine.Tests.Runs;

/// <summary>What is told of a run's progress never goes back, never passes the end, and says how long the rest takes where that is known.</summary>
public sealed class ProgressMeterTests(ITestOutputHelper output)
{
    private readonly List<RunProgress> _told = [];

    [Fact]
    public void The_share_never_goes_back_and_never_passes_one()
    {
        var random = new Random(TestSeed.Next(output));
        var meter = Meter();

        meter.Start(random.NextDouble() / 2, null);
        for (var i = 0; i < 200; i++)
            meter.Add(Batch(random.Next(100), random.NextDouble() / 100));

        Assert.Equal(_told.Select(p => p.Share!.Value).Order(), _told.Select(p => p.Share!.Value));
        Assert.Equal(_told.Select(p => p.Done).Order(), _told.Select(p => p.Done));
        Assert.All(_told, p => Assert.InRange(p.Share!.Value, 0, 1));
        Assert.Equal(1, _told[^1].Share);
        Assert.Null(_told[^1].Remaining);
    }

    [Fact]
    public void A_share_that_nobody_knows_is_estimated_by_rows_and_ends_at_one()
    {
        var meter = Meter();

        meter.Start(null, 100);
        meter.Add(Batch(60, null));
        meter.Add(Batch(60, null));
        meter.Add(Batch(60, null));

        Assert.Equal([0, 0.6, 1, 1], _told.Select(p => p.Share!.Value));
        Assert.Equal([false, true, false, false], _told.Select(p => p.Remaining is not null));
    }

    [Fact]
    public void Without_an_estimate_there_is_no_share_and_no_time_left()
    {
        var meter = Meter();

        meter.Start(null, 0);
        meter.Add(Batch(10, null));

        Assert.All(_told, p => Assert.Equal((null, null), (p.Share, p.Remaining)));
        Assert.Equal(10, _told[^1].Done);
    }

    [Fact]
    public void The_time_left_goes_by_what_this_session_did()
    {
        var meter = Meter();

        meter.Start(0.9, null);
        Assert.Null(_told[^1].Remaining);
        meter.Add(Batch(10, 0.05));

        // As much is left as this session did, which takes as long again: not a twentieth of it, as the whole share would tell.
        Assert.True(_told[^1].Remaining > _told[^1].Elapsed / 2, _told[^1].ToString());
    }

    [Fact]
    public void What_failed_is_counted_and_a_standstill_has_its_reason()
    {
        var meter = Meter();

        meter.Start(0, null);
        meter.Add(Batch(1, 0.1, failed: 1));
        meter.Hold("replica lag");
        meter.Hold(null);

        Assert.Equal(1, meter.Failed);
        Assert.Equal([null, null, "replica lag", null], _told.Select(p => p.Waiting));
    }

    private ProgressMeter Meter() => new(Guid.NewGuid(), "message_deliveries", _told.Add);

    private static Batch Batch(long rows, double? share, long failed = 0) =>
        Linkage.Engine.Runs.Batch.Empty with { Rows = rows, Share = share, Counts = new Dictionary<string, long> { ["failed"] = failed } };
}
