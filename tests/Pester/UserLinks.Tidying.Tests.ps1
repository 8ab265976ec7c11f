BeforeAll {
    Import-Module (Join-Path $PSScriptRoot 'PesterHelpers.psm1') -Force
    Import-Linkage
    Import-Module (Join-Path $PSScriptRoot 'DatabaseHelpers.psm1') -Force
    $sandbox = Start-LinkageSandbox
    $count = 0

    function New-Database {
        $script:count++
        New-LinkedDatabase $sandbox "tidying_$script:count" -Deliveries 400
    }
}

AfterAll {
    Get-LinkageConnection | Disconnect-LinkageDatabase
}

Describe 'Get-LinkSuppression and Clear-LinkSuppression' {
    BeforeEach {
        $connection = New-Database
        $run = Invoke-UserLinkBackfill
        $undo = $run | Undo-UserLink -Confirm:$false
    }

    It 'list what an undo left, given its result' {
        @($undo | Get-LinkSuppression).Count | Should -Be $undo.RolledBack
        $run | Get-LinkSuppression | Should -BeNullOrEmpty
    }

    It 'lift what is piped in, and return it' {
        $some = Get-LinkSuppression | Select-Object -First 7
        $lifted = $some | Clear-LinkSuppression -Confirm:$false

        $lifted.RecordId | Sort-Object | Should -Be ($some.RecordId | Sort-Object)
        (Invoke-UserLinkBackfill).Linked | Should -Be 7
    }

    It 'lift by filter' {
        $record = (Get-LinkSuppression | Select-Object -First 1).RecordId

        (Clear-LinkSuppression -RecordId $record.ToUpperInvariant() -Confirm:$false).RecordId | Should -Be $record
        @(Clear-LinkSuppression -RunId $undo.RunId -Confirm:$false).Count | Should -Be ($undo.RolledBack - 1)
        Get-LinkSuppression | Should -BeNullOrEmpty
    }

    It 'lift nothing without a filter, nor by an empty one' {
        { Clear-LinkSuppression -Confirm:$false -ErrorAction Stop } | Should -Throw -ErrorId 'Linkage.LinkSuppression.NoFilter,*'
        { Clear-LinkSuppression -Table message_deliveries -RunId $null -Confirm:$false } | Should -Throw
        $run | Select-Object -Property Table, @{ Name = 'RunId'; Expression = { $null } } |
            Clear-LinkSuppression -Confirm:$false -ErrorAction SilentlyContinue | Should -BeNullOrEmpty
        @(Get-LinkSuppression).Count | Should -Be $undo.RolledBack
    }

    It 'write nothing under -WhatIf, and list what would be lifted' {
        @(Clear-LinkSuppression -Table message_deliveries -WhatIf 6>$null).Count | Should -Be $undo.RolledBack
        @(Get-LinkSuppression).Count | Should -Be $undo.RolledBack
    }

    It 'lift in the database that the record came from, and in no other' {
        $piped = Get-LinkSuppression -Connection $connection | Select-Object -First 1
        $other = New-Database
        $null = Invoke-UserLinkBackfill -Connection $other | Undo-UserLink -Confirm:$false

        $piped | Clear-LinkSuppression -Confirm:$false | Out-Null

        @(Get-LinkSuppression -Connection $connection).Count | Should -Be ($undo.RolledBack - 1)
        @(Get-LinkSuppression -Connection $other).Count | Should -Be $undo.RolledBack
    }
}

Describe 'Get-LinkageFeatureFlag and Set-LinkageFeatureFlag' {
    BeforeAll {
        $connection = New-Database
    }

    It 'show the flags of linking' {
        $flags = Get-LinkageFeatureFlag

        $flags.Name | Should -Be 'LINK_USER_BY_PHONE', 'LINK_USER_BY_PHONE_FALLBACK_TO_USERS'
        $flags.Enabled | Should -Be $true, $false
        (Get-LinkageFeatureFlag *fallback*).Name | Should -Be 'LINK_USER_BY_PHONE_FALLBACK_TO_USERS'
    }

    It 'switch at once, and not under -WhatIf' {
        (Set-LinkageFeatureFlag LINK_USER_BY_PHONE $false -WhatIf 6>$null).Enabled | Should -BeFalse
        (Get-LinkageFeatureFlag LINK_USER_BY_PHONE).Enabled | Should -BeTrue

        (Set-LinkageFeatureFlag LINK_USER_BY_PHONE $false).Enabled | Should -BeFalse
        (Invoke-UserLinkBackfill -DryRun).Linked | Should -Be 0
        (Get-LinkageFeatureFlag LINK_USER_BY_PHONE | Set-LinkageFeatureFlag -Enabled $true).Enabled | Should -BeTrue
    }

    It 'refuse a misspelt flag' {
        { Set-LinkageFeatureFlag LINK_USER_BY_FONE $false -ErrorAction Stop } | Should -Throw -ErrorId 'Linkage.FeatureFlag.NotFound,*'
    }
}

Describe 'Get-UnlinkedDelivery' {
    BeforeAll {
        $connection = New-Database
    }

    It 'lists all deliveries without a user, and as linkable what a backfill links' {
        $all = Get-UnlinkedDelivery
        $linkable = Get-UnlinkedDelivery -Linkable
        $foreseen = Invoke-UserLinkBackfill -WhatIf 6>$null

        $all.Count | Should -Be (Invoke-TestSql $connection 'SELECT count(*) AS n FROM message_deliveries WHERE user_id IS NULL').n
        $linkable.Count | Should -Be $foreseen.Linked
        $linkable | Where-Object { -not $_.UserId -or -not $_.Linkable -or $_.Reason } | Should -BeNullOrEmpty
        $all | Where-Object { -not $_.Linkable -and -not $_.Reason } | Should -BeNullOrEmpty
    }

    It 'filters by reason and stops at the first' {
        (Get-UnlinkedDelivery -Reason '*several*').Outcome | Sort-Object -Unique | Should -Be 'ambiguous'
        @(Get-UnlinkedDelivery -First 2).Count | Should -Be 2
        @(Get-UnlinkedDelivery | Select-Object -First 2).Count | Should -Be 2
    }

    It 'goes on to what repairs and what explains' {
        $three = Get-UnlinkedDelivery -Linkable | Where-Object Rule -EQ guest | Select-Object -First 3

        ($three[0] | Resolve-UserLink).UserId | Should -Be $three[0].UserId
        ($three | Invoke-GuestDeliveryBackfill).Linked | Should -BeGreaterOrEqual 3
        (Get-UnlinkedDelivery).DeliveryId | Should -Not -Contain $three[0].DeliveryId
    }

    It 'refuses a table that is no target' {
        { Get-UnlinkedDelivery -Table 'users; DROP TABLE users' -ErrorAction Stop } | Should -Throw -ErrorId 'Linkage.Target.NotFound,*'
    }
}

Describe 'Test-DeliveryIntegrity' {
    BeforeAll {
        $connection = New-Database
    }

    It 'emits one flat record per check' {
        $checks = Test-DeliveryIntegrity

        $checks.Check | Should -Be 'DeliveryInconsistencyRate', 'SuppressedDeliveries', 'DeliveryTriggers', 'TriggerSuccessRate', 'BackfillActivity', 'LinkingFlags'
        $checks[0].PSObject.Properties.Name | Should -Be 'Server', 'Database', 'ConnectionId', 'Check', 'Status', 'Value', 'Threshold', 'Message', 'CheckedAt', 'Details'
        ($checks | ConvertTo-Json -Depth 3 | ConvertFrom-Json)[0].Details.Table | Should -Be 'message_deliveries'
        $checks.CheckedAt.Kind | Sort-Object -Unique | Should -Be 'Utc'
    }

    It 'is critical before a backfill, healthy after it, and -Quiet says so' {
        $before = Test-DeliveryIntegrity -Exact | Select-Object -First 1
        Test-DeliveryIntegrity -Quiet | Should -BeFalse
        $null = Invoke-UserLinkBackfill

        $before.Status | Should -Be 'Critical'
        $before.Value | Should -Be (100 * $before.Details.Inconsistent / $before.Details.Deliveries)
        (Test-DeliveryIntegrity | Select-Object -First 1).Status | Should -Be 'Healthy'
        $quiet = Test-DeliveryIntegrity -Quiet
        $quiet | Should -BeOfType [bool]
        $quiet | Should -BeTrue
    }

    It 'takes thresholds in percent' {
        Invoke-TestSql $connection 'UPDATE message_deliveries SET user_id = NULL WHERE id = (SELECT d.id FROM message_deliveries d JOIN event_guests g ON g.id = d.guest_id WHERE d.user_id IS NOT NULL AND g.user_id IS NOT NULL AND g.removed_at IS NULL LIMIT 1)'

        (Test-DeliveryIntegrity -Exact)[0].Status | Should -Be 'Warning'
        (Test-DeliveryIntegrity -Exact -WarningAbove 1)[0].Status | Should -Be 'Healthy'
        (Test-DeliveryIntegrity -Exact -CriticalAbove 0.1)[0].Status | Should -Be 'Critical'
    }

    It 'is unknown, and no error, where Linkage is not installed' {
        $checks = Test-DeliveryIntegrity -Connection $sandbox -ErrorAction Stop

        $checks.Status | Sort-Object -Unique | Should -Be 'Unknown'
        $checks[0].Message | Should -BeLike '*Install-LinkageSchema*'
    }

    It 'goes on with the others where one connection fails' {
        $lost = New-Database
        Disconnect-LinkageDatabase $lost
        $checks = Test-DeliveryIntegrity -Connection $lost, $connection -ErrorAction SilentlyContinue -ErrorVariable fault

        $fault.Count | Should -Be 1
        @($checks | Where-Object Database -EQ $lost.Database).Status | Should -Be 'Unknown'
        @($checks | Where-Object Database -EQ $connection.Database).Count | Should -Be 6
    }
}
