using Linkage.Cmdlets.Database;
using Linkage.Packaging;

switch (args)
{
    case ["help", var folder, var file]:
        Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(file))!);
        new MamlWriter(Pages(folder)).Write().Save(file);
        return 0;
    case ["syntax", var folder]:
        var pages = Pages(folder);
        foreach (var cmdlet in pages.Cmdlets.Where(cmdlet => File.Exists(pages.PathOf(cmdlet))))
            HelpPage.UpdateSyntax(pages.PathOf(cmdlet), SyntaxText.Of(cmdlet));
        return 0;
    default:
        await Console.Error.WriteLineAsync(
            "Linkage.Packaging help FOLDER FILE   makes the module's help file from the pages in FOLDER\n"
            + "Linkage.Packaging syntax FOLDER      brings the syntax on the pages in FOLDER up to date");
        return 2;
}

static HelpPages Pages(string folder) => new(folder, typeof(DatabaseCmdlet).Assembly);
