BeforeAll {
    Import-Module (Join-Path $PSScriptRoot 'PesterHelpers.psm1') -Force
    Import-Linkage
    Import-Module (Join-Path $PSScriptRoot 'DatabaseHelpers.psm1') -Force
    $sandbox = Start-LinkageSandbox
}

AfterAll {
    Get-LinkageConnection | Disconnect-LinkageDatabase
}

Describe 'A run that is held' {
    It 'says why, from its start and before it changes anything, and how long when it is done' {
        $connection = New-HoldingDatabase $sandbox
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
        $connection = New-HoldingDatabase $sandbox
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

Describe 'A run with -MaxDuration' {
    It 'ends politely when its time is over, and is resumed to its end' {
        $connection = New-HoldingDatabase $sandbox
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
        $connection = New-HoldingDatabase $sandbox
        $linkable = Measure-Linkable $connection

        $resumed = Invoke-UserLinkBackfill -DryRun -MaxDuration ([timespan]::FromTicks(1)) | Resume-LinkageRun

        $resumed.DryRun, $resumed.Status, $resumed.Details.Linked | Should -Be $true, 'completed', $linkable
        Measure-Linkable $connection | Should -Be $linkable
    }
}

Describe 'How a run is carried out' {
    BeforeAll {
        $connection = New-HoldingDatabase $sandbox -Deliveries 50
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
