using Linkage.Engine.Customers;

namespace Linkage.Engine.Tests.Customers.Merging;

/// <summary>Every way in which rows can refer to customers, and every kind of table that they can be in.</summary>
public sealed class ReferenceTests
{
    private const string HostileTable =
        """"
        "odd 'schema"."Table ""%I"" x"
        """";

    private const string Customers = "INSERT INTO \"Customer\" (id, name) VALUES ('a', 'A'), ('b', 'B'), ('c', 'C');";

    [Theory]
    [InlineData("ON DELETE CASCADE ON UPDATE CASCADE")]
    [InlineData("ON DELETE SET NULL")]
    [InlineData("ON DELETE RESTRICT ON UPDATE RESTRICT")]
    [InlineData("DEFERRABLE INITIALLY DEFERRED")]
    public async Task Rows_move_whatever_the_foreign_key_does(string action)
    {
        await using var scene = await MergeScene.CreateAsync(
            """"
            CREATE SCHEMA "odd 'schema";
            CREATE TABLE "odd 'schema"."Table ""%I"" x" ("ke'y $1" serial PRIMARY KEY, "cust {c.key}" text REFERENCES "Customer" ACTION);
            """".Replace("ACTION", action, StringComparison.Ordinal),
            Customers + """"INSERT INTO "odd 'schema"."Table ""%I"" x" ("cust {c.key}") VALUES ('a'), ('a'), ('b'), (NULL)"""");

        var run = await scene.AssertExactAsync(() => scene.MergeAsync("a", "b"), HostileTable);

        Assert.Equal(2, run.Count("moved"));
        Assert.Equal(
            "b b b", await scene.Database.ScalarAsync<string>($$"""SELECT string_agg("cust {c.key}", ' ') FROM {{HostileTable}}"""));
    }

    [Fact]
    public async Task Composite_keys_move_together_with_what_refers_to_them_through_another_table()
    {
        await using var scene = await MergeScene.CreateAsync(
            """
            CREATE TABLE site (customer_id text REFERENCES "Customer", number integer, place text, PRIMARY KEY (customer_id, number));
            CREATE TABLE device (
              id integer PRIMARY KEY, customer_id text, number integer, FOREIGN KEY (customer_id, number) REFERENCES site);
            CREATE TABLE reading (device_id integer REFERENCES device, customer_id text, number integer,
              FOREIGN KEY (customer_id, number) REFERENCES site ON UPDATE CASCADE);
            """,
            Customers + """
            INSERT INTO site VALUES ('a', 1, 'x'), ('a', 2, 'y'), ('b', 1, 'z');
            INSERT INTO device VALUES (1, 'a', 1), (2, 'a', 2), (3, 'b', 1), (4, 'a', NULL);
            INSERT INTO reading VALUES (1, 'a', 1), (1, 'a', 2), (2, 'b', 1);
            """);

        var run = await scene.AssertExactAsync(() => scene.MergeAsync("a", "b"), "site", "device", "reading");

        Assert.Equal(1, run.Count("removed"));
        Assert.Equal(
            ["1 z", "2 y"],
            await scene.Database.QueryAsync<string>("SELECT concat_ws(' ', number, place) FROM site WHERE customer_id = 'b' ORDER BY 1"));
        Assert.Equal(4, await scene.Database.ScalarAsync<int>("SELECT count(*) FROM device WHERE customer_id = 'b'"));
    }

    [Fact]
    public async Task A_composite_key_of_the_customers_moves_all_its_columns_and_spares_other_customers()
    {
        await using var scene = await MergeScene.CreateAsync(
            """
            ALTER TABLE "Customer" ADD tenant integer NOT NULL DEFAULT 1, ADD UNIQUE (tenant, id);
            CREATE TABLE invoice (
              id integer PRIMARY KEY, tenant integer NOT NULL, customer_id text, code text,
              FOREIGN KEY (tenant, customer_id) REFERENCES "Customer" (tenant, id), UNIQUE (tenant, code));
            """,
            Customers + """
            UPDATE "Customer" SET tenant = 2 WHERE id IN ('b', 'c');
            INSERT INTO invoice VALUES (1, 1, 'a', 'one'), (2, 2, 'b', 'two'), (3, 2, 'c', 'three');
            """);

        await scene.AssertExactAsync(() => scene.MergeAsync("a", "b"), "invoice");
        Assert.Equal(
            "2 b", await scene.Database.ScalarAsync<string>("SELECT concat_ws(' ', tenant, customer_id) FROM invoice WHERE id = 1"));

        await scene.Database.ExecuteAsync(
            "INSERT INTO \"Customer\" (id, tenant) VALUES ('d', 1); INSERT INTO invoice VALUES (4, 1, 'd', 'three')");
        var fault = await scene.AssertRefusedAsync("Linkage.Row.Clash", () => scene.MergeAsync("d", "b"), "invoice");
        Assert.Contains("another row of public.\"Customer\"", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Rows_of_a_partitioned_table_move_from_partition_to_partition()
    {
        await using var scene = await MergeScene.CreateAsync(
            """
            CREATE TABLE event (id integer, customer_id text REFERENCES "Customer", note text, PRIMARY KEY (id, customer_id))
              PARTITION BY LIST (customer_id);
            CREATE TABLE event_a PARTITION OF event FOR VALUES IN ('a');
            CREATE TABLE event_b PARTITION OF event DEFAULT;
            """,
            Customers + "INSERT INTO event VALUES (1, 'a', 'x'), (2, 'a', 'y'), (2, 'b', 'z'), (3, 'c', 'w')");

        var run = await scene.AssertExactAsync(() => scene.MergeAsync("a", "b"), "event");

        Assert.Equal((1, 1), (run.Count("moved"), run.Count("removed")));
    }

    [Fact]
    public async Task Generated_and_identity_columns_and_values_of_odd_types_come_back_as_they_were()
    {
        await using var scene = await MergeScene.CreateAsync(
            """
            CREATE TABLE odd (
              id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, customer_id text REFERENCES "Customer" ON DELETE CASCADE,
              slot text GENERATED ALWAYS AS (customer_id || '-' || label) STORED UNIQUE, label text,
              doc json, docb jsonb, bounds integer[], at timestamptz, span interval, ratio float8, bytes bytea, fixed char(5),
              range tstzrange
            );
            """,
            Customers + """
            INSERT INTO odd (customer_id, label, doc, docb, bounds, at, span, ratio, bytes, fixed, range) VALUES
              ('a', 'x', '{"b" : 1,  "a":2, "b":3}', 'null', '[0:1]={1,2}', '2024-03-31 02:30:00.123456+02', '1 mon -2 days',
                0.1::float8 + 0.2, '\xdeadbeef', 'ab', '[2024-01-01,infinity)'),
              ('b', 'x', NULL, '{}', '{}', 'infinity', '0', 'NaN', '', '', 'empty');
            """);
        string[] settings =
            ["\"DateStyle\" = 'SQL, DMY'", "\"IntervalStyle\" = 'sql_standard'", "extra_float_digits = 0", "\"TimeZone\" = 'Asia/Tokyo'"];
        foreach (var setting in settings)
            await scene.Database.ExecuteAsync($"ALTER DATABASE \"{scene.Database.Engine.Database}\" SET {setting}");

        var run = await scene.AssertExactAsync(() => scene.MergeAsync("a", "b"), "odd");

        Assert.Equal(1, run.Count("removed"));
    }

    [Fact]
    public async Task Unique_indexes_on_expressions_and_of_some_rows_are_understood()
    {
        await using var scene = await MergeScene.CreateAsync(
            """
            CREATE TABLE contact (id integer PRIMARY KEY, customer_id text REFERENCES "Customer", mail text, is_main boolean);
            CREATE UNIQUE INDEX ON contact (customer_id, lower(mail));
            CREATE UNIQUE INDEX ON contact (customer_id) WHERE is_main;
            """,
            Customers + """
            INSERT INTO contact VALUES
              (1, 'a', 'X@x', false), (2, 'b', 'x@X', false), (3, 'a', NULL, true), (4, 'b', 'm@x', true), (5, 'a', 'y@x', false),
              (6, 'b', 'z@x', false);
            """);

        var run = await scene.AssertExactAsync(() => scene.MergeAsync("a", "b"), "contact");

        Assert.Equal((1, 2), (run.Count("moved"), run.Count("removed")));
        Assert.Equal("2 4 5 6", await scene.Database.ScalarAsync<string>("SELECT string_agg(id::text, ' ' ORDER BY id) FROM contact"));
    }

    [Fact]
    public async Task A_reference_by_a_column_that_the_survivor_lacks_is_refused()
    {
        await using var scene = await MergeScene.CreateAsync(
            """
            CREATE UNIQUE INDEX mail ON "Customer" (email);
            CREATE TABLE newsletter (email text REFERENCES "Customer" (email) ON DELETE CASCADE);
            """,
            Customers + "UPDATE \"Customer\" SET email = 'a@x' WHERE id = 'a'; INSERT INTO newsletter VALUES ('a@x')");

        await scene.AssertRefusedAsync("Linkage.Row.Clash", () => scene.MergeAsync("a", "b"), "newsletter");

        await scene.Database.ExecuteAsync("UPDATE \"Customer\" SET email = 'b@x' WHERE id = 'b'");
        await scene.AssertExactAsync(() => scene.MergeAsync("a", "b"), "newsletter");
    }

    [Fact]
    public async Task The_applications_triggers_stay_on()
    {
        await using var scene = await MergeScene.CreateAsync(
            """
            CREATE TABLE task (id integer PRIMARY KEY, customer_id text REFERENCES "Customer", changes integer NOT NULL DEFAULT 0);
            CREATE FUNCTION count_change() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.changes := OLD.changes + 1; RETURN NEW; END $$;
            CREATE TRIGGER count_change BEFORE UPDATE ON task FOR EACH ROW EXECUTE FUNCTION count_change();
            """,
            Customers + "INSERT INTO task VALUES (1, 'a'), (2, 'b')");

        var run = await scene.MergeAsync("a", "b");
        var undo = await scene.UndoAsync(run);

        Assert.Equal(0, undo.Count("conflicts"));
        Assert.Equal("a 2", await scene.Database.ScalarAsync<string>("SELECT concat_ws(' ', customer_id, changes) FROM task WHERE id = 1"));
    }

    [Theory]
    [InlineData("RETURN NULL")]
    [InlineData("RAISE EXCEPTION 'closed'")]
    [InlineData("RETURN OLD")]
    public async Task A_trigger_that_keeps_a_row_from_moving_keeps_the_merge_from_being_done(string body)
    {
        await using var scene = await MergeScene.CreateAsync(
            $"""
            CREATE TABLE closed (id integer PRIMARY KEY, customer_id text REFERENCES "Customer" ON DELETE CASCADE);
            CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body}; END $$;
            CREATE TRIGGER keep BEFORE UPDATE ON closed FOR EACH ROW EXECUTE FUNCTION keep();
            """,
            Customers + "INSERT INTO closed VALUES (1, 'a'); INSERT INTO \"Lead\" (id, customer_id) VALUES ('l', 'a')");

        await scene.AssertRefusedAsync("Linkage.Row.NotChanged", () => scene.MergeAsync("a", "b"), "closed");

        Assert.Equal("failed", await scene.Database.ScalarAsync<string>("SELECT status FROM linkage.run"));
    }

    [Fact]
    public async Task Tables_under_other_names_and_rows_that_are_registered_without_a_foreign_key_move_too()
    {
        await using var customers = await CustomerScene.CreateAsync(CustomerShape.Mapped);
        var kept = await customers.AddAsync(new TestCustomer { Name = "kept" });
        var merged = await customers.AddAsync(new TestCustomer { Name = "merged", Phone = "+1" });
        var lead = await customers.AddAsync(customers.NewLead() with { CustomerId = merged.Id });
        await customers.AddJobAsync(lead, merged.Id);
        await customers.AddOtherFollowerAsync(lead, merged.Id);
        await customers.Database.ExecuteAsync(
            """
            CREATE TABLE loose (id integer PRIMARY KEY, lead_id text, customer_id bigint);
            INSERT INTO loose VALUES (1, @lead, @merged);
            """, new { lead = lead.Id, merged = long.Parse(merged.Id, System.Globalization.CultureInfo.InvariantCulture) });
        await new CustomerTables(customers.Database.Engine).RegisterAsync(
            "follower", "loose", new Dictionary<string, string?>(), CancellationToken.None);
        var before = await customers.RowsAsync();

        var scene = new MergeScene(customers.Database);
        var run = await scene.MergeAsync(merged.Id, kept.Id);

        Assert.Equal((4, 1), (run.Count("moved"), run.Count("filled")));
        Assert.Equal(kept.Id, await customers.Database.ScalarAsync<string>("SELECT customer_id::text FROM loose"));

        var split = await scene.SplitAsync(kept.Id, [lead.Id], new NewCustomer("Neu", "", null));
        Assert.Equal(4, split.Count("moved"));
        var made = Assert.Single(await customers.CustomersAsync(), c => c.Id != kept.Id);
        Assert.Equal(("Neu", null), (made.Name, made.Phone));
        await scene.UndoAsync(split);
        await scene.UndoAsync(run);
        Assert.Equal(before, await customers.RowsAsync());
        Assert.Equal(merged.Id, await customers.Database.ScalarAsync<string>("SELECT customer_id::text FROM loose"));
    }
}
