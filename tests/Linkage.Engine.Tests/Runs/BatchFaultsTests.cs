using Linkage.Engine.Runs;
using Npgsql;

namespace Linkage.Engine.Tests.Runs;

/// <summary>What becomes of a batch that failed depends on what it failed of; the database agrees on which are a row's.</summary>
public sealed class BatchFaultsTests
{
    [Theory]
    [InlineData("57014", nameof(BatchFault.Timeout))] // query_canceled
    [InlineData("55P03", nameof(BatchFault.Timeout))] // lock_not_available
    [InlineData("40001", nameof(BatchFault.Collision))] // serialization_failure
    [InlineData("40P01", nameof(BatchFault.Collision))] // deadlock_detected
    [InlineData("23503", nameof(BatchFault.Collision))] // foreign_key_violation
    [InlineData("57P01", nameof(BatchFault.Unreachable))] // admin_shutdown
    [InlineData("57P02", nameof(BatchFault.Unreachable))] // crash_shutdown
    [InlineData("57P03", nameof(BatchFault.Unreachable))] // cannot_connect_now
    [InlineData("08006", nameof(BatchFault.Unreachable))] // connection_failure
    [InlineData("53300", nameof(BatchFault.Unreachable))] // too_many_connections
    [InlineData("22001", nameof(BatchFault.Row))] // string_data_right_truncation
    [InlineData("22P02", nameof(BatchFault.Row))] // invalid_text_representation
    [InlineData("23502", nameof(BatchFault.Row))] // not_null_violation
    [InlineData("23505", nameof(BatchFault.Row))] // unique_violation
    [InlineData("23514", nameof(BatchFault.Row))] // check_violation
    [InlineData("2F003", nameof(BatchFault.Row))] // prohibited_sql_statement_attempted
    [InlineData("38000", nameof(BatchFault.Row))] // external_routine_exception
    [InlineData("39004", nameof(BatchFault.Row))] // null_value_not_allowed
    [InlineData("44000", nameof(BatchFault.Row))] // with_check_option_violation
    [InlineData("P0001", nameof(BatchFault.Row))] // raise_exception
    [InlineData("42501", nameof(BatchFault.Fatal))] // insufficient_privilege
    [InlineData("42P01", nameof(BatchFault.Fatal))] // undefined_table
    [InlineData("25006", nameof(BatchFault.Fatal))] // read_only_sql_transaction
    [InlineData("53100", nameof(BatchFault.Fatal))] // disk_full
    [InlineData("53200", nameof(BatchFault.Fatal))] // out_of_memory
    [InlineData("XX001", nameof(BatchFault.Fatal))] // data_corrupted
    public void Each_state_has_its_remedy(string sqlState, string expected) =>
        Assert.Equal(expected, BatchFaults.Classify(Fault(sqlState), wasUnreachable: false).ToString());

    [Fact]
    public void A_server_that_only_reads_after_it_was_away_is_a_standby_about_to_be_promoted() =>
        Assert.Equal(BatchFault.Unreachable, BatchFaults.Classify(Fault(PostgresErrorCodes.ReadOnlySqlTransaction), wasUnreachable: true));

    [Fact]
    public void A_broken_connection_is_a_server_that_is_away() => Assert.Equal(
        BatchFault.Unreachable, BatchFaults.Classify(new NpgsqlException("gone", new IOException("reset")), wasUnreachable: false));

    [Fact]
    public async Task The_database_isolates_a_row_for_the_same_states_as_the_client()
    {
        await using var database = await LinkedDatabase.CreateAsync();
        string[] states =
        [
            "22001", "22P02", "23502", "23505", "23514", "2F003", "38000", "39004", "44000", "P0001", "42501", "42P01", "25006", "53100",
            "53200", "XX001", "57P01", "57P02", "57P03", "08006", "53300", "40001", "40P01",
        ];

        foreach (var state in states)
        {
            Assert.Equal(
                (state, BatchFaults.Classify(Fault(state), wasUnreachable: false) == BatchFault.Row),
                (state, await database.ScalarAsync<bool>("SELECT linkage.is_fault_of_a_row(@state)", new { state })));
        }
    }

    private static PostgresException Fault(string sqlState) => new("message", "ERROR", "ERROR", sqlState);
}
