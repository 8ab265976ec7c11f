BeforeAll {
    Import-Module (Join-Path $PSScriptRoot 'PesterHelpers.psm1') -Force
    Import-Linkage
    Import-Module (Join-Path $PSScriptRoot 'DatabaseHelpers.psm1') -Force
    $sandbox = Start-LinkageSandbox
}

AfterAll {
    Get-LinkageConnection | Disconnect-LinkageDatabase
}

Describe 'Suspend-LinkageRun and Resume-LinkageRun' {
    It 'let a run stand still and go on in its own session' {
        $connection = New-HoldingDatabase $sandbox
        $linkable = Measure-Linkable $connection
        $run = Start-HeldRun $connection

        $suspended = Get-LinkageRun -Status running | Suspend-LinkageRun
        $suspended.RunId, $suspended.Status, $suspended.Requested | Should -Be $run.RunId, 'suspended', $null
        $suspended.ConnectionId | Should -Be $connection.ConnectionId
        Clear-Hold $connection
        Wait-Until $connection 'SELECT held_for IS NULL FROM linkage.run'
        (Get-LinkageRun $run.RunId).Status | Should -Be 'suspended'
        (Get-AuditCount $connection $run.RunId).audited | Should -Be 0

        $resumed = $suspended | Resume-LinkageRun -WarningVariable warned
        $done = Receive-Backfill $run

        $resumed.Status | Should -BeIn 'running', 'completed'
        $warned | Should -BeNullOrEmpty
        $done.Errors | Should -BeNullOrEmpty
        $done.Result.Status, $done.Result.Linked | Should -Be 'completed', $linkable
        $done.Progress.StatusDescription -like 'suspended (*' | Should -Not -BeNullOrEmpty
    }

    It 'says that parameters do not reach a run that goes on elsewhere' {
        $connection = New-HoldingDatabase $sandbox -Deliveries 50
        $run = Start-HeldRun $connection
        $null = Suspend-LinkageRun $run.RunId

        $resumed = Resume-LinkageRun $run.RunId -ThrottleLimit 7 -WarningVariable warned -WarningAction SilentlyContinue
        $null = Stop-LinkageRun $run.RunId
        $null = Receive-Backfill $run

        "$warned" | Should -BeLike '*-ThrottleLimit*Set-LinkageRun*'
        $resumed.ThrottleLimit | Should -Be 2
    }
}

Describe 'Stop-LinkageRun' {
    It 'ends a run in another session, whose cmdlet says so without an error' {
        $connection = New-HoldingDatabase $sandbox
        $run = Start-HeldRun $connection

        $stopped = Get-LinkageRun -Status running | Stop-LinkageRun
        $done = Receive-Backfill $run

        $stopped.Status, $stopped.RunId, $stopped.HeldFor | Should -Be 'stopped', $run.RunId, $null
        $stopped.FinishedAt | Should -Not -BeNullOrEmpty
        $done.Errors | Should -BeNullOrEmpty
        $done.Result.Status, $done.Result.RunId | Should -Be 'stopped', $run.RunId
        $done.Result.Message | Should -BeLike '*stopped from another session*Resume-LinkageRun*'
    }

    It 'ends a suspended run too' {
        $connection = New-HoldingDatabase $sandbox -Deliveries 50
        $run = Start-HeldRun $connection

        $stopped = $run.RunId | ForEach-Object { Suspend-LinkageRun $_ } | Stop-LinkageRun
        $done = Receive-Backfill $run

        $stopped.Status, $done.Result.Status | Should -Be 'stopped', 'stopped'
    }

    It 'leaves whole batches of a run that is at work, and what is resumed ends as if it had never stopped' {
        $connection = New-HoldingDatabase $sandbox -Deliveries 600
        $linkable = Measure-Linkable $connection
        Set-SlowUpdate $connection 0.01
        $run = Start-HeldRun $connection
        Clear-Hold $connection
        Wait-Until $connection "SELECT (counts ->> 'processed')::int > 0 FROM linkage.run"

        $stopped = Stop-LinkageRun $run.RunId
        $null = Receive-Backfill $run
        $stopped.Status | Should -Be 'stopped'
        $stopped.Details.Linked | Should -BeLessThan $linkable
        (Get-AuditCount $connection $run.RunId).audited | Should -Be $stopped.Details.Processed

        Clear-SlowUpdate $connection
        $resumed = $stopped | Resume-LinkageRun

        $resumed.RunId, $resumed.Status | Should -Be $run.RunId, 'completed'
        $resumed.Details.Linked, $resumed.Progress | Should -Be $linkable, 100
        $audit = Get-AuditCount $connection $run.RunId
        $audit.audited, $audit.records | Should -Be $resumed.Details.Processed, $resumed.Details.Processed
        Measure-Linkable $connection | Should -Be 0
    }

    It 'asks and does not wait with -Timeout 0s, and warns when the time is over' {
        $connection = New-HoldingDatabase $sandbox -Deliveries 50
        # A session that lives and never listens: this one.
        Invoke-TestSql $connection @'
INSERT INTO linkage.run (id, kind, target, batch, walk, backend_pid, backend_start, heartbeat_at)
SELECT '01990000-0000-7000-8000-000000000003', 'Deaf', 'deaf', 'x', '{}', pid, backend_start, now() + interval '1 hour'
FROM pg_stat_activity WHERE backend_type = 'checkpointer'
'@
        $run = Get-LinkageRun -Kind Deaf

        $asked = $run | Stop-LinkageRun -Timeout 0s -WarningVariable quiet
        $late = $run | Stop-LinkageRun -Timeout 200ms -WarningVariable warned -WarningAction SilentlyContinue
        $lateToo = $run | Suspend-LinkageRun -Timeout 200ms -WarningVariable warnedToo -WarningAction SilentlyContinue

        $asked.Status, $asked.Requested, $late.Status, $lateToo.Requested | Should -Be 'running', 'stop', 'running', 'suspend'
        $quiet | Should -BeNullOrEmpty
        "$warned" | Should -BeLike "*$($run.RunId) on $connection*asked to stop*"
        "$warnedToo" | Should -BeLike "*$($run.RunId) on $connection*"
    }
}

Describe 'Set-LinkageRun' {
    It 'changes workers, batch time and duration, leaves what is not given, and lifts the limit with 0s' {
        $connection = New-HoldingDatabase $sandbox -Deliveries 50
        $run = Start-HeldRun $connection @{ MaxDuration = '5h'; TargetBatchTime = '250ms'; ThrottleLimit = 3 }

        $before = Get-LinkageRun $run.RunId
        $first = $before | Set-LinkageRun -ThrottleLimit 4 -TargetBatchTime 100ms
        $second = $first | Set-LinkageRun -MaxDuration 0s

        $before.ThrottleLimit, $before.TargetBatchTime, $before.MaxDuration | Should -Be 3, ([timespan]'00:00:00.25'), ([timespan]'05:00')
        $first.ThrottleLimit, $first.TargetBatchTime, $first.MaxDuration | Should -Be 4, ([timespan]'00:00:00.1'), ([timespan]'05:00')
        $second.ThrottleLimit, $second.MaxDuration | Should -Be 4, $null

        # It is the run that obeys, not only its row.
        $null = $second | Set-LinkageRun -MaxDuration 1ms
        $done = Receive-Backfill $run
        $done.Result.Status | Should -Be 'stopped'
        $done.Result.Message | Should -BeLike '*time*over*'
    }

    It 'wants something to change' {
        { Set-LinkageRun ([guid]::NewGuid()) -ErrorAction Stop } | Should -Throw -ErrorId 'Linkage.Run.NothingToChange,*'
    }
}

Describe 'A run whose session died' {
    It 'is interrupted, and Resume-LinkageRun finishes it' {
        $connection = New-HoldingDatabase $sandbox -Deliveries 600
        $linkable = Measure-Linkable $connection
        Set-SlowUpdate $connection 0.02
        $process = Start-Pwsh 'Invoke-UserLinkBackfill -BatchSize 20' $sandbox $connection
        try {
            Wait-Until $connection "SELECT (counts ->> 'processed')::int > 0 FROM linkage.run"
        }
        finally {
            $process.Kill($true)
        }
        $process.WaitForExit()
        Wait-Until $connection 'SELECT NOT linkage.run_is_alive(r) FROM linkage.run r'
        Clear-SlowUpdate $connection

        $dead = Get-LinkageRun
        $dead.Status | Should -Be 'interrupted'
        $dead.FinishedAt, $dead.HeldFor, $dead.Requested | Should -Be $null, $null, $null
        $dead | Suspend-LinkageRun -ErrorAction SilentlyContinue -ErrorVariable faults | Should -BeNullOrEmpty
        $faults[0].FullyQualifiedErrorId | Should -BeLike 'Linkage.Run.WrongState,*'
        $faults[0].Exception.Message | Should -BeLike '*Resume-LinkageRun*'

        $resumed = $dead | Resume-LinkageRun

        $resumed.RunId, $resumed.Status, $resumed.Details.Linked | Should -Be $dead.RunId, 'completed', $linkable
        $audit = Get-AuditCount $connection $dead.RunId
        $audit.audited, $audit.records | Should -Be $resumed.Details.Processed, $resumed.Details.Processed
        Measure-Linkable $connection | Should -Be 0
    }

    It 'is stopped at once by Stop-LinkageRun' {
        $connection = New-HoldingDatabase $sandbox -Deliveries 50
        Invoke-TestSql $connection @'
INSERT INTO linkage.run (id, kind, target, batch, walk, heartbeat_at)
VALUES ('01990000-0000-7000-8000-000000000002', 'Stray', 'stray', 'x', '{}', now() - interval '1 minute')
'@
        (Get-LinkageRun -Kind Stray | Stop-LinkageRun).Status | Should -Be 'stopped'
        (Invoke-TestSql $connection 'SELECT status FROM linkage.run').status | Should -Be 'stopped'
    }
}

Describe 'Resume-LinkageRun' {
    It 'emits a run that fails again, beside the error, and finishes it when what ailed it is mended' {
        $connection = New-HoldingDatabase $sandbox
        $linkable = Measure-Linkable $connection
        $stopped = Invoke-UserLinkBackfill -MaxDuration ([timespan]::FromTicks(1))
        Invoke-TestSql $connection 'ALTER FUNCTION linkage.link_users(uuid, jsonb, jsonb, text) RENAME TO lost'

        $failed = $stopped | Resume-LinkageRun -ErrorAction SilentlyContinue -ErrorVariable faults
        Invoke-TestSql $connection 'ALTER FUNCTION linkage.lost(uuid, jsonb, jsonb, text) RENAME TO link_users'

        $failed.RunId, $failed.Status | Should -Be $stopped.RunId, 'failed'
        $faults | Should -HaveCount 1
        $failed.Message | Should -Not -BeNullOrEmpty
        ($failed | Resume-LinkageRun).Details.Linked | Should -Be $linkable
    }

    It 'takes an undo up as well' {
        $connection = New-HoldingDatabase $sandbox
        $run = Invoke-UserLinkBackfill
        $undo = $run | Undo-UserLink -MaxDuration ([timespan]::FromTicks(1)) -Confirm:$false
        $undo.Status | Should -Be 'stopped'

        $resumed = $undo | Resume-LinkageRun

        $resumed.Status, $resumed.Details.RolledBack | Should -Be 'completed', $run.Linked
        (Get-LinkageRun $run.RunId).Status | Should -Be 'undone'
    }

    It 'leaves it stopped at Ctrl+C, to be resumed again' {
        $connection = New-HoldingDatabase $sandbox
        $linkable = Measure-Linkable $connection
        $stopped = Invoke-UserLinkBackfill -MaxDuration ([timespan]::FromTicks(1))
        $shell = [powershell]::Create()
        $null = $shell.AddCommand('Import-Module').AddArgument((Get-LinkageManifest).FullName).AddStatement()
        $null = $shell.AddCommand('Resume-LinkageRun').AddParameter('RunId', $stopped.RunId).AddParameter('Connection', $connection).AddParameter('ThrottleQuery', 'SELECT holding FROM probe')
        $null = $shell.BeginInvoke()
        Wait-Until $connection 'SELECT held_for IS NOT NULL FROM linkage.run'

        $shell.Stop()
        $ended = Get-LinkageRun $stopped.RunId
        $shell.Dispose()

        $ended.Status, $ended.HeldFor | Should -Be 'stopped', $null
        ($ended | Resume-LinkageRun).Details.Linked | Should -Be $linkable
    }

    It 'shows progress, completes it, and is quiet under -ProgressAction' {
        $connection = New-HoldingDatabase $sandbox
        foreach ($action in 'Continue', 'SilentlyContinue') {
            $stopped = Invoke-UserLinkBackfill -DryRun -MaxDuration ([timespan]::FromTicks(1))
            $shell = [powershell]::Create()
            try {
                $null = $shell.AddCommand('Import-Module').AddArgument((Get-LinkageManifest).FullName).AddStatement()
                $null = $shell.AddCommand('Resume-LinkageRun').AddParameter('RunId', $stopped.RunId).AddParameter('Connection', $connection).AddParameter('ProgressAction', $action)
                $result = $shell.Invoke()
                $progress = @($shell.Streams.Progress)
            }
            finally {
                $shell.Dispose()
            }

            $result[0].Status | Should -Be 'completed'
            if ($action -eq 'Continue') {
                $progress[0].Activity | Should -BeLike "Resume-LinkageRun $($stopped.RunId)"
                $progress[-1].RecordType | Should -Be 'Completed'
            }
            else {
                $progress | Should -BeNullOrEmpty
            }
        }
    }
}

Describe 'The cmdlets that control runs' {
    BeforeAll {
        $connection = New-HoldingDatabase $sandbox -Deliveries 100
        $done = Invoke-UserLinkBackfill
        $preview = Invoke-UserLinkBackfill -WhatIf 6>$null
    }

    It '<Name> reports a run that is not there, one that has ended and one that never was, and changes nothing' -ForEach @(
        @{ Name = 'Stop-LinkageRun'; Arguments = @{} }
        @{ Name = 'Suspend-LinkageRun'; Arguments = @{} }
        @{ Name = 'Resume-LinkageRun'; Arguments = @{} }
        @{ Name = 'Set-LinkageRun'; Arguments = @{ ThrottleLimit = 3 } }
    ) {
        $before = Get-DatabaseDigest $connection

        & $Name '01990000-0000-7000-8000-00000000ffff' -Connection $connection @Arguments -ErrorAction SilentlyContinue -ErrorVariable unknown
        $done | & $Name @Arguments -ErrorAction SilentlyContinue -ErrorVariable ended
        $preview | & $Name @Arguments -ErrorAction SilentlyContinue -ErrorVariable none

        $unknown[0].FullyQualifiedErrorId | Should -BeLike 'Linkage.Run.NotFound,*'
        $unknown[0].CategoryInfo.Category | Should -Be 'ObjectNotFound'
        $unknown[0].TargetObject | Should -Be '01990000-0000-7000-8000-00000000ffff'
        $ended[0].FullyQualifiedErrorId | Should -BeLike 'Linkage.Run.WrongState,*'
        $ended[0].CategoryInfo.Category | Should -Be 'InvalidOperation'
        $ended[0].TargetObject | Should -Be $done.RunId
        $ended[0].Exception.Message | Should -BeLike "*$($done.RunId) is completed*"
        $none[0].FullyQualifiedErrorId | Should -BeLike 'Linkage.Run.NoRunId,*'
        Get-DatabaseDigest $connection | Should -Be $before
    }

    It '<Name> writes nothing under -WhatIf, and says where and what' -ForEach @(
        @{ Name = 'Stop-LinkageRun'; Status = 'running'; Arguments = '' }
        @{ Name = 'Suspend-LinkageRun'; Status = 'running'; Arguments = '' }
        @{ Name = 'Resume-LinkageRun'; Status = 'stopped'; Arguments = '' }
        @{ Name = 'Set-LinkageRun'; Status = 'running'; Arguments = '-ThrottleLimit 3 -MaxDuration 0s' }
    ) {
        $connection = New-HoldingDatabase $sandbox -Deliveries 20
        Invoke-TestSql $connection @"
INSERT INTO linkage.run (id, kind, target, batch, walk, status, backend_pid, heartbeat_at)
SELECT '01990000-0000-7000-8000-000000000004', 'Deaf', 'deaf', 'x', '{}', '$Status', pid, now() + interval '1 hour'
FROM pg_stat_activity WHERE backend_type = 'checkpointer'
"@
        $before = Get-DatabaseDigest $connection

        $process = Start-Pwsh "(Get-LinkageRun | $Name -WhatIf $Arguments).Status" $sandbox $connection
        $text = $process.StandardOutput.ReadToEnd() -replace '\s+', ' '
        $process.WaitForExit()

        $text | Should -BeLike "What if:*run 01990000-0000-7000-8000-000000000004 (Deaf of deaf*on $connection*$Status*"
        Get-DatabaseDigest $connection | Should -Be $before
    }

    It 'work on each connection that a record came from' {
        $first = New-HoldingDatabase $sandbox -Deliveries 50
        $second = New-HoldingDatabase $sandbox -Deliveries 50
        $runs = @(Start-HeldRun $first; Start-HeldRun $second)

        $stopped = Get-LinkageRun -Connection $first, $second -Status running | Stop-LinkageRun
        $results = $runs | ForEach-Object { (Receive-Backfill $_).Result }

        $stopped.RunId | Should -Be $runs.RunId
        $stopped.ConnectionId | Should -Be $first.ConnectionId, $second.ConnectionId
        $results.Status | Should -Be 'stopped', 'stopped'
    }

    It 'emit runs that survive ConvertTo-Json and Export-Csv' {
        $run = Get-LinkageRun $done.RunId -Connection $connection

        $json = $run | ConvertTo-Json -WarningVariable warned | ConvertFrom-Json
        $csv = $run, $run | ConvertTo-Csv | ConvertFrom-Csv
        $result = $done | ConvertTo-Json | ConvertFrom-Json

        $warned | Should -BeNullOrEmpty
        $json.Progress, $json.ThrottleLimit, $json.MaxDuration | Should -Be 100, 2, $null
        [timespan] $csv[0].TargetBatchTime | Should -Be ([timespan]'00:00:00.5')
        $csv[0].PSObject.Properties.Value | Should -Not -Match '^(System|Linkage)\.'
        $result.Failed, $result.HeldFor | Should -Be 0, $null
        [timespan] $done.Held | Should -Be ([timespan]::Zero)
    }
}
