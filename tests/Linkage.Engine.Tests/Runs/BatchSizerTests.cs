using Linkage.Engine.Runs;

namespace Linkage.Engine.Tests.Runs;

/// <summary>Batches find the size at which they take the time that they should.</summary>
public sealed class BatchSizerTests
{
    private static readonly TimeSpan _target = TimeSpan.FromMilliseconds(500);

    [Fact]
    public void A_size_never_starts_above_its_cap() =>
        Assert.Equal((7, 1000), (new BatchSizer(7).Size, new BatchSizer(50_000).Size));

    [Fact]
    public void It_grows_by_half_at_a_time_up_to_the_cap()
    {
        var sizer = new BatchSizer(5000);
        List<int> sizes = [];
        for (var i = 0; i < 6; i++)
        {
            sizer.Succeeded(sizer.Size, TimeSpan.FromMilliseconds(1), _target);
            sizes.Add(sizer.Size);
        }

        Assert.Equal([1501, 2252, 3379, 5000, 5000, 5000], sizes);
    }

    [Fact]
    public void It_grows_from_one_too()
    {
        var sizer = new BatchSizer(1000);
        while (sizer.Size > 1)
            sizer.TimedOut();

        sizer.Succeeded(1, TimeSpan.FromMilliseconds(1), _target);

        Assert.Equal(2, sizer.Size);
    }

    [Fact]
    public void A_batch_that_took_long_halves_it_at_most()
    {
        var sizer = new BatchSizer(1000);

        sizer.Succeeded(1000, TimeSpan.FromMilliseconds(625), _target);
        Assert.Equal(800, sizer.Size);
        sizer.Succeeded(800, TimeSpan.FromHours(1), _target);
        Assert.Equal(400, sizer.Size);
    }

    [Fact]
    public void The_rest_of_a_claim_may_let_it_grow_but_not_shrink()
    {
        var sizer = new BatchSizer(5000);

        sizer.Succeeded(10, TimeSpan.FromMinutes(1), _target);
        Assert.Equal(1000, sizer.Size);
        sizer.Succeeded(10, TimeSpan.FromMilliseconds(4), _target);
        Assert.Equal(1250, sizer.Size);
    }

    [Fact]
    public void A_batch_that_held_nothing_changes_nothing()
    {
        var sizer = new BatchSizer(5000);

        sizer.Succeeded(0, TimeSpan.Zero, _target);

        Assert.Equal(1000, sizer.Size);
    }

    [Fact]
    public void A_time_out_halves_it_and_a_row_that_fails_is_found_in_a_few_steps()
    {
        var timedOut = new BatchSizer(1000);
        var failed = new BatchSizer(1000);

        timedOut.TimedOut();
        Assert.Equal(500, timedOut.Size);
        for (var i = 0; i < 4; i++)
            failed.Failed();
        Assert.Equal(1, failed.Size);
        failed.Failed();
        failed.TimedOut();
        Assert.Equal(1, failed.Size);
    }
}
