BeforeAll {
    Import-Module (Join-Path $PSScriptRoot 'PesterHelpers.psm1') -Force
    Import-Linkage
    Import-Module (Join-Path $PSScriptRoot 'DatabaseHelpers.psm1') -Force
    $sandbox = Start-LinkageSandbox -SampleDuplicates 120
    $null = Install-LinkageSchema -Confirm:$false
    $rule = 'messages_external_id_unique_idx'
    function Get-Row { (Invoke-TestSql $sandbox "SELECT string_agg(m::text, '|' ORDER BY id) AS rows FROM messages m").rows }
}

AfterAll {
    Stop-LinkageSandbox
}

Describe 'Get-DuplicateRecord' {
    It 'shows who would stay, who would go, and what refers to those' {
        $group = Get-DuplicateRecord $rule | Sort-Object Referring | Select-Object -Last 1

        $group.Rule | Should -Be $rule
        $group.Count | Should -Be $group.Duplicate.Count
        $group.Survivor | Should -Not -BeIn $group.Duplicate
        $group.ReferredBy | Should -BeLike "public.message_attachments: $($group.Referring)*"
        $ids = (Invoke-TestSql $sandbox "SELECT id::text FROM messages WHERE external_id = '$($group.Key)' ORDER BY created_at, id").id
        @($group.Survivor) + $group.Duplicate | Should -Be $ids
    }

    It 'takes rules from the pipeline, and as many groups as are asked for' {
        $groups = Get-UniqueKeyRule messages*, businesses* | Where-Object Origin -EQ 'built in' | Get-DuplicateRecord -First 2

        $groups | Group-Object Rule | ForEach-Object Count | Should -Be 2, 2
    }

    It 'writes one text for a list in a CSV file, and a list in JSON' {
        $group = Get-DuplicateRecord $rule -First 1

        ($group | ConvertTo-Csv | ConvertFrom-Csv).Duplicate | Should -Be ($group.Duplicate -join '; ')
        @(($group | ConvertTo-Json | ConvertFrom-Json).Duplicate) | Should -Be @($group.Duplicate)
    }

    It 'says that there is no such rule, and which it may be' {
        { Get-DuplicateRecord messages_external_idx -ErrorAction Stop } | Should -Throw -ErrorId 'Linkage.UniqueKeyRule.NotFound*' -ExpectedMessage "*$rule*"
    }
}

Describe 'Remove-DuplicateRecord' {
    It 'says with -WhatIf what it would do, and writes nothing' {
        $before = Get-DatabaseDigest $sandbox
        $rows = Get-Row
        $groups = Get-DuplicateRecord $rule

        $result = Remove-DuplicateRecord $rule -WhatIf 6>$null

        $result.Status | Should -Be 'preview'
        $result.Removed | Should -Be ($groups | Measure-Object Count -Sum).Sum
        $result.Kept | Should -Be $groups.Count
        Get-Row | Should -Be $rows
        Get-DatabaseDigest $sandbox | Should -Be $before
    }

    It 'removes them, and is undone exactly' {
        $rows = Get-Row

        $result = Remove-DuplicateRecord $rule -Confirm:$false

        $result.Status | Should -Be 'completed'
        $result.Removed, $result.Repointed, $result.Kept | ForEach-Object { $_ | Should -BeGreaterThan 0 }
        $result.Failed | Should -Be 0
        $result.Tables | Should -BeLike 'public.message_attachments: * moved*'
        Get-DuplicateRecord $rule | Should -BeNullOrEmpty
        (Remove-DuplicateRecord $rule -Confirm:$false).Removed | Should -Be 0
        ($result | Undo-LinkageRun -Confirm:$false).Conflicts | Should -Be 0
        Get-Row | Should -Be $rows
    }

    It 'gives a result that pipes into JSON' {
        $json = Get-UniqueKeyRule businesses_source* | Remove-DuplicateRecord -Confirm:$false | ConvertTo-Json -Depth 3 | ConvertFrom-Json

        $json.Rule | Should -Be 'businesses_source_dedup_idx'
        $json.Removed | Should -BeGreaterThan 0
        $json.RunId | Should -Not -BeNullOrEmpty
    }

    It 'gives a failed result and an error where there is no such rule' {
        $result = Remove-DuplicateRecord nothing_idx -Confirm:$false -ErrorVariable fault -ErrorAction SilentlyContinue

        $result.Status | Should -Be 'failed'
        $fault[0].FullyQualifiedErrorId | Should -BeLike 'Linkage.UniqueKeyRule.NotFound*'
    }
}
