BeforeAll {
    Import-Module (Join-Path $PSScriptRoot 'PesterHelpers.psm1') -Force
    Import-Linkage
    Import-Module (Join-Path $PSScriptRoot 'DatabaseHelpers.psm1') -Force
    $sandbox = Start-LinkageSandbox
    $count = 0

    # With a table of call records: a key of two columns, its own event and no guest, and calls to guests that have a user.
    function New-Database {
        $script:count++
        $connection = New-LinkedDatabase $sandbox "targets_$script:count" -Deliveries 300
        Invoke-TestSql $connection @'
CREATE SCHEMA crm;
CREATE TABLE crm."Call List" (tenant text, "Call No" integer, "Dialled" text, "User" uuid, "Event" uuid, PRIMARY KEY (tenant, "Call No"));
INSERT INTO crm."Call List"
SELECT 'a', row_number() OVER (), min(g.phone), NULL, g.event_id
FROM event_guests g
WHERE g.removed_at IS NULL AND normalize_phone(g.phone) IS NOT NULL
GROUP BY g.event_id, normalize_phone(g.phone)
HAVING count(*) = 1 AND count(g.user_id) = 1
LIMIT 20;
CREATE TABLE invitations (id bigint PRIMARY KEY, mobile text, owner_id uuid, guest_id uuid);
'@
        $connection
    }

    $calls = @{ Table = 'crm."Call List"'; PhoneColumn = 'Dialled'; UserColumn = 'User'; EventColumn = 'Event'; Name = 'calls' }
    $invitations = @{ Table = 'invitations'; PhoneColumn = 'mobile'; UserColumn = 'owner_id'; GuestColumn = 'guest_id' }
}

AfterAll {
    Get-LinkageConnection | Disconnect-LinkageDatabase
}

Describe 'Register-LinkTarget' {
    BeforeEach {
        $connection = New-Database
    }

    It 'makes a table one that everything works on' {
        $target = Register-LinkTarget @calls -WarningAction SilentlyContinue
        $target.Name, $target.Table, $target.KeyColumn, $target.Change | Should -Be 'calls', 'crm."Call List"', 'tenant, Call No', 'Registered'

        (Test-DeliveryIntegrity -Table calls -Exact | Where-Object Check -EQ DeliveryInconsistencyRate).Value | Should -Be 100
        $unlinked = Get-UnlinkedDelivery -Table calls -Linkable
        $unlinked | Should -HaveCount 20
        ($unlinked | Select-Object -First 3 | Resolve-UserLink).Outcome | Should -Be 'linked', 'linked', 'linked'
        ($unlinked[0] | Resolve-UserLink -Explain | Where-Object Decides).Rule | Should -Be 'event phone'

        $run = Invoke-UserLinkBackfill -Table calls
        $run.Linked | Should -Be 20
        (Test-DeliveryIntegrity -Table 'crm."Call List"' -Exact | Where-Object Check -EQ DeliveryInconsistencyRate).Value | Should -Be 0
        @(Get-UserLinkAudit -Table calls -Outcome linked).Count | Should -Be 20
        (Measure-UserLinkAudit -Table calls | Where-Object Outcome -EQ linked).Count | Should -Be 20

        $undo = $run | Undo-UserLink -Confirm:$false
        $undo.RolledBack | Should -Be 20
        @(Get-LinkSuppression -Table calls).Count | Should -Be 20
        Invoke-TestSql $connection 'UPDATE crm."Call List" SET "Dialled" = "Dialled"'
        @(Get-UnlinkedDelivery -Table calls).Count | Should -Be 20
        @(Clear-LinkSuppression -Table calls -Confirm:$false).Count | Should -Be 20
        Invoke-TestSql $connection 'UPDATE crm."Call List" SET "Dialled" = "Dialled"'
        Get-UnlinkedDelivery -Table calls | Should -BeNullOrEmpty
    }

    It 'warns with statements that create the missing indexes, and registers' {
        $null = Register-LinkTarget @invitations -WarningVariable warnings -WarningAction SilentlyContinue

        $warnings | Should -HaveCount 2
        foreach ($warning in $warnings) {
            Invoke-TestSql $connection ($warning.Message -replace '^.*: (?=CREATE INDEX)')
        }
        $null = Register-LinkTarget @invitations -WarningVariable warnings -WarningAction SilentlyContinue
        $warnings | Should -BeNullOrEmpty
    }

    It 'refuses with every problem at once, and goes on on the next connection' {
        Invoke-TestSql $connection 'ALTER TABLE invitations ALTER COLUMN owner_id TYPE text, DROP COLUMN mobile'
        $other = New-Database

        $target = Register-LinkTarget @invitations -Connection $connection, $other -ErrorVariable problems -ErrorAction SilentlyContinue -WarningAction SilentlyContinue

        $target.ConnectionId | Should -Be $other.ConnectionId
        $problems | Should -HaveCount 1
        $problems[0].FullyQualifiedErrorId | Should -BeLike 'Linkage.Target.Unusable,*'
        $problems[0].CategoryInfo.Category | Should -Be 'InvalidArgument'
        $problems[0].Exception.Message | Should -Match 'no column mobile' -Because 'it is missing'
        $problems[0].Exception.Message | Should -Match 'owner_id .* is of type text, and users.id of uuid'
    }

    It 'writes nothing under -WhatIf, and emits what it would register' {
        $target = Register-LinkTarget @invitations -WhatIf -WarningAction SilentlyContinue 6>$null

        $target.Name, $target.Change, $target.CreatedAt | Should -Be 'invitations', 'Registered', $null
        (Get-LinkTarget).Name | Should -Be 'message_deliveries'
    }

    It 'replaces a definition with -Force only' {
        $null = Register-LinkTarget @invitations -WarningAction SilentlyContinue
        (Register-LinkTarget @invitations -WarningAction SilentlyContinue).Change | Should -Be 'Unchanged'
        Invoke-TestSql $connection 'ALTER TABLE invitations ADD phone text'
        $changed = $invitations + @{ WarningAction = 'SilentlyContinue' }
        $changed.PhoneColumn = 'phone'

        { Register-LinkTarget @changed -ErrorAction Stop } | Should -Throw -ErrorId 'Linkage.Target.Unusable,*'
        (Register-LinkTarget @changed -Force).Change | Should -Be 'Replaced'
        (Get-LinkTarget invitations).PhoneColumn | Should -Be 'phone'
    }
}

Describe 'Get-LinkTarget and Unregister-LinkTarget' {
    BeforeEach {
        $connection = New-Database
        $null = Register-LinkTarget @invitations -WarningAction SilentlyContinue
        $null = Register-LinkTarget @calls -WarningAction SilentlyContinue
    }

    It 'list what is registered, by name or by table' {
        (Get-LinkTarget).Name | Should -Be 'calls', 'invitations', 'message_deliveries'
        (Get-LinkTarget -Table public.invitations, 'crm."Call List"').Name | Should -Be 'calls', 'invitations'
        (Get-LinkTarget calls).EventColumn | Should -Be 'Event'
        { Get-LinkTarget nothing -ErrorAction Stop } | Should -Throw -ErrorId 'Linkage.Target.NotFound,*'
    }

    It 'unregister in the database that the target came from, and in no other' {
        $other = New-Database
        $null = Register-LinkTarget @invitations -WarningAction SilentlyContinue

        $removal = Get-LinkTarget invitations -Connection $connection | Unregister-LinkTarget -Confirm:$false

        $removal.ConnectionId | Should -Be $connection.ConnectionId
        (Get-LinkTarget -Connection $connection).Name | Should -Be 'calls', 'message_deliveries'
        (Get-LinkTarget -Connection $other).Name | Should -Be 'invitations', 'message_deliveries'
    }

    It 'keep what an undo needs, and say how to get at it' {
        $run = Invoke-UserLinkBackfill -Table calls
        $removal = Unregister-LinkTarget calls -Confirm:$false

        $removal.Runs, $removal.Suppressions | Should -Be 1, 0
        { $run | Undo-UserLink -Confirm:$false -ErrorAction Stop } | Should -Throw '*Register-LinkTarget*' -ErrorId 'Linkage.Target.NotFound,*'
        $null = Register-LinkTarget @calls -WarningAction SilentlyContinue
        ($run | Undo-UserLink -Confirm:$false).RolledBack | Should -Be 20
    }

    It 'write nothing under -WhatIf' {
        (Unregister-LinkTarget calls -WhatIf 6>$null).Name | Should -Be 'calls'
        (Get-LinkTarget).Name | Should -Contain 'calls'
    }

    It 'refuse while a run works on the target, and what Linkage is installed for' {
        $backfill = Start-HeldBackfill $connection @{ Table = 'calls'; ThrottleQuery = 'SELECT true' }
        try {
            { Unregister-LinkTarget calls -Confirm:$false -ErrorAction Stop } | Should -Throw -ErrorId 'Linkage.Run.TargetHeld,*'
        }
        finally {
            $backfill.Shell.Stop()
        }
        { Unregister-LinkTarget message_deliveries -Confirm:$false -ErrorAction Stop } | Should -Throw -ErrorId 'Linkage.Target.BuiltIn,*'
    }

    It 'show in Test-LinkageSchema when a table is gone or a trigger is off' {
        Invoke-TestSql $connection 'ALTER TABLE invitations DISABLE TRIGGER trigger_linkage_auto_link_user; DROP TABLE crm."Call List"'

        $checks = Test-LinkageSchema | Group-Object Check -AsHashTable
        $checks.SchemaTargets.Status | Should -Be 'Critical'
        $checks.SchemaTargets.Details.Targets | Should -Be 'There is no table crm."Call List".'
        $checks.SchemaTriggers.Details.Disabled | Should -Be 'trigger trigger_linkage_auto_link_user on public.invitations'
    }
}
