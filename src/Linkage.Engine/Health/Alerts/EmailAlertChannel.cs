using System.Net;
using System.Net.Mail;
using System.Text;
using Linkage.Engine.Checks;

namespace Linkage.Engine.Health.Alerts;

/// <summary>Where mail is handed in, and from and to whom it is.</summary>
/// <param name="Server">The server.</param>
/// <param name="Port">Its port.</param>
/// <param name="UseTls">Whether the connection is encrypted by STARTTLS before anything else is said.</param>
/// <param name="User">Who hands it in; null for nobody in particular.</param>
/// <param name="Password">The user's.</param>
/// <param name="From">The sender.</param>
/// <param name="To">Who gets it, unless a route says otherwise.</param>
internal sealed record EmailSettings(
    string Server, int Port, bool UseTls, string? User, string? Password, MailAddress From, IReadOnlyList<string> To);

/// <summary>Mail, by SMTP.</summary>
/// <param name="settings">Where to, and from whom.</param>
internal sealed class EmailAlertChannel(EmailSettings settings) : IAlertChannel
{
    /// <summary>Its kind.</summary>
    public const string Kind = "Email";

    public string Type => Kind;

    public string Preview(AlertMessage message, IReadOnlyList<string> recipients)
    {
        using var mail = Compose(message, recipients);
        return
            $"""
            From: {mail.From}
            To: {mail.To}
            Subject: {mail.Subject}

            {mail.Body}
            """;
    }

    public async Task SendAsync(AlertMessage message, IReadOnlyList<string> recipients, CancellationToken cancellation)
    {
        using var mail = Compose(message, recipients);
        using var client = new SmtpClient(settings.Server, settings.Port) { EnableSsl = settings.UseTls, UseDefaultCredentials = false };
        if (settings.User is not null)
            client.Credentials = new NetworkCredential(settings.User, settings.Password);
        try
        {
            await client.SendMailAsync(mail, cancellation);
        }
        catch (SmtpFailedRecipientException fault) when (Refused(fault) is { } refused && refused.Count < mail.To.Count)
        {
            // The others have it: to send it again would tell them twice, and these never.
            throw new AlertPartlySentException(
                $"the server refused {string.Join(", ", refused)}, the other recipients have it ({(int)fault.StatusCode})");
        }
        catch (SmtpException fault)
        {
            throw new AlertChannelException(Reason(fault), IsPassing(fault), cause: fault);
        }
        catch (Exception fault) when (fault is IOException or InvalidOperationException)
        {
            throw new AlertChannelException(Reason(fault), isPassing: fault is IOException, cause: fault);
        }
    }

    private static List<string> Refused(SmtpFailedRecipientException fault) =>
        fault is SmtpFailedRecipientsException several
            ? [.. several.InnerExceptions.Select(one => one.FailedRecipient ?? "a recipient")]
            : [fault.FailedRecipient ?? "a recipient"];

    // The server's own codes: 4xx may pass, 5xx does not. What has none did not come to an answer.
    private static bool IsPassing(SmtpException fault) =>
        fault.InnerException is not System.Security.Authentication.AuthenticationException
        && (fault.StatusCode == SmtpStatusCode.GeneralFailure || (int)fault.StatusCode is >= 400 and < 500);

    private static string Reason(Exception fault)
    {
        List<string> reasons = [];
        for (var cause = fault; cause is not null; cause = cause.InnerException)
            reasons.Add(cause.Message);
        return string.Join(" ", reasons.Distinct());
    }

    private MailMessage Compose(AlertMessage message, IReadOnlyList<string> recipients)
    {
        var mail = new MailMessage
        {
            From = settings.From,
            Subject = message.Title,
            SubjectEncoding = Encoding.UTF8,
            Body = string.Join("\r\n", [message.Text, "", .. message.Facts.Select(fact => $"{fact.Key}: {fact.Value}"), ""]),
            BodyEncoding = Encoding.UTF8,
            Priority = message.Check.Status == CheckStatus.Critical ? MailPriority.High : MailPriority.Normal,
        };
        // Nobody's holiday notice answers to it.
        mail.Headers.Add("Auto-Submitted", "auto-generated");
        foreach (var recipient in recipients.Count > 0 ? recipients : settings.To)
            mail.To.Add(new MailAddress(recipient));
        return mail;
    }
}
