BeforeAll {
    Import-Module (Join-Path $PSScriptRoot 'PesterHelpers.psm1') -Force
    Import-Linkage
    Import-Module (Join-Path $PSScriptRoot 'DatabaseHelpers.psm1') -Force
    $sandbox = Start-LinkageSandbox

    function Get-Profiles {
        (Invoke-TestSql $connection "SELECT md5(string_agg(u::text, ',' ORDER BY id)) AS d FROM users u").d
    }
}

AfterAll {
    Get-LinkageConnection | Disconnect-LinkageDatabase
}

Describe 'Get-GhostUser' {
    BeforeAll {
        $connection = New-SyncedDatabase $sandbox
    }

    It 'lists each active account without a profile, the oldest first, and writes nothing' {
        $before = Get-DatabaseDigest $connection

        $ghosts = @(Get-GhostUser)

        Get-DatabaseDigest $connection | Should -Be $before
        $ghosts.Id | Should -Be (Get-GhostId $connection)
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
        $connection = New-SyncedDatabase $sandbox
    }

    It 'gives each ghost that it can a profile with the account''s own times, by one run, and Undo-LinkageRun takes them back exactly' {
        $before = Get-Profiles
        $ghosts = @(Get-GhostUser)
        $able = @($ghosts | Where-Object Repairable)

        $run = @(Repair-GhostUser -All -BatchSize 2 -WarningAction SilentlyContinue)

        $run | Should -HaveCount 1
        $run.Status, $run.Processed, $run.Repaired, $run.Failed | Should -Be 'completed', $ghosts.Count, $able.Count, ($ghosts.Count - $able.Count)
        Get-GhostId $connection | Should -Be ($ghosts | Where-Object -Not Repairable).Id
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
        Get-GhostId $connection | Should -Contain $misfit[0].Id
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
        $connection = New-SyncedDatabase $sandbox
        $second = @(Get-GhostUser -Repairable | Select-Object -First 2)

        $runs = @($first) + @($second) | Repair-GhostUser

        $runs.ConnectionId | Should -Be $firstConnection.ConnectionId, $connection.ConnectionId
        $runs.Repaired | Should -Be $first.Count, $second.Count
    }
}

Describe 'Get-OrphanedProfile' {
    It 'lists each profile without an account, and not those of soft-deleted or anonymous ones' {
        $connection = New-SyncedDatabase $sandbox
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
