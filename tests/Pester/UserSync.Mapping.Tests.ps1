BeforeAll {
    Import-Module (Join-Path $PSScriptRoot 'PesterHelpers.psm1') -Force
    Import-Linkage
    Import-Module (Join-Path $PSScriptRoot 'DatabaseHelpers.psm1') -Force
    $sandbox = Start-LinkageSandbox
}

AfterAll {
    Get-LinkageConnection | Disconnect-LinkageDatabase
}

Describe 'Get-UserSyncMapping, Set-UserSyncMapping and Remove-UserSyncMapping' {
    BeforeEach {
        $connection = New-SyncedDatabase $sandbox
    }

    It 'list every column of the profiles in the table''s order' {
        $columns = @(Get-UserSyncMapping)

        $columns.Column | Should -Be 'id', 'phone', 'email', 'name', 'created_at'
        $columns[0].Key, $columns[0].From | Should -Be $true, 'id'
        $columns[3].From, $columns[3].Mapped | Should -Be 'raw_user_meta_data.full_name, raw_user_meta_data.name', $false
        (Get-UserSyncMapping -Column E*, created*).Column | Should -Be 'email', 'created_at'
    }

    It 'fill the profiles of later sign-ups and repairs as they are told' {
        $ghost = New-Ghost $connection 'late@example.com' -Metadata '{"nick": "Late"}'

        $mapped = Set-UserSyncMapping -Column name -From raw_user_meta_data.nick -Value 'New user'
        $null = Repair-GhostUser $ghost
        Invoke-TestSql $connection "INSERT INTO auth.users (id, email, created_at) VALUES (gen_random_uuid(), 'next@example.com', now())"

        $mapped.From, $mapped.Value, $mapped.Mapped | Should -Be 'raw_user_meta_data.nick', 'New user', $true
        (Invoke-TestSql $connection "SELECT name FROM users WHERE email IN ('late@example.com', 'next@example.com') ORDER BY email").name | Should -Be 'Late', 'New user'
        (Test-LinkageSchema -Quiet) | Should -BeTrue
    }

    It 'fill a column whatever its name is' {
        $ghost = New-Ghost $connection 'late@example.com'
        Invoke-TestSql $connection 'ALTER TABLE users ADD COLUMN "a, ""%b" text'

        $null = Set-UserSyncMapping 'a, "%b' -Value 'x'
        $null = Repair-GhostUser $ghost
        Invoke-TestSql $connection "INSERT INTO auth.users (id, email, created_at) VALUES (gen_random_uuid(), 'next@example.com', now())"

        (Invoke-TestSql $connection "SELECT ""a, """"%b"" AS v FROM users WHERE email IN ('late@example.com', 'next@example.com')").v | Should -Be 'x', 'x'
    }

    It 'leave a column alone that is not to be copied' {
        $null = Set-UserSyncMapping name -None
        Invoke-TestSql $connection "INSERT INTO auth.users (id, email, raw_user_meta_data, created_at) VALUES (gen_random_uuid(), 'a@b.c', '{`"name`": `"A`"}', now())"

        (Invoke-TestSql $connection "SELECT name FROM users WHERE email = 'a@b.c'").name | Should -BeNullOrEmpty
    }

    It 'go back to what comparing the tables finds' {
        $found = Get-UserSyncMapping name
        $null = Set-UserSyncMapping name -Value 'New user'

        $removed = Get-UserSyncMapping | Where-Object Mapped | Remove-UserSyncMapping -Confirm:$false

        $removed.Column, $removed.From, $removed.Mapped | Should -Be 'name', $found.From, $false
        (Get-UserSyncMapping name).Expression | Should -Be $found.Expression
        Remove-UserSyncMapping name -Confirm:$false -ErrorAction SilentlyContinue -ErrorVariable faults | Should -BeNullOrEmpty
        $faults[0].FullyQualifiedErrorId | Should -BeLike 'Linkage.ProfileMapping.NotFound,*'
    }

    It 'refuse <What>, and change nothing' -ForEach @(
        @{ What = 'a column that there is not'; Arguments = @{ Column = 'nowhere'; Value = 'x' } }
        @{ What = 'a source that there is not'; Arguments = @{ Column = 'name'; From = 'no_such_column' } }
        @{ What = 'a source of another type'; Arguments = @{ Column = 'created_at'; From = 'email' } }
        @{ What = 'a constant that is no value of the type'; Arguments = @{ Column = 'created_at'; Value = 'yesterdayish' } }
        @{ What = 'another key'; Arguments = @{ Column = 'id'; From = 'email' } }
    ) {
        $before = Get-DatabaseDigest $connection

        foreach ($whatIf in $true, $false) {
            Set-UserSyncMapping @Arguments -WhatIf:$whatIf -ErrorAction SilentlyContinue -ErrorVariable faults | Should -BeNullOrEmpty
            $faults[0].FullyQualifiedErrorId | Should -BeLike 'Linkage.ProfileMapping.Unusable,*'
        }

        Get-DatabaseDigest $connection | Should -Be $before
    }

    It 'show under -WhatIf what they would come to, and write nothing' {
        $found = Get-UserSyncMapping name
        $null = Set-UserSyncMapping name -Value 'New user'
        $before = Get-DatabaseDigest $connection

        $would = Set-UserSyncMapping name -From email.local -WhatIf 6>$null
        $without = Remove-UserSyncMapping name -WhatIf 6>$null

        Get-DatabaseDigest $connection | Should -Be $before
        $would.From, $would.Value, $would.Mapped | Should -Be 'email.local', $null, $true
        $without.From, $without.Value, $without.Mapped | Should -Be $found.From, $null, $false
    }
}

Describe 'The triggers on auth.users' {
    BeforeAll {
        $connection = New-SyncedDatabase $sandbox
    }

    It 'are listed with those of the other tables, the optional one disabled and marked so' {
        $triggers = @(Get-LinkageTrigger -Table auth.users)

        $triggers.Trigger | Should -Be 'on_auth_user_created', 'on_auth_user_updated'
        $triggers.State | Should -Be 'Enabled', 'Disabled'
        $triggers.Optional | Should -Be $false, $true
        @(Get-LinkageTrigger).Count | Should -Be 5
        (Test-LinkageSchema | Where-Object Check -EQ SchemaTriggers).Status | Should -Be 'Healthy'
    }

    It 'are told apart by their names' {
        (Enable-LinkageTrigger -Name on_auth_user_updated).State | Should -Be 'Enabled'
        (Get-LinkageTrigger -Table auth.users).State | Should -Be 'Enabled', 'Enabled'
        (Disable-LinkageTrigger -Trigger *_updated).State | Should -Be 'Disabled'
        (Get-LinkageTrigger -Table auth.users).State | Should -Be 'Enabled', 'Disabled'
    }

    It 'leave the optional one as it is where all are switched' {
        $off = @(Disable-LinkageTrigger)
        $on = @($off | Enable-LinkageTrigger)

        $off.Trigger | Should -Contain 'on_auth_user_created'
        $off.Trigger + $on.Trigger | Should -Not -Contain 'on_auth_user_updated'
        (Get-LinkageTrigger -Table auth.users).State | Should -Be 'Enabled', 'Disabled'
    }
}
