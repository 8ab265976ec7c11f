using System.Diagnostics;
using System.Net.WebSockets;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Linkage.Engine.Tests.Health;

/// <summary>A page in a Chromium without a window, led over its debugging port: <c>await using var browser = await HeadlessChromium.OpenAsync(file);</c></summary>
internal sealed class HeadlessChromium : IAsyncDisposable
{
    private static readonly string[] _programs = ["chromium", "chromium-browser", "google-chrome"];

    private readonly Process _process;
    private readonly string _profile;
    private readonly ClientWebSocket _socket;
    private readonly List<JsonNode> _events = [];
    private int _calls;

    private HeadlessChromium(Process process, string profile, ClientWebSocket socket)
    {
        _process = process;
        _profile = profile;
        _socket = socket;
    }

    /// <summary>The program; null where there is none on PATH.</summary>
    public static string? Program { get; } =
        (from folder in (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator)
         from program in _programs
         let path = Path.Join(folder, program)
         where File.Exists(path)
         select path).FirstOrDefault();

    /// <summary>What the page logged, or was refused by its policy, or failed with.</summary>
    public IEnumerable<string> Complaints => _events
        .Where(e => (string?)e["method"] is "Log.entryAdded" or "Runtime.consoleAPICalled" or "Runtime.exceptionThrown")
        .Select(e => e["params"]!.ToJsonString());

    /// <summary>What the page asked any network for.</summary>
    public IEnumerable<string> Requests => _events
        .Where(e => (string?)e["method"] == "Network.requestWillBeSent")
        .Select(e => (string)e["params"]!["request"]!["url"]!);

    /// <summary>Opens a file, on a screen as wide as that.</summary>
    public static async Task<HeadlessChromium> OpenAsync(string file, int width = 1200, bool isDark = false)
    {
        var profile = Directory.CreateTempSubdirectory("linkage-chromium-").FullName;
        var start = new ProcessStartInfo(
            Program!,
            [
                "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--remote-debugging-port=0",
                $"--user-data-dir={profile}", "about:blank",
            ])
        {
            RedirectStandardError = true,
            RedirectStandardOutput = true,
        };
        var process = Process.Start(start)!;
        process.BeginErrorReadLine();
        process.BeginOutputReadLine();
        var socket = new ClientWebSocket();
        var browser = new HeadlessChromium(process, profile, socket);
        try
        {
            await socket.ConnectAsync(await browser.FindPageAsync(), CancellationToken.None);
            foreach (var domain in new[] { "Page", "Log", "Runtime", "Network" })
                await browser.CallAsync($"{domain}.enable");
            await browser.CallAsync(
                "Emulation.setDeviceMetricsOverride",
                new JsonObject { ["width"] = width, ["height"] = 800, ["deviceScaleFactor"] = 1, ["mobile"] = width < 600 });
            await browser.CallAsync(
                "Emulation.setEmulatedMedia",
                new JsonObject
                {
                    ["features"] = new JsonArray(new JsonObject { ["name"] = "prefers-color-scheme", ["value"] = isDark ? "dark" : "light" }),
                });
            await browser.CallAsync("Page.navigate", new JsonObject { ["url"] = new Uri(file).AbsoluteUri });
            while (!browser._events.Exists(e => (string?)e["method"] == "Page.loadEventFired"))
                browser._events.Add(await browser.ReceiveAsync());
            return browser;
        }
        catch
        {
            await browser.DisposeAsync();
            throw;
        }
    }

    /// <summary>What an expression comes to in the page.</summary>
    public async Task<T> EvaluateAsync<T>(string expression)
    {
        var result = await CallAsync("Runtime.evaluate", new JsonObject { ["expression"] = expression, ["returnByValue"] = true });
        return result["result"]!["value"].Deserialize<T>()!;
    }

    /// <summary>Goes to what the keyboard reaches next.</summary>
    public async Task PressTabAsync()
    {
        await CallAsync("Emulation.setFocusEmulationEnabled", new JsonObject { ["enabled"] = true });
        foreach (var kind in new[] { "rawKeyDown", "keyUp" })
        {
            await CallAsync(
                "Input.dispatchKeyEvent",
                new JsonObject { ["type"] = kind, ["key"] = "Tab", ["code"] = "Tab", ["windowsVirtualKeyCode"] = 9 });
        }
    }

    /// <summary>The page on paper, as a PDF.</summary>
    public async Task<byte[]> PrintAsync() =>
        Convert.FromBase64String((string)(await CallAsync("Page.printToPDF", new JsonObject { ["preferCSSPageSize"] = true }))["data"]!);

    /// <summary>The whole page as a picture, for people to look at.</summary>
    public async Task<byte[]> PictureAsync() => Convert.FromBase64String((string)(await CallAsync(
        "Page.captureScreenshot", new JsonObject { ["captureBeyondViewport"] = true, ["format"] = "png" }))["data"]!);

    public async ValueTask DisposeAsync()
    {
        _socket.Dispose();
        if (!_process.HasExited)
            _process.Kill(entireProcessTree: true);
        await _process.WaitForExitAsync();
        _process.Dispose();
        // Helpers of the browser may be writing their last.
        await Poll.UntilAsync(() =>
        {
            try
            {
                Directory.Delete(_profile, recursive: true);
                return true;
            }
            catch (IOException)
            {
                return false;
            }
        });
    }

    private async Task<Uri> FindPageAsync()
    {
        var port = Path.Join(_profile, "DevToolsActivePort");
        await Poll.UntilAsync(() => File.Exists(port) && File.ReadAllLines(port).Length > 1);
        using var http = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{(await File.ReadAllLinesAsync(port))[0]}") };
        var pages = JsonNode.Parse(await http.GetStringAsync(new Uri("/json/list", UriKind.Relative)))!.AsArray();
        return new Uri((string)pages.First(page => (string?)page!["type"] == "page")!["webSocketDebuggerUrl"]!);
    }

    private async Task<JsonNode> CallAsync(string method, JsonObject? parameters = null)
    {
        var id = ++_calls;
        var call = new JsonObject { ["id"] = id, ["method"] = method, ["params"] = parameters ?? [] };
        await _socket.SendAsync(JsonSerializer.SerializeToUtf8Bytes(call), WebSocketMessageType.Text, true, CancellationToken.None);
        while (true)
        {
            var message = await ReceiveAsync();
            if ((int?)message["id"] == id)
                return message["result"] ?? throw new InvalidOperationException($"{method}: {message.ToJsonString()}");
            _events.Add(message);
        }
    }

    private async Task<JsonNode> ReceiveAsync()
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        using var text = new MemoryStream();
        var buffer = new byte[64 * 1024];
        while (true)
        {
            var part = await _socket.ReceiveAsync(buffer, limit.Token);
            text.Write(buffer, 0, part.Count);
            if (part.EndOfMessage)
                return JsonNode.Parse(text.ToArray())!;
        }
    }
}
