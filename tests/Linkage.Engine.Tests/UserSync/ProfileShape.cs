using System.Globalization;
using Linkage.Engine.Phones;

namespace Linkage.Engine.Tests.UserSync;

/// <summary>A column of a profile table: what an account gives it, and what it demands.</summary>
/// <param name="Name">Its bare name.</param>
/// <param name="Value">Its text, as JSON has it, for a profile that is made from that account; null for none.</param>
internal sealed record ShapeColumn(string Name, Func<Account, string?> Value)
{
    public bool IsRequired { get; init; }

    /// <summary>How values are compared that may be there once only; null where they may be there often.</summary>
    public Func<string, string>? UniqueBy { get; init; }

    /// <summary>Whether the column can hold a value.</summary>
    public Func<string, bool> Fits { get; init; } = _ => true;
}

/// <summary>What an application's profile table looks like, and what a profile in it holds: a plain statement of the rules.</summary>
/// <param name="Label">What tests call it.</param>
/// <param name="Definition">The table, beside <c>auth.users</c>.</param>
/// <param name="Columns">What is copied, less the account's id.</param>
internal sealed record ProfileShape(string Label, string Definition, IReadOnlyList<ShapeColumn> Columns)
{
    /// <summary>The application's schema, by its bare name.</summary>
    public string Schema { get; init; } = "public";

    /// <summary>Its table, by its bare name.</summary>
    public string TableName { get; init; } = "users";

    /// <summary>The column with the account's id.</summary>
    public string Key { get; init; } = "id";

    /// <summary>Its primary key.</summary>
    public string Id { get; init; } = "id";

    /// <summary>What is mapped by hand after the install.</summary>
    public string Mapping { get; init; } = "SELECT NULL";

    /// <summary>Whether accounts that are deleted leave their profiles behind.</summary>
    public bool LeavesOrphans { get; init; }

    public string QuotedSchema => Quote(Schema);

    /// <summary>Its table in SQL notation.</summary>
    public string Table => $"{NotationOf(Schema)}.{NotationOf(TableName)}";

    /// <summary>The column with the account's id in SQL notation.</summary>
    public string QuotedKey => Quote(Key);

    public static ProfileShape Minimal { get; } = new(
        "minimal",
        """
        CREATE TABLE public.users (
          id uuid PRIMARY KEY REFERENCES auth.users (id) ON DELETE CASCADE,
          email text,
          created_at timestamptz NOT NULL DEFAULT now());
        """,
        [new("email", Email), new("created_at", CreatedAt)]);

    public static ProfileShape Strict { get; } = new(
        "name required, e-mail unique, no foreign key",
        """
        CREATE TABLE public.users (
          id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
          name text NOT NULL,
          email text UNIQUE,
          phone text,
          email_verified boolean NOT NULL DEFAULT false,
          avatar_url text,
          created_at timestamptz NOT NULL DEFAULT now(),
          updated_at timestamptz NOT NULL DEFAULT now());
        """,
        [
            new("name", a => a.Said("full_name") ?? a.Said("name") ?? LocalPart(a) ?? Phone(a)) { IsRequired = true },
            new("email", Email) { UniqueBy = text => text },
            new("phone", Phone),
            new("email_verified", a => a.EmailConfirmedAt is null ? "false" : "true"),
            new("avatar_url", a => a.Said("avatar_url") ?? a.Said("picture")),
            new("created_at", CreatedAt),
            new("updated_at", UpdatedAt),
        ])
    {
        LeavesOrphans = true,
    };

    public static ProfileShape Demanding { get; } = new(
        "more required columns, a check, a generated column, an index on an expression",
        """
        CREATE TYPE public.profile_status AS ENUM ('active', 'blocked');
        CREATE TABLE public.users (
          id uuid PRIMARY KEY,
          tenant text NOT NULL,
          email text NOT NULL CONSTRAINT users_email_short CHECK (char_length(email) <= 60),
          email_lower text GENERATED ALWAYS AS (lower(email)) STORED,
          display_name varchar(40),
          status public.profile_status NOT NULL DEFAULT 'active',
          created_at timestamptz NOT NULL DEFAULT now());
        CREATE UNIQUE INDEX users_email_once ON public.users (lower(email));
        """,
        [
            new("tenant", a => a.Said("tenant") ?? "main") { IsRequired = true },
            new("email", Email) { IsRequired = true, UniqueBy = text => text.ToLowerInvariant(), Fits = text => Length(text) <= 60 },
            new("email_lower", a => Email(a)?.ToLowerInvariant()),
            new("display_name", a => a.Said("full_name") ?? a.Said("name")) { Fits = text => Length(text) <= 40 },
            new("status", _ => "active"),
            new("created_at", CreatedAt),
        ])
    {
        Mapping = "SELECT linkage.map_profile_column('tenant', '{raw_user_meta_data.tenant}', 'main')",
        LeavesOrphans = true,
    };

    public static ProfileShape KeyedOtherwise { get; } = new(
        "a key of its own, the account in another column",
        """
        CREATE TABLE public.users (
          id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
          auth_id uuid UNIQUE REFERENCES auth.users (id) ON DELETE SET NULL,
          full_name text,
          email text,
          phone text UNIQUE,
          phone_verified_at timestamptz,
          created_at timestamptz NOT NULL DEFAULT now());
        """,
        [
            new("full_name", a => a.Said("full_name") ?? a.Said("name")),
            new("email", Email),
            new("phone", Phone) { UniqueBy = text => text },
            new("phone_verified_at", a => Time(a.PhoneConfirmedAt)),
            new("created_at", CreatedAt),
        ])
    {
        Key = "auth_id",
        LeavesOrphans = true,
    };

    public static ProfileShape Profiles { get; } = new(
        "profiles beside an old table of users",
        """
        CREATE TABLE public.users (id serial PRIMARY KEY, login text NOT NULL);
        CREATE TABLE public.profiles (
          id uuid PRIMARY KEY REFERENCES auth.users (id) ON DELETE CASCADE,
          username text UNIQUE,
          full_name text,
          avatar_url text,
          updated_at timestamptz);
        """,
        [
            new("username", a => a.Said("user_name")) { UniqueBy = text => text },
            new("full_name", a => a.Said("full_name") ?? a.Said("name")),
            new("avatar_url", a => a.Said("avatar_url") ?? a.Said("picture")),
            new("updated_at", UpdatedAt),
        ])
    {
        TableName = "profiles",
    };

    public static ProfileShape Hostile { get; } = new(
        "partitioned, hostile names",
        """
        CREATE SCHEMA "My App; --";
        CREATE TABLE "My App; --".users (
          "Key; -- a, b" uuid PRIMARY KEY REFERENCES auth.users (id) ON DELETE CASCADE,
          "E-mail's $1 \ $fn$" text NOT NULL,
          "order, by" integer NOT NULL DEFAULT 7,
          created_at timestamptz NOT NULL)
        PARTITION BY HASH ("Key; -- a, b");
        CREATE TABLE "My App; --".users_0 PARTITION OF "My App; --".users FOR VALUES WITH (MODULUS 2, REMAINDER 0);
        CREATE TABLE "My App; --".users_1 PARTITION OF "My App; --".users FOR VALUES WITH (MODULUS 2, REMAINDER 1);
        """,
        [
            new("E-mail's $1 \\ $fn$", a => Email(a) ?? Phone(a)) { IsRequired = true },
            new("order, by", a => Number(a.Said("order")) ?? "7"),
            new("created_at", CreatedAt),
        ])
    {
        Schema = "My App; --",
        Key = "Key; -- a, b",
        Id = "Key; -- a, b",
        Mapping =
            """
            SELECT linkage.map_profile_column('E-mail''s $1 \ $fn$', '{email, phone}', NULL);
            SELECT linkage.map_profile_column('order, by', '{raw_user_meta_data.order}', '7')
            """,
    };

    public static IReadOnlyList<ProfileShape> All { get; } = [Minimal, Strict, Demanding, KeyedOtherwise, Profiles, Hostile];

    /// <summary>The labels of all, as data of theories.</summary>
    public static TheoryData<string> Labels => [.. All.Select(shape => shape.Label)];

    public static ProfileShape Named(string label) => All.Single(shape => shape.Label == label);

    /// <summary>What the profile of an account is to hold.</summary>
    public Dictionary<string, string?> ProfileOf(Account account) =>
        Columns.Select(column => (column.Name, Value: column.Value(account))).Append((Key, account.Id)).ToDictionary();

    public static string Quote(string name) => $"\"{name.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";

    private static int Length(string text) => text.EnumerateRunes().Count();

    /// <summary>A phone as profiles have it.</summary>
    private static string? Phone(Account account) =>
        string.IsNullOrEmpty(account.Phone) ? null : PhoneNumber.Normalize("+" + account.Phone) ?? account.Phone;

    private static string? Email(Account account) => string.IsNullOrEmpty(account.Email) ? null : account.Email;

    private static string? LocalPart(Account account) => Email(account)?.Split('@')[0] is { Length: > 0 } local ? local : null;

    // What is no number is no value.
    private static string? Number(string? text) =>
        int.TryParse(text, NumberStyles.Integer, CultureInfo.InvariantCulture, out var number) ? number.ToString(CultureInfo.InvariantCulture) : null;

    private static string? CreatedAt(Account account) => Time(account.CreatedAt);

    private static string? UpdatedAt(Account account) => Time(account.UpdatedAt);

    private static string? Time(DateTime? time) => time?.ToString("yyyy-MM-dd'T'HH:mm:ss'+00:00'", CultureInfo.InvariantCulture);

    private static string NotationOf(string name) => name.All(char.IsAsciiLetterLower) ? name : Quote(name);
}
