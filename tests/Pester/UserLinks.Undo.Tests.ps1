BeforeAll {
    Import-Module (Join-Path $PSScriptRoot 'PesterHelpers.psm1') -Force
    Import-Linkage
    Import-Module (Join-Path $PSScriptRoot 'DatabaseHelpers.psm1') -Force
    $sandbox = Start-LinkageSandbox
    $count = 0

    function New-Database {
        param([int] $Deliveries = 300)
        $script:count++
        New-LinkedDatabase $sandbox "undo_$script:count" -Deliveries $Deliveries
    }

    # Who has which user.
    function Get-Link {
        param($Connection)
        (Invoke-TestSql $Connection "SELECT md5(string_agg(id || coalesce(user_id::text, ''), ' ' ORDER BY id)) AS links FROM message_deliveries").links
    }
}

AfterAll {
    Get-LinkageConnection | Disconnect-LinkageDatabase
}

Describe 'Undo-UserLink' {
    It 'takes back what was piped in, exactly' {
        $connection = New-Database
        $before = Get-Link $connection

        $run = Invoke-UserLinkBackfill
        $linked = Get-Link $connection
        $undo = $run | Undo-UserLink -Confirm:$false

        $linked | Should -Not -Be $before
        Get-Link $connection | Should -Be $before
        $undo.UndoneRunId | Should -Be $run.RunId
        $undo.RunId | Should -Not -Be $run.RunId
        $undo.Status, $undo.RolledBack, $undo.Processed, $undo.Conflicts | Should -Be 'completed', $run.Linked, $run.Linked, 0
        (Get-LinkageRun $run.RunId).Status | Should -Be 'undone'
    }

    It 'can itself be undone, and again, by the pipeline' {
        $connection = New-Database
        $before = Get-Link $connection
        $run = Invoke-UserLinkBackfill
        $linked = Get-Link $connection

        $redo = $run | Undo-UserLink -Confirm:$false | Undo-UserLink -Confirm:$false
        Get-Link $connection | Should -Be $linked
        $redo.RolledBack | Should -Be $run.Linked

        $redo | Undo-UserLink -Confirm:$false | Out-Null
        Get-Link $connection | Should -Be $before
    }

    It 'leaves alone what somebody changed since, reports it, and takes just that on a second try' {
        $connection = New-Database
        $run = Invoke-UserLinkBackfill
        $changed = Invoke-TestSql $connection @"
WITH mine AS (
  SELECT a.record_id, a.linked_user_id FROM user_link_audit a WHERE a.run_id = '$($run.RunId)' AND a.outcome = 'linked' ORDER BY a.id LIMIT 3
)
UPDATE message_deliveries d SET user_id = (SELECT u.id FROM users u WHERE u.id <> d.user_id ORDER BY u.id LIMIT 1)
FROM mine WHERE d.id = mine.record_id RETURNING d.id::text, mine.linked_user_id::text AS was, d.user_id::text AS now
"@
        $undo = $run | Undo-UserLink -Confirm:$false

        $undo.Conflicts, $undo.RolledBack | Should -Be 3, ($run.Linked - 3)
        (Get-LinkageRun $run.RunId).Status | Should -Be 'partly undone'
        foreach ($row in $changed) {
            (Invoke-TestSql $connection "SELECT user_id::text AS u FROM message_deliveries WHERE id = '$($row.id)'").u | Should -Be $row.now
            $null = Invoke-TestSql $connection "UPDATE message_deliveries SET user_id = '$($row.was)' WHERE id = '$($row.id)'"
        }
        $second = $run | Undo-UserLink -Confirm:$false
        $second.Processed, $second.RolledBack, $second.Conflicts | Should -Be 3, 3, 0
        (Get-LinkageRun $run.RunId).Status | Should -Be 'undone'
    }

    It 'keeps undone what was undone, until -AllowRelink says otherwise' {
        New-Database | Out-Null
        $run = Invoke-UserLinkBackfill
        $run | Undo-UserLink -Confirm:$false | Out-Null

        $again = Invoke-UserLinkBackfill
        $again.Linked, $again.Suppressed | Should -Be 0, $run.Linked

        New-Database | Out-Null
        Invoke-UserLinkBackfill | Undo-UserLink -AllowRelink -Confirm:$false | Out-Null
        (Invoke-UserLinkBackfill).Linked | Should -Be $run.Linked
    }

    It 'takes back by time what triggers linked too' {
        $connection = New-Database -Deliveries 60
        $null = Invoke-TestSql $connection @'
INSERT INTO message_deliveries (message_id, guest_id, phone_number)
SELECT NULL, g.id, NULL FROM event_guests g WHERE g.user_id IS NOT NULL AND g.removed_at IS NULL LIMIT 4
'@
        $run = Invoke-UserLinkBackfill

        $undo = Undo-UserLink -Since 1h -Confirm:$false

        $undo.UndoneRunId | Should -BeNullOrEmpty
        $undo.RolledBack | Should -Be ($run.Linked + 4)
        (Invoke-TestSql $connection 'SELECT count(*) AS n FROM message_deliveries WHERE message_id IS NULL AND user_id IS NOT NULL').n | Should -Be 0
        (Get-LinkageRun $run.RunId).Status | Should -Be 'undone'
    }

    It 'writes nothing under -WhatIf, and counts what it then does: <By>' -ForEach @(
        @{ By = 'by run'; Arguments = { @{ RunId = $run.RunId } } }
        @{ By = 'by time'; Arguments = { @{ Since = '1h' } } }
    ) {
        $connection = New-Database
        $run = Invoke-UserLinkBackfill
        $null = Invoke-TestSql $connection 'UPDATE message_deliveries SET user_id = NULL WHERE id IN (SELECT id FROM message_deliveries WHERE user_id IS NOT NULL ORDER BY id LIMIT 40)'
        $arguments = & $Arguments
        $before = Get-DatabaseDigest $connection

        $foreseen = Undo-UserLink @arguments -WhatIf 6>$null
        $after = Get-DatabaseDigest $connection
        $done = Undo-UserLink @arguments -Confirm:$false

        $after | Should -Be $before
        $foreseen.RunId | Should -BeNullOrEmpty
        $foreseen.Status | Should -Be 'preview'
        $done.RolledBack | Should -BeGreaterThan 0
        foreach ($name in 'Processed', 'RolledBack', 'Unchanged', 'Conflicts') {
            $foreseen.$name | Should -Be $done.$name -Because $name
        }
    }

    It 'records under -DryRun, and changes no data' {
        $connection = New-Database
        $run = Invoke-UserLinkBackfill
        $linked = Get-Link $connection

        $dry = $run | Undo-UserLink -DryRun -Confirm:$false

        Get-Link $connection | Should -Be $linked
        $dry.RolledBack, $dry.DryRun | Should -Be $run.Linked, $true
        (Get-LinkageRun $run.RunId).Status | Should -Be 'completed'
        (Invoke-TestSql $connection "SELECT count(*) AS n FROM linkage.link_suppression").n | Should -Be 0
    }

    It 'refuses what it cannot undo: <What>' -ForEach @(
        @{ What = 'a result of -WhatIf'; Id = 'Linkage.Run.NoRunId'; Get = { Invoke-UserLinkBackfill -WhatIf 6>$null } }
        @{ What = 'a run that does not exist'; Id = 'Linkage.Run.NotFound'; Get = { [pscustomobject] @{ RunId = '01990000-0000-7000-8000-00000000ffff' } } }
        @{ What = 'a dry run'; Id = 'Linkage.Run.NothingToUndo'; Get = { Invoke-UserLinkBackfill -DryRun } }
        @{ What = 'what is undone already'; Id = 'Linkage.Run.NothingToUndo'; Get = { $run = Invoke-UserLinkBackfill; $run | Undo-UserLink -Confirm:$false | Out-Null; $run } }
        @{ What = 'a run that linked no users'; Id = 'Linkage.UserLinks.OtherRun'; Get = {
                Invoke-TestSql $connection @'
INSERT INTO linkage.run (id, kind, target, status, batch, walk, undo) VALUES
('01990000-0000-7000-8000-00000000eeee', 'CustomerBackfill', '"Lead"', 'completed', 'x', '{}', '{"batch": "undo_something_else", "walk": {}}')
'@
                Get-LinkageRun -Kind CustomerBackfill
            }
        }
    ) {
        $connection = New-Database -Deliveries 60
        $record = & $Get
        $before = Get-DatabaseDigest $connection

        $null = $record | Undo-UserLink -Confirm:$false -ErrorAction SilentlyContinue -ErrorVariable faults

        $faults.Count | Should -Be 1
        $faults[0].FullyQualifiedErrorId | Should -BeLike "$Id,*"
        Get-DatabaseDigest $connection | Should -Be $before
    }

    It 'never acts in one database on what was found in another' {
        $found = New-Database
        $other = New-Database
        $run = Invoke-UserLinkBackfill -Connection $found
        $null = Invoke-UserLinkBackfill -Connection $other
        $links = Get-Link $other

        $run | Undo-UserLink -Connection $other -Confirm:$false -ErrorAction SilentlyContinue -ErrorVariable faults
        $undo = $run | Undo-UserLink -Confirm:$false

        $faults[0].FullyQualifiedErrorId | Should -BeLike 'Linkage.Connection.Unknown,*'
        Get-Link $other | Should -Be $links
        $undo.ConnectionId, $undo.RolledBack | Should -Be $found.ConnectionId, $run.Linked
    }

    It 'asks once for each run by what it did and where, and does what the answer says' {
        $connection = New-Database -Deliveries 100
        $first = Invoke-UserLinkBackfill -BatchSize 20
        $second = Invoke-GuestDeliveryBackfill -GuestId (Invoke-TestSql $connection "SELECT id::text FROM event_guests LIMIT 1").id -UserId (Invoke-TestSql $connection "SELECT id::text FROM users LIMIT 1").id

        $process = Start-Pwsh "Get-LinkageRun | Undo-UserLink | Select-Object -ExpandProperty UndoneRunId" $sandbox $connection -Interactive
        $process.StandardInput.WriteLine('n')
        $process.StandardInput.WriteLine('y')
        $process.StandardInput.Close()
        $text = $process.StandardOutput.ReadToEnd() -replace '\s+', ' '
        $process.WaitForExit()

        [regex]::Matches($text, 'Are you sure').Count | Should -Be 2
        $text | Should -BeLike "*run $($first.RunId) (UserLinkBackfill of message_deliveries, *, Processed $($first.Processed),*) on $connection*"
        (Get-LinkageRun $first.RunId).Status | Should -Be 'undone'
        (Get-LinkageRun $second.RunId).Status | Should -Be 'completed'
    }

    It 'goes on where it was interrupted' -Skip:$IsWindows {
        $connection = New-Database -Deliveries 600
        $before = Get-Link $connection
        $run = Invoke-UserLinkBackfill
        Set-SlowUpdate $connection 0.02

        $process = Start-Pwsh "Undo-UserLink $($run.RunId) -BatchSize 50 -Confirm:`$false" $sandbox $connection
        Wait-Until $connection "SELECT (counts ->> 'processed')::int > 0 FROM linkage.run WHERE kind = 'Undo'"
        & /bin/kill -INT $process.Id
        $process.WaitForExit(20000) | Should -BeTrue

        $stopped = Get-LinkageRun -Kind Undo
        $stopped.Status | Should -Be 'stopped'
        Clear-SlowUpdate $connection
        $undo = Undo-UserLink $run.RunId -Confirm:$false

        $undo.RunId, $undo.Status, $undo.RolledBack | Should -Be $stopped.RunId, 'completed', $run.Linked
        Get-Link $connection | Should -Be $before
    }
}

Describe 'Undo-LinkageRun' {
    It 'undoes what Get-LinkageRun finds' {
        $connection = New-Database
        $before = Get-Link $connection
        $run = Invoke-UserLinkBackfill

        $undo = Get-LinkageRun -Kind UserLinkBackfill -Last 1h | Undo-LinkageRun -Confirm:$false

        $undo.UndoneRunId, $undo.RolledBack | Should -Be $run.RunId, $run.Linked
        Get-Link $connection | Should -Be $before
    }

    It 'writes nothing under -WhatIf' {
        $connection = New-Database
        $run = Invoke-UserLinkBackfill
        $before = Get-DatabaseDigest $connection

        $foreseen = $run | Undo-LinkageRun -WhatIf 6>$null

        Get-DatabaseDigest $connection | Should -Be $before
        $foreseen.RolledBack | Should -Be $run.Linked
    }

    It 'reports one that does not exist, and goes on' {
        New-Database | Out-Null
        $run = Invoke-UserLinkBackfill

        $results = '01990000-0000-7000-8000-00000000ffff', $run.RunId |
            ForEach-Object { [pscustomobject] @{ RunId = $_ } } |
            Undo-LinkageRun -Confirm:$false -ErrorAction SilentlyContinue -ErrorVariable faults

        $results.Status | Should -Be 'failed', 'completed'
        $faults[0].FullyQualifiedErrorId | Should -BeLike 'Linkage.Run.NotFound,*'
        $faults[0].CategoryInfo.Category | Should -Be 'ObjectNotFound'
        $faults[0].TargetObject | Should -Be '01990000-0000-7000-8000-00000000ffff'
    }
}
