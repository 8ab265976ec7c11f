using System.Globalization;
using Linkage.Engine.Sandbox;

/// <summary>What the command line may say.</summary>
/// <param name="Deliveries">How many sample deliveries to make.</param>
/// <param name="Version">The major version of PostgreSQL to start; null for the newest found.</param>
/// <param name="BinDirectory">The folder of PostgreSQL's programs; null to search.</param>
/// <param name="Keep">Whether the sandbox stays until Ctrl+C.</param>
internal sealed record Options(int Deliveries, int? Version, string? BinDirectory, bool Keep)
{
    public const string Usage =
        """
        dotnet run --project samples/Quickstart -- [--deliveries N] [--pg VERSION|FOLDER] [--keep]

          --deliveries N   how many sample deliveries to make, 1,000 or more (100,000)
          --pg VERSION     the major version of PostgreSQL to start, 13 to 18 (the newest one found)
          --pg FOLDER      the folder that holds initdb and postgres
          --keep           leave the database running until Ctrl+C, to look around in it
        """;

    /// <exception cref="FormatException">The command line can't be understood; the message says why.</exception>
    public static Options Parse(string[] arguments)
    {
        var options = new Options(100_000, null, null, false);
        for (var i = 0; i < arguments.Length; i++)
        {
            options = arguments[i] switch
            {
                "--deliveries" => options with { Deliveries = Number(Value(), 1_000, 50_000_000) },
                "--pg" when int.TryParse(Value(), out _) =>
                    options with { Version = Number(arguments[i], PostgresBinaries.OldestVersion, PostgresBinaries.NewestVersion) },
                "--pg" => options with { BinDirectory = arguments[i] },
                "--keep" => options with { Keep = true },
                var other => throw new FormatException($"'{other}' is not understood."),
            };

            string Value() => ++i < arguments.Length ? arguments[i] : throw new FormatException($"{arguments[^1]} wants a value.");

            int Number(string text, int least, int most) =>
                int.TryParse(text, NumberStyles.AllowThousands, CultureInfo.InvariantCulture, out var number)
                && number >= least && number <= most
                    ? number
                    : throw new FormatException($"{arguments[i - 1]} wants a number from {least:N0} to {most:N0}; '{text}' is none.");
        }

        return options;
    }
}
