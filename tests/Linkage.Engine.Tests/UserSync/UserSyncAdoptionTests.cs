using Linkage.Engine.Schema;
using static Linkage.Engine.Tests.UserSync.UserSyncScene;

namespace Linkage.Engine.Tests.UserSync;

/// <summary>What becomes of what an application had for user sync before: it is taken over and comes back, or it is refused.</summary>
public sealed class UserSyncAdoptionTests
{
    private const string OwnHandler =
        """
        CREATE FUNCTION public.handle_new_user() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
        -- insert into public.audit: no longer
        BEGIN
          INSERT INTO public.profiles (id, full_name, avatar_url)
          VALUES (new.id, new.raw_user_meta_data ->> 'full_name', new.raw_user_meta_data ->> 'avatar_url');
          RETURN new;
        END $$;
        COMMENT ON FUNCTION public.handle_new_user() IS 'ours';
        CREATE TRIGGER on_auth_user_created AFTER INSERT ON auth.users FOR EACH ROW EXECUTE PROCEDURE public.handle_new_user();
        """;

    private const string OwnTables =
        """
        CREATE TABLE cleanup_audit_log (
          id uuid PRIMARY KEY DEFAULT gen_random_uuid(), table_name text NOT NULL, record_id text NOT NULL, action text NOT NULL,
          details jsonb, performed_by text DEFAULT current_user, created_at timestamptz DEFAULT now());
        INSERT INTO cleanup_audit_log (table_name, record_id, action) VALUES ('users', '1', 'DELETE');
        CREATE TABLE user_sync_monitoring_log (
          id bigserial PRIMARY KEY, recorded_at timestamptz NOT NULL DEFAULT now(), status varchar(20) NOT NULL, ghost_users integer NOT NULL DEFAULT 0,
          notes text);
        INSERT INTO user_sync_monitoring_log (status, ghost_users, notes) VALUES ('healthy', 0, 'ours');
        """;

    [Fact]
    public async Task A_function_that_only_makes_profiles_is_replaced_and_an_uninstall_brings_it_back()
    {
        await using var scene = await UserSyncScene.CreateUnlinkedAsync(ProfileShape.Profiles);
        await scene.Database.ExecuteAsync(OwnHandler);
        var before = await scene.Database.QueryAsync<string>(Definitions);

        var plan = await new SchemaInstaller(scene.Database.Engine).PlanAsync([], CancellationToken.None);
        Assert.Equal(
            ["function public.handle_new_user()", "trigger on_auth_user_created on auth.users"],
            plan.Steps.SelectMany(step => step.Replaces).Order(StringComparer.Ordinal));
        Assert.Equal(before, await scene.Database.QueryAsync<string>(Definitions));
        await scene.InstallAsync();
        var account = await scene.SignUpAsync(scene.NewAccount() with { Metadata = """{"full_name": "Ann", "user_name": "ann"}""" });

        await scene.AssertProfilesAsync(account);
        Assert.DoesNotContain(await scene.InstallAsync(), step => step.IsNeeded);
        await UninstallAsync(scene, includeHistory: true);
        Assert.Equal(before, await scene.Database.QueryAsync<string>(Definitions));
        await scene.SignUpAsync();
        Assert.Equal(2, (await scene.RowsAsync()).Count);
    }

    [Fact]
    public async Task A_trigger_of_another_name_with_that_function_does_not_run_twice()
    {
        await using var scene = await UserSyncScene.CreateUnlinkedAsync(ProfileShape.Profiles);
        await scene.Database.ExecuteAsync(OwnHandler.Replace("TRIGGER on_auth_user_created", "TRIGGER make_profile", StringComparison.Ordinal));

        await scene.InstallAsync();

        Assert.Equal(
            ["on_auth_user_created O", "on_auth_user_updated D"],
            await scene.Database.QueryAsync<string>(
                "SELECT format('%s %s', tgname, tgenabled) FROM pg_trigger WHERE tgrelid = 'auth.users'::regclass AND NOT tgisinternal ORDER BY 1"));
    }

    [Theory]
    [InlineData("INSERT INTO public.audit (what) VALUES ('signed up');")]
    [InlineData("insert into audit values ('signed up');")]
    [InlineData("UPDATE public.invitations SET accepted = true WHERE email = new.email;")]
    [InlineData("DELETE FROM \"public\".\"invitations\" WHERE email = new.email;")]
    [InlineData("PERFORM public.send_welcome(new.email);")]
    [InlineData("EXECUTE 'INSERT INTO public.audit VALUES (1)';")]
    [InlineData("PERFORM pg_notify('signed_up', new.id::text);")]
    public async Task A_function_that_does_more_is_refused_with_the_remedy(string statement)
    {
        await using var scene = await UserSyncScene.CreateUnlinkedAsync(ProfileShape.Profiles);
        await scene.Database.ExecuteAsync(
            OwnHandler.Replace("RETURN new;", $"{statement} RETURN new;", StringComparison.Ordinal));
        var before = await scene.Database.QueryAsync<string>(Definitions);

        var refused = await Assert.ThrowsAsync<SchemaException>(() => scene.InstallAsync());

        Assert.Equal("Linkage.Schema.CannotAdopt", refused.ErrorId);
        Assert.Contains("handle_new_user", refused.Message, StringComparison.Ordinal);
        Assert.Equal(before, await scene.Database.QueryAsync<string>(Definitions));
    }

    [Theory]
    [InlineData("INSERT INTO public.audit VALUES ('signed up');")]
    [InlineData("PERFORM public.send_welcome(new.email);")]
    public async Task A_trigger_of_the_documented_name_with_another_function_that_does_more_is_refused(string statement)
    {
        await using var scene = await UserSyncScene.CreateUnlinkedAsync(ProfileShape.Profiles);
        await scene.Database.ExecuteAsync(
            OwnHandler.Replace("handle_new_user", "on_sign_up", StringComparison.Ordinal)
                .Replace("RETURN new;", $"{statement} RETURN new;", StringComparison.Ordinal));

        var refused = await Assert.ThrowsAsync<SchemaException>(() => scene.InstallAsync());

        Assert.Equal("Linkage.Schema.CannotAdopt", refused.ErrorId);
        Assert.Contains("on_sign_up()", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_trigger_of_the_documented_name_with_another_function_that_only_makes_profiles_is_replaced_and_comes_back()
    {
        await using var scene = await UserSyncScene.CreateUnlinkedAsync(ProfileShape.Profiles);
        await scene.Database.ExecuteAsync(OwnHandler.Replace("handle_new_user", "on_sign_up", StringComparison.Ordinal));
        var before = await scene.Database.QueryAsync<string>(Definitions);

        await scene.InstallAsync();
        var account = await scene.SignUpAsync();

        await scene.AssertProfilesAsync(account);
        await UninstallAsync(scene, includeHistory: true);
        Assert.Equal(before, await scene.Database.QueryAsync<string>(Definitions));
    }

    [Theory]
    [InlineData("z_make_profile", "", false)]
    [InlineData("z_make_profile", "ON CONFLICT DO NOTHING", true)]
    [InlineData("a_make_profile", "", true)]
    public async Task A_trigger_that_would_make_a_second_profile_and_fail_the_sign_up_is_refused(string trigger, string conflict, bool fits)
    {
        await using var scene = await UserSyncScene.CreateUnlinkedAsync(ProfileShape.Profiles);
        await scene.Database.ExecuteAsync(
            OwnHandler.Replace("handle_new_user", "make_profile", StringComparison.Ordinal)
                .Replace("TRIGGER on_auth_user_created", $"TRIGGER {trigger}", StringComparison.Ordinal)
                .Replace("'avatar_url');", $"'avatar_url') {conflict};", StringComparison.Ordinal));

        if (!fits)
        {
            var refused = await Assert.ThrowsAsync<SchemaException>(() => scene.InstallAsync());
            Assert.Contains(trigger, refused.Message, StringComparison.Ordinal);
            return;
        }

        await scene.InstallAsync();
        await scene.SignUpAsync();
        Assert.Single(await scene.RowsAsync());
        Assert.Empty(await scene.FaultsAsync());
    }

    [Fact]
    public async Task Rows_and_columns_of_tables_that_were_there_stay()
    {
        await using var scene = await UserSyncScene.CreateUnlinkedAsync();
        await scene.Database.ExecuteAsync(OwnTables);
        const string Rows =
            """
            SELECT concat_ws(' ', table_name, record_id, action, performed_by) FROM cleanup_audit_log WHERE run_id IS NULL
            UNION ALL SELECT concat_ws(' ', status, ghost_users, notes) FROM user_sync_monitoring_log WHERE notes = 'ours' ORDER BY 1
            """;
        var before = await scene.Database.QueryAsync<string>(Definitions);
        var rows = await scene.Database.QueryAsync<string>(Rows.Replace("WHERE run_id IS NULL", "", StringComparison.Ordinal));

        await scene.InstallAsync();
        await scene.GhostsAsync(3);
        var repair = await scene.RepairAsync();
        await scene.Database.ExecuteAsync("SELECT record_user_sync_metrics()");

        Assert.Equal(rows, await scene.Database.QueryAsync<string>(Rows));
        Assert.Equal(2, await scene.Database.ScalarAsync<long>("SELECT count(*) FROM get_sync_status_history()"));
        Assert.Equal(3, (await scene.UndoAsync(repair)).Count("rolled_back"));
        Assert.Empty(await scene.RowsAsync());
        await UninstallAsync(scene, includeHistory: true);
        Assert.Equal(before, await scene.Database.QueryAsync<string>(Definitions));
        Assert.Contains(rows[0], await scene.Database.QueryAsync<string>(Rows.Replace("WHERE run_id IS NULL", "", StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData("CREATE TABLE cleanup_audit_log (what text)")]
    [InlineData("CREATE TABLE cleanup_audit_log (id bigserial PRIMARY KEY, record_id uuid)")]
    [InlineData("CREATE TABLE cleanup_audit_log (id bigserial PRIMARY KEY, demanded text NOT NULL)")]
    [InlineData("CREATE TABLE user_sync_monitoring_log (id bigserial PRIMARY KEY, recorded_at date)")]
    [InlineData("CREATE FUNCTION check_ghost_users() RETURNS integer LANGUAGE sql AS 'SELECT 1'")]
    [InlineData("CREATE FUNCTION handle_new_user() RETURNS integer LANGUAGE sql AS 'SELECT 1'")]
    public async Task What_cannot_be_taken_over_is_refused_before_anything_is_changed(string existing)
    {
        await using var scene = await UserSyncScene.CreateUnlinkedAsync();
        await scene.Database.ExecuteAsync(existing);
        var before = await scene.Database.QueryAsync<string>(Definitions);

        var refused = await Assert.ThrowsAsync<SchemaException>(() => scene.InstallAsync());

        Assert.Equal("Linkage.Schema.CannotAdopt", refused.ErrorId);
        Assert.Equal(before, await scene.Database.QueryAsync<string>(Definitions));
        Assert.False(await scene.Database.ScalarAsync<bool>("SELECT to_regnamespace('linkage') IS NOT NULL"));
    }

    [Theory]
    [InlineData(
        "CREATE FUNCTION check_ghost_users() RETURNS TABLE (ghost_count bigint, sample_ids uuid[]) LANGUAGE sql AS 'SELECT 0::bigint, NULL::uuid[]'")]
    [InlineData("CREATE FUNCTION get_sync_status_history(days_back integer) RETURNS SETOF text LANGUAGE sql AS 'SELECT NULL'")]
    public async Task A_function_with_other_result_columns_is_refused_or_keeps_them(string existing)
    {
        await using var scene = await UserSyncScene.CreateUnlinkedAsync();
        await scene.Database.ExecuteAsync(existing);
        const string Faces =
            "SELECT format('%s %s', p.oid::regprocedure, pg_get_function_result(p.oid)) FROM pg_proc p WHERE p.proname IN ('check_ghost_users', 'get_sync_status_history')";
        var before = await scene.Database.QueryAsync<string>(Faces);

        try
        {
            await scene.InstallAsync();
        }
        catch (SchemaException refused)
        {
            Assert.Equal("Linkage.Schema.CannotAdopt", refused.ErrorId);
        }

        Assert.Contains(Assert.Single(before), await scene.Database.QueryAsync<string>(Faces));
    }
}
