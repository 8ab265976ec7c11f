namespace Linkage.Engine.Sandbox;

/// <summary>What a filling made: how many rows, and how many deliveries in each state.</summary>
/// <param name="Users">Rows of <c>users</c>.</param>
/// <param name="UsersSharingAPhone">Users whose phone is also that of another.</param>
/// <param name="Events">Rows of <c>events</c>.</param>
/// <param name="Guests">Rows of <c>event_guests</c>.</param>
/// <param name="RemovedGuests">Guests with <c>removed_at</c>.</param>
/// <param name="GuestsEnteredTwice">Guests whose phone another active guest of their event has, written otherwise.</param>
/// <param name="Messages">Rows of <c>messages</c>.</param>
/// <param name="Deliveries">Rows of <c>message_deliveries</c>; the sum of the eight states below.</param>
/// <param name="WithoutPhone">Deliveries in any state whose phone is null.</param>
/// <param name="WithInvalidPhone">Deliveries in any state whose phone is no number, such as "n/a".</param>
/// <param name="Linked">Deliveries that have the user of their guest.</param>
/// <param name="LinkedWrongly">Deliveries that have a user who is not their guest's.</param>
/// <param name="GuestLinkedLate">Deliveries without a user whose own guest is active and has one: linkable by rule 1.</param>
/// <param name="GuestAddedAgain">
/// Deliveries without a user whose own guest was removed and added again, with a user: linkable by rule 2.
/// </param>
/// <param name="GuestWithoutUser">
/// Deliveries whose guest has no user. Some can be linked by the fallback to users, which is off at first.
/// </param>
/// <param name="GuestAmbiguous">Deliveries whose guest has no user and was entered twice: ambiguous where they have a phone.</param>
/// <param name="GuestRemoved">Deliveries whose guest was removed for good.</param>
/// <param name="WithoutGuest">Deliveries that name no guest, and so no event.</param>
public sealed record SampleDataOverview(
    long Users,
    long UsersSharingAPhone,
    long Events,
    long Guests,
    long RemovedGuests,
    long GuestsEnteredTwice,
    long Messages,
    long Deliveries,
    long WithoutPhone,
    long WithInvalidPhone,
    long Linked,
    long LinkedWrongly,
    long GuestLinkedLate,
    long GuestAddedAgain,
    long GuestWithoutUser,
    long GuestAmbiguous,
    long GuestRemoved,
    long WithoutGuest)
{
    /// <summary>What was made of accounts; null if none were asked for.</summary>
    public SampleAccountsOverview? Accounts { get; init; }

    /// <summary>Deliveries that the rules which are always on can link.</summary>
    public long Linkable => GuestLinkedLate + GuestAddedAgain;

    /// <summary>Deliveries without a user.</summary>
    public long Unlinked => Deliveries - Linked - LinkedWrongly;
}
