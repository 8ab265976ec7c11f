using Linkage.Engine.Database;

namespace Linkage.Engine.Tests.Database;

/// <summary>A refusal of the server says what is missing where, whatever the server's words are.</summary>
public sealed class AccessFaultsTests
{
    [Theory]
    [InlineData("SELECT FROM linkage.run", "linkage.run", "lacks SELECT, INSERT, UPDATE, DELETE on table linkage.run")]
    [InlineData("DELETE FROM users", "public.users", "lacks INSERT, UPDATE, DELETE, and has SELECT for some columns only on table")]
    [InlineData("SELECT phone FROM users", "public.users", "has SELECT for some columns only")]
    [InlineData("SELECT linkage.new_run_id()", "linkage.new_run_id()", "lacks EXECUTE on function linkage.new_run_id()")]
    [InlineData("SELECT nextval('private.numbers')", "private", "lacks USAGE on schema private")]
    [InlineData("SELECT nextval('\"The numbers\"')", "public.\"The numbers\"", "lacks USAGE on sequence public.\"The numbers\"")]
    public async Task What_is_missing_is_named(string statement, string subject, string missing)
    {
        await using var database = await LinkedDatabase.CreateAsync();
        var role = await Roles.CreateAsync(database, "nobody");
        await database.ExecuteAsync(
            $"""
            CREATE SEQUENCE "The numbers"; CREATE SCHEMA private; CREATE SEQUENCE private.numbers;
            GRANT USAGE ON SCHEMA linkage TO "{role}"; GRANT SELECT (id) ON users TO "{role}"
            """);
        await using (var engine = await Roles.ConnectAsync(database, role))
        {
            var fault = await Assert.ThrowsAsync<DatabaseException>(
                () => engine.TransactAsync(TransactionOptions.ReadWrite, s => s.ExecuteAsync(statement), CancellationToken.None));

            Assert.Equal(
                ("Linkage.Database.InsufficientPrivilege", FaultKind.Denied, subject), (fault.ErrorId, fault.Kind, fault.Subject));
            Assert.Contains(missing, fault.Message, StringComparison.Ordinal);
            Assert.Contains($"role \"{role}\"", fault.Message, StringComparison.Ordinal);
        }

        await Roles.DropAsync(database, role);
    }
}
