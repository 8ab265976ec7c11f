using System.Security.Cryptography;
using System.Text;
using System.Xml.Linq;
using Linkage.Engine.Checks;
using Linkage.Engine.Health.Reports;

namespace Linkage.Engine.Tests.Health;

/// <summary>The page, taken apart by a parser that forgives nothing.</summary>
public sealed class ReportPageTests
{
    private const string Hostile = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>&amp;]]><!--\u202Eevil\u0007";

    [Fact]
    public async Task It_runs_loads_and_submits_nothing()
    {
        await using var scene = await ReportScene.CreateAsync();
        await scene.StoreHistoryAsync(times: 50);

        var page = await scene.PageAsync();

        string[] refused = ["script", "iframe", "object", "embed", "img", "link", "base", "form", "input", "use", "image", "foreignObject", "a"];
        Assert.All(page.Descendants(), element => Assert.True(
            !refused.Contains(element.Name.LocalName) || (element.Name.LocalName == "a" && element.Attribute("href")!.Value.StartsWith('#')), element.Name.LocalName));
        Assert.All(
            page.Descendants().Attributes().Select(attribute => attribute.Name.LocalName),
            name => Assert.False(name is "src" or "style" or "srcset" or "action" || name.StartsWith("on", StringComparison.Ordinal), name));
        Assert.DoesNotContain("url(", page.Descendants("style").Single().Value, StringComparison.Ordinal);
        Assert.DoesNotContain("@import", page.Descendants("style").Single().Value, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Its_policy_allows_its_style_sheet_and_nothing_else()
    {
        await using var scene = await ReportScene.CreateAsync();
        var text = scene.Text(await scene.ReadAsync());
        var style = text[(text.IndexOf("<style>", StringComparison.Ordinal) + "<style>".Length)..text.IndexOf("</style>", StringComparison.Ordinal)];

        var policy = XDocument.Parse(text).Descendants("meta").Single(meta => meta.Attribute("http-equiv") is not null).Attribute("content")!.Value;

        var hash = Convert.ToBase64String(SHA256.HashData(Encoding.UTF8.GetBytes(style)));
        Assert.Equal($"default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'", policy);
    }

    [Fact]
    public async Task Whatever_the_data_holds_stays_text()
    {
        await using var scene = await ReportScene.CreateAsync();
        var plain = (await scene.PageAsync()).Descendants().Count();
        await scene.Database.ExecuteAsync(
            """
            UPDATE event_guests SET guest_name = @hostile;
            UPDATE auth.users SET email = @hostile || id || repeat('x', 140);
            UPDATE linkage.run SET message = @hostile, status = 'failed', target = @hostile || target;
            """,
            new { hostile = Hostile });

        var page = await scene.PageAsync();

        var shown = Hostile.Replace('\u0007', '\uFFFD');
        Assert.Contains(page.Descendants("bdi"), text => text.Value.StartsWith(shown, StringComparison.Ordinal));
        Assert.DoesNotContain(page.Descendants(), element => element.Name.LocalName is "script" or "img");
        // One more for the message of the run that failed, and its frame.
        Assert.InRange(page.Descendants().Count(), plain, plain + 2);
    }

    [Fact]
    public async Task Names_of_databases_servers_checks_and_subjects_are_data_too()
    {
        await using var scene = await ReportScene.CreateAsync();
        var report = (await scene.ReadAsync()) with
        {
            Server = Hostile,
            Database = Hostile,
            Groups = [new(CheckGroupKind.UserLinks, Hostile, [new(Hostile, CheckStatus.Critical, 1, 0, Hostile, new Dictionary<string, object?>())], null)],
            History = new([new(Hostile, Hostile, 0, CheckStatus.Critical, 1, 1), new("DeliveryInconsistencyRate", Hostile, 0, CheckStatus.Warning, 1, 1)], null),
            Outcomes = new([new(0, Hostile, 3)], null),
            Runs = new(null, Hostile),
        };

        var page = scene.Page(report, report with { Problem = Hostile });

        Assert.DoesNotContain(page.Descendants(), element => element.Name.LocalName is "script" or "img");
    }

    [Fact]
    public async Task The_gravest_comes_first_in_plain_words_with_its_next_command()
    {
        await using var scene = await ReportScene.CreateAsync();
        var report = await scene.ReadAsync();

        var status = scene.Page(report).Descendants("section").First();

        var expected = report.Checks.Count(check => check.Status == CheckStatus.Critical);
        Assert.StartsWith($"✖ Critical {expected} things need attention now", status.Descendants("p").First().Value, StringComparison.Ordinal);
        var items = status.Descendants("li").Select(item => item.Value).ToList();
        Assert.Equal(items.OrderBy(item => item.StartsWith("✖ Critical", StringComparison.Ordinal) ? 0 : 1), items);
        Assert.Contains(items, item => item.Contains("Ghost users", StringComparison.Ordinal) && item.Contains("Repair-GhostUser", StringComparison.Ordinal));
        Assert.All(status.Descendants("code"), command => Assert.Matches("^[A-Z][a-z]+-[A-Z][A-Za-z]+", command.Value));
    }

    [Fact]
    public async Task Each_chart_has_words_and_its_figures_as_a_table()
    {
        await using var scene = await ReportScene.CreateAsync();
        await scene.StoreHistoryAsync(times: 200);
        var report = await scene.ReadAsync();

        var figures = scene.Page(report).Descendants("figure").ToList();

        Assert.Equal(3, figures.Count);
        Assert.All(figures, figure =>
        {
            var drawing = figure.Descendants("svg").Single();
            Assert.Equal("img", drawing.Attribute("role")!.Value);
            Assert.All(drawing.Attribute("aria-labelledby")!.Value.Split(' '), id => Assert.Contains(drawing.Elements(), e => e.Attribute("id")?.Value == id && e.Value.Length > 0));
            Assert.NotEmpty(figure.Element("details")!.Descendants("td"));
        });
        var outcomes = figures[2].Descendants("tbody").Single();
        Assert.Equal(
            report.Outcomes.Found!.Sum(step => step.Count),
            outcomes.Descendants("td").Where(cell => cell.Attribute("class")?.Value == "number" && cell.Value.Length > 0)
                .Sum(cell => long.Parse(cell.Value, System.Globalization.NumberStyles.AllowThousands, System.Globalization.CultureInfo.InvariantCulture)));
    }

    [Fact]
    public async Task It_can_be_walked_by_headings_landmarks_and_keyboard()
    {
        await using var scene = await ReportScene.CreateAsync();
        await scene.StoreHistoryAsync(times: 20);
        var one = await scene.ReadAsync();

        foreach (var page in new[] { scene.Page(one), scene.Page(one, one) })
        {
            var levels = page.Descendants().Where(e => e.Name.LocalName is "h1" or "h2" or "h3" or "h4").Select(e => e.Name.LocalName[1] - '0').ToList();
            Assert.Equal(1, levels[0]);
            Assert.All(levels.Zip(levels.Skip(1)), pair => Assert.True(pair.Second <= pair.First + 1 && pair.Second > 1));
            var ids = page.Descendants().Attributes("id").Select(id => id.Value).ToList();
            Assert.Equal(ids.Distinct(), ids);
            Assert.All(page.Descendants("a"), link => Assert.Contains(link.Attribute("href")!.Value[1..], ids));
            Assert.Equal("#main", page.Descendants("body").Single().Elements().First().Attribute("href")!.Value);
            Assert.Single(page.Descendants("main"));
            Assert.Equal("en", page.Root!.Attribute("lang")!.Value);
            Assert.All(page.Descendants("table"), table =>
            {
                Assert.NotEmpty(table.Element("caption")!.Value);
                Assert.All(table.Element("thead")!.Descendants("th"), head => Assert.Equal("col", head.Attribute("scope")!.Value));
                Assert.Equal("0", table.Parent!.Attribute("tabindex")!.Value);
                var width = table.Element("thead")!.Descendants("th").Count();
                Assert.All(table.Element("tbody")!.Elements("tr"), row => Assert.Equal(width, row.Elements().Count()));
            });
        }
    }

    [Fact]
    public async Task A_database_that_could_not_be_read_is_told_of_beside_the_others()
    {
        await using var scene = await ReportScene.CreateAsync();
        var lost = new DatabaseReport { Server = "db2", Port = 5432, Database = "gone", ReadAt = DateTime.UtcNow, Problem = "No route to host." };

        var page = scene.Page(await scene.ReadAsync(), lost);

        Assert.Contains(page.Descendants("section"), section => section.Value.Contains("No route to host.", StringComparison.Ordinal));
        Assert.Equal(2, page.Descendants("section").First().Descendants("tbody").Single().Elements("tr").Count());
    }

    [Fact]
    public async Task Without_Linkage_it_is_a_page_all_the_same()
    {
        await using var bare = await LinkedDatabase.CreateUnlinkedAsync();
        await using var scene = await ReportScene.CreateAsync();

        var page = scene.Page(await scene.ReadAsync(bare.Engine));

        Assert.Contains("Linkage is not installed in this database", page.Descendants("main").Single().Value, StringComparison.Ordinal);
    }

    [Fact]
    public void The_writer_knows_no_element_or_attribute_that_runs_or_loads()
    {
        using var output = new StringWriter();
        var html = new HtmlWriter(output);

        Assert.Throws<InvalidOperationException>(() => html.Element("script", "alert(1)"));
        Assert.Throws<InvalidOperationException>(() => html.Element("p", "text", ("onclick", "alert(1)")));
        Assert.Throws<InvalidOperationException>(() => html.Empty("svg", ("href", "https://example.com")));
    }
}
