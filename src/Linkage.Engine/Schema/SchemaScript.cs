using System.Text;
using Linkage.Engine.Database;

namespace Linkage.Engine.Schema;

/// <summary>The statements around the migrations, the same for an install and for its script.</summary>
internal static class SchemaScript
{
    /// <summary>
    /// One install at a time, for however long that takes; from then on short waits only. Functions may name what a later script creates.
    /// The search_path is the server's own only, so that no definition depends on the installer's. An upgrade is done as the owner of
    /// schema linkage, so that all objects have one owner.
    /// </summary>
    public static readonly string Prologue =
        $"""
        SET LOCAL lock_timeout = 0;
        SELECT pg_advisory_xact_lock(hashtextextended('linkage.install', 0));
        SET LOCAL lock_timeout = {(int)ShortLock.Patience.TotalMilliseconds};
        SET LOCAL check_function_bodies = off;
        SET LOCAL search_path = pg_catalog, pg_temp;
        SET LOCAL client_min_messages = warning;
        SELECT set_config('role', pg_get_userbyid(n.nspowner), true)
        FROM pg_namespace n WHERE n.nspname = 'linkage' AND pg_get_userbyid(n.nspowner) <> current_user;
        """;

    /// <summary>Takes down how functions and triggers look now.</summary>
    private const string RecordObjects =
        """
        INSERT INTO linkage.installed_object AS i (object, kind, fingerprint)
        SELECT o.object, o.kind, o.fingerprint FROM linkage.own_objects() o
        ON CONFLICT (object) DO UPDATE SET fingerprint = EXCLUDED.fingerprint;
        """;

    /// <summary>A script with what belongs around it: the functions that it replaces are kept, and those that it created claimed.</summary>
    public static string Statements(SchemaStep step)
    {
        var text = new StringBuilder();
        foreach (var signature in step.DirectFunctions)
            text.AppendLine($"SELECT linkage.keep_function({Literal(signature)}, {Literal(step.Component)});");
        text.AppendLine(step.Sql);
        foreach (var signature in step.DirectFunctions)
            text.AppendLine($"SELECT linkage.claim_function({Literal(signature)});");
        text.AppendLine(
            $"""
            INSERT INTO linkage.migration (component, name, checksum, module_version)
            VALUES ('{step.Component}', '{step.Name}', '{step.Checksum}', '{SchemaInstaller.ModuleVersion}')
            ON CONFLICT (component, name) DO UPDATE
            SET checksum = EXCLUDED.checksum, module_version = EXCLUDED.module_version, applied_by = EXCLUDED.applied_by,
                applied_at = EXCLUDED.applied_at;
            """);
        if (step.Kind == MigrationKind.Trigger)
            text.AppendLine(RecordObjects);
        return text.ToString();
    }

    /// <summary>What begins the transactional part, before its steps.</summary>
    public static string Begin() => EmbeddedSql.Read("Schema/bootstrap.sql");

    /// <summary>What ends the transactional part.</summary>
    public static string Settle(string applicationSchema) =>
        $"""
        {EmbeddedSql.Read("Schema/settle.sql")}
        INSERT INTO linkage.installation (application_schema, module_version)
        VALUES ({Literal(applicationSchema)}, '{SchemaInstaller.ModuleVersion}')
        ON CONFLICT (is_only_row) DO UPDATE
        SET application_schema = EXCLUDED.application_schema, module_version = EXCLUDED.module_version, installed_at = clock_timestamp();
        """;

    /// <summary>
    /// Notes that an index is about to be built by us, unless one of the name stands already: before, so that an index whose build
    /// was killed is known as ours.
    /// </summary>
    public static string RecordIndex(IndexDefinition index) =>
        $"""
        INSERT INTO linkage.installed_object (object, kind, fingerprint)
        SELECT {Literal($"index {index.QualifiedName}")}, 'index', {Literal($"{index.Table} {index.Rest}")}
        WHERE NOT EXISTS (SELECT FROM pg_index i WHERE i.indexrelid = to_regclass({Literal(index.QualifiedName)}) AND i.indisvalid)
        ON CONFLICT (object) DO UPDATE SET fingerprint = EXCLUDED.fingerprint;
        """;

    /// <summary>The needed steps of a plan as a psql script that stops at the first error.</summary>
    /// <param name="plan">What is to be done.</param>
    /// <param name="indexLines">The lines of each index step, by its name.</param>
    public static string Write(SchemaPlan plan, IReadOnlyDictionary<string, IReadOnlyList<string>> indexLines)
    {
        var needed = plan.Steps.Where(s => s.IsNeeded).ToList();
        var script = new StringBuilder();
        script.AppendLine($"-- Linkage {SchemaInstaller.ModuleVersion}, for schema {plan.ApplicationSchema} of the database that it was written for.");
        script.AppendLine("-- Run it with psql -v ON_ERROR_STOP=1 -f, without -1: indexes are built outside transactions. It can be run again.");
        foreach (var omitted in plan.Omitted.Values)
            script.AppendLine($"-- Left out: {omitted}");
        foreach (var replaced in needed.SelectMany(s => s.Replaces))
            script.AppendLine($"-- Replaces, and keeps for uninstall: {replaced}");
        foreach (var note in needed.SelectMany(s => s.Notes))
            script.AppendLine($"-- {note}");
        if (needed.Count == 0)
            return script.AppendLine("-- Nothing to do: the database is up to date.").ToString();

        script.AppendLine("\\set ON_ERROR_STOP on").AppendLine();
        var transactional = needed.Where(s => s.IsTransactional).ToList();
        if (transactional.Count > 0)
        {
            script.AppendLine("BEGIN;").AppendLine(Prologue).AppendLine(Begin());
            foreach (var step in transactional)
                script.AppendLine($"-- {step.Component}/{step.Name}").AppendLine(Statements(step));
            script.AppendLine(Settle(plan.ApplicationSchema)).AppendLine("COMMIT;").AppendLine();
        }

        foreach (var step in needed.Where(s => s.Kind == MigrationKind.Trigger))
        {
            script
                .AppendLine($"-- {step.Component}/{step.Name}: run it again if the table is busy.")
                .AppendLine("BEGIN;")
                .AppendLine(Prologue)
                .AppendLine(Statements(step))
                .AppendLine("COMMIT;")
                .AppendLine();
        }

        foreach (var step in needed.Where(s => s.Kind == MigrationKind.Index))
        {
            script.AppendLine($"-- {step.Component}/{step.Name}").AppendLine(RecordIndex(IndexDefinition.Parse(step.Sql)));
            foreach (var line in indexLines[step.Name])
                script.AppendLine(line);
            script.AppendLine();
        }

        foreach (var step in needed.Where(s => s.Kind == MigrationKind.Rebuild))
            script.AppendLine($"REINDEX INDEX CONCURRENTLY {step.Name};").AppendLine(ForgetStale(step.Name)).AppendLine();
        foreach (var constraint in needed.Select(s => s.Constraint).OfType<StaleConstraint>())
        {
            script
                .AppendLine($"-- {constraint.Name} of {constraint.Table}: if rows break it now, it stays NOT VALID; correct them and run this again.")
                .AppendLine("BEGIN;")
                .AppendLine(Prologue)
                .AppendLine(constraint.Lift)
                .AppendLine("COMMIT;")
                .AppendLine($"{constraint.Validate};")
                .AppendLine(constraint.Forget)
                .AppendLine();
        }

        return script.ToString();
    }

    /// <summary>Notes that an index was built again.</summary>
    public static string ForgetStale(string index) => $"DELETE FROM linkage.stale_index WHERE index_name = {Literal(index)};";

    private static string Literal(string text) => $"'{text.Replace("'", "''", StringComparison.Ordinal)}'";
}
