BeforeAll {
    Import-Module (Join-Path $PSScriptRoot 'PesterHelpers.psm1') -Force
    Import-Linkage
    Import-Module (Join-Path $PSScriptRoot 'DatabaseHelpers.psm1') -Force
    $sandbox = Start-LinkageSandbox -SampleDuplicates 120
    $bare = New-LinkedDatabase $sandbox 'keys_bare'
    $scripted = New-ApplicationDatabase $sandbox 'keys_script'
    # the last one is the default
    $connection = Connect-LinkageDatabase -Server $sandbox.Server -Port $sandbox.Port -Database $sandbox.Database -Credential $sandbox.GetCredential() -SslMode Disable
    $null = Install-LinkageSchema
    $rule = 'messages_external_id_unique_idx'
    $missing = 'integration_fields_source_field_unique_idx', 'persona_phones_number_unique_idx', 'property_distress_scores_external_id_unique_idx'
}

AfterAll {
    Get-LinkageConnection | Disconnect-LinkageDatabase
}

Describe 'Rules' {
    It 'are listed, built-in ones first' {
        $rules = @(Get-UniqueKeyRule)

        $rules.Count | Should -Be 14
        $rules[0..5].Origin | Sort-Object -Unique | Should -Be 'built in'
        $cards = Get-UniqueKeyRule unified_*
        "$($cards.Key)", $cards.Where, "$($cards.Keep)" | Should -Be 'team_id persona_id', $null, 'total_score DESC NULLS LAST oldest'
    }

    It 'of no such name are an error that names similar ones, and the others are listed' {
        $rules = @(Get-UniqueKeyRule messages_external_idx, businesses* -ErrorAction SilentlyContinue -ErrorVariable faults)

        $rules.Name | Should -Be 'businesses_source_dedup_idx'
        $faults[0].FullyQualifiedErrorId | Should -BeLike 'Linkage.UniqueKeyRule.NotFound,*'
        $faults[0].Exception.Message | Should -Match $rule
    }

    It 'are registered, replaced and unregistered, and -WhatIf writes nothing' {
        $before = Get-DatabaseDigest $connection
        $planned = Register-UniqueKeyRule own_idx persona_phones persona_id, '(lower(normalized_number))' -Where 'is_mobile' -WhatIf 6>$null
        Get-DatabaseDigest $connection | Should -Be $before

        $registered = Register-UniqueKeyRule own_idx persona_phones persona_id, '(lower(normalized_number))' -Where 'is_mobile' -Keep 'id DESC' -OnConflict Fail
        $same = Get-UniqueKeyRule own_idx | Register-UniqueKeyRule
        $gone = Get-UniqueKeyRule own_idx | Unregister-UniqueKeyRule -Confirm:$false

        $planned.Change, $registered.Change, $same.Change, $gone.Change | Should -Be 'Registered', 'Registered', 'Unchanged', 'Unregistered'
        $registered.Definition | Should -Be 'CREATE UNIQUE INDEX own_idx ON public.persona_phones USING btree (persona_id, (lower(normalized_number))) WHERE (is_mobile)'
        Get-DatabaseDigest $connection | Should -Be $before
    }

    It 'that no index could keep are refused' {
        { Register-UniqueKeyRule own_idx persona_phones nonsense -ErrorAction Stop } | Should -Throw -ErrorId 'Linkage.UniqueKeyRule.Unusable,*'
        { Unregister-UniqueKeyRule $rule -Confirm:$false -ErrorAction Stop } | Should -Throw -ErrorId 'Linkage.UniqueKeyRule.Unusable,*'
    }
}

Describe 'Test-UniqueKey' {
    It 'checks each rule by what is in its table, and writes nothing' {
        $before = Get-DatabaseDigest $connection

        $checks = @(Test-UniqueKey)

        Get-DatabaseDigest $connection | Should -Be $before
        $checks.Count | Should -Be 14
        $checks[0..5].Status | Sort-Object -Unique | Should -Be 'Critical'
        $checks[0..5].Value | Should -Be 20, 20, 20, 20, 20, 20
        ($checks | Where-Object Status -EQ Warning).Check | Should -Be $missing
        $checks[0].Details.Groups, $checks[0].Details.State | Should -Be 16, 'Missing'
        Test-UniqueKey -Quiet | Should -BeFalse
    }

    It 'takes rules by name and from the pipeline' {
        (Test-UniqueKey $rule).Check | Should -Be $rule
        (Get-UniqueKeyRule leads* | Test-UniqueKey).Status | Should -Be 'Healthy'
        Get-UniqueKeyRule leads* | Test-UniqueKey -Quiet | Should -BeTrue
        { Test-UniqueKey $rule -FailOn Critical } | Should -Throw -ErrorId 'Linkage.Check.Failed,*'
    }

    It 'says nothing of absent tables with -Quiet, unless they are named' {
        Test-UniqueKey -Connection $bare -ErrorAction Stop | ForEach-Object Status | Should -Be 'Unknown'
        $null = Install-LinkageSchema UniqueKeys -Connection $bare

        (Test-UniqueKey -Connection $bare).Status | Sort-Object -Unique | Should -Be 'Unknown'
        Test-UniqueKey -Connection $bare -Quiet | Should -BeTrue
        Test-UniqueKey $rule -Connection $bare -Quiet | Should -BeFalse
    }
}

Describe 'Add-UniqueKey' {
    It 'names the cmdlets that list and remove duplicates, and builds nothing' {
        { Add-UniqueKey $rule -SkipRemoval -Confirm:$false -ErrorAction Stop } | Should -Throw -ErrorId 'Linkage.UniqueKey.Duplicates,*' -ExpectedMessage '*Remove-DuplicateRecord*'

        (Invoke-TestSql $connection "SELECT to_regclass('$rule') IS NULL AS is_absent").is_absent | Should -BeTrue
    }

    It 'builds what Test-UniqueKey found missing, and only plans with -WhatIf' {
        $planned = @(Test-UniqueKey | Where-Object Status -EQ Warning | Add-UniqueKey -WhatIf 6>$null)
        (Test-UniqueKey | Where-Object Status -EQ Warning).Check | Should -Be $missing

        $built = @(Test-UniqueKey | Where-Object Status -EQ Warning | Add-UniqueKey -MaxDuration 5m -LockTimeout 30s -Confirm:$false)
        $again = Add-UniqueKey $missing[0] -Confirm:$false

        @($planned.Change) + $built.Change | Should -Be 'WouldAdd', 'WouldAdd', 'WouldAdd', 'Added', 'Added', 'Added'
        $again.Change, $again.Index | Should -Be 'Unchanged', "public.$($missing[0])"
        Get-UniqueKeyRule $missing | Test-UniqueKey -Quiet | Sort-Object -Unique | Should -BeTrue
    }

    It 'removes duplicates first, by a run that it names' {
        $card = 'unified_lead_cards_persona_unique_idx'

        $planned = Add-UniqueKey $card -WhatIf 6>$null
        $built = Add-UniqueKey $card -Confirm:$false

        $planned.Change, $planned.Duplicates | Should -Be 'WouldAdd', 20
        $built.Change, $built.Duplicates, $built.RunId.Count | Should -Be 'Added', 0, 1
        (Get-LinkageRun | Where-Object RunId -EQ $built.RunId[0]).Status | Should -Be 'completed'
        (Test-UniqueKey $card).Status | Should -Be 'Healthy'
    }

    It 'goes on with the other rules where one fails' {
        $built = @(Add-UniqueKey nonsense, $rule, leads_external_id_unique_idx -SkipRemoval -Confirm:$false -ErrorAction SilentlyContinue -ErrorVariable faults)

        $built.Rule | Should -Be 'leads_external_id_unique_idx'
        $faults | Should -HaveCount 2
    }

    It 'writes a script that psql runs, again too, and that ends at duplicates' {
        Invoke-TestSql $scripted @'
CREATE ROLE keeper LOGIN PASSWORD 'secret' SUPERUSER;
ALTER TABLE messages ADD COLUMN external_id text;
INSERT INTO events (id) VALUES ('00000000-0000-0000-0000-000000000001');
INSERT INTO messages (event_id, external_id) SELECT '00000000-0000-0000-0000-000000000001', unnest(ARRAY['a', 'a'])
'@
        $null = Install-LinkageSchema -Connection $scripted
        $file = Join-Path $TestDrive 'key.sql'
        Add-UniqueKey $rule -AsScript -Connection $scripted | Set-Content $file

        { Invoke-Psql $scripted keeper $file } | Should -Throw '*Rows are there twice*'
        Invoke-TestSql $scripted "DELETE FROM messages; CREATE UNIQUE INDEX $rule ON messages (body); UPDATE pg_index SET indisvalid = false WHERE indexrelid = '$rule'::regclass"
        1..2 | ForEach-Object { (Invoke-Psql $scripted keeper $file) -join "`n" | Should -Match '\| CREATE UNIQUE INDEX' }

        (Test-UniqueKey $rule -Connection $scripted).Status | Should -Be 'Healthy'
    }
}

Describe 'Find-UniqueKeyCandidate' {
    It 'proposes keys with reasons, which can be registered' {
        Invoke-TestSql $connection 'CREATE TABLE imports (id bigint PRIMARY KEY, team_id int NOT NULL, external_id text); INSERT INTO imports SELECT i, 1, i / 11 * 11 + least(i % 11, 9) FROM generate_series(1, 110) AS i'

        $found = Find-UniqueKeyCandidate imports
        $registered = $found | Register-UniqueKeyRule
        $duplicates = ($registered | Test-UniqueKey).Value

        "$($found.Key)", $found.Where | Should -Be 'team_id external_id', 'external_id IS NOT NULL'
        $found.Rank, $found.IsRegistered, $found.IsExact | Should -Be 1, $false, $true
        $duplicates | Should -Be $found.Duplicates
        "$($found.Reason)" | Should -Match 'external_id is an id that was given elsewhere.*no unique index'
        (Find-UniqueKeyCandidate imports).IsRegistered | Should -BeTrue
        $null = $registered | Unregister-UniqueKeyRule -Confirm:$false
    }

    It 'says which tables it had no time for' {
        $none = @(Find-UniqueKeyCandidate -MaxDuration ([timespan]::FromTicks(1)) -WarningVariable warnings -WarningAction SilentlyContinue)

        $none | Should -BeNullOrEmpty
        "$warnings" | Should -Match 'public\.messages'
    }
}

Describe 'ConvertTo-UpsertStatement' {
    It 'writes one statement for each rule, index predicate included' {
        $statements = @(Get-UniqueKeyRule messages*, unified* | ConvertTo-UpsertStatement)

        $statements | Should -HaveCount 2
        $statements[0] | Should -Match 'ON CONFLICT \(external_id\) WHERE \(external_id IS NOT NULL\)\nDO UPDATE SET body = EXCLUDED\.body;'
        ConvertTo-UpsertStatement unified_lead_cards_persona_unique_idx -Set total_score | Should -Match 'DO UPDATE SET total_score = EXCLUDED.total_score;$'
        ConvertTo-UpsertStatement campaign_queue_pending_unique_idx -DoNothing | Should -Match 'DO NOTHING;$'
        { ConvertTo-UpsertStatement $rule -Set nonsense -ErrorAction Stop } | Should -Throw
    }
}

Describe 'Test-PrefixedUlid' {
    It 'gives one Boolean for each text, without a database' {
        'team_01HK153X00V5K8G41AJ7ZAYF1F', 'team_1', '', $null | Test-PrefixedUlid | Should -Be $true, $false, $false, $false
        Test-PrefixedUlid 'team_01HK153X00V5K8G41AJ7ZAYF1F' -Prefix card | Should -BeFalse
    }
}
