using System.Globalization;

namespace Linkage.Engine.Runs.Throttling;

/// <summary>Names of WAL files as numbers that count up, also from one timeline to the next.</summary>
internal static class WalSegment
{
    /// <summary>
    /// The number of the file among all of the server, or null for other files that an archiver keeps: histories of timelines, labels of
    /// backups (<c>.backup</c>, which begin with the name of a WAL file but may be archived long after it), <c>.partial</c> ones.
    /// </summary>
    /// <param name="name">Eight hexadecimal digits each for timeline, upper part and lower part.</param>
    /// <param name="size">The server's wal_segment_size in bytes.</param>
    public static long? Number(string? name, long size) =>
        name is { Length: 24 }
        && name.All(char.IsAsciiHexDigit)
            ? (Hex(name[8..16]) * ((1L << 32) / size)) + Hex(name[16..])
            : null;

    private static long Hex(string digits) => long.Parse(digits, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
}
