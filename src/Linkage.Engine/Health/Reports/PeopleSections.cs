namespace Linkage.Engine.Health.Reports;

/// <summary>
/// Accounts, profiles and phones that somebody has to look at. Of persons it shows what the default views of the cmdlets show that list the same,
/// and nothing else.
/// </summary>
internal static class PeopleSections
{
    public static void Ghosts(ReportPlace place) => place.Section("ghosts", "Ghost users and orphaned profiles", () =>
    {
        place.Part(place.Report.Ghosts, ghosts =>
        {
            if (ghosts.Total == 0)
            {
                place.Paragraph("Every account has its profile.");
                return;
            }

            place.Paragraph(
                $"{ReportText.Count(ghosts.Total, "account has", "accounts have")} no profile"
                + $"{Listed(ghosts.Items.Count, ghosts.Total, "oldest", "Get-GhostUser")}. "
                + "Repair-GhostUser makes the profiles of those that can be repaired.");
            var table = new HtmlTable(place.Html, "Ghost users, the oldest first");
            table.Write(
                [new("Id"), new("Email"), new("Created (UTC)"), new("Repairable"), new("Reason")],
                ghosts.Items,
                ghost =>
                {
                    table.Data(ghost.AccountId, "id");
                    table.Data(ghost.Email, "mail");
                    table.Time(ghost.CreatedAt);
                    table.Text(ghost.Repairable ? "yes" : "no");
                    table.Data(ghost.Reason, "wide");
                });
        });
        if (place.Report.Orphans.Found is not { } orphans)
            return;
        if (orphans.Total == 0)
        {
            place.Paragraph("Every profile has its account.");
            return;
        }

        place.Paragraph(
            $"{ReportText.Count(orphans.Total, "profile has", "profiles have")} no account"
            + $"{Listed(orphans.Items.Count, orphans.Total, "first", "Get-OrphanedProfile")}.");
        var profiles = new HtmlTable(place.Html, "Orphaned profiles");
        profiles.Write(
            [new("Id"), new("Email"), new("Created (UTC)"), new("Reason")],
            orphans.Items,
            orphan =>
            {
                profiles.Data(orphan.ProfileId, "id");
                profiles.Data(orphan.Email, "mail");
                profiles.Time(orphan.CreatedAt);
                profiles.Data(orphan.Reason, "wide");
            });
    });

    public static void Ambiguous(ReportPlace place) => place.Section("ambiguous", "Ambiguous cases to review", () => place.Part(place.Report.Ambiguous, pairs =>
    {
        if (pairs.Total == 0)
        {
            place.Paragraph("Nothing was ambiguous in this period.");
            return;
        }

        place.Paragraph(
            $"{ReportText.Count(pairs.Total, "phone was", "phones were")} that of several guests of an event, or of several users"
            + $"{Listed(pairs.Items.Count, pairs.Total, "most frequent", "Measure-UserLinkAudit -Ambiguous")}. "
            + "Nothing was linked: a person has to say who is meant, by removing or correcting a guest, or the phone of a user.");
        var table = new HtmlTable(place.Html, "Ambiguous phones, the most frequent first");
        table.Write(
            [
                new("Event"), new("Phone"), new("Entries", true), new("Records", true), new("Guests now", true), new("Users now", true),
                new("Guest names"), new("Last seen (UTC)"),
            ],
            pairs.Items,
            pair =>
            {
                table.Data(pair.EventId, "id");
                table.Data(pair.Phone);
                table.Number(ReportText.Number(pair.Count));
                table.Number(ReportText.Number(pair.Records));
                table.Number(ReportText.Number(pair.Guests));
                table.Number(ReportText.Number(pair.Users));
                table.Data(pair.GuestNames, "wide");
                table.Time(pair.LastSeen);
            });
    }));

    private static string Listed(int shown, long total, string which, string cmdlet) =>
        shown < total ? $"; the {ReportText.Number(shown)} {which} are listed, {cmdlet} lists all" : "";
}
