using System.Globalization;
using Linkage.Engine.Phones;
using Linkage.Engine.Runs;
using Xunit.Abstractions;

namespace Linkage.Engine.Tests.Customers;

/// <summary>Random leads and customers, wave after wave, against a plain model of the rules in memory.</summary>
public sealed class CustomerDifferentialTests(ITestOutputHelper output)
{
    [Theory]
    [InlineData("uuid")]
    [InlineData("text")]
    [InlineData("bigint")]
    [InlineData("mapped")]
    public async Task Runs_do_what_the_model_does_whatever_the_batches_and_undo_takes_it_back(string shape)
    {
        var random = new Random(TestSeed.Next(output));
        await using var scene = await CustomerScene.CreateAsync(CustomerShape.Of(shape));
        List<Customer> customers = [];
        List<Lead> leads = [];
        for (var wave = 0; wave < 4; wave++)
        {
            await AddAsync(scene, random, customers, leads);
            var before = await scene.RowsAsync();
            var options = new RunOptions { BatchSize = random.Next(1, 40), Settings = new() { ThrottleLimit = random.Next(1, 3) } };
            if (random.Next(2) == 0)
            {
                await scene.UndoAsync(await scene.BackfillAsync(options), options);
                Assert.Equal(before, await scene.RowsAsync());
            }

            var expected = Backfill(customers, leads);
            var result = await scene.BackfillAsync(options);

            await AssertAsync(scene, customers, leads);
            Assert.Equal(expected, (result.Count("customers_created"), result.Count("customers_reused"), result.Count("leads_linked")));
        }
    }

    /// <summary>The model: what a run does to these.</summary>
    private static (long Created, long Reused, long Linked) Backfill(List<Customer> customers, List<Lead> leads)
    {
        var (created, reused, linked) = (0L, 0L, 0L);
        var known = customers.ToList();
        foreach (var group in leads.GroupBy(l => l.Key).Where(g => g.Any(l => l.Customer is null)).ToList())
        {
            var members = group.OrderBy(l => l.Row.CreatedAt).ToList();
            var customer = Oldest(known.Where(c => c.GroupKey == group.Key))
                ?? Oldest(members.Select(l => l.Customer).OfType<Customer>())
                ?? Oldest(known.Where(c => group.Key.StartsWith("phone:", StringComparison.Ordinal) && "phone:" + c.Phone == group.Key))
                ?? Oldest(known.Where(c => group.Key.StartsWith("email:", StringComparison.Ordinal) && "email:" + c.Email == group.Key));
            if (customer is null)
            {
                customer = new Customer
                {
                    GroupKey = group.Key,
                    Phone = members.Select(l => l.Phone).FirstOrDefault(p => p is not null),
                    Email = members.Select(l => l.Email).FirstOrDefault(e => e is not null),
                    Name = members.Select(l => l.Row.Name?.Trim()).FirstOrDefault(n => !string.IsNullOrEmpty(n)),
                    CreatedAt = DateTime.MaxValue,
                };
                customers.Add(customer);
                created++;
            }
            else
            {
                reused++;
            }

            foreach (var lead in members.Where(l => l.Customer is null))
            {
                lead.Customer = customer;
                linked++;
            }
        }

        return (created, reused, linked);
    }

    private static Customer? Oldest(IEnumerable<Customer> customers) =>
        customers.OrderBy(c => c.CreatedAt).ThenBy(c => long.TryParse(c.Id, out var number) ? number : 0).ThenBy(c => c.Id, StringComparer.Ordinal)
            .FirstOrDefault();

    /// <summary>Fails unless leads are together as in the model, with customers that are as there, and jobs with their leads.</summary>
    private static async Task AssertAsync(CustomerScene scene, List<Customer> customers, List<Lead> leads)
    {
        var rows = (await scene.LeadsAsync()).ToDictionary(l => l.Id, l => l.CustomerId!);
        Assert.All(leads, lead => Assert.NotNull(rows[lead.Row.Id]));
        foreach (var made in leads.Where(l => l.Customer!.Id.Length == 0))
            made.Customer!.Id = rows[made.Row.Id];
        Assert.All(leads, lead => Assert.Equal(lead.Customer!.Id, rows[lead.Row.Id]));
        var found = (await scene.CustomersAsync()).ToDictionary(c => c.Id);
        Assert.Equal(customers.Count, found.Count);
        foreach (var customer in customers.Where(c => c.CreatedAt == DateTime.MaxValue))
        {
            var row = found[customer.Id];
            Assert.Equal((customer.Phone, customer.Email), (row.Phone, row.Email));
            Assert.Equal(customer.Name ?? (scene.Shape.IsUsual ? null : customer.Phone ?? customer.Email ?? customer.GroupKey), row.Name);
        }

        Assert.All(await scene.JobsAsync(), job => Assert.Equal(rows[job.LeadId!], job.CustomerId));
        foreach (var customer in customers)
            customer.CreatedAt = found[customer.Id].CreatedAt;
    }

    private static async Task AddAsync(CustomerScene scene, Random random, List<Customer> customers, List<Lead> leads)
    {
        for (var i = random.Next(4); i > 0; i--)
        {
            var phone = random.Next(2) == 0 ? Phone(random) : null;
            var email = random.Next(2) == 0 ? Email(random) : null;
            var key = random.Next(3) == 0 ? $"phone:{random.NextInt64(8725292140, 8725292160).ToString(CultureInfo.InvariantCulture)}" : null;
            var row = await scene.AddAsync(new TestCustomer
            {
                Name = "Known", Phone = phone, Email = email, Metadata = key is null ? null : $$"""{"groupKey": "{{key}}"}""",
            });
            customers.Add(new Customer
            {
                Id = row.Id, Name = row.Name, Phone = PhoneOf(phone), Email = EmailOf(email), CreatedAt = row.CreatedAt,
                GroupKey = key is null ? null : "phone:" + PhoneOf(key["phone:".Length..]),
            });
        }

        for (var i = random.Next(20, 60); i > 0; i--)
        {
            var customer = customers.Count > 0 && random.Next(12) == 0 ? customers[random.Next(customers.Count)] : null;
            var row = await scene.AddAsync(scene.NewLead() with
            {
                Name = random.Next(5) == 0 ? " " : $"Lead {i}",
                Psid = random.Next(3) == 0 ? random.Next(1, 12).ToString(CultureInfo.InvariantCulture) : null,
                Phone = random.Next(2) == 0 ? Phone(random) : null,
                Email = random.Next(3) == 0 ? Email(random) : null,
                CustomerId = customer?.Id,
            });
            leads.Add(new Lead(row, customer));
            for (var jobs = random.Next(3); jobs > 0; jobs--)
                await scene.AddJobAsync(row);
        }
    }

    private static string Phone(Random random)
    {
        var number = random.NextInt64(8725292140, 8725292160).ToString(CultureInfo.InvariantCulture);
        return random.Next(8) switch
        {
            0 => $"({number[..3]}) {number[3..6]}-{number[6..]}",
            1 => "+1" + number,
            2 => "1-" + number,
            3 => "000-000-0000",
            4 => "12345",
            5 => $"{number} / {number}",
            _ => number,
        };
    }

    private static string Email(Random random) => random.Next(6) switch
    {
        0 => "none",
        1 => "test@test.com",
        2 => $" Person{random.Next(9)}@Mail.Example",
        _ => $"person{random.Next(9)}@mail.example",
    };

    private static string? PhoneOf(string? text)
    {
        if (text is null)
            return null;
        var number = PhoneNumber.Normalize(text) ?? new string([.. text.Where(char.IsAsciiDigit)]);
        return number.Length < 10 || PhoneNumber.IsPlaceholder(number) ? null : number;
    }

    private static string? EmailOf(string? text)
    {
        var folded = text?.Trim().ToLowerInvariant();
        return folded is null || !folded.Contains('@', StringComparison.Ordinal) || folded.StartsWith("test@", StringComparison.Ordinal) ? null : folded;
    }

    private sealed class Customer
    {
        public string Id { get; set; } = "";

        public string? GroupKey { get; init; }

        public string? Name { get; init; }

        public string? Phone { get; init; }

        public string? Email { get; init; }

        public DateTime CreatedAt { get; set; }
    }

    private sealed class Lead(TestLead row, Customer? customer)
    {
        public TestLead Row => row;

        public Customer? Customer { get; set; } = customer;

        public string? Phone { get; } = PhoneOf(row.Phone);

        public string? Email { get; } = EmailOf(row.Email);

        public string Key =>
            row.Psid is not null ? "psid:" + row.Psid : Phone is not null ? "phone:" + Phone : Email is not null ? "email:" + Email : "lead:" + row.Id;
    }
}
