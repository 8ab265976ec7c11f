using System.Diagnostics;
using Linkage.Engine.Schema;
using Npgsql;

namespace Linkage.Engine.Tests.Schema;

public sealed class SchemaScriptTests
{
    private const string Objects =
        """
        SELECT object || ' ' || fingerprint || ' ' || is_enabled FROM linkage.own_objects()
        UNION ALL SELECT object FROM linkage.installed_object
        UNION ALL SELECT component || name || checksum FROM linkage.migration
        UNION ALL SELECT object || restore::text FROM linkage.replaced_definition
        UNION ALL SELECT application_schema FROM linkage.installation
        UNION ALL SELECT indexrelid::regclass || ' ' || indisvalid FROM pg_index
          WHERE indrelid::regclass::text !~ '^pg_'
        UNION ALL SELECT conname || ' ' || convalidated FROM pg_constraint WHERE contype = 'c' AND connamespace = 'public'::regnamespace
        UNION ALL SELECT constraint_name FROM linkage.stale_constraint
        UNION ALL SELECT oid::regprocedure || ' ' || proacl::text FROM pg_proc WHERE pronamespace IN ('public'::regnamespace, 'linkage'::regnamespace)
        ORDER BY 1
        """;

    [SkippableTheory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_script_run_by_psql_gives_the_same_as_an_install(bool isLegacy)
    {
        await using var installed = isLegacy ? await LegacyDatabase.CreateAsync() : await LinkedDatabase.CreateUnlinkedAsync();
        await using var scripted = isLegacy ? await LegacyDatabase.CreateAsync() : await LinkedDatabase.CreateUnlinkedAsync();
        const string Constraint = "ALTER TABLE users ADD CONSTRAINT users_phone_possible CHECK (normalize_phone(phone) IS NOT NULL)";
        if (isLegacy)
        {
            await installed.ExecuteAsync(Constraint);
            await scripted.ExecuteAsync(Constraint);
        }

        await installed.InstallAsync();
        var installer = new SchemaInstaller(scripted.Engine);
        var script = await installer.ScriptAsync(await installer.PlanAsync([], CancellationToken.None), CancellationToken.None);

        Assert.False(await scripted.ScalarAsync<bool>("SELECT to_regnamespace('linkage') IS NOT NULL"));
        await PsqlAsync(scripted, script);

        Assert.Equal(await installed.QueryAsync<string>(Objects), await scripted.QueryAsync<string>(Objects));
        Assert.DoesNotContain(await scripted.InstallAsync(), step => step.IsNeeded);
        // It can be run again, as after an interruption.
        await PsqlAsync(scripted, script);
        Assert.DoesNotContain(await scripted.InstallAsync(), step => step.IsNeeded);
    }

    [Fact]
    public async Task Where_all_is_up_to_date_the_script_says_so_and_does_nothing()
    {
        await using var database = await LinkedDatabase.CreateAsync();
        var installer = new SchemaInstaller(database.Engine);

        var script = await installer.ScriptAsync(await installer.PlanAsync([], CancellationToken.None), CancellationToken.None);

        Assert.All(script.Split('\n', StringSplitOptions.RemoveEmptyEntries), line => Assert.StartsWith("--", line));
    }

    private static async Task PsqlAsync(LinkedDatabase database, string script)
    {
        var settings = new NpgsqlConnectionStringBuilder(database.ConnectionString);
        var programs = new[] { (await PostgresFixture.ServerAsync()).BinDirectory }.Concat(Environment.GetEnvironmentVariable("PATH")!.Split(Path.PathSeparator));
        var psql = programs.SelectMany(p => new[] { Path.Combine(p, "psql"), Path.Combine(p, "psql.exe") }).FirstOrDefault(File.Exists);
        Skip.If(psql is null, "There is no psql beside this server or on the path.");
        var start = new ProcessStartInfo(psql, ["-X", "-q", "-v", "ON_ERROR_STOP=1", "-f", "-"])
        {
            RedirectStandardInput = true,
            RedirectStandardError = true,
            RedirectStandardOutput = true,
            Environment =
            {
                ["PGHOST"] = settings.Host, ["PGPORT"] = $"{settings.Port}", ["PGDATABASE"] = settings.Database,
                ["PGUSER"] = settings.Username, ["PGPASSWORD"] = settings.Password,
            },
        };
        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEndAsync();
        await process.StandardInput.WriteAsync(script);
        process.StandardInput.Close();
        await process.WaitForExitAsync();
        Assert.Equal((0, string.Empty), (process.ExitCode, await errors));
        await output;
    }
}
