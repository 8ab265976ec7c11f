using System.Globalization;

namespace Linkage.Engine.Sandbox;

/// <summary>
/// PostgreSQL refuses to run as root, so root runs it as somebody else: <c>postgres</c> where that user exists, otherwise <c>nobody</c>.
/// </summary>
/// <param name="Name">The user.</param>
/// <param name="Command">The command and its leading arguments that run the command after them as that user.</param>
internal sealed record UnprivilegedUser(string Name, IReadOnlyList<string> Command)
{
    /// <summary>
    /// Whether the caller must not run the server itself. On Windows <c>pg_ctl</c> drops an administrator's rights by itself.
    /// </summary>
    public static bool IsNeeded => !OperatingSystem.IsWindows() && Environment.IsPrivilegedProcess;

    /// <summary>Finds the user, and the tool of this machine that changes to it.</summary>
    /// <exception cref="SandboxException">There is neither such a user nor such a tool.</exception>
    public static async Task<UnprivilegedUser> FindAsync(CancellationToken cancellation)
    {
        foreach (var name in (string[])["postgres", "nobody"])
        {
            var (exitCode, output) = await ToolRunner.RunAsync("id", ["-g", name], cancellation);
            if (exitCode == 0)
                return new UnprivilegedUser(name, CommandFor(name, int.Parse(output, CultureInfo.InvariantCulture)));
        }
        throw new SandboxException(
            "PostgreSQL refuses to run as root, and neither a user 'postgres' nor 'nobody' exists. Create one, or run as another user.");
    }

    private static string[] CommandFor(string name, int group)
    {
        if (ToolRunner.FindOnPath("setpriv") is { } setpriv)
            return [setpriv, "--reuid", name, "--regid", group.ToString(CultureInfo.InvariantCulture), "--clear-groups", "--"];
        if (ToolRunner.FindOnPath("runuser") is { } runuser)
            return [runuser, "-u", name, "--"];
        if (ToolRunner.FindOnPath("sudo") is { } sudo)
            return [sudo, "-n", "-u", name, "--"];
        // The login shell of such users is often nologin, hence -s; the first word after the user is $0 of that shell.
        if (ToolRunner.FindOnPath("su") is { } su)
            return [su, "-s", "/bin/sh", "-c", "exec \"$@\"", "--", name, "sh"];
        throw new SandboxException(
            $"PostgreSQL refuses to run as root, and no tool changes to user '{name}'. "
            + "Install setpriv, runuser, sudo or su, or run as another user.");
    }
}
