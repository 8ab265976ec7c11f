BeforeAll {
    Import-Module (Join-Path $PSScriptRoot 'PesterHelpers.psm1') -Force
    Import-Linkage
    Import-Module (Join-Path $PSScriptRoot 'DatabaseHelpers.psm1') -Force
    $sandbox = Start-LinkageSandbox
    $names = 'LeadsWithoutCustomer', 'JobsWithoutCustomer', 'JobsDisagreeWithLead', 'LargeCustomers', 'DuplicatePhones', 'DuplicateEmails',
        'CustomersWithoutLeads', 'NoCustomers', 'NoRecentAudit'
}

AfterAll {
    Get-LinkageConnection | Disconnect-LinkageDatabase
}

Describe 'Test-CustomerLinkage' {
    BeforeAll {
        $connection = New-LinkedDatabase $sandbox 'customer_checks' -Leads 400
    }

    It 'makes nine checks by what is in the tables, and writes nothing' {
        $before = Get-DatabaseDigest $connection
        $open = (Invoke-TestSql $connection 'SELECT count(*) AS n FROM "Lead" WHERE customer_id IS NULL').n
        $left = (Invoke-TestSql $connection 'SELECT count(*) AS n FROM "Job" j JOIN "Lead" l ON l.id = j.lead_id WHERE j.customer_id IS NULL AND l.customer_id IS NOT NULL').n

        $checks = @(Test-CustomerLinkage)

        Get-DatabaseDigest $connection | Should -Be $before
        $checks.Check | Should -Be $names
        $checks[0].Status, $checks[0].Value, $checks[0].Threshold | Should -Be 'Warning', $open, 0
        $checks[1].Status, $checks[1].Details.LeftBehind, $checks[1].Details.WithoutLead | Should -Be 'Critical', $left, 0
        $checks[2].Status | Should -Be 'Critical'
        $checks[3..6].Status | Sort-Object -Unique | Should -Be 'Warning'
        $checks[7].Status, $checks[8].Status | Should -Be 'Healthy', 'Warning'
        $checks[8].Details.LastBackfillAt | Should -Be ([datetime]::new(2025, 11, 1, 3, 0, 0, [DateTimeKind]::Utc))
        Test-CustomerLinkage -Quiet | Should -BeFalse
    }

    It 'names in each message what cures the ill' {
        $cures = @{
            LeadsWithoutCustomer = 'Invoke-CustomerBackfill'; JobsWithoutCustomer = 'Invoke-CustomerBackfill'; JobsDisagreeWithLead = 'Merge-Customer'
            LargeCustomers = 'Split-Customer'; DuplicatePhones = 'Merge-Customer'; DuplicateEmails = 'Merge-Customer'
        }

        $checks = Test-CustomerLinkage

        foreach ($name in $cures.Keys) {
            ($checks | Where-Object Check -EQ $name).Message | Should -Match $cures[$name]
        }
    }

    It 'names customers to look at, and takes other limits' {
        $large = (Invoke-TestSql $connection 'SELECT customer_id::text AS id FROM "Lead" GROUP BY customer_id HAVING customer_id IS NOT NULL AND count(*) > 5').id
        $check = Test-CustomerLinkage | Where-Object Check -EQ LargeCustomers

        $check.Details.Customers | Should -Be ($large -join ', ')
        $check.Details.MaxLeads, $check.Details.Largest | Should -Be 5, 7
        (Test-CustomerLinkage -MaxLeads 7 | Where-Object Check -EQ LargeCustomers).Status | Should -Be 'Healthy'
        (Test-CustomerLinkage -AuditAge 36500d | Where-Object Check -EQ NoRecentAudit).Status | Should -Be 'Healthy'
        { Test-CustomerLinkage -MaxLeads 0 } | Should -Throw -ErrorId 'ParameterArgumentValidationError,*'
        { Test-CustomerLinkage -AuditAge 7 } | Should -Throw
    }

    It 'emits every record before -FailOn ends it' {
        $seen = [Collections.Generic.List[object]]::new()

        $problem = { Test-CustomerLinkage -FailOn Critical | ForEach-Object { $seen.Add($_) } } | Should -Throw -PassThru

        $seen | Should -HaveCount 9
        $problem.FullyQualifiedErrorId | Should -BeLike 'Linkage.Check.Failed,*'
        $problem.Exception.Message | Should -Match 'JobsDisagreeWithLead is Critical'
        $problem.Exception.Message | Should -Not -Match 'LargeCustomers'
    }

    It 'ends a runbook with exit code 1 where -FailOn says so, else with 0' {
        $environment = @{
            PGHOST = $connection.Server; PGPORT = "$($connection.Port)"; PGDATABASE = $connection.Database; PGUSER = $connection.User
            PGPASSWORD = $sandbox.GetCredential().GetNetworkCredential().Password; PGSSLMODE = 'disable'
        }

        $failed = Invoke-Pwsh "`$ErrorActionPreference = 'Stop'; Test-CustomerLinkage -FailOn Critical" $environment
        $passed = Invoke-Pwsh "`$ErrorActionPreference = 'Stop'; Test-CustomerLinkage" $environment

        $failed.ExitCode, $passed.ExitCode | Should -Be 1, 0
        $failed.Output | Should -Match 'LeadsWithoutCustomer(.|\n)*NoRecentAudit'
    }

    It 'survives ConvertTo-Json' {
        $checks = @(Test-CustomerLinkage | ConvertTo-Json -Depth 3 | ConvertFrom-Json)

        $checks.Check | Should -Be $names
        $checks[4].Details.Customers | Should -BeGreaterThan 1
    }

    It 'is Unknown, without an error, where customers are not installed' {
        $bare = New-LinkedDatabase $sandbox 'customer_checks_bare'

        $checks = @(Test-CustomerLinkage -Connection $bare -FailOn Warning -ErrorAction Stop)

        $checks.Check | Should -Be $names
        $checks.Status | Sort-Object -Unique | Should -Be 'Unknown'
        Test-CustomerLinkage -Connection $bare -Quiet | Should -BeFalse
    }
}
