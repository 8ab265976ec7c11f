namespace Linkage.Engine.Sandbox;

/// <summary>What a filling made of imported rows: how many, and how many are there twice.</summary>
/// <param name="Messages">Rows of <c>messages</c>.</param>
/// <param name="Businesses">Rows of <c>businesses</c>.</param>
/// <param name="LeadCards">Rows of <c>unified_lead_cards</c>.</param>
/// <param name="QueueEntries">Rows of <c>campaign_queue</c>.</param>
/// <param name="SkiptraceResults">Rows of <c>skiptrace_results</c>.</param>
/// <param name="LeadActivities">Rows of <c>lead_activities</c>.</param>
/// <param name="Duplicates">Rows of all six tables that the built-in rules would not keep.</param>
/// <param name="Groups">Groups of rows that share a key, of all six rules.</param>
/// <param name="MessagesWithoutKey">Messages without an external id, which are no duplicates of each other.</param>
/// <param name="FinishedEntries">Entries of the queue that do not wait any more, and have the key of one that does.</param>
/// <param name="ClashingAttachments">Attachments of duplicate messages that the original has too.</param>
public sealed record SampleDuplicatesOverview(
    long Messages,
    long Businesses,
    long LeadCards,
    long QueueEntries,
    long SkiptraceResults,
    long LeadActivities,
    long Duplicates,
    long Groups,
    long MessagesWithoutKey,
    long FinishedEntries,
    long ClashingAttachments);
