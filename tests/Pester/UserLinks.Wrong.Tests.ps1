BeforeAll {
    Import-Module (Join-Path $PSScriptRoot 'PesterHelpers.psm1') -Force
    Import-Linkage
    Import-Module (Join-Path $PSScriptRoot 'DatabaseHelpers.psm1') -Force
    $sandbox = Start-LinkageSandbox
    $count = 0

    # A few guests of deliveries that a backfill linked have moved to another user since.
    function New-WrongDatabase {
        $script:count++
        $script:connection = New-LinkedDatabase $sandbox "wrong_$script:count" -Deliveries 400
        # what the sample has of its own is of no use to a test that counts
        Invoke-TestSql $script:connection @"
UPDATE message_deliveries d SET user_id = g.user_id FROM event_guests g
WHERE g.id = d.guest_id AND d.user_id IS NOT NULL AND g.user_id IS NOT NULL;
"@
        $null = Invoke-UserLinkBackfill
        Invoke-TestSql $script:connection @"
WITH chosen AS (
  SELECT DISTINCT ON (g.id) g.id, g.user_id, row_number() OVER (ORDER BY g.id) AS n
  FROM event_guests g JOIN message_deliveries d ON d.guest_id = g.id AND d.user_id = g.user_id
  JOIN user_link_audit a ON a.record_id = d.id AND a.outcome = 'linked' AND a.rule = 'guest'
  WHERE g.removed_at IS NULL
  ORDER BY g.id
  LIMIT 3
)
UPDATE event_guests g SET user_id = (SELECT id FROM users u WHERE u.id <> c.user_id ORDER BY id LIMIT 1) FROM chosen c WHERE g.id = c.id;
"@
    }

    function Get-Count {
        param([string] $Where = 'true')
        (Invoke-TestSql $connection "SELECT count(*) AS n FROM message_deliveries WHERE $Where").n
    }

    function Get-Users {
        (Invoke-TestSql $connection "SELECT md5(string_agg(id::text || coalesce(user_id::text, '-'), ',' ORDER BY id)) AS d FROM message_deliveries").d
    }
}

AfterAll {
    Get-LinkageConnection | Disconnect-LinkageDatabase
}

Describe 'Get-WrongUserLink' {
    BeforeAll {
        New-WrongDatabase
        $wrong = @(Get-WrongUserLink)
    }

    It 'lists each delivery whose guest moved to another user, in key order, and writes nothing' {
        $before = Get-DatabaseDigest $connection
        $again = @(Get-WrongUserLink)

        Get-DatabaseDigest $connection | Should -Be $before
        $facts = Invoke-TestSql $connection @'
SELECT d.id::text AS id, d.user_id::text AS has, g.user_id::text AS wants FROM message_deliveries d JOIN event_guests g ON g.id = d.guest_id
WHERE g.removed_at IS NULL AND d.user_id <> g.user_id ORDER BY d.id
'@
        $again.Count | Should -BeGreaterThan 2
        $again.DeliveryId | Should -Be $facts.id
        $again.UserId | Should -Be $facts.has
        $again.ExpectedUserId | Should -Be $facts.wants
    }

    It 'tells how the link was made' {
        $backfilled = $wrong | Where-Object Source -EQ backfill | Select-Object -First 1
        $audit = Get-UserLinkAudit -RecordId $backfilled.DeliveryId | Where-Object Outcome -EQ linked

        $backfilled.RunId, $backfilled.LinkedAt, $backfilled.Rule | Should -Be $audit.RunId, $audit.CreatedAt, 'guest'
        $backfilled.Reason | Should -Be 'its guest moved to another user'
        $backfilled.Server, $backfilled.ConnectionId | Should -Be $connection.Server, $connection.ConnectionId
    }

    It 'filters by wildcards over each reason, and stops after the first few' {
        @(Get-WrongUserLink -Reason '*MOVED*').DeliveryId | Should -Be ($wrong | Where-Object Reason -Like '*moved*').DeliveryId
        @(Get-WrongUserLink -Reason 'nothing', 'its guest*').Count | Should -Be $wrong.Count
        Get-WrongUserLink -Reason 'moved' | Should -BeNullOrEmpty
        @(Get-WrongUserLink -First 2).DeliveryId | Should -Be $wrong[0, 1].DeliveryId
    }

    It 'reads as a table, and survives ConvertTo-Json and Export-Csv' {
        $wrong | Out-String -Width 140 | Should -BeLike '*DeliveryId*Reason*guest*'
        @($wrong | ConvertTo-Csv | ConvertFrom-Csv).Reason | Should -Be $wrong.Reason
        @($wrong | ConvertTo-Json | ConvertFrom-Json).ExpectedUserId | Should -Be $wrong.ExpectedUserId
    }

    It 'refuses a table that is no target' {
        Get-WrongUserLink -Table 'users; DROP TABLE users' -ErrorAction SilentlyContinue -ErrorVariable faults | Should -BeNullOrEmpty
        $faults[0].FullyQualifiedErrorId | Should -BeLike 'Linkage.Target.NotFound,*'
    }
}

Describe 'Repair-UserLink' {
    BeforeEach {
        New-WrongDatabase
    }

    It 'corrects the wrong links that are piped in, by one run, and Undo-UserLink takes it back exactly' {
        $before = Get-Users
        $wrong = @(Get-WrongUserLink)

        $run = @($wrong | Repair-UserLink -BatchSize 2)

        $run | Should -HaveCount 1
        $run.Status, $run.Processed, $run.Relinked, $run.Failed | Should -Be 'completed', $wrong.Count, $wrong.Count, 0
        Get-WrongUserLink | Should -BeNullOrEmpty
        (Get-UserLinkAudit -RunId $run.RunId -Source repair).PreviousUserId | Sort-Object | Should -Be ($wrong.UserId | Sort-Object)
        (Get-LinkageRun -RunId $run.RunId).Kind | Should -Be 'UserLinkRepair'

        ($run | Undo-UserLink -Confirm:$false).RolledBack | Should -Be $wrong.Count
        Get-Users | Should -Be $before
        (Invoke-TestSql $connection 'SELECT count(*) AS n FROM linkage.link_suppression').n | Should -Be 0
    }

    It 'corrects only those that are piped in' {
        $wrong = @(Get-WrongUserLink)

        $run = $wrong | Select-Object -First 1 | Repair-UserLink

        $run.Relinked | Should -Be 1
        @(Get-WrongUserLink).DeliveryId | Should -Be ($wrong | Select-Object -Skip 1).DeliveryId
    }

    It 'links just the linkable that are piped in' {
        Invoke-TestSql $connection 'UPDATE message_deliveries SET user_id = NULL WHERE user_id IS NOT NULL'
        $before = Get-Count 'user_id IS NULL'

        $linkable = @(Get-UnlinkedDelivery -Linkable -First 5)
        $run = $linkable | Repair-UserLink

        $run.Linked, $run.Processed | Should -Be 5, 5
        Get-Count 'user_id IS NULL' | Should -Be ($before - 5)
        foreach ($delivery in $linkable) {
            Get-Count "id = '$($delivery.DeliveryId)' AND user_id = '$($delivery.UserId)'" | Should -Be 1
        }
    }

    It 'takes what a file kept' {
        Invoke-TestSql $connection 'UPDATE message_deliveries SET user_id = NULL WHERE user_id IS NOT NULL'
        $kept = Get-UnlinkedDelivery -Linkable -First 3 | ConvertTo-Csv | ConvertFrom-Csv

        ($kept | Repair-UserLink).Linked | Should -Be 3
        ($kept | Repair-UserLink).Skipped | Should -Be 3
    }

    It 'leaves alone what is not what it was when it was listed: <Change>' -ForEach @(
        @{ Change = 'user_id = NULL' }
        @{ Change = "phone_number = '+12135559999'" }
        @{ Change = 'guest_id = NULL' }
    ) {
        $wrong = @(Get-WrongUserLink)
        Invoke-TestSql $connection "UPDATE message_deliveries SET $Change WHERE id = '$($wrong[0].DeliveryId)'"

        $run = $wrong | Repair-UserLink

        $run.Skipped, $run.Relinked | Should -Be 1, ($wrong.Count - 1)
        (Get-UserLinkAudit -RunId $run.RunId -Outcome skipped).Reason | Should -Be 'changed meanwhile'
    }

    It 'repairs by hand, one delivery or none' {
        $wrong = (Get-WrongUserLink -First 1)

        (Repair-UserLink $wrong.DeliveryId.ToUpperInvariant()).Relinked | Should -Be 1
        (Repair-UserLink -DeliveryId $wrong.DeliveryId).Unchanged | Should -Be 1
        (Repair-UserLink -DeliveryId $wrong.DeliveryId -UserId $wrong.UserId).Skipped | Should -Be 1
        Repair-UserLink -DeliveryId '; DROP TABLE users; --' -ErrorAction SilentlyContinue -ErrorVariable faults | Should -BeNullOrEmpty
        $faults[0].FullyQualifiedErrorId | Should -BeLike 'Linkage.Delivery.Unusable,*'
        $faults[0].TargetObject | Should -Be '; DROP TABLE users; --'
    }

    It 'writes nothing under -WhatIf, records only under -DryRun, and both count what is then done' {
        $wrong = @(Get-WrongUserLink) + @(Get-UnlinkedDelivery -First 20)
        $before = Get-DatabaseDigest $connection
        $users = Get-Users

        $foreseen = $wrong | Repair-UserLink -WhatIf 6>$null
        $after = Get-DatabaseDigest $connection
        $dry = $wrong | Repair-UserLink -DryRun
        $dryUsers = Get-Users
        $done = $wrong | Repair-UserLink

        $after | Should -Be $before
        $foreseen.RunId | Should -BeNullOrEmpty
        $dryUsers | Should -Be $users
        foreach ($name in 'Processed', 'Linked', 'Relinked', 'Unlinked', 'Unchanged', 'NoMatch', 'Ambiguous', 'Skipped') {
            $foreseen.$name, $dry.$name | Should -Be $done.$name, $done.$name -Because $name
        }
    }

    It 'is stopped and resumed like any run' {
        $wrong = @(Get-WrongUserLink)

        $stopped = $wrong | Repair-UserLink -MaxDuration 1ms -BatchSize 1
        $resumed = $stopped | Where-Object Status -EQ stopped | Resume-LinkageRun

        if ($resumed) {
            $resumed.Status | Should -Be 'completed'
        }
        Get-WrongUserLink | Should -BeNullOrEmpty
        (Get-UserLinkAudit -RunId $stopped.RunId -Outcome linked | Measure-Object).Count | Should -Be $wrong.Count
    }

    It 'works for each delivery where it was found' {
        $first = @(Get-WrongUserLink)
        $firstConnection = $connection
        New-WrongDatabase
        $second = @(Get-WrongUserLink)

        $runs = @($first) + @($second) | Repair-UserLink

        $runs.ConnectionId | Should -Be $firstConnection.ConnectionId, $connection.ConnectionId
        $runs.Relinked | Should -Be $first.Count, $second.Count
    }
}

Describe 'Test-DeliveryIntegrity -Full' {
    It 'counts what Get-WrongUserLink lists, and is healthy after Repair-UserLink' {
        New-WrongDatabase
        $wrong = @(Get-WrongUserLink)

        $check = Test-DeliveryIntegrity -Full | Where-Object Check -EQ WrongUserLinks
        $lenient = Test-DeliveryIntegrity -Full -WrongAbove $wrong.Count | Where-Object Check -EQ WrongUserLinks
        $null = $wrong | Repair-UserLink
        $after = Test-DeliveryIntegrity -Full | Where-Object Check -EQ WrongUserLinks

        $check.Status, $check.Value, $check.Threshold | Should -Be 'Critical', $wrong.Count, 0
        $check.Message | Should -BeLike '*Get-WrongUserLink*Repair-UserLink*'
        $lenient.Status, $after.Status, $after.Value | Should -Be 'Healthy', 'Healthy', 0
        Test-DeliveryIntegrity | Where-Object Check -EQ WrongUserLinks | Should -BeNullOrEmpty
    }
}
