BeforeAll {
    Import-Module (Join-Path $PSScriptRoot 'PesterHelpers.psm1') -Force
    Import-Linkage
    $probe = Get-ProbePath
    Import-Module -Name $probe
    $sandbox = Start-LinkageSandbox
    $login = Get-SandboxLogin $sandbox
    $manifest = (Get-LinkageManifest).FullName

    # Rows are wide, so that the server sends each at once.
    $slowRows = "SELECT repeat(i::text, 9000) FROM generate_series(1, 1000) i, pg_sleep(i * 0.02)"

    # How many statements of the probe the server is running.
    function Get-RunningProbe {
        [int] (Invoke-Probe -Connection $sandbox "SELECT count(*)::text FROM pg_stat_activity WHERE application_name = 'Linkage Invoke-Probe' AND state = 'active' AND pid <> pg_backend_pid()")
    }
}

AfterAll {
    Get-LinkageConnection | Disconnect-LinkageDatabase
}

Describe 'A cmdlet on a database' {
    BeforeEach {
        $first = Connect-LinkageDatabase @login
        $second = Connect-LinkageDatabase @login
    }

    AfterEach {
        $first, $second | Disconnect-LinkageDatabase
    }

    It 'works on the default connection if none is named' {
        Invoke-Probe 'SELECT current_database()::text' | Should -Be $sandbox.Database
    }

    It 'works on each named connection, whether by parameter or from the pipeline' {
        @(Invoke-Probe "SELECT 'x'" -Connection $first, $second).Count | Should -Be 2
        @($first, $second | Invoke-Probe "SELECT 'x'").Count | Should -Be 2
    }

    It 'goes on with the other connections when one fails, and says which one failed' {
        Disconnect-LinkageDatabase -Connection $first

        $output = Invoke-Probe "SELECT 'x'" -Connection $first, $second -OnFailure 'failed' -ErrorVariable faults -ErrorAction SilentlyContinue

        $output | Should -Be "failed $($sandbox.Database)", 'x'
        $faults.Count | Should -Be 1
        $faults[0].FullyQualifiedErrorId | Should -BeLike 'Linkage.Connection.Closed,*'
        $faults[0].TargetObject | Should -Be "$first"
    }

    It 'acts on the connection that a piped record came from' {
        [pscustomobject] @{ ConnectionId = $first.ConnectionId } | Invoke-Probe "SELECT 'x'" | Should -Be 'x'
    }

    It 'refuses a record of a connection that is not open here, or not among those named' {
        $stranger = [pscustomobject] @{ ConnectionId = [guid]::NewGuid() }
        $known = [pscustomobject] @{ ConnectionId = $first.ConnectionId }

        $stranger | Invoke-Probe "SELECT 'x'" -ErrorVariable fault -ErrorAction SilentlyContinue | Should -BeNullOrEmpty
        $fault[0].FullyQualifiedErrorId | Should -BeLike 'Linkage.Connection.Unknown,*'

        $known | Invoke-Probe "SELECT 'x'" -Connection $second -ErrorVariable fault -ErrorAction SilentlyContinue | Should -BeNullOrEmpty
        $fault[0].FullyQualifiedErrorId | Should -BeLike 'Linkage.Connection.Unknown,*'
    }

    It 'shows its name in pg_stat_activity' {
        Invoke-Probe "SELECT current_setting('application_name')" | Should -Be 'Linkage Invoke-Probe'
    }

    It 'works in several runspaces at once on a connection that is passed in' {
        $results = 1..4 | ForEach-Object -Parallel {
            Import-Module $using:manifest, $using:probe
            Invoke-Probe "SELECT '$_'" -Connection $using:first
        }

        $results | Sort-Object | Should -Be '1', '2', '3', '4'
        $first.IsClosed | Should -BeFalse
    }

    It 'falls back to the PG* variables, and to nothing else' {
        $script = "Import-Module '$probe'; try { Invoke-Probe 'SELECT current_user::text' } catch { `$_.FullyQualifiedErrorId }"
        $variables = @{ PGHOST = $sandbox.Server; PGPORT = "$($sandbox.Port)"; PGDATABASE = $sandbox.Database; PGUSER = $sandbox.User; PGSSLMODE = 'disable'
            PGPASSWORD = $sandbox.GetCredential().GetNetworkCredential().Password }

        (Invoke-Pwsh $script -Environment $variables).Output.Trim() | Should -Be $sandbox.User
        (Invoke-Pwsh $script).Output | Should -BeLike 'Linkage.Connection.None,*'
    }
}

Describe 'What the server refuses' {
    It 'is an error with a stable id, the SQLSTATE and what it is about: <Id>' -ForEach @(
        @{ Id = 'Linkage.Database.TableNotFound'; Category = 'ObjectNotFound'; State = '42P01'; Sql = 'SELECT * FROM absent' }
        @{ Id = 'Linkage.Database.ReadOnly'; Category = 'PermissionDenied'; State = '25006'; Sql = 'CREATE TABLE t (i int)' }
        @{ Id = 'Linkage.Database.22012'; Category = 'InvalidOperation'; State = '22012'; Sql = 'SELECT (1/0)::text' }
    ) {
        Invoke-Probe $Sql -Connection $sandbox -ErrorVariable fault -ErrorAction SilentlyContinue

        $fault[0].FullyQualifiedErrorId | Should -BeLike "$Id,*"
        $fault[0].CategoryInfo.Category | Should -Be $Category
        $fault[0].Exception.SqlState | Should -Be $State
        "$($fault[0])" | Should -Match $State
    }

    It 'is terminating if the caller says so' {
        { Invoke-Probe 'SELECT * FROM absent' -Connection $sandbox -ErrorAction Stop } | Should -Throw -ErrorId 'Linkage.Database.TableNotFound,*'
    }
}

Describe 'What has begun' {
    It 'ends on the server when the pipeline has enough' {
        $watch = [Diagnostics.Stopwatch]::StartNew()

        @(Invoke-Probe $slowRows -Connection $sandbox | Select-Object -First 2).Count | Should -Be 2

        $watch.Elapsed.TotalSeconds | Should -BeLessThan 10
        Get-RunningProbe | Should -Be 0
    }

    It 'ends on the server when the user stops it, without an error' {
        $shell = [powershell]::Create([System.Management.Automation.RunspaceMode]::NewRunspace)
        try {
            $null = $shell.AddScript({
                    param($manifest, $probe, $connection)
                    Import-Module $manifest, $probe
                    Invoke-Probe 'SELECT pg_sleep(100)::text' -Connection $connection
                }).AddArgument($manifest).AddArgument($probe).AddArgument($sandbox)
            $null = $shell.BeginInvoke()
            while ((Get-RunningProbe) -eq 0) { }

            $shell.Stop()

            Get-RunningProbe | Should -Be 0
            $shell.Streams.Error | Should -BeNullOrEmpty
            $shell.InvocationStateInfo.State | Should -Be 'Stopped'
        }
        finally {
            $shell.Runspace.Dispose()
            $shell.Dispose()
        }
    }

    It 'emits rows as they come and keeps no more than the pipeline takes' {
        $taken = 0
        Invoke-Probe 'SELECT i::text FROM generate_series(1, 100000) i' -Connection $sandbox | ForEach-Object { $taken++ }

        $taken | Should -Be 100000
    }

    It 'completes its progress' {
        $shell = [powershell]::Create()
        try {
            $null = $shell.AddScript({
                    param($manifest, $probe, $connection)
                    Import-Module $manifest, $probe
                    Invoke-Probe "SELECT 'x'" -Connection $connection
                }).AddArgument($manifest).AddArgument($probe).AddArgument($sandbox).Invoke()

            $shell.Streams.Progress[-1].RecordType | Should -Be 'Completed'
        }
        finally {
            $shell.Runspace.Dispose()
            $shell.Dispose()
        }
    }
}

Describe 'A change' {
    It 'is only shown under -WhatIf, with server and database' {
        $shown = Invoke-Probe "SELECT 'x'" -Connection $sandbox -Ask -WhatIf

        $shown | Should -Be 'WhatIf'
    }

    It 'is made without a question if none is wanted' {
        Invoke-Probe "SELECT 'x'" -Connection $sandbox -Ask -Confirm:$false | Should -Be 'x'
    }
}
