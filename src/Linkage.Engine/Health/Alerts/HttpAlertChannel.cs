using System.Net;
using System.Net.Http.Headers;
using System.Text;

namespace Linkage.Engine.Health.Alerts;

/// <summary>A channel that takes JSON by HTTP POST.</summary>
/// <param name="type">Its kind.</param>
/// <param name="address">Where to.</param>
/// <param name="headers">What goes along, credentials for instance.</param>
/// <param name="payload">The JSON of a message: with secrets to send it, without to show it.</param>
/// <param name="client">What sends.</param>
/// <param name="time">Reads a date after which to try again.</param>
internal sealed class HttpAlertChannel(
    string type, Uri address, IReadOnlyDictionary<string, string> headers, Func<AlertMessage, bool, string> payload, HttpClient client,
    TimeProvider time) : IAlertChannel
{
    private const int LongestAnswer = 300;

    public string Type => type;

    public string Preview(AlertMessage message, IReadOnlyList<string> recipients) => payload(message, false);

    public async Task SendAsync(AlertMessage message, IReadOnlyList<string> recipients, CancellationToken cancellation)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, address)
        {
            Content = new StringContent(payload(message, true), Encoding.UTF8, "application/json"),
        };
        foreach (var (name, value) in headers)
            request.Headers.TryAddWithoutValidation(name, value);
        try
        {
            using var response = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellation);
            if (!response.IsSuccessStatusCode)
                throw await RefusedAsync(response, cancellation);
        }
        catch (HttpRequestException fault)
        {
            // A certificate that is not trusted now is not trusted in a second either.
            throw new AlertChannelException(
                Reason(fault), isPassing: fault.HttpRequestError != HttpRequestError.SecureConnectionError, cause: fault);
        }
        catch (IOException fault)
        {
            throw new AlertChannelException(Reason(fault), isPassing: true, cause: fault);
        }
    }

    /// <summary>What sends for all channels: without cookies, and never on to another address, which nobody has named.</summary>
    public static HttpClient CreateClient() => new(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false })
    {
        // Each attempt has its own limit.
        Timeout = System.Threading.Timeout.InfiniteTimeSpan,
        DefaultRequestHeaders = { UserAgent = { new ProductInfoHeaderValue("Linkage", Schema.SchemaInstaller.ModuleVersion) } },
    };

    private async Task<AlertChannelException> RefusedAsync(HttpResponseMessage response, CancellationToken cancellation)
    {
        var isPassing = response.StatusCode is HttpStatusCode.RequestTimeout or HttpStatusCode.TooManyRequests
            || (int)response.StatusCode >= 500;
        var answer = await AnswerAsync(response, cancellation);
        return new AlertChannelException(
            $"it answered {(int)response.StatusCode} {response.ReasonPhrase}{(answer.Length > 0 ? $": {answer}" : "")}",
            isPassing, isPassing ? RetryAfter(response.Headers.RetryAfter) : null);
    }

    private TimeSpan? RetryAfter(RetryConditionHeaderValue? header)
    {
        var wait = header?.Delta ?? (header?.Date is { } date ? date - time.GetUtcNow() : null);
        return wait < TimeSpan.Zero ? TimeSpan.Zero : wait;
    }

    // The first words tell what is wrong (no_service, invalid_payload).
    private static async Task<string> AnswerAsync(HttpResponseMessage response, CancellationToken cancellation)
    {
        try
        {
            using var reader = new StreamReader(await response.Content.ReadAsStreamAsync(cancellation), Encoding.UTF8);
            var buffer = new char[LongestAnswer];
            var length = await reader.ReadBlockAsync(buffer, cancellation);
            return AlertMessage.OneLine(new string(buffer, 0, length)).Trim();
        }
        catch (Exception fault) when (fault is HttpRequestException or IOException)
        {
            return "";
        }
    }

    private static string Reason(Exception fault) =>
        fault.InnerException is { } cause && cause.Message != fault.Message ? $"{fault.Message} ({cause.Message})" : fault.Message;
}
