BeforeAll {
    Import-Module (Join-Path $PSScriptRoot 'PesterHelpers.psm1') -Force
    Import-Linkage
    Import-Module (Join-Path $PSScriptRoot 'DatabaseHelpers.psm1') -Force
    $sandbox = Start-LinkageSandbox
    $connection = New-LinkedDatabase $sandbox resolve -Deliveries 300
    $deliveries = Invoke-TestSql $connection 'SELECT id::text AS "DeliveryId" FROM message_deliveries WHERE user_id IS NULL AND (phone_number IS NOT NULL OR guest_id IS NOT NULL) ORDER BY id'
}

AfterAll {
    Get-LinkageConnection | Disconnect-LinkageDatabase
}

Describe 'Resolve-UserLink' {
    It 'says of each delivery what the backfill then does, and changes nothing' {
        $before = Get-DatabaseDigest $connection

        $resolutions = $deliveries | Resolve-UserLink

        Get-DatabaseDigest $connection | Should -Be $before
        $resolutions | Should -HaveCount $deliveries.Count
        $run = Invoke-UserLinkBackfill -DryRun
        $audit = Invoke-TestSql $connection "SELECT record_id::text AS id, outcome || ' ' || coalesce(rule, '') || ' ' || coalesce(linked_user_id::text, '') AS said FROM user_link_audit WHERE run_id = '$($run.RunId)' ORDER BY record_id"
        $resolutions | Sort-Object DeliveryId | ForEach-Object { "$($_.Outcome) $($_.Rule) $($_.UserId)" } | Should -Be $audit.said
    }

    It 'takes a phone however it is written' {
        $guest = Invoke-TestSql $connection @'
SELECT g.event_id::text AS "EventId", g.phone AS "Phone", g.user_id::text AS "UserId" FROM event_guests g
WHERE g.user_id IS NOT NULL AND g.removed_at IS NULL AND 1 = (
  SELECT count(*) FROM event_guests o WHERE o.event_id = g.event_id AND o.removed_at IS NULL AND normalize_phone(o.phone) = normalize_phone(g.phone))
ORDER BY g.id LIMIT 1
'@
        $resolution = $guest | Resolve-UserLink

        $resolution.Outcome, $resolution.Rule, $resolution.UserId | Should -Be 'linked', 'event phone', $guest.UserId
        (Resolve-UserLink -EventId $guest.EventId -Phone $resolution.NormalizedPhone).UserId | Should -Be $guest.UserId
    }

    It 'skips what is no phone: "<Phone>"' -ForEach @{ Phone = 'n/a' }, @{ Phone = '' }, @{ Phone = $null }, @{ Phone = "'; DROP TABLE users; --" } {
        $resolution = Resolve-UserLink -EventId '00000000-0000-0000-0000-000000000001' -Phone $Phone

        $resolution.Outcome, $resolution.NormalizedPhone | Should -Be 'skipped', $null
    }

    It 'explains rule by rule, and the rule that decides is the resolution''s' {
        $mismatches = foreach ($delivery in $deliveries | Select-Object -First 40) {
            $resolution = $delivery | Resolve-UserLink
            $story = $delivery | Resolve-UserLink -Explain
            if (($story | Where-Object Decides).Rule -ne $resolution.Rule -or $story[0].Outcome -ne $resolution.Outcome) { $delivery }
        }

        $mismatches | Should -BeNullOrEmpty
    }

    It 'is asked again by what it said' {
        $resolution = $deliveries[0] | Resolve-UserLink

        ($resolution | Resolve-UserLink).DeliveryId | Should -Be $resolution.DeliveryId
        @($resolution | Resolve-UserLink -Explain).Count | Should -BeGreaterThan 0
    }

    It 'reports a delivery that does not exist, and goes on' {
        $found = @([pscustomobject] @{ DeliveryId = '00000000-0000-0000-0000-00000000dead' }), $deliveries[0] |
            ForEach-Object { $_ } |
            Resolve-UserLink -ErrorAction SilentlyContinue -ErrorVariable faults

        $found.DeliveryId | Should -Be $deliveries[0].DeliveryId
        $faults[0].FullyQualifiedErrorId | Should -BeLike 'Linkage.Delivery.NotFound,*'
        $faults[0].CategoryInfo.Category | Should -Be 'ObjectNotFound'
    }

    It 'reads as a table on the screen, under what was asked' {
        $text = $deliveries[0] | Resolve-UserLink -Explain | Out-String -Width 120

        $text | Should -BeLike "*Asked: delivery $($deliveries[0].DeliveryId)*Step*Finding*guest*"
    }

    It 'survives ConvertTo-Json and Export-Csv' {
        $story = $deliveries[0] | Resolve-UserLink -Explain

        @($story | ConvertTo-Csv | ConvertFrom-Csv).Finding | Should -Be $story.Finding
        @($story | ConvertTo-Json | ConvertFrom-Json).Step | Should -Be $story.Step
    }
}
