using Dapper;
using Linkage.Engine.Checks;
using Linkage.Engine.Schema;
using Npgsql;

namespace Linkage.Engine.Tests.Schema;

/// <summary>What becomes of what the application built on <c>normalize_phone</c> when an upgrade changes what it says.</summary>
public sealed class StaleConstraintTests
{
    private const string Validity =
        """
        SELECT format('%s of %s %s', k.conname, k.conrelid::regclass, k.convalidated::text)
        FROM pg_constraint k WHERE k.contype = 'c' AND k.conname LIKE 'phone%' ORDER BY 1
        """;

    [Fact]
    public async Task An_upgrade_builds_indexes_again_and_validates_check_constraints_again()
    {
        await using var database = await CreateOlderAsync();

        var steps = await database.InstallAsync();

        Assert.Equal(
            ["phone_is_e164 on public.contacts", "phone_is_possible on public.contacts"],
            steps.Where(s => s is { Kind: MigrationKind.Validation, IsNeeded: true }).Select(s => s.Name));
        Assert.Equal(["phone_is_e164 of contacts false", "phone_is_possible of contacts true"], await database.QueryAsync<string>(Validity));
        await database.ExecuteAsync("SET enable_seqscan = off");
        const string Query = "SELECT id FROM contacts WHERE normalize_phone(phone) = '+442079460958'";
        Assert.Contains("contacts_phone", string.Join('\n', await database.QueryAsync<string>("EXPLAIN " + Query)));
        Assert.Equal([2], await database.QueryAsync<int>(Query));
        Assert.Equal(["phone_is_e164"], await database.QueryAsync<string>("SELECT constraint_name FROM linkage.stale_constraint"));
        Assert.Equal(0, await database.ScalarAsync<int>("SELECT count(*) FROM linkage.stale_index"));
    }

    [Fact]
    public async Task A_constraint_that_rows_break_names_the_first_one_holds_for_new_ones_and_is_validated_when_they_are_corrected()
    {
        await using var database = await CreateOlderAsync();

        var broken = (await database.InstallAsync()).Single(s => s.Name.StartsWith("phone_is_e164", StringComparison.Ordinal));

        Assert.Contains("id = 2", Assert.Single(broken.Notes));
        var fault = await Assert.ThrowsAsync<PostgresException>(
            () => database.ExecuteAsync("INSERT INTO contacts VALUES (3, '872-529-2148', '+18725292147')"));
        Assert.Equal(PostgresErrorCodes.CheckViolation, fault.SqlState);
        var check = (await new SchemaInspector(database.Engine).CheckAsync(CancellationToken.None)).Single(c => c.Check == "SchemaConstraints");
        Assert.Equal((CheckStatus.Warning, 1), (check.Status, Convert.ToInt32(check.Value, null)));

        await database.ExecuteAsync("UPDATE contacts SET e164 = normalize_phone(phone)");
        await database.InstallAsync();

        Assert.Equal(["phone_is_e164 of contacts true", "phone_is_possible of contacts true"], await database.QueryAsync<string>(Validity));
        Assert.DoesNotContain(await database.InstallAsync(), step => step.IsNeeded);
    }

    [Fact]
    public async Task An_install_that_was_interrupted_is_finished_by_the_next_one()
    {
        await using var database = await CreateOlderAsync();
        var installer = new SchemaInstaller(database.Engine);
        using var stop = new CancellationTokenSource();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await installer.ApplyAsync(
            await installer.PlanAsync([], CancellationToken.None), _ => stop.Cancel(), waiting: null, stop.Token));
        Assert.Equal(2, await database.ScalarAsync<int>("SELECT count(*) FROM linkage.stale_constraint"));

        await database.ExecuteAsync("UPDATE contacts SET e164 = normalize_phone(phone)");
        await database.InstallAsync();

        Assert.Equal(0, await database.ScalarAsync<int>("SELECT count(*) FROM linkage.stale_constraint"));
        Assert.Equal(["phone_is_e164 of contacts true", "phone_is_possible of contacts true"], await database.QueryAsync<string>(Validity));
    }

    [Fact]
    public async Task A_busy_table_is_waited_for_and_is_never_without_the_constraint()
    {
        await using var database = await CreateOlderAsync();
        // An index can't be built again as long as the writer is there.
        await database.ExecuteAsync("DROP INDEX contacts_phone");
        await using var writer = await database.OpenAsync();
        await writer.ExecuteAsync("BEGIN; INSERT INTO contacts VALUES (3, '872-529-2148', '+18725292148')");
        List<string> waits = [];
        var installer = new SchemaInstaller(database.Engine);
        var plan = await installer.PlanAsync([], CancellationToken.None);

        var install = installer.ApplyAsync(plan, _ => { }, waits.Add, CancellationToken.None);
        await Poll.UntilAsync(() => waits.Exists(w => w.Contains("phone_is_e164", StringComparison.Ordinal)), TimeSpan.FromSeconds(60));
        await Assert.ThrowsAsync<PostgresException>(() => writer.ExecuteAsync("INSERT INTO contacts VALUES (4, '872-529-2149', '+1')"));
        await writer.ExecuteAsync("ROLLBACK");
        await install;

        Assert.Equal(["phone_is_e164 of contacts false", "phone_is_possible of contacts true"], await database.QueryAsync<string>(Validity));
    }

    [Fact]
    public async Task Constraints_of_partitions_and_of_children_follow_and_comments_stay()
    {
        await using var database = await CreateOlderAsync();
        await database.ExecuteAsync(
            """
            DROP TABLE contacts;
            CREATE TABLE whole (id int, phone text, CONSTRAINT phone_parts CHECK (normalize_phone(phone) IS NOT NULL)) PARTITION BY RANGE (id);
            CREATE TABLE part (LIKE whole INCLUDING CONSTRAINTS);
            ALTER TABLE whole ATTACH PARTITION part DEFAULT;
            CREATE TABLE child (CONSTRAINT phone_family CHECK (normalize_phone(phone) IS NOT NULL), id int, phone text);
            CREATE TABLE parent (id int, phone text, CONSTRAINT phone_family CHECK (normalize_phone(phone) IS NOT NULL));
            ALTER TABLE child INHERIT parent;
            COMMENT ON CONSTRAINT phone_family ON child IS 'of the child';
            INSERT INTO whole VALUES (1, '872-529-2147');
            INSERT INTO child VALUES (1, '872-529-2147');
            """);
        const string Family =
            """
            SELECT format('%s %s %s %s', k.conrelid::regclass, k.conislocal::text, k.coninhcount, obj_description(k.oid, 'pg_constraint'))
            FROM pg_constraint k WHERE k.conname IN ('phone_parts', 'phone_family') ORDER BY 1
            """;
        var before = await database.QueryAsync<string>(Family);

        await database.InstallAsync();

        Assert.Equal(before, await database.QueryAsync<string>(Family));
        Assert.Equal(
            ["phone_family of child true", "phone_family of parent true", "phone_parts of part true", "phone_parts of whole true"],
            await database.QueryAsync<string>(Validity));
        Assert.DoesNotContain(await database.InstallAsync(), step => step.IsNeeded);
    }

    [Fact]
    public async Task A_generated_column_is_named_with_the_statement_that_computes_it_again()
    {
        await using var database = await CreateOlderAsync();
        await database.ExecuteAsync("ALTER TABLE contacts ADD COLUMN \"Normal\" text GENERATED ALWAYS AS (normalize_phone(phone)) STORED");
        var plan = await new SchemaInstaller(database.Engine).PlanAsync([], CancellationToken.None);
        const string Statement = "UPDATE public.contacts SET \"phone\" = \"phone\"";
        Assert.Contains(plan.Steps.Single(s => s.Name == "R__normalize_phone").Notes, n => n.Contains(Statement, StringComparison.Ordinal));
        await database.InstallAsync();
        Assert.Equal("+4402079460958", await database.ScalarAsync<string>("SELECT \"Normal\" FROM contacts WHERE id = 2"));

        await database.ExecuteAsync("UPDATE contacts SET e164 = normalize_phone(phone); " + Statement);

        Assert.Equal("+442079460958", await database.ScalarAsync<string>("SELECT \"Normal\" FROM contacts WHERE id = 2"));
    }

    [Fact]
    public async Task An_uninstall_that_brings_the_former_function_back_validates_again_too()
    {
        await using var database = await LegacyDatabase.CreateAsync();
        await database.InstallAsync();
        await database.ExecuteAsync(
            """
            CREATE TABLE contacts (id int PRIMARY KEY, phone text,
              CONSTRAINT phone_is_italian CHECK (normalize_phone(phone) IS NOT DISTINCT FROM '+39061234567'),
              CONSTRAINT phone_is_anything CHECK (normalize_phone(phone) IS DISTINCT FROM 'x'));
            INSERT INTO contacts VALUES (7, '+39 06 1234567');
            """);
        List<SchemaRemoval> removals = [];

        await new SchemaUninstaller(database.Engine, includeHistory: true).ApplyAsync(removals.Add, waiting: null, CancellationToken.None);

        Assert.Equal(["phone_is_anything of contacts true", "phone_is_italian of contacts false"], await database.QueryAsync<string>(Validity));
        var kept = Assert.Single(removals, r => r is { Kind: "Constraint", Reason: not null });
        Assert.Equal(("phone_is_italian on public.contacts", "Kept"), (kept.Name, kept.Action));
        Assert.Contains("id = 7", kept.Reason);
        Assert.False(await database.ScalarAsync<bool>("SELECT to_regnamespace('linkage') IS NOT NULL"));
    }

    /// <summary>
    /// Installed by an older version, whose normalize_phone drops what is no digit and knows no trunk prefix, with an index, a constraint
    /// that holds for the new definition too, and one that row 2 will break.
    /// </summary>
    private static async Task<LinkedDatabase> CreateOlderAsync()
    {
        var database = await LinkedDatabase.CreateAsync();
        await database.ExecuteAsync(
            """
            CREATE OR REPLACE FUNCTION normalize_phone(phone text, default_region text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
              SELECT CASE WHEN phone LIKE '+%' THEN '+' ELSE '+1' END || regexp_replace(phone, '[^0-9]', '', 'g')
            $$;
            UPDATE linkage.migration SET checksum = 'older' WHERE name = 'R__normalize_phone';
            UPDATE linkage.installed_object i SET fingerprint = o.fingerprint FROM linkage.own_objects() o WHERE o.object = i.object;
            CREATE TABLE contacts (id int PRIMARY KEY, phone text, e164 text,
              CONSTRAINT phone_is_possible CHECK (normalize_phone(phone) IS NOT NULL),
              CONSTRAINT phone_is_e164 CHECK (e164 = normalize_phone(phone, 'US')));
            CREATE INDEX contacts_phone ON contacts (normalize_phone(phone));
            INSERT INTO contacts VALUES (1, '872-529-2147', '+18725292147'), (2, '+44 (0)20 7946 0958', '+4402079460958');
            """);
        return database;
    }
}
