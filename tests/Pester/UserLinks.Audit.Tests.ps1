BeforeAll {
    Import-Module (Join-Path $PSScriptRoot 'PesterHelpers.psm1') -Force
    Import-Linkage
    Import-Module (Join-Path $PSScriptRoot 'DatabaseHelpers.psm1') -Force
    $sandbox = Start-LinkageSandbox
    $count = 0

    function New-Database {
        $script:count++
        New-LinkedDatabase $sandbox "audit_$script:count" -Deliveries 600
    }
}

AfterAll {
    Get-LinkageConnection | Disconnect-LinkageDatabase
}

Describe 'Get-UserLinkAudit' {
    BeforeAll {
        $connection = New-Database
        $run = Invoke-UserLinkBackfill
        $dry = Invoke-UserLinkBackfill -DryRun
    }

    It 'lists what a run examined, given its result' {
        $entries = $run | Get-UserLinkAudit

        $entries.Count | Should -Be $run.Processed
        @($entries | Where-Object Outcome -EQ linked).Count | Should -Be $run.Linked
        $entries[0].Server, $entries[0].Database, $entries[0].ConnectionId | Should -Be $connection.Server, $connection.Database, $connection.ConnectionId
        $entries.CreatedAt.Kind | Sort-Object -Unique | Should -Be 'Utc'
    }

    It 'lists them in time order' {
        $ids = (Get-UserLinkAudit).AuditId | ForEach-Object { [long] $_ }

        $ids | Should -Be ($ids | Sort-Object)
    }

    It 'leaves dry runs out unless they or their run are asked for' {
        Get-UserLinkAudit | Where-Object DryRun | Should -BeNullOrEmpty
        @($dry | Get-UserLinkAudit).Count | Should -Be $dry.Processed
        @(Get-UserLinkAudit -IncludeDryRun).Count | Should -Be ($run.Processed + $dry.Processed)
    }

    It 'takes a phone in any written form' {
        $entry = Get-UserLinkAudit -Outcome linked | Where-Object Phone -Like '+1*' | Select-Object -First 1
        $digits = $entry.Phone.Substring(2)

        (Get-UserLinkAudit -Phone "($($digits.Substring(0, 3))) $($digits.Substring(3, 3))-$($digits.Substring(6))").RecordId |
            Should -Contain $entry.RecordId
    }

    It 'refuses what is no phone' {
        { Get-UserLinkAudit -Phone nonsense -ErrorAction Stop } | Should -Throw -ErrorId 'Linkage.Phone.NotPossible,*'
    }

    It 'does not list everything for a run that there was not' {
        $listed = Invoke-UserLinkBackfill -WhatIf 6>$null | Get-UserLinkAudit -ErrorAction SilentlyContinue -ErrorVariable fault

        $listed | Should -BeNullOrEmpty
        $fault[0].FullyQualifiedErrorId | Should -BeLike 'Linkage.Run.None,*'
    }

    It 'stops when enough was taken' {
        @(Get-UserLinkAudit | Select-Object -First 3).Count | Should -Be 3
        @(Get-UserLinkAudit -First 3).Count | Should -Be 3
    }

    It 'takes times unquoted' {
        @(Get-UserLinkAudit -Since 7d).Count | Should -Be $run.Processed
        Get-UserLinkAudit -Until 7d | Should -BeNullOrEmpty
    }

    It 'goes clean through CSV' {
        $entry = Get-UserLinkAudit -Outcome skipped -First 1
        $read = $entry | ConvertTo-Csv | ConvertFrom-Csv

        $read.Reason | Should -Be $entry.Reason
        $read.Metadata | ConvertFrom-Json | ForEach-Object reason | Should -Be $entry.Reason
    }
}

Describe 'Measure-UserLinkAudit' {
    BeforeAll {
        $connection = New-Database
        $run = Invoke-UserLinkBackfill
        $null = Invoke-UserLinkBackfill -DryRun
    }

    It 'counts by table and outcome' {
        $measure = Measure-UserLinkAudit -Last 24h

        ($measure | Measure-Object -Property Count -Sum).Sum | Should -Be $run.Processed
        ($measure | Where-Object Outcome -EQ linked).Count | Should -Be $run.Linked
        ($measure | Where-Object Outcome -EQ ambiguous).Count | Should -Be $run.Ambiguous
        $measure.Table | Sort-Object -Unique | Should -Be 'message_deliveries'
    }

    It 'lists what is ambiguous, with the guests who have the phone' {
        $found = Measure-UserLinkAudit -Ambiguous

        ($found | Measure-Object -Property Count -Sum).Sum | Should -Be $run.Ambiguous
        $found.Guests | Should -Not -Contain 1
        $found[0].GuestIds -split ', ' | Should -HaveCount $found[0].Guests
    }

    It 'looks only at the time that was asked for' {
        Measure-UserLinkAudit -Since 2020-01-01 -Until 2021-01-01 | Should -BeNullOrEmpty
    }
}

Describe 'Clear-UserLinkAudit' {
    BeforeEach {
        $connection = New-Database
        $run = Invoke-UserLinkBackfill
        Invoke-TestSql $connection "UPDATE user_link_audit SET created_at = created_at - interval '100 days'"
    }

    It 'clears what is old and leaves what an undo needs' {
        $cleared = Clear-UserLinkAudit -OlderThan 90d -Confirm:$false

        $cleared.Status | Should -Be 'completed'
        $cleared.Processed, $cleared.Cleared, $cleared.Kept | Should -Be $run.Processed, ($run.Processed - $run.Linked), $run.Linked
        ($run | Undo-UserLink -Confirm:$false).RolledBack | Should -Be $run.Linked
    }

    It 'writes nothing under -WhatIf, and counts what is then done' {
        $before = Get-DatabaseDigest $connection
        $foreseen = Clear-UserLinkAudit -OlderThan 90d -WhatIf 6>$null

        Get-DatabaseDigest $connection | Should -Be $before
        $done = Clear-UserLinkAudit -OlderThan 90d -Confirm:$false
        $foreseen.RunId | Should -BeNullOrEmpty
        $foreseen.Cleared, $foreseen.Kept | Should -Be $done.Cleared, $done.Kept
    }

    It 'clears all that is old under -Force, and the run then refuses to be undone' {
        (Clear-UserLinkAudit -OlderThan 90d -Force -Confirm:$false).Kept | Should -Be 0

        { $run | Undo-UserLink -Confirm:$false -ErrorAction Stop } | Should -Throw -ErrorId 'Linkage.Run.NothingToUndo,*'
    }

    It 'is a run that Get-LinkageRun lists' {
        $cleared = Clear-UserLinkAudit -OlderThan 90d -Confirm:$false

        (Get-LinkageRun -RunId $cleared.RunId).Kind | Should -Be 'UserLinkAuditClear'
    }

    It 'refuses a number without a unit' {
        { Clear-UserLinkAudit -OlderThan 90 -Confirm:$false } | Should -Throw
    }
}
