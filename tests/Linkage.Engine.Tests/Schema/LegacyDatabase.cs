using System.Reflection;
using Dapper;
using Npgsql;

namespace Linkage.Engine.Tests.Schema;

/// <summary>An application that already links users by phone, with functions of its own, and rows that they wrote.</summary>
internal static class LegacyDatabase
{
    public static readonly Guid Event = Guid.Parse("00000000-0000-0000-0000-0000000000e1");
    public static readonly Guid User = Guid.Parse("00000000-0000-0000-0000-0000000000a1");
    public static readonly Guid Guest = Guid.Parse("00000000-0000-0000-0000-0000000000b1");
    public static readonly Guid Message = Guid.Parse("00000000-0000-0000-0000-0000000000c1");
    public static readonly Guid LinkedDelivery = Guid.Parse("00000000-0000-0000-0000-0000000000d1");

    public static string Script { get; } = ReadScript();

    /// <summary>The application's tables, its functions, a role "reporting" that may call them, and one delivery that its trigger linked.</summary>
    public static async Task<LinkedDatabase> CreateAsync()
    {
        var database = await LinkedDatabase.CreateUnlinkedAsync();
        await FillAsync(database.Connection);
        return database;
    }

    public static async Task FillAsync(NpgsqlConnection connection)
    {
        await connection.ExecuteAsync(Script);
        await connection.ExecuteAsync(
            """
            DO $$ BEGIN CREATE ROLE reporting LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
            GRANT EXECUTE ON FUNCTION public.rollback_user_links(timestamptz, text, boolean) TO reporting WITH GRANT OPTION;
            REVOKE ALL ON FUNCTION public.backfill_guest_deliveries(uuid, uuid) FROM PUBLIC;
            GRANT EXECUTE ON FUNCTION public.backfill_guest_deliveries(uuid, uuid) TO reporting;
            """);
        await connection.ExecuteAsync(
            """
            INSERT INTO public.events (id, title) VALUES (@Event, 'Wedding');
            INSERT INTO public.users (id, phone, name) VALUES (@User, '872-529-2147', 'Ada');
            INSERT INTO public.event_guests (id, event_id, guest_name, phone, user_id) VALUES (@Guest, @Event, 'Ada', '8725292147', @User);
            INSERT INTO public.messages (id, event_id) VALUES (@Message, @Event);
            INSERT INTO public.message_deliveries (id, message_id, guest_id, phone_number) VALUES (@LinkedDelivery, @Message, @Guest, '8725292147');
            """,
            new { Event, User, Guest, Message, LinkedDelivery });
    }

    /// <summary>Everything that an install may replace, as the catalog has it.</summary>
    public static async Task<IReadOnlyList<string>> DefinitionsAsync(NpgsqlConnection connection) =>
        (await connection.QueryAsync<string>(
            """
            SELECT format(
              '%s owner %s comment %s grants %s', pg_get_functiondef(p.oid), pg_get_userbyid(p.proowner), obj_description(p.oid, 'pg_proc'),
              (SELECT string_agg(format('%s%s', a.grantee, CASE WHEN a.is_grantable THEN '*' END), ',' ORDER BY a.grantee)
               FROM aclexplode(COALESCE(p.proacl, acldefault('f', p.proowner))) a))
            FROM pg_proc p
            WHERE p.pronamespace = 'public'::regnamespace
            UNION ALL
            SELECT format('%s %s %s', pg_get_triggerdef(t.oid), t.tgenabled, obj_description(t.oid, 'pg_trigger'))
            FROM pg_trigger t
            WHERE NOT t.tgisinternal
            UNION ALL
            SELECT format('table %s comment %s', c.oid::regclass, obj_description(c.oid, 'pg_class'))
            FROM pg_class c
            WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'
            UNION ALL
            SELECT format('column %s %s %s not null %s', a.attrelid::regclass, a.attname, pg_get_expr(d.adbin, d.adrelid), a.attnotnull)
            FROM pg_attribute a
            LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
            WHERE a.attrelid = 'public.user_link_audit'::regclass AND a.attnum > 0 AND NOT a.attisdropped
            UNION ALL
            SELECT pg_get_indexdef(i.indexrelid)
            FROM pg_index i
            JOIN pg_class c ON c.oid = i.indrelid
            WHERE c.relnamespace = 'public'::regnamespace
            UNION ALL
            SELECT format('constraint %s %s', k.conname, replace(pg_get_constraintdef(k.oid), ' NOT VALID', ''))
            FROM pg_constraint k
            WHERE k.conrelid = 'public.user_link_audit'::regclass AND k.contype <> 'n'
            ORDER BY 1
            """)).AsList();

    private static string ReadScript()
    {
        using var stream = Assembly.GetExecutingAssembly().GetManifestResourceStream("legacy_user_links.sql")!;
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }
}
