namespace Linkage.Engine.Tests.UserSync.Differential;

/// <summary>Which accounts get a profile, and what is in it: the rules in plain look-ups, account by account, oldest first.</summary>
internal sealed class ProfileModel
{
    private readonly ProfileShape _shape;
    private readonly Dictionary<string, HashSet<string>> _taken = [];

    public ProfileModel(ProfileShape shape, IEnumerable<Dictionary<string, string?>> profiles)
    {
        _shape = shape;
        foreach (var column in shape.Columns.Where(column => column.UniqueBy is not null))
            _taken[column.Name] = [];
        foreach (var profile in profiles)
            Take(profile);
    }

    /// <summary>The new profile of an account that has none; null where it can't have one, which takes nothing from others.</summary>
    public Dictionary<string, string?>? Make(Account account)
    {
        var profile = _shape.ProfileOf(account);
        foreach (var column in _shape.Columns)
        {
            var value = profile[column.Name];
            if (value is null ? column.IsRequired : !column.Fits(value))
                return null;
            if (value is not null && column.UniqueBy is { } key && _taken[column.Name].Contains(key(value)))
                return null;
        }

        Take(profile);
        return profile;
    }

    private void Take(Dictionary<string, string?> profile)
    {
        foreach (var column in _shape.Columns)
        {
            if (column.UniqueBy is { } key && profile.GetValueOrDefault(column.Name) is { } value)
                _taken[column.Name].Add(key(value));
        }
    }
}
