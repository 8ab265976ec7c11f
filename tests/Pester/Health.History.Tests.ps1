BeforeAll {
    Import-Module (Join-Path $PSScriptRoot 'PesterHelpers.psm1') -Force
    Import-Linkage
    Import-Module (Join-Path $PSScriptRoot 'DatabaseHelpers.psm1') -Force
    $sandbox = Start-LinkageSandbox

    function Measure-History {
        param($Connection)
        (Invoke-TestSql $Connection 'SELECT count(*) AS rows FROM linkage.health_history').rows
    }
}

AfterAll {
    Get-LinkageConnection | Disconnect-LinkageDatabase
}

Describe 'Save-LinkageHealth' {
    BeforeEach {
        $connection = New-SyncedDatabase $sandbox
    }

    It 'stores every record of every check once, healthy ones too, and says how many' {
        $checks = @(Test-UserSync) + @(Test-DeliveryIntegrity) + @(Test-LinkageSchema) + @(Test-CustomerLinkage) + @(Test-UniqueKey)

        $first = $checks + $checks | Save-LinkageHealth
        $again = $checks | Save-LinkageHealth

        $first.Saved, $first.Removed, $again.Saved | Should -Be $checks.Count, 0, 0
        $first.Database | Should -Be $connection.Database
        Measure-History $connection | Should -Be $checks.Count
        $checks.Status | Should -Contain 'Healthy'
    }

    It 'says with -WhatIf what would be stored and removed, and writes nothing' {
        $null = Test-UserSync | Save-LinkageHealth
        Invoke-TestSql $connection "UPDATE linkage.health_history SET checked_at = checked_at - interval '100 days'"
        $checks = Test-UserSync
        $before = Get-DatabaseDigest $connection

        $foreseen = $checks | Save-LinkageHealth -KeepFor 90d -WhatIf 6>$null
        $after = Get-DatabaseDigest $connection
        $saved = $checks | Save-LinkageHealth -KeepFor 90d

        $after | Should -Be $before
        $foreseen.Saved, $foreseen.Removed | Should -Be 4, 4
        $saved.Saved, $saved.Removed | Should -Be 4, 4
    }

    It 'has stored the records when -FailOn ends the pipeline in an error' {
        { Test-UserSync -FailOn Critical | Save-LinkageHealth } | Should -Throw

        Measure-History $connection | Should -Be 4
    }

    It 'passes the checks on with -PassThru, also those that it can''t store' {
        Invoke-TestSql $connection 'ALTER TABLE linkage.health_history RENAME TO gone'

        $passed = Test-UserSync | Save-LinkageHealth -PassThru -ErrorVariable problems -ErrorAction SilentlyContinue

        $passed.Check | Should -Be 'GhostUsers', 'OrphanedProfiles', 'UserCountParity', 'UserSyncTrigger'
        $problems[0].FullyQualifiedErrorId | Should -BeLike 'Linkage.Schema.Missing,*'
    }

    It 'stores a record where it came from, and nowhere if that is closed' {
        $other = New-SyncedDatabase $sandbox
        $checks = Test-UserSync -Connection $connection, $other

        $saved = $checks | Save-LinkageHealth
        Disconnect-LinkageDatabase -Connection $other
        $checks | Save-LinkageHealth -ErrorVariable problems -ErrorAction SilentlyContinue | Out-Null

        $saved.Database | Should -Be $connection.Database, $other.Database
        $saved.Saved | Should -Be 4, 4
        $problems | Should -HaveCount 4
        $problems[0].FullyQualifiedErrorId | Should -BeLike 'Linkage.Connection.Unknown,*'
        Measure-History $connection | Should -Be 4
    }
}

Describe 'Get-LinkageHealthHistory' {
    BeforeAll {
        $connection = New-SyncedDatabase $sandbox
        $checks = Test-UserSync
        $null = $checks | Save-LinkageHealth
        Invoke-TestSql $connection @'
INSERT INTO linkage.health_history (check_name, status, value, message, checked_at)
SELECT 'Old', 'warning', i, 'Old.', now() - i * interval '1 day' - interval '1 hour' FROM generate_series(0, 19) AS i
'@
    }

    It 'lists what was stored as the check had it' {
        $ghosts = Get-LinkageHealthHistory ghost* -First 1
        $check = $checks | Where-Object Check -EQ GhostUsers

        foreach ($property in 'Server', 'Database', 'ConnectionId', 'Check', 'Status', 'Value', 'Threshold', 'Message') {
            $ghosts.$property | Should -Be $check.$property
        }
        [math]::Abs(($ghosts.CheckedAt - $check.CheckedAt).Ticks) | Should -BeLessThan 10
        $ghosts.Details.OldestGhostAt | Should -Be $check.Details.OldestGhostAt
        $ghosts.SavedBy | Should -Be $connection.User
    }

    It 'lists the last seven days, newest first, or what is asked for' {
        $week = @(Get-LinkageHealthHistory -Check Old)

        $week.Value | Should -Be (0..6)
        @(Get-LinkageHealthHistory -Days 3 -Check Old).Value | Should -Be 0, 1, 2
        @(Get-LinkageHealthHistory -Since 36h -Check Old).Value | Should -Be 0, 1
        @(Get-LinkageHealthHistory -Until 10d -Days 2 -Check Old).Value | Should -Be 10, 11
        @(Get-LinkageHealthHistory -Days 30 -Status Warning -Check Old).Count | Should -Be 20
        @(Get-LinkageHealthHistory -Days 30 -Status Critical).Check | Sort-Object | Should -Be 'GhostUsers', 'UserCountParity'
        @(Get-LinkageHealthHistory -First 2).Count | Should -Be 2
    }

    It 'is clean as JSON' {
        $read = Get-LinkageHealthHistory GhostUsers | ConvertTo-Json | ConvertFrom-Json

        $read.Status, $read.Details.Overall | Should -Be 'Critical', 'critical'
    }
}
