BeforeAll {
    Import-Module (Join-Path $PSScriptRoot 'PesterHelpers.psm1') -Force
    Import-Linkage
    Import-Module (Join-Path $PSScriptRoot 'DatabaseHelpers.psm1') -Force
    $sandbox = Start-LinkageSandbox
    $connection = New-LinkedDatabase $sandbox triggers

    function Get-State {
        param($On = $connection)
        (Invoke-TestSql $On "SELECT string_agg(tgenabled::text, '' ORDER BY tgrelid, tgname) AS states FROM pg_trigger WHERE tgname LIKE 'trigger_%' AND NOT tgisinternal").states
    }
}

AfterAll {
    Get-LinkageConnection | Disconnect-LinkageDatabase
}

Describe 'Get-LinkageTrigger, Disable-LinkageTrigger and Enable-LinkageTrigger' {
    BeforeEach {
        $null = Enable-LinkageTrigger -Connection $connection
    }

    It 'list every trigger, those of a table, and those of a name' {
        $triggers = Get-LinkageTrigger -Connection $connection

        $triggers.Trigger | Sort-Object | Should -Be @(
            'trigger_backfill_deliveries_on_guest_link', 'trigger_message_deliveries_audit_user_link', 'trigger_message_deliveries_auto_link_user')
        $triggers.State | Sort-Object -Unique | Should -Be 'Enabled'
        $triggers[0].Server, $triggers[0].Database, $triggers[0].ConnectionId |
            Should -Be $connection.Server, $connection.Database, $connection.ConnectionId
        @(Get-LinkageTrigger -Table public.message_deliveries -Connection $connection).Count | Should -Be 2
        (Get-LinkageTrigger event_guests -Connection $connection).Target | Should -BeNullOrEmpty
        @(Get-LinkageTrigger -Name *AUDIT*, *guest_link -Connection $connection).Count | Should -Be 2
    }

    It 'say that there is no such table' {
        Get-LinkageTrigger nowhere -Connection $connection -ErrorAction SilentlyContinue -ErrorVariable fault | Should -BeNullOrEmpty
        $fault[0].FullyQualifiedErrorId | Should -BeLike 'Linkage.Target.NotFound,*'
    }

    It 'say that there is no such trigger, and change none' {
        $problem = { Disable-LinkageTrigger -Trigger trigger_of_nobody -Connection $connection -ErrorAction Stop } | Should -Throw -PassThru

        $problem.FullyQualifiedErrorId | Should -BeLike 'Linkage.Trigger.NotFound,*'
        $problem.TargetObject | Should -Be trigger_of_nobody
        Get-LinkageTrigger -Trigger *of_nobody* -Connection $connection | Should -BeNullOrEmpty
        (Get-LinkageTrigger -Connection $connection).State | Should -Not -Contain Disabled
    }

    It 'disable what is piped in and enable it again, each once' {
        $off = @(Get-LinkageTrigger -Connection $connection | Disable-LinkageTrigger)

        $off.Count | Should -Be 3
        $off.State | Sort-Object -Unique | Should -Be 'Disabled'
        $off.How | Sort-Object -Unique | Should -Be 'Trigger'
        Get-State | Should -Be 'DDD'
        (Test-DeliveryIntegrity -Connection $connection | Where-Object Check -eq 'DeliveryTriggers').Message | Should -Match 'Enable-LinkageTrigger'

        $on = @($off | Enable-LinkageTrigger)
        $on.State | Sort-Object -Unique | Should -Be 'Enabled'
        $on.How | Sort-Object -Unique | Should -Be 'Trigger'
        Get-State | Should -Be 'OOO'
    }

    It 'switch the trigger that audits together with the one that links' {
        @(Disable-LinkageTrigger -Trigger *audit* -Connection $connection).Count | Should -Be 2
        @(Get-LinkageTrigger -Connection $connection | Where-Object State -eq 'Disabled').Count | Should -Be 2
    }

    It 'change nothing under -WhatIf, and name the server and the database' {
        $log = New-TemporaryFile
        $null = Start-Transcript -Path $log
        try { $would = @(Disable-LinkageTrigger -Connection $connection -WhatIf) } finally { $null = Stop-Transcript }

        $would.State | Sort-Object -Unique | Should -Be 'Disabled'
        Get-State | Should -Be 'OOO'
        Get-Content -Path $log -Raw | Should -Match "message_deliveries on .*$($connection.Database)"
    }

    It 'act on the connection that a record came from' {
        $other = New-LinkedDatabase $sandbox "triggers_other"
        $null = Get-LinkageTrigger event_guests -Connection $connection | Disable-LinkageTrigger

        Get-State $other | Should -Be 'OOO'
        Get-State | Should -Match 'D'
    }

    It 'use the switch where the role may not alter the table' {
        Invoke-TestSql $connection @"
DROP ROLE IF EXISTS operator;
CREATE ROLE operator LOGIN PASSWORD 'secret';
GRANT USAGE ON SCHEMA linkage TO operator;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA linkage TO operator;
GRANT SELECT ON ALL TABLES IN SCHEMA linkage TO operator;
GRANT INSERT, DELETE ON linkage.trigger_switch TO operator
"@
        $credential = [pscredential]::new('operator', (ConvertTo-SecureString -String 'secret' -AsPlainText -Force))
        $operator = Connect-LinkageDatabase -Server $connection.Server -Port $connection.Port -Database $connection.Database -Credential $credential -SslMode Disable

        (Disable-LinkageTrigger -Connection $operator -WhatIf).How | Sort-Object -Unique | Should -Be 'Switch'
        $off = Disable-LinkageTrigger -Connection $operator

        $off.State | Sort-Object -Unique | Should -Be 'SwitchedOff'
        $off.How | Sort-Object -Unique | Should -Be 'Switch'
        $off.SwitchedOffBy | Sort-Object -Unique | Should -Be 'operator'
        Get-State | Should -Be 'OOO'
        $off | Out-String -Width 160 | Should -Match 'State\s+How\s+Table\s+Trigger\s+Message'

        $on = $off | Enable-LinkageTrigger
        $on.How | Sort-Object -Unique | Should -Be 'Switch'
        (Get-LinkageTrigger -Connection $operator).State | Sort-Object -Unique | Should -Be 'Enabled'
    }
}
