# docs/runbooks/schedule.md as it is written.

BeforeDiscovery {
    $page = Get-Content -Raw (Join-Path $PSScriptRoot '../../docs/runbooks/schedule.md')
    $blocks = @([regex]::Matches($page, '(?ms)^```powershell[^\n]*\n# (\S+)\n(.*?)^```') | ForEach-Object { @{ Name = $_.Groups[1].Value; Code = $_.Groups[2].Value } })
}

Describe 'The recipe <Name>' -ForEach $blocks {
    It 'is PowerShell' {
        $errors = $null
        $null = [Management.Automation.Language.Parser]::ParseInput($Code, [ref] $null, [ref] $errors)

        $errors | Should -BeNullOrEmpty
    }
}

Describe 'The daily check' -ForEach @{ Blocks = $blocks; Page = $page } {
    BeforeAll {
        Import-Module (Join-Path $PSScriptRoot 'PesterHelpers.psm1') -Force
        Import-Linkage
        Import-Module (Join-Path $PSScriptRoot 'DatabaseHelpers.psm1') -Force
        $sandbox = Start-LinkageSandbox
        $receiver = Start-HttpReceiver
        foreach ($block in $Blocks) {
            Set-Content (Join-Path $TestDrive $block.Name) $block.Code
        }

        # Runs one of the scripts as a scheduler does, and returns its exit code and what it wrote.
        function Invoke-Job {
            param([string] $Name, $Connection, [string] $SlackUrl = "$($receiver.Address)/hook", [int] $Port = $Connection.Port)
            $start = [Diagnostics.ProcessStartInfo]::new((Get-Process -Id $PID).Path, [string[]] ('-NoProfile', '-NonInteractive', '-File', (Join-Path $TestDrive $Name)))
            $start.RedirectStandardOutput = $true
            $start.RedirectStandardError = $true
            $environment = @{
                PGHOST = $Connection.Server; PGPORT = $Port; PGDATABASE = $Connection.Database; PGUSER = $Connection.User; PGSSLMODE = 'disable'
                PGPASSWORD = $sandbox.GetCredential().GetNetworkCredential().Password; SLACK_URL = $SlackUrl; NO_COLOR = '1'
                PSModulePath = "$((Get-LinkageManifest).Directory.Parent.Parent.FullName)$([IO.Path]::PathSeparator)$env:PSModulePath"
            }
            $environment.Keys | ForEach-Object { $start.Environment[$_] = "$($environment[$_])" }
            $process = [Diagnostics.Process]::Start($start)
            $errors = $process.StandardError.ReadToEndAsync()
            $output = $process.StandardOutput.ReadToEnd()
            $process.WaitForExit()
            $told = 0
            $message = $null
            while ($receiver.Received.TryDequeue([ref] $message)) {
                $told++
            }
            [pscustomobject]@{ ExitCode = $process.ExitCode; Output = "$output$($errors.Result)"; Told = $told }
        }

        # Nothing to complain about.
        function New-HealthyDatabase {
            $connection = New-LinkedDatabase $sandbox "healthy_$([guid]::NewGuid().ToString('N'))" -Deliveries 200 -Accounts
            $null = Invoke-UserLinkBackfill -Connection $connection
            Invoke-TestSql $connection @'
DELETE FROM auth.users a WHERE NOT EXISTS (SELECT FROM users u WHERE u.id = a.id);
DELETE FROM users u WHERE NOT EXISTS (SELECT FROM auth.users a WHERE a.id = u.id);
'@
            $connection
        }
    }

    AfterAll {
        Stop-HttpReceiver $receiver
        Get-LinkageConnection | Disconnect-LinkageDatabase
    }

    It 'ends with 0 where nothing is critical' -ForEach 'daily-check.ps1', 'one-line.ps1' {
        $connection = New-HealthyDatabase

        $job = Invoke-Job $_ $connection

        $job.ExitCode | Should -Be 0 -Because $job.Output
        (Invoke-TestSql $connection "SELECT count(*) AS rows FROM linkage.health_history WHERE check_name = 'GhostUsers'").rows | Should -Be 1
    }

    It 'ends with 1 where something is, which is stored and told' -ForEach 'daily-check.ps1', 'one-line.ps1' {
        $connection = New-SyncedDatabase $sandbox

        $job = Invoke-Job $_ $connection

        $job.ExitCode | Should -Be 1
        $job.Told | Should -BeGreaterOrEqual 3
        (Invoke-TestSql $connection "SELECT count(*) AS rows FROM linkage.health_history WHERE check_name IN ('GhostUsers', 'UserSyncTrigger')").rows | Should -Be 2
    }

    It 'ends with 1 where somebody could not be told, and tells the others' {
        $connection = New-HealthyDatabase
        Invoke-TestSql $connection "INSERT INTO users (id, name, phone) VALUES (gen_random_uuid(), 'Orphan', NULL)"

        $job = Invoke-Job 'daily-check.ps1' $connection -SlackUrl "$($receiver.Address)/refuse"

        $job.ExitCode | Should -Be 1
        $job.Output | Should -Match 'OrphanedProfiles is Warning'
        (Invoke-TestSql $connection "SELECT count(*) AS rows FROM linkage.health_history WHERE check_name = 'UserSyncTrigger'").rows | Should -Be 1
    }

    It 'ends with 1 where the database can''t be reached, or a secret is missing' -ForEach 'daily-check.ps1', 'one-line.ps1' {
        $connection = New-HealthyDatabase

        (Invoke-Job $_ $connection -Port 1).ExitCode | Should -Be 1
        $job = Invoke-Job $_ $connection -SlackUrl ' '
        $job.ExitCode | Should -Be 1
        $job.Output | Should -Match 'SLACK_URL'
    }

    It 'is stored by the SQL for pg_cron' {
        $connection = New-SyncedDatabase $sandbox
        # what the extension does with it, at once
        Invoke-TestSql $connection @'
CREATE SCHEMA cron;
CREATE FUNCTION cron.schedule(name text, schedule text, command text) RETURNS bigint LANGUAGE plpgsql AS 'BEGIN EXECUTE command; RETURN 1; END'
'@
        $sql = [regex]::Match($Page, '(?ms)^```sql\n(.*?)^```').Groups[1].Value

        Invoke-TestSql $connection $sql

        $stored = Get-LinkageHealthHistory | Sort-Object Check
        $checks = Test-UserSync | Sort-Object Check
        $stored.Check | Should -Be $checks.Check
        $stored.Status | Should -Be $checks.Status
        $stored.Value | Should -Be $checks.Value
    }
}
