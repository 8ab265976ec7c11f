BeforeAll {
    Import-Module (Join-Path $PSScriptRoot 'PesterHelpers.psm1') -Force
    Import-Linkage
    Import-Module (Join-Path $PSScriptRoot 'DatabaseHelpers.psm1') -Force
    $sandbox = Start-LinkageSandbox

    function New-LeadDatabase {
        $connection = New-ApplicationDatabase $sandbox "leads_$([guid]::NewGuid().ToString('N'))"
        Invoke-TestSql $connection @'
CREATE TABLE "Customer" (id text PRIMARY KEY DEFAULT gen_random_uuid()::text, name text, phone text, email text, metadata jsonb, created_at timestamptz DEFAULT now());
CREATE TABLE "Lead" (
  id text PRIMARY KEY, name text, phone text, email text, messenger_psid text, customer_id text REFERENCES "Customer", created_at timestamptz DEFAULT now());
CREATE INDEX ON "Lead" (customer_id);
INSERT INTO "Lead" (id, name, phone, email, messenger_psid) VALUES
  ('a', 'John Smith', '(312) 200-4718', NULL, '100'), ('b', 'Smith, John', '+13122004718', 'john@example.com', NULL),
  ('c', 'Mary Jones', '3122004718', NULL, NULL), ('d', 'J. Smith', NULL, 'JOHN@example.com', NULL), ('e', 'Eve', NULL, NULL, NULL);
'@
        $null = Install-LinkageSchema -Component Customers -Connection $connection
        $connection
    }
}

AfterAll {
    Get-LinkageConnection | Disconnect-LinkageDatabase
}

Describe 'Get-CustomerGroup' {
    BeforeAll {
        $connection = New-LeadDatabase
    }

    It 'shows groups by priority, and writes nothing' {
        $before = Get-DatabaseDigest $connection
        $groups = @(Get-CustomerGroup)

        ($groups | ForEach-Object { $_.Lead -join '' } | Sort-Object) | Should -Be 'a', 'bc', 'd', 'e'
        ($groups | Where-Object GroupKey -EQ 'phone:+13122004718').Leads | Should -Be 2
        (Get-DatabaseDigest $connection) | Should -Be $before
    }

    It 'shows what transitive groups come to, with names as evidence and without' {
        (Get-CustomerGroup Transitive | ForEach-Object { ($_.Lead | Sort-Object) -join '' } | Sort-Object) | Should -Be 'abd', 'c', 'e'
        (Get-CustomerGroup Transitive -Evidence $false | ForEach-Object { ($_.Lead | Sort-Object) -join '' } | Sort-Object) | Should -Be 'abcd', 'e'
        (Get-CustomerGroup Transitive -Evidence $false -MaxShared 2 | ForEach-Object { ($_.Lead | Sort-Object) -join '' } | Sort-Object) |
            Should -Be 'a', 'bd', 'c', 'e'
        @(Get-CustomerGroup Transitive -First 1).Count | Should -Be 1
    }

    It 'explains what joined a lead and what was refused' {
        $lead = Get-CustomerGroup Transitive -Explain -Lead c

        $lead.GroupKey, $lead.Via | Should -Be 'phone:+13122004718', 'phone:+13122004718'
        $lead.Refused | Should -BeLike 'phone:+13122004718: lead a is somebody else: John Smith*'
        (Get-CustomerGroup Transitive -Explain -Lead b).Via | Should -Be 'phone:+13122004718'
    }
}

Describe 'Add-CustomerDecision, Get-CustomerDecision and Remove-CustomerDecision' {
    BeforeEach {
        $connection = New-LeadDatabase
    }

    It 'part leads, join leads, and are taken back' {
        $decided = Add-CustomerDecision -Lead d, b -Decision CannotLink -Reason 'not the same'
        $null = Add-CustomerDecision e, c MustLink

        $decided.Decision, $decided.Reason | Should -Be 'CannotLink', 'not the same'
        (Get-CustomerGroup Transitive | ForEach-Object { ($_.Lead | Sort-Object) -join '' } | Sort-Object) | Should -Be 'ab', 'ce', 'd'
        (Get-CustomerDecision -Lead e).Lead | Should -Be 'c', 'e'
        Get-CustomerDecision | Remove-CustomerDecision -Confirm:$false | Should -HaveCount 2
        Get-CustomerDecision | Should -BeNullOrEmpty
    }

    It 'refuse what contradicts itself, and what nobody decided' {
        $null = Add-CustomerDecision a, b MustLink
        $null = Add-CustomerDecision b, c MustLink

        { Add-CustomerDecision c, a CannotLink -ErrorAction Stop } | Should -Throw '*a = b = c*' -ErrorId 'Linkage.CustomerDecision.Contradicts*'
        { Remove-CustomerDecision a, e -Confirm:$false -ErrorAction Stop } | Should -Throw -ErrorId 'Linkage.CustomerDecision.NotFound*'
        { Add-CustomerDecision a, nobody MustLink -ErrorAction Stop } | Should -Throw -ErrorId 'Linkage.CustomerDecision.NotFound*'
    }

    It 'write nothing under -WhatIf' {
        (Add-CustomerDecision a, b MustLink -WhatIf).Decision | Should -Be 'MustLink'
        Get-CustomerDecision | Should -BeNullOrEmpty
    }
}

Describe 'Measure-CustomerMatch' {
    BeforeAll {
        $connection = New-LeadDatabase
        $labels = 'a', 'b', 'd' | ForEach-Object { [pscustomobject]@{ Lead = $_; Entity = 1 } }
        $labels += [pscustomobject]@{ Lead = 'c'; Entity = 2 }, [pscustomobject]@{ Lead = 'gone'; Entity = 2 }
    }

    It 'scores the ways to group, and the links that are there' {
        $priority, $transitive = 'Priority', 'Transitive' | ForEach-Object { $labels | Measure-CustomerMatch -Match $_ }
        $links = Measure-CustomerMatch -Label $labels

        $priority.Precision, $priority.Recall, $priority.OverMerged, $priority.UnderMerged | Should -Be 0, 0, 1, 1
        $transitive.Precision, $transitive.Recall, $transitive.F1, $transitive.Missing | Should -Be 1, 1, 1, 1
        $links.Match, $links.JoinedPairs, $links.Precision, $links.Recall | Should -Be 'Links', 0, $null, 0
    }

    It 'says which label is none' {
        { [pscustomobject]@{ Id = 'a' } | Measure-CustomerMatch -ErrorAction Stop } | Should -Throw -ErrorId 'Linkage.CustomerMatch.NoLabel*'
    }
}
