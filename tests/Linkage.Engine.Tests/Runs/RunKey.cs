namespace Linkage.Engine.Tests.Runs;

/// <summary>What tells the deliveries of a <see cref="KeyedScene"/> from each other.</summary>
public enum RunKey
{
    Uuid,
    Bigint,
    Text,

    /// <summary>A tenant and a text.</summary>
    Composite,

    /// <summary>A tenant, by which the table is partitioned, and a uuid.</summary>
    Partitioned,
}

internal static class RunKeys
{
    /// <summary>The table's columns of the key.</summary>
    public static string Columns(this RunKey key) => key.HasTenant() ? "tenant, id" : "id";

    /// <summary>The same with their types.</summary>
    public static string Definition(this RunKey key) => key switch
    {
        RunKey.Bigint => "id bigint",
        RunKey.Text => "id text",
        RunKey.Composite => "tenant integer, id text",
        RunKey.Partitioned => "tenant integer, id uuid",
        _ => "id uuid",
    };

    /// <summary>The key of alias d as the audit has it.</summary>
    public static string Text(this RunKey key) =>
        key.HasTenant() ? "jsonb_build_array(d.tenant::text, d.id::text)::text" : "d.id::text";

    /// <summary>
    /// The values of the columns for row number i; skewed, nine of ten keys lie side by side (in one tenant, one partition), and the others
    /// far off.
    /// </summary>
    public static string Values(this RunKey key, bool isSkewed) => key switch
    {
        RunKey.Bigint => isSkewed ? "CASE WHEN i % 10 > 0 THEN i ELSE i * 1000000000000 END" : "hashtext(i::text)::bigint * 4000000000 + i",
        RunKey.Text => isSkewed ? "CASE WHEN i % 10 > 0 THEN repeat('k', 100) ELSE '' END || i" : "md5(i::text)",
        RunKey.Composite => $"{Tenant(isSkewed)}, i::text",
        RunKey.Partitioned => $"{Tenant(isSkewed)}, md5(i::text)::uuid",
        _ => "md5(i::text)::uuid",
    };

    private static bool HasTenant(this RunKey key) => key is RunKey.Composite or RunKey.Partitioned;

    private static string Tenant(bool isSkewed) => isSkewed ? "CASE WHEN i % 10 > 0 THEN 0 ELSE 1 + i % 4 END" : "i % 5";
}
