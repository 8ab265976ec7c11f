using Linkage.Engine.Runs;

namespace Linkage.Engine.Tests.Runs;

/// <summary>Batches find the size at which they take the time that they should.</summary>
public sealed class BatchSizerTests
{
    private static readonly TimeSpan _target = TimeSpan.FromMilliseconds(500);

    [Fact]
    public void A_size_never_starts_above_its_cap() =>
        Assert.Equal((7, 1000), (new BatchSizer(7).Size, new BatchSizer(50_000).Size));

    /// <summary>Of a size of 1,000 at the start.</summary>
    [Theory]
    // It shrinks by what a batch took too long, to half at most.
    [InlineData(1000, 1000, 625, 800)]
    [InlineData(1000, 1000, 3_600_000, 500)]
    // The rest of a claim may let it grow, but not shrink.
    [InlineData(5000, 10, 60_000, 1000)]
    [InlineData(5000, 10, 4, 1250)]
    // A batch that held nothing changes nothing.
    [InlineData(5000, 0, 0, 1000)]
    public void A_size_follows_the_time_that_a_batch_took(int cap, int rows, int milliseconds, int expected)
    {
        var sizer = new BatchSizer(cap);

        sizer.Succeeded(rows, TimeSpan.FromMilliseconds(milliseconds), _target);

        Assert.Equal(expected, sizer.Size);
    }

    [Theory]
    [InlineData(5000, 1000, new[] { 1501, 2252, 3379, 5000, 5000 })]
    [InlineData(1000, 1, new[] { 2 })]
    public void It_grows_by_half_at_a_time_up_to_the_cap_and_from_one_too(int cap, int start, int[] expected)
    {
        var sizer = new BatchSizer(cap);
        while (sizer.Size > start)
            sizer.TimedOut();

        foreach (var size in expected)
        {
            sizer.Succeeded(sizer.Size, TimeSpan.FromMilliseconds(1), _target);
            Assert.Equal(size, sizer.Size);
        }
    }

    [Theory]
    [InlineData(false, 1, 500)]
    [InlineData(false, 20, 1)]
    [InlineData(true, 4, 1)]
    [InlineData(true, 5, 1)]
    public void A_time_out_halves_it_and_a_row_that_fails_is_found_in_a_few_steps(bool isFault, int times, int expected)
    {
        var sizer = new BatchSizer(1000);

        for (var i = 0; i < times; i++)
        {
            if (isFault)
                sizer.Failed();
            else
                sizer.TimedOut();
        }

        Assert.Equal(expected, sizer.Size);
    }
}
