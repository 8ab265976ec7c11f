using System.Text.Json;
using Linkage.Engine.Tests.UserLinks.Differential;

namespace Linkage.Engine.Tests.UserSync.Differential;

/// <summary>Accounts with every ill, oldest first: the same ones for the same seed.</summary>
internal sealed class RandomAccounts
{
    private static readonly string[] _texts =
    [
        "Ann", "O'Hara", "  ", "", "'); DROP TABLE users; --", "%s%I%L $1", "\\", "\"", "{}", "{a,b}", "NULL", "null", "\u202Eabc", "\U0001F468\u200D\U0001F469",
        "line\nline", "\u0001", "İstanbul", "ẞ", new string('x', 40), new string('x', 41), new string('\u00e9', 41), "7", "007", "-1", "99999999999", "1e3",
    ];

    private readonly Random _random;
    private readonly PhonePool _phones;
    private readonly HashSet<string> _takenPhones = [];
    private readonly HashSet<string> _takenEmails = [];

    public RandomAccounts(int seed, int count)
    {
        _random = new Random(seed);
        _phones = new PhonePool(_random, count);
        All = [.. Enumerable.Range(0, count).Select(NewAccount)];
    }

    public IReadOnlyList<Account> All { get; }

    private Account NewAccount(int number)
    {
        var id = new byte[16];
        _random.NextBytes(id);
        var isSso = _random.Next(3) == 0;
        var email = NewEmail(number, isSso);
        return new Account
        {
            Id = new Guid(id).ToString(),
            Email = email,
            IsSso = isSso,
            Phone = NewPhone(),
            Metadata = NewMetadata(),
            IsAnonymous = _random.Next(12) == 0,
            DeletedAt = _random.Next(12) == 0 ? NewTime() : null,
            EmailConfirmedAt = email is not null && _random.Next(2) == 0 ? NewTime() : null,
            PhoneConfirmedAt = _random.Next(3) == 0 ? NewTime() : null,
            // no two alike: which of two is older must be known
            CreatedAt = new DateTime(2020, 1, 1, 0, 0, 0, DateTimeKind.Utc).AddMinutes((number * 10) + _random.Next(10)),
            UpdatedAt = NewTime(),
        };
    }

    // The authentication server has an e-mail twice only where single sign-on brings it.
    private string? NewEmail(int number, bool isSso)
    {
        var email = _random.Next(12) switch
        {
            0 => null,
            1 => "",
            2 => $"{new string('m', 50 + _random.Next(12))}{number % 5}@example.com",
            3 or 4 => $"shared{_random.Next(12)}@example.com",
            5 => $"SHARED{_random.Next(12)}@Example.com",
            6 => $"a'b\"c %I \\{number}@example.com",
            7 => $"@{number}",
            _ => $"user{number}@example.com",
        };
        return isSso || email is null || _takenEmails.Add(email) ? email : null;
    }

    private string? NewPhone()
    {
        var phone = _random.Next(4) switch
        {
            0 => "1" + PhoneDigits(),
            1 => new string([.. (_phones.Any() ?? "").Where(char.IsAsciiDigit).Take(15)]),
            _ => null,
        };
        return phone is not null && _takenPhones.Add(phone) ? phone : null;
    }

    private string PhoneDigits() => new([.. _phones.Number(_random.Next(1000)).Where(char.IsAsciiDigit).TakeLast(10)]);

    private string? NewMetadata() => _random.Next(15) switch
    {
        0 => null,
        1 => "null",
        2 => "[]",
        3 => "[{\"full_name\": \"in a list\"}]",
        4 => "\"text\"",
        5 => "{}",
        _ => JsonSerializer.Serialize(
            ((string[])["full_name", "name", "user_name", "avatar_url", "picture", "tenant", "order"])
                .Where(_ => _random.Next(2) == 0)
                .ToDictionary(
                    field => field,
                    field => _random.Next(10) switch
                    {
                        0 => null,
                        1 or 2 => _texts[_random.Next(_texts.Length)],
                        _ => field == "order" ? $"{_random.Next(100)}" : $"{field} {_random.Next(400)}",
                    })),
    };

    private DateTime NewTime() => new DateTime(2021, 1, 1, 0, 0, 0, DateTimeKind.Utc).AddSeconds(_random.Next(100_000_000));
}
