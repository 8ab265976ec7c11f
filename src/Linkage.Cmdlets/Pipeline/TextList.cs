using System.Collections.ObjectModel;

namespace Linkage.Cmdlets.Pipeline;

/// <summary>Several texts in one property: a list in a script and in JSON, one text in a CSV file.</summary>
public class TextList : ReadOnlyCollection<string>
{
    internal TextList(IEnumerable<string> texts)
        : base([.. texts])
    {
    }

    /// <summary>All of them in one.</summary>
    public sealed override string ToString() => string.Join("; ", this);
}
