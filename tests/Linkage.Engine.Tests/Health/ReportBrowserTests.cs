using System.Text;
using Linkage.Engine.Health.Reports;
using Xunit.Abstractions;

namespace Linkage.Engine.Tests.Health;

/// <summary>
/// The page in a browser. LINKAGE_TEST_PICTURES names a folder that pictures of it are left in, to be looked at.
/// </summary>
public sealed class ReportBrowserTests(ITestOutputHelper output)
{
    [SkippableTheory]
    [InlineData(360, false)]
    [InlineData(360, true)]
    [InlineData(1200, false)]
    [InlineData(1200, true)]
    public async Task It_needs_no_sideways_scroll_and_the_browser_has_no_complaint(int width, bool isDark)
    {
        await using var page = await OpenAsync(width, isDark);

        Assert.Equal(0, await page.EvaluateAsync<int>("document.documentElement.scrollWidth - document.documentElement.clientWidth"));
        Assert.Empty(page.Complaints);
        Assert.Equal(["file"], page.Requests.Select(url => new Uri(url).Scheme).Distinct());
        Assert.Equal(isDark, await page.EvaluateAsync<int>("parseInt(getComputedStyle(document.body).backgroundColor.slice(4))") < 100);
        Keep($"report-{width}-{(isDark ? "dark" : "light")}.png", await page.PictureAsync());
    }

    [SkippableTheory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Texts_stand_out_from_what_is_behind_them(bool isDark)
    {
        await using var page = await OpenAsync(1200, isDark);

        // Contrast as WCAG reckons it; 4.5 is its AA for texts of any size.
        var weak = await page.EvaluateAsync<string[]>(
            """
            (() => {
              const parts = c => c.match(/[\d.]+/g).map(Number);
              const light = c => { const [r, g, b] = parts(c).map(v => { v /= 255; return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; });
                return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
              const behind = e => { for (; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor; const p = parts(c);
                if (p.length < 4 || p[3] > 0) return c; } return 'rgb(255, 255, 255)'; };
              const found = new Set();
              for (const e of document.querySelectorAll('body *')) {
                if (![...e.childNodes].some(n => n.nodeType === 3 && n.data.trim()) || e.closest('svg')) continue;
                const [a, b] = [light(getComputedStyle(e).color), light(behind(e))];
                const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
                if (ratio < 4.5) found.add(`${e.tagName}.${e.className}: ${ratio.toFixed(2)}`);
              }
              return [...found];
            })()
            """);

        Assert.Empty(weak);
    }

    [SkippableFact]
    public async Task What_the_keyboard_reaches_is_seen_to_be_reached()
    {
        await using var page = await OpenAsync(1200, isDark: false);
        await page.PressTabAsync();
        Assert.Equal("Skip to the status", await page.EvaluateAsync<string>("document.activeElement.textContent"));

        var unseen = await page.EvaluateAsync<int>(
            """
            (() => { let unseen = 0;
              for (const e of document.querySelectorAll('a, summary, [tabindex="0"]')) {
                e.focus();
                if (document.activeElement === e && getComputedStyle(e).outlineStyle === 'none') unseen++;
              }
              return unseen; })()
            """);

        Assert.Equal(0, unseen);
    }

    [SkippableFact]
    public async Task It_can_be_printed()
    {
        await using var page = await OpenAsync(1200, isDark: true);

        var paper = await page.PrintAsync();

        Assert.StartsWith("%PDF-", Encoding.Latin1.GetString(paper, 0, 8), StringComparison.Ordinal);
        Keep("report.pdf", paper);
    }

    [SkippableFact]
    public async Task A_long_history_makes_no_longer_a_page()
    {
        Skip.If(HeadlessChromium.Program is null, NoBrowser);
        await using var scene = await ReportScene.CreateAsync();
        await scene.StoreHistoryAsync(times: 34_000);
        var content = ReportFile.Render([await scene.ReadAsync()], scene.Options);

        output.WriteLine($"{await scene.Database.ScalarAsync<long>("SELECT count(*) FROM linkage.health_history")} rows, {content.Length} bytes");
        Assert.InRange(content.Length, 1, 400_000);
        await using var page = await OpenAsync(content, 1200, isDark: false);
        Assert.Equal(4, await page.EvaluateAsync<int>("document.querySelectorAll('figure, .strips').length"));
        Keep("report-long.png", await page.PictureAsync());
    }

    private const string NoBrowser = "No chromium, chromium-browser or google-chrome is on PATH.";

    private static async Task<HeadlessChromium> OpenAsync(int width, bool isDark)
    {
        Skip.If(HeadlessChromium.Program is null, NoBrowser);
        await using var scene = await ReportScene.CreateAsync();
        await scene.StoreHistoryAsync(times: 60);
        await scene.Database.ExecuteAsync(
            "UPDATE auth.users SET email = repeat('x', 200) || id; UPDATE event_guests SET guest_name = '</td><script>alert(1)</script>' || repeat('y', 300)");
        return await OpenAsync(ReportFile.Render([await scene.ReadAsync()], scene.Options), width, isDark);
    }

    private static async Task<HeadlessChromium> OpenAsync(byte[] content, int width, bool isDark)
    {
        var file = Path.Join(Path.GetTempPath(), $"linkage-report-{Guid.NewGuid():N}.html");
        await File.WriteAllBytesAsync(file, content);
        try
        {
            return await HeadlessChromium.OpenAsync(file, width, isDark);
        }
        finally
        {
            File.Delete(file);
        }
    }

    private static void Keep(string name, byte[] content)
    {
        if (Environment.GetEnvironmentVariable("LINKAGE_TEST_PICTURES") is { Length: > 0 } folder)
            File.WriteAllBytes(Path.Join(folder, name), content);
    }
}
