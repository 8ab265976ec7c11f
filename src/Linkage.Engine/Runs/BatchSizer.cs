namespace Linkage.Engine.Runs;

/// <summary>Finds the size at which a batch takes the time that it should: grows slowly, shrinks fast.</summary>
/// <param name="cap">The largest size.</param>
internal sealed class BatchSizer(int cap)
{
    private const int FirstSize = 1000;
    private const double Growth = 1.5;

    /// <summary>How many candidates the next batch is to hold.</summary>
    public int Size { get; private set; } = Math.Min(FirstSize, cap);

    /// <summary>A batch went well.</summary>
    /// <param name="asked">How many candidates it was to hold: the rest of a claim may be smaller than the size.</param>
    /// <param name="elapsed">How long it took.</param>
    /// <param name="target">How long it should take.</param>
    public void Succeeded(int asked, TimeSpan elapsed, TimeSpan target)
    {
        var fitting = asked * (target / TimeSpan.FromTicks(Math.Max(elapsed.Ticks, 1)));
        // What a small batch took says little about a large one, so it may only let the size grow.
        if (asked >= Size || fitting > Size)
            Size = (int)Math.Clamp(fitting, Math.Max(Size / 2.0, 1), Math.Min(Size * Growth + 1, cap));
    }

    /// <summary>A batch took too long or waited too long: half of it may fit.</summary>
    public void TimedOut() => Size = Math.Max(1, Size / 2);

    /// <summary>A row of the batch can't be changed: it is found in a few steps.</summary>
    public void Failed() => Size = Math.Max(1, Size / 8);
}
