namespace Linkage.Engine.Sandbox;

/// <summary>What a filling made of accounts: how many, and how many on either side lack the other.</summary>
/// <param name="Accounts">Rows of <c>auth.users</c>. All that is in none of the numbers below has its profile.</param>
/// <param name="Ghosts">Active accounts without a profile: they signed up before there was a trigger that makes one.</param>
/// <param name="UnrepairableGhosts">Those of the ghosts who sign in by SSO with the e-mail that the profile of another has.</param>
/// <param name="OrphanedProfiles">Rows of <c>users</c> whose account was deleted for good.</param>
/// <param name="Anonymous">Anonymous accounts. None has a profile.</param>
/// <param name="SoftDeletedWithProfile">Accounts with <c>deleted_at</c>, whose profile is as it was.</param>
/// <param name="SoftDeletedWithoutProfile">Accounts with <c>deleted_at</c> that have no profile.</param>
public sealed record SampleAccountsOverview(
    long Accounts,
    long Ghosts,
    long UnrepairableGhosts,
    long OrphanedProfiles,
    long Anonymous,
    long SoftDeletedWithProfile,
    long SoftDeletedWithoutProfile);
