using Linkage.Engine.Phones;
using Npgsql;

namespace Linkage.Engine.Tests.Phones;

/// <summary>The SQL function on its own, without the installer.</summary>
public static class PhoneFunction
{
    public const string Resource = "Schema/Migrations/Phones/R__normalize_phone.sql";

    public static string Template()
    {
        using var stream = typeof(PhoneNumber).Assembly.GetManifestResourceStream(Resource)!;
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }

    public static async Task InstallAsync(NpgsqlConnection connection)
    {
        await using var command = new NpgsqlCommand(PhoneSql.Render(Template()).Replace("{{app}}", "public"), connection);
        await command.ExecuteNonQueryAsync();
    }
}
