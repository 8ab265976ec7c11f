BeforeAll {
    Import-Module (Join-Path $PSScriptRoot 'PesterHelpers.psm1') -Force
    Import-Linkage
    Import-Module (Join-Path $PSScriptRoot 'DatabaseHelpers.psm1') -Force
    $sandbox = Start-LinkageSandbox
    $connection = New-LinkedDatabase $sandbox customer_merges -Leads 200

    function New-Customer {
        param([string] $Name, [int] $Leads = 0)
        $id = (Invoke-TestSql $connection "INSERT INTO ""Customer"" (name) VALUES ('$Name') RETURNING id::text AS id").id
        if ($Leads -gt 0) {
            $null = Invoke-TestSql $connection "INSERT INTO ""Lead"" (name, customer_id) SELECT 'lead of $Name ' || n, '$id' FROM generate_series(1, $Leads) n"
        }
        $id
    }

    function Get-Lead {
        param([string] $Customer)
        @(Invoke-TestSql $connection "SELECT id::text AS id FROM ""Lead"" WHERE customer_id = '$Customer' ORDER BY created_at, id").id
    }
}

AfterAll {
    Get-LinkageConnection | Disconnect-LinkageDatabase
}

Describe 'Merge-Customer' {
    It 'merges, tells of each table, and is undone by what it emits' {
        $from, $into = (New-Customer Ann 2), (New-Customer 'Ann Other' 1)

        $preview = Merge-Customer $from $into -WhatIf
        $merge = Merge-Customer $from $into -Confirm:$false
        $after = Resolve-Customer $from
        $undo = $merge | Undo-LinkageRun -Confirm:$false

        $preview.Status, $preview.RunId, $preview.Moved | Should -Be 'preview', $null, 2
        $merge.Status, $merge.Into, $merge.Merged, $merge.Moved, $merge.Removed | Should -Be 'completed', $into, 1, 2, 0
        $merge.Tables | Should -BeExactly 'public."Lead": 2 moved'
        $merge.Sample | Should -Be "$from`: merged into $into"
        $after.CustomerId, $after.Exists, $after.Steps, $after.RunId | Should -Be $into, $true, 1, $merge.RunId
        $undo.Status, $undo.Conflicts | Should -Be 'completed', 0
        (Resolve-Customer $from).CustomerId | Should -Be $from
        Get-Lead $from | Should -HaveCount 2
    }

    It 'shows what it counted by table in the list of runs' {
        $merge = Merge-Customer (New-Customer a 1) (New-Customer b) -Confirm:$false

        (Get-LinkageRun -RunId $merge.RunId).Details['moved public."Lead"'] | Should -Be 1
    }

    It 'is an error for a customer that was merged already, with the one to give instead' {
        $from, $into = (New-Customer a), (New-Customer b)
        $null = Merge-Customer $from $into -Confirm:$false

        $result = Merge-Customer $from (New-Customer c) -Confirm:$false -ErrorVariable fault -ErrorAction SilentlyContinue

        $result.Status | Should -Be 'failed'
        $fault[0].FullyQualifiedErrorId | Should -BeLike 'Linkage.Customer.Unusable,*'
        $fault[0].Exception.Message | Should -Match $into
    }

    It 'refuses to be undone out of order, and names the run to undo first' {
        $a, $b, $c = (New-Customer a 1), (New-Customer b), (New-Customer c)
        $first = Merge-Customer $a $b -Confirm:$false
        $second = Merge-Customer $b $c -Confirm:$false

        $null = $first | Undo-LinkageRun -Confirm:$false -ErrorVariable fault -ErrorAction SilentlyContinue

        $fault[0].FullyQualifiedErrorId | Should -BeLike 'Linkage.Run.ChangedLater,*'
        $fault[0].TargetObject | Should -Be $second.RunId.ToString()
        ($second, $first | Undo-LinkageRun -Confirm:$false).Conflicts | Should -Be 0, 0
    }
}

Describe 'Resolve-Customer' {
    It 'takes ids from the pipeline, and tells of those that nobody has' {
        $known, $nobody = (New-Customer known), [guid]::NewGuid().ToString()

        $resolved = $known, $nobody, 'no id' | Resolve-Customer

        $resolved.Customer | Should -Be $known, $nobody, 'no id'
        $resolved.CustomerId | Should -Be $known, $nobody, $null
        $resolved.Exists | Should -Be $true, $false, $false
    }
}

Describe 'Split-Customer' {
    It 'makes a customer for some leads, says which, and is undone' {
        $customer = New-Customer both 3
        $leads = Get-Lead $customer

        $preview = Split-Customer $customer $leads[0, 1] -WhatIf
        $split = Split-Customer $customer $leads[0, 1] -Name New -Phone '+18725292147' -Confirm:$false
        $made = Invoke-TestSql $connection "SELECT name, phone FROM ""Customer"" WHERE id::text = '$($split.NewCustomer)'"
        $moved = Get-Lead $split.NewCustomer
        $undo = $split | Undo-LinkageRun -Confirm:$false

        $preview.Moved, $preview.NewCustomer | Should -Be 2, $null
        $split.Status, $split.Customer, $split.Leads, $split.Moved | Should -Be 'completed', $customer, 2, 2
        $made.name, $made.phone | Should -Be 'New', '+18725292147'
        $moved | Should -HaveCount 2
        $undo.Conflicts | Should -Be 0
        Get-Lead $customer | Should -HaveCount 3
    }

    It 'is an error for a lead of another customer' {
        $lead = Get-Lead (New-Customer other 1)

        $null = Split-Customer (New-Customer one 1) $lead -Confirm:$false -ErrorVariable fault -ErrorAction SilentlyContinue

        $fault[0].FullyQualifiedErrorId | Should -BeLike 'Linkage.Customer.Unusable,*'
    }
}
