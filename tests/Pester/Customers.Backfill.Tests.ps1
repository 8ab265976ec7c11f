BeforeAll {
    Import-Module (Join-Path $PSScriptRoot 'PesterHelpers.psm1') -Force
    Import-Linkage
    Import-Module (Join-Path $PSScriptRoot 'DatabaseHelpers.psm1') -Force
    $sandbox = Start-LinkageSandbox
    $counts = 'Processed', 'CustomersCreated', 'CustomersReused', 'LeadsLinked', 'LeadsAlreadyLinked', 'JobsLinked', 'JobsAlreadyLinked',
        'GroupsByPsid', 'GroupsByPhone', 'GroupsByEmail', 'GroupsOfOne', 'Errors'
}

AfterAll {
    Get-LinkageConnection | Disconnect-LinkageDatabase
}

Describe 'Invoke-CustomerBackfill' {
    BeforeAll {
        $connection = New-LinkedDatabase $sandbox 'customer_backfill' -Leads 400
        $open = (Invoke-TestSql $connection 'SELECT count(*) AS n FROM "Lead" WHERE customer_id IS NULL').n
        $untouched = Get-DatabaseDigest $connection
    }

    It 'says under -WhatIf what it would do, and writes nothing' {
        $script:foreseen = Invoke-CustomerBackfill -WhatIf 6>$null

        Get-DatabaseDigest $connection | Should -Be $untouched
        $foreseen.Status, $foreseen.RunId, $foreseen.LeadsLinked | Should -Be 'preview', $null, $open
    }

    It 'links every lead, as it was foreseen, and what follows the leads' {
        $script:run = Invoke-CustomerBackfill

        $run.Status, $run.Errors, $run.LeadsLeftOut | Should -Be 'completed', 0, 0
        foreach ($count in $counts) {
            $run.$count | Should -Be $foreseen.$count -Because $count
        }
        (Invoke-TestSql $connection 'SELECT count(*) AS n FROM "Lead" WHERE customer_id IS NULL').n | Should -Be 0
        (Invoke-TestSql $connection 'SELECT count(*) AS n FROM "Job" j JOIN "Lead" l ON l.id = j.lead_id WHERE j.customer_id IS NULL').n | Should -Be 0
        $stats = (Invoke-TestSql $connection "SELECT (payload -> 'stats')::text AS s FROM ""Audit"" WHERE payload ->> 'runId' = '$($run.RunId)'").s |
            ConvertFrom-Json
        $stats.CustomersCreated, $stats.LeadsLinked, $stats.JobsLinked | Should -Be $run.CustomersCreated, $run.LeadsLinked, $run.JobsLinked
    }

    It 'creates and links nothing the second time' {
        $again = Invoke-CustomerBackfill

        $again.CustomersCreated, $again.CustomersReused, $again.LeadsLinked, $again.JobsLinked | Should -Be 0, 0, 0, 0
    }

    It 'is undone from the pipeline' {
        $undo = $run | Undo-LinkageRun -Confirm:$false

        $undo.Status, $undo.Conflicts | Should -Be 'completed', 0
        (Invoke-TestSql $connection 'SELECT count(*) AS n FROM "Lead" WHERE customer_id IS NULL').n | Should -Be $open
        (Get-LinkageRun -RunId $run.RunId).Status | Should -Be 'undone'
    }

    It 'refuses a way to match that there is not' {
        { Invoke-CustomerBackfill -Match Guess } | Should -Throw -ErrorId 'ParameterArgumentValidationError,*'
    }
}

Describe 'Register-CustomerTable, Get-CustomerTable and Unregister-CustomerTable' {
    BeforeAll {
        $connection = New-LinkedDatabase $sandbox 'customer_tables' -Leads 400
        Invoke-TestSql $connection 'CREATE TABLE "a ""note""" (id int PRIMARY KEY, "of lead" uuid, customer_id uuid)'
    }

    It 'lists what the install found' {
        $tables = @(Get-CustomerTable)

        $tables.Role | Select-Object -Unique | Should -Be 'Customer', 'Lead', 'Address', 'Audit', 'Follower'
        (Get-CustomerTable Lead).PsidColumn, (Get-CustomerTable Lead).CustomerColumn | Should -Be 'messenger_psid', 'customer_id'
    }

    It 'registers a table with its columns, warns of indexes, and forgets it' {
        $name = '"a ""note"""'
        $planned = Register-CustomerTable Follower $name -LeadColumn 'of lead' -WhatIf -WarningVariable warnings 3>$null 6>$null
        $planned.Change, @(Get-CustomerTable | Where-Object Table -Like '*note*').Count | Should -Be 'Registered', 0
        $warnings.Count | Should -Be 2

        $registered = Register-CustomerTable Follower $name -LeadColumn 'of lead' -WarningAction SilentlyContinue

        $registered.Table, $registered.LeadColumn, $registered.CustomerColumn | Should -Be "public.$name", 'of lead', 'customer_id'
        (Register-CustomerTable Follower $name -LeadColumn 'of lead' -WarningAction SilentlyContinue).Change | Should -Be 'Unchanged'
        ($registered | Unregister-CustomerTable -Confirm:$false).Change | Should -Be 'Unregistered'
        @(Get-CustomerTable | Where-Object Table -Like '*note*').Count | Should -Be 0
    }

    It 'says what is wrong with a table, and what to do' {
        Register-CustomerTable Follower '"a ""note"""' -ErrorAction SilentlyContinue -ErrorVariable faults | Should -BeNullOrEmpty

        $faults[0].FullyQualifiedErrorId | Should -BeLike 'Linkage.CustomerTable.Unusable,*'
        $faults[0].Exception.Message | Should -Match '-LeadColumn'
        Unregister-CustomerTable nowhere -Confirm:$false -ErrorAction SilentlyContinue -ErrorVariable faults | Should -BeNullOrEmpty
        $faults[0].FullyQualifiedErrorId | Should -BeLike 'Linkage.CustomerTable.NotRegistered,*'
    }
}
