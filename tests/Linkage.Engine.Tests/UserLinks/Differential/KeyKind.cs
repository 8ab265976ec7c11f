using System.Globalization;

namespace Linkage.Engine.Tests.UserLinks.Differential;

/// <summary>Of which type the keys of the application's tables are.</summary>
public enum KeyKind
{
    Uuid,
    Bigint,
    Text,
}

internal static class KeyKinds
{
    public static string SqlType(this KeyKind kind) => kind switch
    {
        KeyKind.Bigint => "bigint",
        KeyKind.Text => "text",
        _ => "uuid",
    };

    /// <summary>A new key, as PostgreSQL writes it.</summary>
    public static string NewKey(this KeyKind kind, Random random) => kind switch
    {
        KeyKind.Bigint => random.NextInt64(long.MinValue, long.MaxValue).ToString(CultureInfo.InvariantCulture),
        KeyKind.Text => Hostile[random.Next(Hostile.Length)] + random.NextInt64().ToString("x", CultureInfo.InvariantCulture),
        _ => new Guid(Bytes(random)).ToString(),
    };

    private static string[] Hostile { get; } =
        ["", "k", " ", "'", "\"", "\\", "\\'", "{", "},", "a,b", "%", "$1", "\u202E", "\U0001F600", "\u00E9", "E\u0301", "\n", "--", "Z", "_"];

    private static byte[] Bytes(Random random)
    {
        var bytes = new byte[16];
        random.NextBytes(bytes);
        return bytes;
    }
}
