BeforeAll {
    Import-Module (Join-Path $PSScriptRoot 'PesterHelpers.psm1') -Force
    Import-Linkage
    Import-Module (Join-Path $PSScriptRoot 'DatabaseHelpers.psm1') -Force
    $sandbox = Start-LinkageSandbox
    $count = 0

    # The accounts of 400 deliveries have ghosts, one of whom can't be repaired, orphans, anonymous and soft-deleted ones.
    function New-SyncedDatabase {
        $script:count++
        $script:connection = New-LinkedDatabase $sandbox "sync_$script:count" -Deliveries 400 -Accounts
        foreach ($n in 1..5) {
            New-Ghost "ghost$n@example.com" "2020-01-0$n"
        }
    }

    # Somebody signs up while nobody makes the profile; returns the account's id.
    function New-Ghost {
        param([string] $Email, [string] $CreatedAt = '2020-02-01', [string] $Metadata = '{}')
        (Invoke-TestSql $connection @"
SET session_replication_role = replica;
INSERT INTO auth.users (id, email, raw_user_meta_data, created_at) VALUES (gen_random_uuid(), '$Email', '$Metadata', '$CreatedAt')
RETURNING id::text AS id;
RESET session_replication_role;
"@).id
    }

    function Get-Profiles {
        (Invoke-TestSql $connection "SELECT md5(string_agg(u::text, ',' ORDER BY id)) AS d FROM users u").d
    }

    # The ghosts by the tables themselves.
    function Get-GhostId {
        (Invoke-TestSql $connection @'
SELECT a.id::text AS id FROM auth.users a
WHERE a.deleted_at IS NULL AND NOT a.is_anonymous AND NOT EXISTS (SELECT FROM users u WHERE u.id = a.id)
ORDER BY a.created_at, a.id
'@).id
    }

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

Describe 'Get-GhostUser' {
    BeforeAll {
        New-SyncedDatabase
    }

    It 'lists each active account without a profile, the oldest first, and writes nothing' {
        $before = Get-DatabaseDigest $connection

        $ghosts = @(Get-GhostUser)

        Get-DatabaseDigest $connection | Should -Be $before
        $ghosts.Id | Should -Be (Get-GhostId)
        $ghosts[0].Email, $ghosts[0].CreatedAt.Kind, $ghosts[0].Repairable | Should -Be 'ghost1@example.com', 'Utc', $true
        $ghosts[0].Server, $ghosts[0].Database, $ghosts[0].ConnectionId | Should -Be $connection.Server, $connection.Database, $connection.ConnectionId
    }

    It 'says of one whose e-mail another profile has that it can''t be repaired, and why' {
        $misfit = @(Get-GhostUser | Where-Object -Not Repairable)

        $misfit | Should -HaveCount 1
        $owner = Invoke-TestSql $connection "SELECT id::text AS id FROM users WHERE email = '$($misfit[0].Email)'"
        $misfit[0].Reason | Should -BeLike "*email*$($misfit[0].Email)*$($owner.id)*"
    }

    It 'filters by wildcards over the reason, by what can be repaired, and stops after the first few' {
        $all = @(Get-GhostUser)

        @(Get-GhostUser -Repairable).Id | Should -Be ($all | Where-Object Repairable).Id
        @(Get-GhostUser -Reason 'nothing', '*IS TAKEN*').Id | Should -Be ($all | Where-Object -Not Repairable).Id
        Get-GhostUser -Reason 'taken' | Should -BeNullOrEmpty
        @(Get-GhostUser -First 2).Id | Should -Be $all[0, 1].Id
    }

    It 'reads as a table, and survives ConvertTo-Json and Export-Csv' {
        $ghosts = @(Get-GhostUser)

        $ghosts | Out-String -Width 160 | Should -BeLike '*Id*Email*Created (UTC)*Repairable*Reason*'
        @($ghosts | ConvertTo-Csv | ConvertFrom-Csv).Id | Should -Be $ghosts.Id
        @($ghosts | ConvertTo-Json | ConvertFrom-Json).Reason | Should -Be $ghosts.Reason
    }

    It 'tells what kept the trigger from making the profile of a new account' {
        Invoke-TestSql $connection "ALTER TABLE users ADD CONSTRAINT no_foo CHECK (email NOT LIKE 'foo%')"
        Invoke-TestSql $connection "INSERT INTO auth.users (id, email, created_at) VALUES (gen_random_uuid(), 'foo@example.com', now())"
        Invoke-TestSql $connection 'ALTER TABLE users DROP CONSTRAINT no_foo'

        $ghost = @(Get-GhostUser | Where-Object Email -EQ 'foo@example.com')

        $ghost | Should -HaveCount 1
        $ghost[0].Reason | Should -BeLike '*23514*no_foo*'
        ($ghost | Repair-GhostUser).Repaired | Should -Be 1
    }

    It 'says that user sync is not installed' {
        $bare = New-LinkedDatabase $sandbox 'sync_bare'

        Get-GhostUser -Connection $bare -ErrorAction SilentlyContinue -ErrorVariable faults | Should -BeNullOrEmpty
        $faults[0].FullyQualifiedErrorId | Should -BeLike 'Linkage.Schema.Missing,*'
    }
}

Describe 'Repair-GhostUser' {
    BeforeEach {
        New-SyncedDatabase
    }

    It 'gives each ghost that it can a profile with the account''s own times, by one run, and Undo-LinkageRun takes them back exactly' {
        $before = Get-Profiles
        $ghosts = @(Get-GhostUser)
        $able = @($ghosts | Where-Object Repairable)

        $run = @(Repair-GhostUser -All -BatchSize 2 -WarningAction SilentlyContinue)

        $run | Should -HaveCount 1
        $run.Status, $run.Processed, $run.Repaired, $run.Failed | Should -Be 'completed', $ghosts.Count, $able.Count, ($ghosts.Count - $able.Count)
        Get-GhostId | Should -Be ($ghosts | Where-Object -Not Repairable).Id
        (Invoke-TestSql $connection 'SELECT count(*) AS n FROM users u JOIN auth.users a USING (id) WHERE u.created_at <> a.created_at').n | Should -Be 0
        (Get-LinkageRun -RunId $run.RunId).Kind | Should -Be 'GhostUserRepair'
        (Invoke-TestSql $connection "SELECT count(*) AS n FROM cleanup_audit_log WHERE run_id = '$($run.RunId)' AND outcome = 'repaired'").n | Should -Be $able.Count

        ($run | Undo-LinkageRun -Confirm:$false).RolledBack | Should -Be $able.Count
        Get-Profiles | Should -Be $before
        @(Get-GhostUser).Id | Should -Be $ghosts.Id
    }

    It 'warns of those who stay ghosts, and never counts them as repaired' {
        $misfit = @(Get-GhostUser | Where-Object -Not Repairable)

        $run = $misfit | Repair-GhostUser -WarningVariable warnings -WarningAction SilentlyContinue

        $run.Status, $run.Repaired, $run.Failed | Should -Be 'completed', 0, 1
        $run.Message | Should -Match 'Get-GhostUser'
        $warnings | Should -HaveCount 1
        Get-GhostId | Should -Contain $misfit[0].Id
    }

    It 'repairs only those that are piped in or named' {
        $ghosts = @(Get-GhostUser -Repairable)

        ($ghosts | Select-Object -First 2 | Repair-GhostUser).Repaired | Should -Be 2
        (Repair-GhostUser $ghosts[2].Id.ToUpperInvariant(), $ghosts[2].Id).Repaired | Should -Be 1

        @(Get-GhostUser -Repairable).Id | Should -Be ($ghosts | Select-Object -Skip 3).Id
    }

    It 'asks which ones are meant, and does nothing where none is piped in' {
        $before = Get-DatabaseDigest $connection

        Repair-GhostUser -ErrorAction SilentlyContinue -ErrorVariable faults | Should -BeNullOrEmpty
        Get-GhostUser -Reason 'nobody' | Repair-GhostUser -ErrorAction Stop | Should -BeNullOrEmpty

        $faults[0].FullyQualifiedErrorId | Should -BeLike 'Linkage.GhostUser.NoneGiven,*'
        Get-DatabaseDigest $connection | Should -Be $before
    }

    It 'refuses ids of no account, each by an error of its own, and repairs the others' {
        $ghost = Get-GhostUser -Repairable -First 1
        $nobody = [guid]::NewGuid().ToString()

        $run = Repair-GhostUser -Id '; DROP TABLE users; --', $ghost.Id, $nobody -ErrorAction SilentlyContinue -ErrorVariable faults

        $run.Repaired | Should -Be 1
        $faults | ForEach-Object { $_.FullyQualifiedErrorId } | Should -BeLike 'Linkage.GhostUser.Unusable,*'
        $faults.TargetObject | Should -Be '; DROP TABLE users; --', $nobody
    }

    It 'leaves alone who is no ghost any more' {
        $ghosts = @(Get-GhostUser -Repairable)
        Invoke-TestSql $connection "INSERT INTO users (id, name) VALUES ('$($ghosts[0].Id)', 'By hand')"
        Invoke-TestSql $connection "UPDATE auth.users SET deleted_at = now() WHERE id = '$($ghosts[1].Id)'"

        $run = $ghosts | Repair-GhostUser

        $run.Skipped, $run.Repaired | Should -Be 2, ($ghosts.Count - 2)
        (Invoke-TestSql $connection "SELECT name FROM users WHERE id = '$($ghosts[0].Id)'").name | Should -Be 'By hand'
    }

    It 'writes nothing under -WhatIf, records only under -DryRun, and both count what is then done' {
        $before = Get-DatabaseDigest $connection
        $profiles = Get-Profiles
        $quiet = @{ WarningAction = 'SilentlyContinue' }

        $foreseen = Repair-GhostUser -All -WhatIf @quiet 6>$null
        $after = Get-DatabaseDigest $connection
        $dry = Repair-GhostUser -All -DryRun @quiet
        $dryProfiles = Get-Profiles
        $done = Repair-GhostUser -All @quiet

        $after | Should -Be $before
        $foreseen.RunId | Should -BeNullOrEmpty
        $dry.DryRun | Should -BeTrue
        $dryProfiles | Should -Be $profiles
        foreach ($name in 'Table', 'Processed', 'Repaired', 'Skipped', 'Failed') {
            $foreseen.$name, $dry.$name | Should -Be $done.$name, $done.$name -Because $name
        }
    }

    It 'names the server and the database before it does anything' {
        $log = New-TemporaryFile
        $null = Start-Transcript -Path $log
        try { $null = Repair-GhostUser -All -WhatIf -WarningAction SilentlyContinue } finally { $null = Stop-Transcript }

        Get-Content -Path $log -Raw | Should -Match "all ghost users on .*$($connection.Database)"
    }

    It 'is undone but for the profiles that were used since, which are reported' {
        $run = Get-GhostUser -Repairable | Repair-GhostUser
        $made = (Invoke-TestSql $connection "SELECT record_id FROM cleanup_audit_log WHERE run_id = '$($run.RunId)' AND outcome = 'repaired' ORDER BY record_id").record_id
        Invoke-TestSql $connection "UPDATE users SET name = 'Changed' WHERE id = '$($made[0])'"

        $undo = $run | Undo-LinkageRun -Confirm:$false -WarningAction SilentlyContinue

        $undo.RolledBack, $undo.Conflicts | Should -Be ($made.Count - 1), 1
        (Invoke-TestSql $connection "SELECT count(*) AS n FROM users WHERE id IN ('$($made -join "', '")')").n | Should -Be 1
    }

    It 'is stopped and resumed like any run' {
        $ghosts = @(Get-GhostUser -Repairable)

        $stopped = $ghosts | Repair-GhostUser -MaxDuration 1ms -BatchSize 1
        $resumed = $stopped | Where-Object Status -EQ stopped | Resume-LinkageRun

        if ($resumed) {
            $resumed.Status | Should -Be 'completed'
        }
        Get-GhostUser -Repairable | Should -BeNullOrEmpty
        (Invoke-TestSql $connection "SELECT count(*) AS n FROM cleanup_audit_log WHERE run_id = '$($stopped.RunId)'").n | Should -Be $ghosts.Count
    }

    It 'works for each ghost where it was found' {
        $first = @(Get-GhostUser -Repairable)
        $firstConnection = $connection
        New-SyncedDatabase
        $second = @(Get-GhostUser -Repairable | Select-Object -First 2)

        $runs = @($first) + @($second) | Repair-GhostUser

        $runs.ConnectionId | Should -Be $firstConnection.ConnectionId, $connection.ConnectionId
        $runs.Repaired | Should -Be $first.Count, $second.Count
    }
}

Describe 'Get-OrphanedProfile' {
    It 'lists each profile without an account, and not those of soft-deleted or anonymous ones' {
        New-SyncedDatabase
        $facts = (Invoke-TestSql $connection 'SELECT id::text AS id FROM users u WHERE NOT EXISTS (SELECT FROM auth.users a WHERE a.id = u.id)').id

        $orphans = @(Get-OrphanedProfile)

        $orphans.Id | Sort-Object | Should -Be ($facts | Sort-Object)
        $orphans[0].Reason | Should -BeLike "*$($orphans[0].Id)*"
        $orphans[0].Server, $orphans[0].ConnectionId | Should -Be $connection.Server, $connection.ConnectionId
        @(Get-OrphanedProfile -First 1).Count | Should -Be 1
        Get-OrphanedProfile -Reason 'nothing' | Should -BeNullOrEmpty
        $orphans | Out-String -Width 160 | Should -BeLike '*Id*Email*Created (UTC)*Reason*'
    }
}

Describe 'Test-UserSync' {
    BeforeEach {
        New-SyncedDatabase
    }

    It 'makes four checks, with all of them summed up in each and in the message of the gravest' {
        $checks = @(Test-UserSync)

        $checks.Check | Should -Be 'GhostUsers', 'OrphanedProfiles', 'UserCountParity', 'UserSyncTrigger'
        $checks[0].Status, $checks[0].Value, $checks[0].Threshold | Should -Be 'Critical', @(Get-GhostId).Count, 0
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
        $bare = New-LinkedDatabase $sandbox "sync_unknown_$count"

        $checks = @(Test-UserSync -Connection $bare -FailOn Warning -ErrorAction Stop)

        $checks.Check | Should -Be 'GhostUsers', 'OrphanedProfiles', 'UserCountParity', 'UserSyncTrigger'
        $checks.Status | Sort-Object -Unique | Should -Be 'Unknown'
        Test-UserSync -Connection $bare -Quiet | Should -BeFalse
    }
}

Describe 'Save-UserSyncMetric, Get-UserSyncHistory and Get-UserSyncStatistic' {
    BeforeAll {
        New-SyncedDatabase
    }

    BeforeEach {
        Invoke-TestSql $connection 'DELETE FROM user_sync_monitoring_log'
    }

    It 'store what the checks see, and list it, the newest first' {
        $before = Save-UserSyncMetric
        $null = Get-GhostUser -Repairable -First 1 | Repair-GhostUser
        $after = Save-UserSyncMetric

        $before.Status, $before.GhostUsers, ($before.GhostUsers - $after.GhostUsers) | Should -Be 'critical', (@(Get-GhostId).Count + 1), 1
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

        $statistic.GhostUsers, $statistic.Days | Should -Be @(Get-GhostId).Count, 30
        $statistic.ActiveUsers + $statistic.SoftDeletedUsers + $statistic.AnonymousUsers | Should -Be $statistic.AuthUsers
        $statistic.Incidents | Should -Be 1
        $statistic.MeanTimeToDetect.TotalDays, $statistic.MeanTimeToResolve.TotalDays | Should -Be 1, 3
        $statistic.TriggerUptime | Should -Be 50
        (Get-UserSyncStatistic -Last 2d).MeasuredSince | Should -BeNullOrEmpty
        $statistic | Out-String | Should -BeLike '*SyncRate*TriggerUptime*'
    }
}

Describe 'Get-UserSyncMapping, Set-UserSyncMapping and Remove-UserSyncMapping' {
    BeforeEach {
        New-SyncedDatabase
    }

    It 'list every column of the profiles in the table''s order' {
        $columns = @(Get-UserSyncMapping)

        $columns.Column | Should -Be 'id', 'phone', 'email', 'name', 'created_at'
        $columns[0].Key, $columns[0].From | Should -Be $true, 'id'
        $columns[3].From, $columns[3].Mapped | Should -Be 'raw_user_meta_data.full_name, raw_user_meta_data.name', $false
        (Get-UserSyncMapping -Column E*, created*).Column | Should -Be 'email', 'created_at'
    }

    It 'fill the profiles of later sign-ups and repairs as they are told' {
        $ghost = New-Ghost 'late@example.com' -Metadata '{"nick": "Late"}'

        $mapped = Set-UserSyncMapping -Column name -From raw_user_meta_data.nick -Value 'New user'
        $null = Repair-GhostUser $ghost
        Invoke-TestSql $connection "INSERT INTO auth.users (id, email, created_at) VALUES (gen_random_uuid(), 'next@example.com', now())"

        $mapped.From, $mapped.Value, $mapped.Mapped | Should -Be 'raw_user_meta_data.nick', 'New user', $true
        (Invoke-TestSql $connection "SELECT name FROM users WHERE email IN ('late@example.com', 'next@example.com') ORDER BY email").name | Should -Be 'Late', 'New user'
        (Test-LinkageSchema -Quiet) | Should -BeTrue
    }

    It 'fill a column whatever its name is' {
        $ghost = New-Ghost 'late@example.com'
        Invoke-TestSql $connection 'ALTER TABLE users ADD COLUMN "a, ""%b" text'

        $null = Set-UserSyncMapping 'a, "%b' -Value 'x'
        $null = Repair-GhostUser $ghost
        Invoke-TestSql $connection "INSERT INTO auth.users (id, email, created_at) VALUES (gen_random_uuid(), 'next@example.com', now())"

        (Invoke-TestSql $connection "SELECT ""a, """"%b"" AS v FROM users WHERE email IN ('late@example.com', 'next@example.com')").v | Should -Be 'x', 'x'
    }

    It 'leave a column alone that is not to be copied' {
        $null = Set-UserSyncMapping name -None
        Invoke-TestSql $connection "INSERT INTO auth.users (id, email, raw_user_meta_data, created_at) VALUES (gen_random_uuid(), 'a@b.c', '{`"name`": `"A`"}', now())"

        (Invoke-TestSql $connection "SELECT name FROM users WHERE email = 'a@b.c'").name | Should -BeNullOrEmpty
    }

    It 'go back to what comparing the tables finds' {
        $found = Get-UserSyncMapping name
        $null = Set-UserSyncMapping name -Value 'New user'

        $removed = Get-UserSyncMapping | Where-Object Mapped | Remove-UserSyncMapping -Confirm:$false

        $removed.Column, $removed.From, $removed.Mapped | Should -Be 'name', $found.From, $false
        (Get-UserSyncMapping name).Expression | Should -Be $found.Expression
        Remove-UserSyncMapping name -Confirm:$false -ErrorAction SilentlyContinue -ErrorVariable faults | Should -BeNullOrEmpty
        $faults[0].FullyQualifiedErrorId | Should -BeLike 'Linkage.ProfileMapping.NotFound,*'
    }

    It 'refuse <What>, and change nothing' -ForEach @(
        @{ What = 'a column that there is not'; Arguments = @{ Column = 'nowhere'; Value = 'x' } }
        @{ What = 'a source that there is not'; Arguments = @{ Column = 'name'; From = 'no_such_column' } }
        @{ What = 'a source of another type'; Arguments = @{ Column = 'created_at'; From = 'email' } }
        @{ What = 'a constant that is no value of the type'; Arguments = @{ Column = 'created_at'; Value = 'yesterdayish' } }
        @{ What = 'another key'; Arguments = @{ Column = 'id'; From = 'email' } }
    ) {
        $before = Get-DatabaseDigest $connection

        foreach ($whatIf in $true, $false) {
            Set-UserSyncMapping @Arguments -WhatIf:$whatIf -ErrorAction SilentlyContinue -ErrorVariable faults | Should -BeNullOrEmpty
            $faults[0].FullyQualifiedErrorId | Should -BeLike 'Linkage.ProfileMapping.Unusable,*'
        }

        Get-DatabaseDigest $connection | Should -Be $before
    }

    It 'show under -WhatIf what they would come to, and write nothing' {
        $found = Get-UserSyncMapping name
        $null = Set-UserSyncMapping name -Value 'New user'
        $before = Get-DatabaseDigest $connection

        $would = Set-UserSyncMapping name -From email.local -WhatIf 6>$null
        $without = Remove-UserSyncMapping name -WhatIf 6>$null

        Get-DatabaseDigest $connection | Should -Be $before
        $would.From, $would.Value, $would.Mapped | Should -Be 'email.local', $null, $true
        $without.From, $without.Value, $without.Mapped | Should -Be $found.From, $null, $false
    }
}

Describe 'The triggers on auth.users' {
    BeforeAll {
        New-SyncedDatabase
    }

    It 'are listed with those of the other tables, the optional one disabled and marked so' {
        $triggers = @(Get-LinkageTrigger -Table auth.users)

        $triggers.Trigger | Should -Be 'on_auth_user_created', 'on_auth_user_updated'
        $triggers.State | Should -Be 'Enabled', 'Disabled'
        $triggers.Optional | Should -Be $false, $true
        @(Get-LinkageTrigger).Count | Should -Be 5
        (Test-LinkageSchema | Where-Object Check -EQ SchemaTriggers).Status | Should -Be 'Healthy'
    }

    It 'are told apart by their names' {
        (Enable-LinkageTrigger -Name on_auth_user_updated).State | Should -Be 'Enabled'
        (Get-LinkageTrigger -Table auth.users).State | Should -Be 'Enabled', 'Enabled'
        (Disable-LinkageTrigger -Trigger *_updated).State | Should -Be 'Disabled'
        (Get-LinkageTrigger -Table auth.users).State | Should -Be 'Enabled', 'Disabled'
    }

    It 'leave the optional one as it is where all are switched' {
        $off = @(Disable-LinkageTrigger)
        $on = @($off | Enable-LinkageTrigger)

        $off.Trigger | Should -Contain 'on_auth_user_created'
        $off.Trigger + $on.Trigger | Should -Not -Contain 'on_auth_user_updated'
        (Get-LinkageTrigger -Table auth.users).State | Should -Be 'Enabled', 'Disabled'
    }
}
