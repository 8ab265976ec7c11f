BeforeAll {
    Import-Module (Join-Path $PSScriptRoot 'PesterHelpers.psm1') -Force
    Import-Linkage
    Import-Module (Join-Path $PSScriptRoot 'DatabaseHelpers.psm1') -Force
    $sandbox = Start-LinkageSandbox

    # What no repair mends.
    function Remove-Misfit {
        Invoke-TestSql $connection @'
DELETE FROM auth.users a WHERE is_sso_user AND NOT EXISTS (SELECT FROM users u WHERE u.id = a.id);
DELETE FROM users u WHERE NOT EXISTS (SELECT FROM auth.users a WHERE a.id = u.id);
'@
    }
}

AfterAll {
    Get-LinkageConnection | Disconnect-LinkageDatabase
}

Describe 'Test-UserSync' {
    BeforeEach {
        $connection = New-SyncedDatabase $sandbox
    }

    It 'makes four checks, with all of them summed up in each and in the message of the gravest' {
        $checks = @(Test-UserSync)

        $checks.Check | Should -Be 'GhostUsers', 'OrphanedProfiles', 'UserCountParity', 'UserSyncTrigger'
        $checks[0].Status, $checks[0].Value, $checks[0].Threshold | Should -Be 'Critical', @(Get-GhostId $connection).Count, 0
        $checks[1].Status, $checks[1].Value | Should -Be 'Warning', @(Get-OrphanedProfile).Count
        $checks[3].Status | Should -Be 'Healthy'
        $checks.Details.Overall | Sort-Object -Unique | Should -Be 'critical'
        @($checks | Where-Object Message -Like '*as a whole is critical*').Check | Should -Be 'GhostUsers'
        $checks[0].Details.OldestGhostAt | Should -Be ([datetime]::new(2020, 1, 1, 0, 0, 0, [DateTimeKind]::Utc))
        Test-UserSync -Quiet | Should -BeFalse
    }

    It 'is healthy when both sides match' {
        $null = Get-GhostUser -Repairable | Repair-GhostUser
        Remove-Misfit

        $healthy = @(Test-UserSync)

        $healthy.Status | Sort-Object -Unique | Should -Be 'Healthy'
        $healthy.Details.Overall | Sort-Object -Unique | Should -Be 'healthy'
        $healthy.Message | Should -Not -Match 'as a whole'
        Test-UserSync -Quiet -FailOn Warning | Should -BeTrue
    }

    It 'is critical where the trigger on sign-ups is off' {
        $null = Disable-LinkageTrigger -Trigger on_auth_user_created

        $check = Test-UserSync | Where-Object Check -EQ UserSyncTrigger
        $null = Enable-LinkageTrigger
        $after = Test-UserSync | Where-Object Check -EQ UserSyncTrigger

        $check.Status, $after.Status | Should -Be 'Critical', 'Healthy'
        $check.Message | Should -Match 'Enable-LinkageTrigger'
    }

    It 'emits every record before -FailOn ends it' {
        $seen = [Collections.Generic.List[object]]::new()

        $problem = { Test-UserSync -FailOn Critical | ForEach-Object { $seen.Add($_) } } | Should -Throw -PassThru

        $seen | Should -HaveCount 4
        $problem.FullyQualifiedErrorId | Should -BeLike 'Linkage.Check.Failed,*'
        $problem.Exception.Message | Should -Match 'GhostUsers is Critical'
        $problem.Exception.Message | Should -Not -Match 'OrphanedProfiles'
    }

    It 'ends a runbook with exit code 1 where -FailOn says so, else with 0' {
        $runbook = Join-Path $TestDrive 'runbook.ps1'
        $environment = @{
            PGHOST = $connection.Server; PGPORT = $connection.Port; PGDATABASE = $connection.Database; PGUSER = $connection.User
            PGPASSWORD = $sandbox.GetCredential().GetNetworkCredential().Password; PGSSLMODE = 'disable'
        }
        $codes = foreach ($status in 'Critical', 'Warning', $null) {
            Set-Content -Path $runbook -Value @"
`$ErrorActionPreference = 'Stop'
Import-Module -Name '$((Get-LinkageManifest).FullName)'
Test-UserSync $($status ? "-FailOn $status" : '')
"@
            $start = [Diagnostics.ProcessStartInfo]::new((Get-Process -Id $PID).Path, [string[]] ('-NoProfile', '-NonInteractive', '-File', $runbook))
            $start.RedirectStandardOutput = $true
            $start.RedirectStandardError = $true
            $environment.Keys | ForEach-Object { $start.Environment[$_] = "$($environment[$_])" }
            $process = [Diagnostics.Process]::Start($start)
            $null = $process.StandardError.ReadToEndAsync()
            $shown = $process.StandardOutput.ReadToEnd()
            $process.WaitForExit()
            $shown | Should -Match 'GhostUsers(.|\n)*UserSyncTrigger'
            $process.ExitCode
        }

        $codes | Should -Be 1, 1, 0
    }

    It 'is Unknown, without an error, where user sync is not installed' {
        $bare = New-LinkedDatabase $sandbox 'sync_unknown'

        $checks = @(Test-UserSync -Connection $bare -FailOn Warning -ErrorAction Stop)

        $checks.Check | Should -Be 'GhostUsers', 'OrphanedProfiles', 'UserCountParity', 'UserSyncTrigger'
        $checks.Status | Sort-Object -Unique | Should -Be 'Unknown'
        Test-UserSync -Connection $bare -Quiet | Should -BeFalse
    }
}

Describe 'Save-UserSyncMetric, Get-UserSyncHistory and Get-UserSyncStatistic' {
    BeforeAll {
        $connection = New-SyncedDatabase $sandbox
    }

    BeforeEach {
        Invoke-TestSql $connection 'DELETE FROM user_sync_monitoring_log'
    }

    It 'store what the checks see, and list it, the newest first' {
        $before = Save-UserSyncMetric
        $null = Get-GhostUser -Repairable -First 1 | Repair-GhostUser
        $after = Save-UserSyncMetric

        $before.Status, $before.GhostUsers, ($before.GhostUsers - $after.GhostUsers) | Should -Be 'critical', (@(Get-GhostId $connection).Count + 1), 1
        $before.RecordedAt.Kind | Should -Be 'Utc'
        $history = @(Get-UserSyncHistory)
        $history.Id | Should -Be $after.Id, $before.Id
        $history[1].AuthUsers, $history[1].TriggerEnabled | Should -Be $before.AuthUsers, $true
        $history | Out-String -Width 140 | Should -BeLike '*Recorded (UTC)*Status*Accounts*Ghosts*'
    }

    It 'look back as far as they are told' {
        Invoke-TestSql $connection @'
INSERT INTO user_sync_monitoring_log (recorded_at, status, ghost_users) VALUES
  (now() - interval '1 hour', 'healthy', 0), (now() - interval '13 hours', 'healthy', 0),
  (now() - interval '3 days', 'healthy', 0), (now() - interval '20 days', 'healthy', 0)
'@

        @(Get-UserSyncHistory).Count | Should -Be 3
        @(Get-UserSyncHistory -Last 12h).Count | Should -Be 1
        @(Get-UserSyncHistory 30d).Count | Should -Be 4
        @(Get-UserSyncHistory -Days 2).Count | Should -Be 2
    }

    It 'show what they would store, and store nothing, under -WhatIf' {
        $before = Get-DatabaseDigest $connection

        $foreseen = Save-UserSyncMetric -WhatIf 6>$null

        Get-DatabaseDigest $connection | Should -Be $before
        $done = Save-UserSyncMetric
        $foreseen.Id | Should -BeNullOrEmpty
        foreach ($name in 'Status', 'AuthUsers', 'Profiles', 'GhostUsers', 'OrphanedProfiles', 'SoftDeletedUsers', 'AnonymousUsers', 'OpenFaults', 'TriggerEnabled') {
            $foreseen.$name | Should -Be $done.$name -Because $name
        }
    }

    It 'count now, and measure by the history' {
        Invoke-TestSql $connection @'
INSERT INTO user_sync_monitoring_log (recorded_at, status, ghost_users, trigger_enabled, oldest_ghost_at) VALUES
  (now() - interval '10 days', 'healthy', 0, true, NULL),
  (now() - interval '8 days', 'critical', 3, true, now() - interval '9 days'),
  (now() - interval '5 days', 'healthy', 0, false, NULL)
'@

        $statistic = Get-UserSyncStatistic -Last 30d

        $statistic.GhostUsers, $statistic.Days | Should -Be @(Get-GhostId $connection).Count, 30
        $statistic.ActiveUsers + $statistic.SoftDeletedUsers + $statistic.AnonymousUsers | Should -Be $statistic.AuthUsers
        $statistic.Incidents | Should -Be 1
        $statistic.MeanTimeToDetect.TotalDays, $statistic.MeanTimeToResolve.TotalDays | Should -Be 1, 3
        $statistic.TriggerUptime | Should -Be 50
        (Get-UserSyncStatistic -Last 2d).MeasuredSince | Should -BeNullOrEmpty
        $statistic | Out-String | Should -BeLike '*SyncRate*TriggerUptime*'
    }
}
