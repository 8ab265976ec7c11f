using Dapper;
using Npgsql;

namespace Linkage.Engine.Tests.UserLinks;

/// <summary>A batch meets a row that the application is writing: it waits, and goes by what the row is then.</summary>
public sealed class BackfillConcurrencyTests
{
    [Theory]
    [InlineData("user_link_work")]
    [InlineData("user_link_work_by_key")]
    public async Task A_row_that_moves_while_it_is_decided_on_is_linked_and_audited_once(string work)
    {
        await using var scene = await LinkScene.CreateAsync();
        var moved = await scene.LinkableAsync();
        await scene.LinkableAsync(LinkScene.Bob);

        var counts = await BatchDuringAsync(
            scene, work, "UPDATE message_deliveries SET status = 'sent' WHERE id = @moved::uuid", new { moved });

        Assert.Equal((2, 2, 0), counts);
        Assert.Equal(LinkScene.Ann, await scene.UserOfAsync(moved));
        Assert.Equal(["linked"], await OutcomesAsync(scene, moved));
    }

    [Theory]
    [InlineData("user_link_work", "UPDATE message_deliveries SET phone_number = NULL, guest_id = NULL WHERE id = @changed::uuid")]
    [InlineData("user_link_work_by_key", "UPDATE message_deliveries SET phone_number = NULL, guest_id = NULL WHERE id = @changed::uuid")]
    [InlineData("user_link_work", "DELETE FROM message_deliveries WHERE id = @changed::uuid")]
    [InlineData("user_link_work_by_key", "DELETE FROM message_deliveries WHERE id = @changed::uuid")]
    public async Task A_row_that_is_another_by_then_is_left_as_it_is_and_audited_so(string work, string change)
    {
        await using var scene = await LinkScene.CreateAsync();
        var changed = await scene.LinkableAsync();
        await scene.LinkableAsync(LinkScene.Bob);

        var counts = await BatchDuringAsync(scene, work, change, new { changed });

        Assert.Equal((2, 1, 1), counts);
        Assert.Null(await scene.UserOfAsync(changed));
        Assert.Equal(["skipped: changed meanwhile"], await OutcomesAsync(scene, changed));
    }

    /// <summary>One batch that waits for a transaction of the application: processed, linked and skipped.</summary>
    private static async Task<(int Processed, int Linked, int Skipped)> BatchDuringAsync(
        LinkScene scene, string work, string change, object parameters)
    {
        await using var application = await scene.Database.OpenAsync();
        await using var batch = await scene.Database.OpenAsync();
        await using var transaction = await application.BeginTransactionAsync();
        await application.ExecuteAsync("SET LOCAL session_replication_role = replica");
        await application.ExecuteAsync(change, parameters);

        var counts = RunBatchAsync(batch, work);
        await Sessions.WaitForLockAsync(scene.Database, batch, counts);
        await transaction.CommitAsync();
        return await counts;
    }

    private static async Task<(int Processed, int Linked, int Skipped)> RunBatchAsync(NpgsqlConnection connection, string work)
    {
        var run = await connection.ExecuteScalarAsync<Guid>(
            $"SELECT linkage.start_run(linkage.{work}('message_deliveries'), false, NULL, NULL, NULL, NULL)");
        await connection.ExecuteAsync("SELECT linkage.claim_range(@run, 1, 1, 1000)", new { run });
        return await connection.QuerySingleAsync<(int, int, int)>(
            """
            SELECT (c ->> 'processed')::integer, (c ->> 'linked')::integer, (c ->> 'skipped')::integer
            FROM (SELECT linkage.run_batch(@run, 1, 1, 1000, 0) -> 'counts') AS b (c)
            """,
            new { run });
    }

    private static async Task<IEnumerable<string>> OutcomesAsync(LinkScene scene, string delivery) =>
        await scene.Database.Connection.QueryAsync<string>(
            "SELECT concat_ws(': ', outcome, metadata ->> 'reason') FROM user_link_audit WHERE record_id = @delivery::uuid ORDER BY id",
            new { delivery });
}
