namespace Linkage.Engine.Sandbox;

/// <summary>
/// The scripts of <see cref="Supervisor"/>. Both obey the same orders, one a line on standard input: <c>password TEXT</c>,
/// <c>init OPTIONS</c>, <c>setting LINE</c>, <c>start PORT</c>, <c>stop</c> and <c>kill</c>; each answers <c>linkage: ok [DETAIL]</c> or
/// <c>linkage: failed [REASON]</c>. At the end of the input they stop the server, remove the folder and end.
/// </summary>
internal static class SupervisorScript
{
    /// <summary>
    /// Starts the script after it as an orphan in a session of its own, so that neither Ctrl+C at the terminal nor the end of the caller's
    /// process tree reaches it. macOS has no setsid but a perl that can do the same.
    /// </summary>
    public const string ShellLauncher = """
        exec 3<&0 2>&1
        if command -v setsid >/dev/null; then
          setsid /bin/sh -c "$@" <&3 3<&- &
        elif command -v perl >/dev/null; then
          perl -MPOSIX -e 'POSIX::setsid(); exec @ARGV' /bin/sh -c "$@" <&3 3<&- &
        else
          /bin/sh -c "$@" <&3 3<&- &
        fi
        """;

    /// <summary>For /bin/sh; arguments: the folder of programs, the parent of the folder to make, and the major version.</summary>
    public const string Shell = """
        bin=$1 parent=$2 server=
        # Ignored, not handled: a signal meant for the caller must not end the one that cleans up after it.
        trap '' HUP INT QUIT TERM PIPE
        umask 077
        set -f

        ok() { echo "linkage: ok $*"; }
        failed() { echo "linkage: failed $*"; }

        if ! [ -x "$bin/postgres" ] || ! [ -x "$bin/initdb" ]; then
          failed "user $(id -un) can't run the programs in $bin"
          exit
        fi
        if ! folder=$(mktemp -d "$parent/linkage-XXXXXX"); then
          failed "user $(id -un) can't make a folder in $parent"
          exit
        fi
        cd "$folder"
        data=$folder/data log=$folder/server.log
        ok "$folder"

        # postmaster.pid names the server in its first line and tells its state in the eighth.
        ready() {
          [ "$(sed -n 1p "$data/postmaster.pid" 2>/dev/null)" = "$server" ] || return 1
          case $(sed -n 8p "$data/postmaster.pid") in ready*) return 0 ;; esac
          return 1
        }

        start() {
          # A child of this shell and not of pg_ctl, so that its death is known and its process id is never another's.
          "$bin/postgres" -D "$data" -p "$1" >>"$log" 2>&1 </dev/null &
          server=$!
          tries=0
          until ready; do
            tries=$((tries + 1))
            if ! kill -0 "$server" 2>/dev/null; then
              server=
              failed the server ended
              return
            fi
            if [ "$tries" -gt 2400 ]; then
              stop QUIT
              failed the server was not ready within two minutes
              return
            fi
            sleep 0.05
          done
          ok "$server"
        }

        stop() {
          [ -n "$server" ] || return
          kill -s CONT "$server" 2>/dev/null
          kill -s "$1" "$server" 2>/dev/null
          wait "$server"
          server=
        }

        # Every process of the server at once, as when a machine fails; survivors would keep its shared memory, and so prevent a restart.
        crash() {
          [ -n "$server" ] || return
          kill -s STOP "$server" 2>/dev/null
          if [ -r "/proc/$server/task/$server/children" ]; then
            children=$(cat "/proc/$server/task/$server/children")
          else
            children=$(ps -A -o pid= -o ppid= | while read -r child parent; do [ "$parent" = "$server" ] && echo "$child"; done)
          fi
          kill -s KILL "$server" $children 2>/dev/null
          wait "$server"
          server=
        }

        while read -r order detail; do
          case $order in
            password) printf '%s\n' "$detail" >"$folder/password" && ok || failed ;;
            init)
              "$bin/initdb" -D "$data" --pwfile="$folder/password" $detail >>"$log" 2>&1 </dev/null \
                && rm "$folder/password" && ok || failed ;;
            setting) printf '%s\n' "$detail" >>"$data/postgresql.conf" && ok || failed ;;
            start) start "$detail" ;;
            stop) stop INT; ok ;;
            kill) crash; ok ;;
          esac
        done

        # The data is thrown away, so no checkpoint; but not a kill either, which would leave shared memory behind.
        stop QUIT
        cd /
        rm -rf "$folder"
        """;

    /// <summary>
    /// For Windows PowerShell; variables set before it: <c>$bin</c>, the folder of programs, and <c>$parent</c>, that of the folder to make.
    /// </summary>
    public const string PowerShell = """
        $folder = Join-Path $parent ('linkage-' + [IO.Path]::GetRandomFileName())
        $data = Join-Path $folder 'data'

        function Write-Answer($text) { [Console]::Out.WriteLine('linkage: ' + $text); [Console]::Out.Flush() }

        # Output goes to files and not to pipes: the server inherits the handles of pg_ctl, and a reader of a pipe would wait for its end.
        function Invoke-Tool($name, $arguments) {
            $process = Start-Process -FilePath (Join-Path $bin $name) -ArgumentList $arguments -PassThru -NoNewWindow `
                -RedirectStandardOutput (Join-Path $folder 'tool-output.log') -RedirectStandardError (Join-Path $folder 'tool-errors.log')
            $null = $process.Handle # Without a handle of its own the exit code is lost.
            $process.WaitForExit()
            $process.ExitCode -eq 0
        }

        function Get-ServerId { [int](Get-Content (Join-Path $data 'postmaster.pid') -TotalCount 1) }
        # A server that was killed leaves its file behind.
        function Test-Server {
            (Test-Path (Join-Path $data 'postmaster.pid')) -and (Get-Process -Id (Get-ServerId) -ErrorAction SilentlyContinue)
        }
        function Stop-Server($mode) { -not (Test-Server) -or (Invoke-Tool 'pg_ctl' ('stop -w -D "{0}" -m {1}' -f $data, $mode)) }

        try { $null = New-Item -ItemType Directory -Path $folder -ErrorAction Stop } catch { Write-Answer "failed $_"; exit }
        Write-Answer "ok $folder"

        while ($null -ne ($line = [Console]::In.ReadLine())) {
            $order, $detail = $line -split ' ', 2
            $done = $true
            $answer = 'ok'
            switch ($order) {
                'password' { [IO.File]::WriteAllText((Join-Path $folder 'password'), $detail + "`n") }
                'init' {
                    $done = Invoke-Tool 'initdb' ('-D "{0}" --pwfile="{1}" {2}' -f $data, (Join-Path $folder 'password'), $detail)
                    Remove-Item (Join-Path $folder 'password')
                }
                'setting' { [IO.File]::AppendAllText((Join-Path $data 'postgresql.conf'), $detail + "`n") }
                'start' {
                    $log = Join-Path $folder 'server.log'
                    $done = Invoke-Tool 'pg_ctl' ('start -w -t 120 -D "{0}" -l "{1}" -o "-p {2}"' -f $data, $log, $detail)
                    if ($done) { $answer = "ok $(Get-ServerId)" }
                }
                'stop' { $done = Stop-Server 'fast' }
                'kill' {
                    if (Test-Server) {
                        $server = Get-ServerId
                        $children = @(Get-CimInstance Win32_Process -Filter "ParentProcessId = $server" | ForEach-Object ProcessId)
                        Stop-Process -Force -ErrorAction SilentlyContinue -Id (@($server) + $children)
                    }
                }
            }
            if (-not $done) { $answer = 'failed' }
            Write-Answer $answer
        }

        $null = Stop-Server 'immediate'
        # Handles of processes that just ended can hold files for a moment.
        for ($try = 0; $try -lt 50 -and (Test-Path $folder); $try++) {
            Remove-Item -Recurse -Force -ErrorAction SilentlyContinue $folder
            if (Test-Path $folder) { Start-Sleep -Milliseconds 200 }
        }
        """;
}
