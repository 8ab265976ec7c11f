using System.Text;
using Linkage.Engine.Database;

namespace Linkage.Engine.Schema;

/// <summary>The statements around the migrations, the same for an install and for its script.</summary>
internal static class SchemaScript
{
    /// <summary>
    /// One install at a time; functions may name what a later script creates. The search_path is the server's own only, so that no
    /// definition depends on the installer's.
    /// </summary>
    public const string Prologue =
        """
        SELECT pg_advisory_xact_lock(hashtextextended('linkage.install', 0));
        SET LOCAL check_function_bodies = off;
        SET LOCAL search_path = pg_catalog, pg_temp;
        SET LOCAL client_min_messages = warning;
        """;

    /// <summary>Takes down how functions and triggers look now.</summary>
    public const string RecordObjects =
        """
        INSERT INTO linkage.installed_object AS i (object, fingerprint)
        SELECT o.object, o.fingerprint FROM linkage.own_objects() o
        ON CONFLICT (object) DO UPDATE SET fingerprint = EXCLUDED.fingerprint;
        """;

    /// <summary>The row that says a step was done.</summary>
    public static string Record(SchemaStep step) =>
        $"""
        INSERT INTO linkage.migration (component, name, checksum, module_version)
        VALUES ('{step.Component}', '{step.Name}', '{step.Checksum}', '{SchemaInstaller.ModuleVersion}')
        ON CONFLICT (component, name) DO UPDATE
        SET checksum = EXCLUDED.checksum, module_version = EXCLUDED.module_version, applied_by = EXCLUDED.applied_by,
            applied_at = EXCLUDED.applied_at;
        """;

    /// <summary>The needed steps of a plan as a psql script that stops at the first error.</summary>
    public static string Write(SchemaPlan plan, SchemaTokens tokens)
    {
        var needed = plan.Steps.Where(s => s.IsNeeded).ToList();
        var script = new StringBuilder();
        script.AppendLine($"-- Linkage {SchemaInstaller.ModuleVersion}, for schema {tokens.ApplicationSchema}. Run it with psql.");
        foreach (var replaced in plan.Replaces)
            script.AppendLine($"-- Replaces, and keeps for uninstall: {replaced}");
        if (needed.Count == 0)
            return script.AppendLine("-- Nothing to do: the database is up to date.").ToString();

        script.AppendLine("\\set ON_ERROR_STOP on").AppendLine();
        var transactional = needed.Where(s => s.Kind is MigrationKind.Versioned or MigrationKind.Repeatable).ToList();
        if (transactional.Count > 0)
        {
            script.AppendLine("BEGIN;").AppendLine(Prologue).AppendLine(EmbeddedSql.Read("Schema/bootstrap.sql"));
            foreach (var step in transactional)
                script.AppendLine($"-- {step.Component}/{step.Name}").AppendLine(step.Sql).AppendLine(Record(step)).AppendLine();
            script.AppendLine(tokens.Render(EmbeddedSql.Read("Schema/settle.sql"))).AppendLine("COMMIT;").AppendLine();
        }

        foreach (var step in needed.Where(s => s.Kind == MigrationKind.Trigger))
        {
            script
                .AppendLine($"-- {step.Component}/{step.Name}: run it again if the table is busy.")
                .AppendLine("BEGIN;")
                .AppendLine("SET LOCAL lock_timeout = '2s';")
                .AppendLine(step.Sql)
                .AppendLine(Record(step))
                .AppendLine(RecordObjects)
                .AppendLine("COMMIT;")
                .AppendLine();
        }

        foreach (var step in needed.Where(s => s.Kind == MigrationKind.Index))
            script.AppendLine($"-- {step.Component}/{step.Name}").Append(step.Sql.TrimEnd()).AppendLine(";").AppendLine();
        return script.ToString();
    }
}
