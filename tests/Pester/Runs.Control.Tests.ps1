BeforeAll {
    Import-Module (Join-Path $PSScriptRoot 'PesterHelpers.psm1') -Force
    Import-Linkage
    Import-Module (Join-Path $PSScriptRoot 'DatabaseHelpers.psm1') -Force
    $sandbox = Start-LinkageSandbox
    $count = 0

    # A database whose runs are held from the start, until its probe says otherwise.
    function New-HoldingDatabase {
        param([int] $Deliveries = 300)
        $script:count++
        $connection = New-LinkedDatabase $sandbox "control_$script:count" -Deliveries $Deliveries
        Invoke-TestSql $connection "CREATE TABLE probe (holding text); INSERT INTO probe VALUES ('the night shift is at it')"
        $connection
    }

    # A backfill there that is held before its first batch, in a session of its own.
    function Start-HeldRun {
        param([Parameter(Mandatory)] $Connection, [hashtable] $Parameters = @{})
        Start-HeldBackfill $Connection ($Parameters + @{ ThrottleQuery = 'SELECT holding FROM probe'; BatchSize = 20 })
    }

    function Clear-Hold {
        param([Parameter(Mandatory)] $Connection)
        Invoke-TestSql $Connection 'UPDATE probe SET holding = NULL'
    }

    # What is left to link, by the rules as they stand.
    function Measure-Linkable {
        param([Parameter(Mandatory)] $Connection)
        (Invoke-UserLinkBackfill -Connection $Connection -WhatIf 6>$null).Linked
    }

    function Get-AuditCount {
        param($Connection, $RunId)
        Invoke-TestSql $Connection "SELECT count(*) AS audited, count(DISTINCT record_id) AS records FROM user_link_audit WHERE run_id = '$RunId'"
    }
}

AfterAll {
    Get-LinkageConnection | Disconnect-LinkageDatabase
}

Describe 'A run that is held' {
    It 'says why, from its start and before it changes anything, and how long when it is done' {
        $connection = New-HoldingDatabase
        $linkable = Measure-Linkable $connection
        $run = Start-HeldRun $connection

        $seen = Get-LinkageRun $run.RunId
        $seen.Status, $seen.HeldFor | Should -Be 'running', 'the night shift is at it'
        $seen.Details.Count, $seen.Progress | Should -Be 0, 0
        ($seen | Out-String -Width 120) -replace '\s' | Should -Match '0%'
        ($seen | Format-List | Out-String) | Should -Match 'the night shift is at it'
        Wait-Until $connection "SELECT (holds ->> 'throttle query')::float8 > 0 FROM linkage.run"
        (Get-LinkageRun $run.RunId).Held | Should -BeGreaterThan ([timespan]::Zero)

        Clear-Hold $connection
        $done = Receive-Backfill $run

        $done.Result.Status, $done.Result.Linked | Should -Be 'completed', $linkable
        $done.Result.Held | Should -BeGreaterThan ([timespan]::Zero)
        $done.Result.HeldFor | Should -BeLike 'throttle query * s'
        $after = Get-LinkageRun $run.RunId
        $after.HeldFor | Should -BeNullOrEmpty
        $after.Progress | Should -Be 100
        $after.Held | Should -Be $done.Result.Held
        $said = $done.Progress.Where{ $_.StatusDescription -like 'the night shift is at it (message_deliveries*' }
        $said | Should -Not -BeNullOrEmpty
        $said.SecondsRemaining | Should -Not -BeGreaterThan 0
        $done.Progress.Where{ $_.RecordType -ne 'Completed' }.PercentComplete | ForEach-Object { $_ | Should -BeLessThan 100 }
    }

    It 'is shown on a screen of 120 columns, with the reason' {
        $connection = New-HoldingDatabase
        $run = Start-HeldRun $connection

        $text = Get-LinkageRun $run.RunId | Out-String -Width 120
        $null = Stop-LinkageRun $run.RunId
        $null = Receive-Backfill $run

        $text -split '\r?\n' | ForEach-Object { $_.Length | Should -BeLessOrEqual 120 }
        $text | Should -Match $run.RunId
        # In its column, between words.
        foreach ($line in 'running 0%, held:', 'the night shift', 'is at it') {
            $text | Should -Match "\s$line"
        }
    }
}

Describe 'Suspend-LinkageRun and Resume-LinkageRun' {
    It 'let a run stand still and go on in its own session' {
        $connection = New-HoldingDatabase
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
        $connection = New-HoldingDatabase -Deliveries 50
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
        $connection = New-HoldingDatabase
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
        $connection = New-HoldingDatabase -Deliveries 50
        $run = Start-HeldRun $connection

        $stopped = $run.RunId | ForEach-Object { Suspend-LinkageRun $_ } | Stop-LinkageRun
        $done = Receive-Backfill $run

        $stopped.Status, $done.Result.Status | Should -Be 'stopped', 'stopped'
    }

    It 'leaves whole batches of a run that is at work, and what is resumed ends as if it had never stopped' {
        $connection = New-HoldingDatabase -Deliveries 600
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
        $connection = New-HoldingDatabase -Deliveries 50
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
        $connection = New-HoldingDatabase -Deliveries 50
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

Describe 'A run with -MaxDuration' {
    It 'ends politely when its time is over, and is resumed to its end' {
        $connection = New-HoldingDatabase
        $linkable = Measure-Linkable $connection

        # A tenth of a microsecond is over when the run first looks.
        $result = Invoke-UserLinkBackfill -MaxDuration ([timespan]::FromTicks(1)) -ErrorVariable faults
        $resumed = $result | Resume-LinkageRun

        $faults | Should -BeNullOrEmpty
        $result.Status, $result.Linked | Should -Be 'stopped', 0
        $result.Message | Should -BeLike '*Resume-LinkageRun*'
        $resumed.RunId, $resumed.Status, $resumed.Details.Linked | Should -Be $result.RunId, 'completed', $linkable
        $resumed.MaxDuration, $resumed.Message | Should -Be $null, $null
    }

    It 'may be a dry run, which stays one' {
        $connection = New-HoldingDatabase
        $linkable = Measure-Linkable $connection

        $resumed = Invoke-UserLinkBackfill -DryRun -MaxDuration ([timespan]::FromTicks(1)) | Resume-LinkageRun

        $resumed.DryRun, $resumed.Status, $resumed.Details.Linked | Should -Be $true, 'completed', $linkable
        Measure-Linkable $connection | Should -Be $linkable
    }
}

Describe 'A run whose session died' {
    It 'is interrupted, and Resume-LinkageRun finishes it' {
        $connection = New-HoldingDatabase -Deliveries 600
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
        $connection = New-HoldingDatabase -Deliveries 50
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
        $connection = New-HoldingDatabase
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
        $connection = New-HoldingDatabase
        $run = Invoke-UserLinkBackfill
        $undo = $run | Undo-UserLink -MaxDuration ([timespan]::FromTicks(1)) -Confirm:$false
        $undo.Status | Should -Be 'stopped'

        $resumed = $undo | Resume-LinkageRun

        $resumed.Status, $resumed.Details.RolledBack | Should -Be 'completed', $run.Linked
        (Get-LinkageRun $run.RunId).Status | Should -Be 'undone'
    }

    It 'leaves it stopped at Ctrl+C, to be resumed again' {
        $connection = New-HoldingDatabase
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
        $connection = New-HoldingDatabase
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
        $connection = New-HoldingDatabase -Deliveries 100
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
        $connection = New-HoldingDatabase -Deliveries 20
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
        $first = New-HoldingDatabase -Deliveries 50
        $second = New-HoldingDatabase -Deliveries 50
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

Describe 'How a run is carried out' {
    BeforeAll {
        $connection = New-HoldingDatabase -Deliveries 50
    }

    It 'refuses <Name> <Value>' -ForEach @(
        @{ Name = 'ThrottleLimit'; Value = 0 }
        @{ Name = 'ThrottleLimit'; Value = 65 }
        @{ Name = 'TargetBatchTime'; Value = '0s' }
        @{ Name = 'TargetBatchTime'; Value = 500 }
        @{ Name = 'TargetBatchTime'; Value = '1m' }
        @{ Name = 'MaxDuration'; Value = '0s' }
        @{ Name = 'MaxDuration'; Value = 'soon' }
        @{ Name = 'MaxReplicaLag'; Value = '-1s' }
        @{ Name = 'MaxArchiveBacklog'; Value = -1 }
        @{ Name = 'SkipThrottle'; Value = 'Everything' }
        @{ Name = 'ThrottleQuery'; Value = '' }
    ) {
        $before = Get-DatabaseDigest $connection
        $arguments = @{ $Name = $Value }

        { Invoke-UserLinkBackfill @arguments -ErrorAction Stop } | Should -Throw "*$Name*"
        Get-DatabaseDigest $connection | Should -Be $before
    }

    It 'refuses a throttle query that can''t be used, and a limit for a signal that is left out, before there is a run' {
        $before = Get-DatabaseDigest $connection

        $first = Invoke-UserLinkBackfill -ThrottleQuery 'SELECT holding FROM nowhere' -ErrorAction SilentlyContinue -ErrorVariable unreadable
        $second = Invoke-UserLinkBackfill -MaxReplicaLag 5s -SkipThrottle LockWaits, replicalag -ErrorAction SilentlyContinue -ErrorVariable contradiction

        $unreadable[0].FullyQualifiedErrorId | Should -BeLike 'Linkage.Run.SignalUnreadable,*'
        $unreadable[0].Exception.Message | Should -BeLike '*-ThrottleQuery*nowhere*'
        $contradiction[0].FullyQualifiedErrorId | Should -BeLike 'Linkage.Run.ThrottleContradiction,*'
        $contradiction[0].CategoryInfo.Category | Should -Be 'InvalidArgument'
        $first.Status, $first.RunId, $second.Status, $second.RunId | Should -Be 'failed', $null, 'failed', $null
        Get-DatabaseDigest $connection | Should -Be $before
    }

    It 'takes all of it at once, and the run''s row has the settings' {
        $run = Invoke-UserLinkBackfill -BatchSize 10 -ThrottleLimit 3 -TargetBatchTime 0.25s -MaxDuration 1h -MaxArchiveBacklog 100 -SkipThrottle ReplicaLag, Autovacuum -ThrottleQuery 'SELECT false' |
            Get-LinkageRun

        $run.Status, $run.ThrottleLimit, $run.TargetBatchTime, $run.MaxDuration | Should -Be 'completed', 3, ([timespan]'00:00:00.25'), ([timespan]'01:00')
    }
}
