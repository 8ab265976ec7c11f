BeforeAll {
    Import-Module (Join-Path $PSScriptRoot 'PesterHelpers.psm1') -Force
    Import-Linkage
    Import-Module (Join-Path $PSScriptRoot 'DatabaseHelpers.psm1') -Force
    $sandbox = Start-LinkageSandbox
    $count = 0

    # Guests who have a user and deliveries that have none, as a bulk import leaves them: guest and user, as the cmdlet takes them.
    function New-Import {
        $script:count++
        $script:connection = New-LinkedDatabase $sandbox "guests_$script:count" -Deliveries 400
        Invoke-TestSql $script:connection @'
SELECT g.id::text AS "GuestId", g.user_id::text AS "UserId", count(*) AS deliveries
FROM event_guests g JOIN message_deliveries d ON d.guest_id = g.id AND d.user_id IS NULL
WHERE g.user_id IS NOT NULL AND g.removed_at IS NULL
GROUP BY g.id, g.user_id ORDER BY g.id
'@
    }
}

AfterAll {
    Get-LinkageConnection | Disconnect-LinkageDatabase
}

Describe 'Invoke-GuestDeliveryBackfill' {
    It 'links the deliveries of one guest and of no other' {
        $guest, $rest = New-Import
        $without = (Invoke-TestSql $connection 'SELECT count(*) AS n FROM message_deliveries WHERE user_id IS NULL').n

        $result = Invoke-GuestDeliveryBackfill -GuestId $guest.GuestId -UserId $guest.UserId

        $result.Status, $result.Linked, $result.Table | Should -Be 'completed', $guest.deliveries, 'message_deliveries'
        (Invoke-TestSql $connection "SELECT count(*) AS n FROM message_deliveries WHERE guest_id = '$($guest.GuestId)' AND user_id = '$($guest.UserId)'").n |
            Should -BeGreaterOrEqual $guest.deliveries
        (Invoke-TestSql $connection 'SELECT count(*) AS n FROM message_deliveries WHERE user_id IS NULL').n | Should -Be ($without - $guest.deliveries)
        (Invoke-TestSql $connection "SELECT DISTINCT table_name AS t FROM user_link_audit WHERE run_id = '$($result.RunId)'").t | Should -Be 'message_deliveries_backfill'
    }

    It 'links the many that are piped in by one run, and each once' {
        $guests = New-Import

        $result = @($guests) + @($guests[0]) | Invoke-GuestDeliveryBackfill -BatchSize 7

        @($result) | Should -HaveCount 1
        $result.Linked | Should -Be ($guests | Measure-Object deliveries -Sum).Sum
        $result.Processed | Should -Be $result.Linked
        (Invoke-TestSql $connection 'SELECT count(*) AS n FROM linkage.guest_delivery_item').n | Should -Be 0
    }

    It 'writes nothing under -WhatIf, and counts what it then does' {
        $guests = New-Import
        $before = Get-DatabaseDigest $connection

        $foreseen = $guests | Invoke-GuestDeliveryBackfill -WhatIf 6>$null
        $after = Get-DatabaseDigest $connection
        $done = $guests | Invoke-GuestDeliveryBackfill -BatchSize 5

        $after | Should -Be $before
        $foreseen.RunId | Should -BeNullOrEmpty
        foreach ($name in 'Processed', 'Linked', 'NoMatch', 'Skipped') {
            $foreseen.$name | Should -Be $done.$name -Because $name
        }
    }

    It 'records under -DryRun, and changes no data' {
        $guests = New-Import
        $before = (Get-DatabaseDigest $connection) -like 'message_deliveries*'

        $dry = $guests | Invoke-GuestDeliveryBackfill -DryRun

        $dry.Linked | Should -BeGreaterThan 0
        (Get-DatabaseDigest $connection) -like 'message_deliveries*' | Should -Be $before
        (Invoke-TestSql $connection "SELECT count(*) AS n FROM user_link_audit WHERE run_id = '$($dry.RunId)' AND dry_run").n | Should -Be $dry.Processed
    }

    It 'is undone like any run' {
        $guests = New-Import
        $before = (Get-DatabaseDigest $connection) -like 'message_deliveries*'

        $undo = $guests | Invoke-GuestDeliveryBackfill | Undo-UserLink -Confirm:$false

        $undo.Conflicts | Should -Be 0
        (Invoke-TestSql $connection 'SELECT count(*) AS n FROM linkage.link_suppression').n | Should -Be $undo.RolledBack
        (Get-DatabaseDigest $connection) -like 'message_deliveries*' | Should -Be $before
    }

    It 'names each guest of a list that it cannot use, and links the others' {
        $guests = New-Import
        $good, $twice = $guests[0, 1]
        $other = (Invoke-TestSql $connection "SELECT id::text FROM users WHERE id <> '$($twice.UserId)' LIMIT 1").id
        $nobody = '00000000-0000-0000-0000-00000000dead'
        $list = @(
            @{ GuestId = $good.GuestId; UserId = $good.UserId }
            @{ GuestId = "'; DROP TABLE users; --"; UserId = $good.UserId }
            @{ GuestId = $nobody; UserId = $good.UserId }
            @{ GuestId = $guests[2].GuestId; UserId = $nobody }
            @{ GuestId = $guests[3].GuestId; UserId = 'me' }
            @{ GuestId = $twice.GuestId; UserId = $twice.UserId }
            @{ GuestId = $twice.GuestId; UserId = $other }
        ) | ForEach-Object { [pscustomobject] $_ }

        $result = $list | Invoke-GuestDeliveryBackfill -ErrorAction SilentlyContinue -ErrorVariable faults

        $result.Linked | Should -Be $good.deliveries
        $faults | Should -HaveCount 6
        $faults.FullyQualifiedErrorId | Should -BeLike 'Linkage.Guest.Unusable,*'
        $faults.TargetObject | Should -Be "'; DROP TABLE users; --", $nobody, $guests[2].GuestId, $guests[3].GuestId, $twice.GuestId, $twice.GuestId
    }

    It 'starts no run where no guest can be used' {
        New-Import | Out-Null

        $result = Invoke-GuestDeliveryBackfill -GuestId x -UserId y -ErrorAction SilentlyContinue -ErrorVariable faults

        $result | Should -BeNullOrEmpty
        $faults | Should -HaveCount 1
        Get-LinkageRun | Should -BeNullOrEmpty
    }

    It 'works for each guest where the guest was found' {
        $first = New-Import
        $firstConnection = $connection
        $second = New-Import
        $list = @($first | Select-Object *, @{ n = 'ConnectionId'; e = { $firstConnection.ConnectionId } }) +
            @($second | Select-Object *, @{ n = 'ConnectionId'; e = { $connection.ConnectionId } })

        $results = $list | Invoke-GuestDeliveryBackfill

        $results.ConnectionId | Should -Be $firstConnection.ConnectionId, $connection.ConnectionId
        $results.Linked | Should -Be ($first | Measure-Object deliveries -Sum).Sum, ($second | Measure-Object deliveries -Sum).Sum
    }
}
