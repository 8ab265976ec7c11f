BeforeAll {
    Import-Module (Join-Path $PSScriptRoot 'PesterHelpers.psm1') -Force
    Import-Linkage
    Import-Module (Join-Path $PSScriptRoot 'DatabaseHelpers.psm1') -Force
    $legacy = Get-Content -Raw (Join-Path $PSScriptRoot '../Linkage.Engine.Tests/Schema/legacy_user_links.sql')
}

AfterAll {
    Get-LinkageConnection | Disconnect-LinkageDatabase
}

Describe 'The schema' {
    BeforeEach {
        $sandbox = Start-LinkageSandbox -SampleDeliveries 50
    }

    AfterEach {
        Stop-LinkageSandbox $sandbox
    }

    It 'is installed once; a second time finds nothing to do' {
        $first = Install-LinkageSchema
        $second = Install-LinkageSchema

        # there are no leads here
        $first.Status | Sort-Object -Unique | Should -Be 'Applied', 'NotApplicable'
        $second.Status | Sort-Object -Unique | Should -Be 'NotApplicable', 'UpToDate'
        ($first + $second | Where-Object Status -EQ 'NotApplicable').Component | Sort-Object -Unique | Should -Be 'Customers', 'UniqueKeys'
        $first[0].Server, $first[0].Database, $first[0].ConnectionId | Should -Be $sandbox.Server, $sandbox.Database, $sandbox.ConnectionId
        Test-LinkageSchema -Quiet | Should -BeTrue
    }

    It 'is not installed under -WhatIf, which names what would be replaced' {
        Invoke-TestSql $sandbox $legacy

        $steps = Install-LinkageSchema -WhatIf

        # the application has these indexes already
        ($steps | Where-Object Status -eq 'UpToDate').Step | Should -Be 'I__audit_created_at', 'I__deliveries_phone_user_null'
        $steps.Status | Sort-Object -Unique | Should -Be 'NotApplicable', 'UpToDate', 'WouldApply'
        $steps.Replaces | Should -Contain 'function public.normalize_phone(text)'
        ($steps.Message -join "`n") | Should -Match 'revoked from PUBLIC'
        Test-LinkageSchema -Quiet | Should -BeFalse
    }

    It 'comes as a script that leaves the database alone' {
        $script = Install-LinkageSchema -AsScript

        $script | Should -BeOfType string
        $script | Should -Match 'CREATE TABLE IF NOT EXISTS linkage.run'
        (Test-LinkageSchema).Check | Should -Be 'SchemaInstalled'
    }

    It 'is refused with an error and its remedy where it can not be' {
        Invoke-TestSql $sandbox 'CREATE PROCEDURE public.rollback_user_links(timestamptz, text, boolean) LANGUAGE sql AS ''SELECT 1'''

        $steps = Install-LinkageSchema -ErrorVariable fault -ErrorAction SilentlyContinue

        $steps | Should -BeNullOrEmpty
        $fault[0].FullyQualifiedErrorId | Should -BeLike 'Linkage.Schema.CannotAdopt*'
        $fault[0].Exception.Message | Should -Match 'Rename it'
    }

    It 'tells what is disabled' {
        $null = Install-LinkageSchema
        Invoke-TestSql $sandbox 'ALTER TABLE event_guests DISABLE TRIGGER trigger_backfill_deliveries_on_guest_link'

        $check = Test-LinkageSchema | Where-Object Status -ne 'Healthy'

        $check.Check, $check.Status, $check.Value | Should -Be 'SchemaTriggers', 'Critical', 1
        $check.Details.Disabled | Should -Match 'trigger_backfill_deliveries_on_guest_link'
    }

    It 'goes without a trace, and the former definitions come back' {
        Invoke-TestSql $sandbox $legacy
        $null = Install-LinkageSchema

        $preview = Uninstall-LinkageSchema -WhatIf
        $removals = Uninstall-LinkageSchema -IncludeHistory -Confirm:$false

        $preview.Status | Sort-Object -Unique | Should -Be 'WouldRemove', 'WouldRestore'
        ($removals | Where-Object Name -eq 'function public.normalize_phone(text)').Status | Should -Be 'Restored'
        (Invoke-TestSql $sandbox "SELECT to_regnamespace('linkage') IS NULL AS is_gone").is_gone | Should -BeTrue
        (Invoke-TestSql $sandbox "SELECT normalize_phone('+39 06 1234567') IS NULL AS is_former").is_former | Should -BeTrue
    }

    It 'shows each record in the columns of its view' {
        $steps = Install-LinkageSchema | Out-String -Width 160
        $removals = Uninstall-LinkageSchema -WhatIf | Out-String -Width 160

        $steps | Should -Match 'Component\s+Step\s+Kind\s+Status\s+Replaces'
        $removals | Should -Match 'Kind\s+Name\s+Status\s+Message'
    }

    It 'completes the names of components' {
        $line = 'Install-LinkageSchema -Component User'
        $completion = TabExpansion2 -inputScript $line -cursorColumn $line.Length

        $completion.CompletionMatches.CompletionText | Should -Contain 'UserLinks'
    }
}
