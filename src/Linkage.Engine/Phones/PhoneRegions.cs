using System.Globalization;

namespace Linkage.Engine.Phones;

/// <summary>All calling regions, read once from the embedded <c>phone_regions.csv</c>.</summary>
/// <remarks>The one source of facts for both sides: this class for C#, <see cref="PhoneSql"/> for the SQL function.</remarks>
internal static class PhoneRegions
{
    private static readonly Dictionary<string, PhoneRegion> _byName = Read().ToDictionary(r => r.Name, StringComparer.Ordinal);
    private static readonly Dictionary<string, PhoneRegion[]> _byCode = _byName.Values
        .GroupBy(r => r.CallingCode, StringComparer.Ordinal)
        .ToDictionary(g => g.Key, g => g.OrderByDescending(r => r.IsMainForCode).ThenBy(r => r.Name, StringComparer.Ordinal).ToArray(),
            StringComparer.Ordinal);

    private static readonly PhoneRegion?[] _mainByCode = MainByCode();

    /// <summary>Every region, in the order of its name.</summary>
    public static IEnumerable<PhoneRegion> All => _byName.Values.OrderBy(r => r.Name, StringComparer.Ordinal);

    /// <summary>Every calling code with its main region.</summary>
    public static IEnumerable<PhoneRegion> MainRegions => _byCode.Values.Select(r => r[0]);

    /// <summary>The region of that name in any case, or null.</summary>
    public static PhoneRegion? Find(string? name) =>
        name is { Length: > 0 } && System.Text.Ascii.IsValid(name) ? _byName.GetValueOrDefault(name.ToUpperInvariant()) : null;

    /// <summary>The regions of a calling code, the main one first; none if there is no such code.</summary>
    public static IReadOnlyList<PhoneRegion> WithCode(string callingCode) => _byCode.GetValueOrDefault(callingCode, []);

    /// <summary>The main region of the calling code that these digits begin with, or null. No code is the beginning of another.</summary>
    public static PhoneRegion? AtStartOf(ReadOnlySpan<char> digits)
    {
        var key = 1;
        foreach (var digit in digits[..Math.Min(3, digits.Length)])
        {
            key = (key * 10) + digit - '0';
            if (_mainByCode[key] is { } region)
                return region;
        }
        return null;
    }

    /// <summary>By the code with a 1 in front, so that 44 is not 044.</summary>
    private static PhoneRegion?[] MainByCode()
    {
        var regions = new PhoneRegion?[2000];
        foreach (var region in MainRegions)
            regions[int.Parse("1" + region.CallingCode, CultureInfo.InvariantCulture)] = region;
        return regions;
    }

    private static IEnumerable<PhoneRegion> Read()
    {
        using var stream = typeof(PhoneRegions).Assembly.GetManifestResourceStream("Phones/phone_regions.csv")
            ?? throw new InvalidOperationException("The resource Phones/phone_regions.csv is missing from the assembly.");
        using var reader = new StreamReader(stream);
        var names = CsvLine.Split(reader.ReadLine()!);
        while (reader.ReadLine() is { } line)
        {
            var fields = CsvLine.Split(line);
            yield return new PhoneRegion(names.Zip(fields).ToDictionary(f => f.First, f => f.Second, StringComparer.Ordinal));
        }
    }
}
