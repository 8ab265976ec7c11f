# The whole of customers from leads, as somebody goes through it who has found out that leads are without customers.

BeforeAll {
    Import-Module (Join-Path $PSScriptRoot 'PesterHelpers.psm1') -Force
    Import-Linkage
    Import-Module (Join-Path $PSScriptRoot 'DatabaseHelpers.psm1') -Force
    $sandbox = Start-LinkageSandbox

    # Every row of the application's tables, but of the audit only what is not about backfills.
    function Get-ApplicationRows {
        foreach ($table in '"Customer"', '"CustomerAddress"', '"Lead"', '"Job"', '"Conversation"') {
            (Invoke-TestSql $connection "SELECT '$table ' || count(*) || ' ' || coalesce(md5(string_agg(t::text, ',' ORDER BY t::text)), '') AS digest FROM $table t").digest
        }
        (Invoke-TestSql $connection "SELECT count(*) AS n FROM ""Audit"" WHERE action <> 'backfill_customers'").n
    }

    function Get-Count {
        param([string] $Sql)
        (Invoke-TestSql $connection "SELECT count(*) AS n FROM $Sql").n
    }

    function Get-Check {
        param([string] $Name)
        Test-CustomerLinkage | Where-Object Check -EQ $Name
    }
}

AfterAll {
    Get-LinkageConnection | Disconnect-LinkageDatabase
}

Describe 'Customers from leads' {
    BeforeAll {
        $connection = New-LinkedDatabase $sandbox 'customer_story' -Leads 400
        $quiet = @{ WarningAction = 'SilentlyContinue'; Confirm = $false }
        $atFirst = Get-ApplicationRows
    }

    It 'a further table is registered, whose rows follow leads' {
        $registered = Register-CustomerTable -Role Follower -Table '"Conversation"' -Confirm:$false

        $registered.Role | Should -Be 'Follower'
        @(Get-CustomerTable -Role Follower).Table | Should -Be 'public."Conversation"', 'public."Job"'
    }

    It 'the checks show what is wrong' {
        (Get-Check LeadsWithoutCustomer).Value | Should -Be (Get-Count '"Lead" WHERE customer_id IS NULL')
        (Get-Check JobsWithoutCustomer).Value | Should -Be ((Get-Count '"Job" WHERE customer_id IS NULL') + (Get-Count '"Conversation" WHERE customer_id IS NULL'))
    }

    It 'the groups are shown, each lead in one of them' {
        $groups = @(Get-CustomerGroup)

        ($groups | Measure-Object -Property Leads -Sum).Sum | Should -Be (Get-Count '"Lead"')
        Get-ApplicationRows | Should -Be $atFirst
    }

    It 'a preview writes nothing, and says what the backfill then does' {
        $before = Get-DatabaseDigest $connection
        $foreseen = Invoke-CustomerBackfill -WhatIf @quiet 6>$null
        Get-DatabaseDigest $connection | Should -Be $before

        $script:run = Invoke-CustomerBackfill @quiet

        $run.Status | Should -Be 'completed'
        $foreseen.RunId | Should -BeNullOrEmpty
        foreach ($name in 'CustomersCreated', 'CustomersReused', 'LeadsLinked', 'LeadsAlreadyLinked', 'JobsLinked', 'JobsAlreadyLinked') {
            $foreseen.$name | Should -Be $run.$name -Because $name
        }
        $run.CustomersCreated, $run.CustomersReused | Should -Not -Contain 0
    }

    It 'then no lead is without a customer, and no job that has a lead' {
        Get-Count '"Lead" WHERE customer_id IS NULL' | Should -Be 0
        (Get-Check LeadsWithoutCustomer).Status, (Get-Check JobsWithoutCustomer).Status, (Get-Check NoRecentAudit).Status | Sort-Object -Unique | Should -Be 'Healthy'
        $payload = (Invoke-TestSql $connection "SELECT payload FROM ""Audit"" WHERE action = 'backfill_customers' ORDER BY created_at DESC LIMIT 1").payload | ConvertFrom-Json
        $payload.runId | Should -Be "$($run.RunId)"
        $payload.stats.LeadsLinked | Should -Be $run.LeadsLinked
    }

    It 'a second run creates and links nothing' {
        $rows = Get-ApplicationRows

        $second = Invoke-CustomerBackfill @quiet

        $second.CustomersCreated, $second.LeadsLinked, $second.JobsLinked | Should -Be 0, 0, 0
        Get-ApplicationRows | Should -Be $rows
    }

    It 'an undo takes all of it back and nothing else, and an undo of the undo brings it back' {
        $after = Get-ApplicationRows

        $undo = $run | Undo-LinkageRun @quiet
        $undone = Get-ApplicationRows
        $again = $undo | Undo-LinkageRun @quiet

        $undo.Conflicts, $again.Conflicts | Should -Be 0, 0
        $undone | Should -Be $atFirst
        Get-ApplicationRows | Should -Be $after
    }

    It 'two customers who are one are merged, and the old id still leads to them' {
        $script:before = Get-ApplicationRows
        $script:from, $script:into = (Get-Check DuplicatePhones).Details.Example -split ', '
        $leads = Get-Count """Lead"" WHERE customer_id IN ('$from', '$into')"

        $script:merge = Merge-Customer -From $from -Into $into @quiet

        $merge.Status | Should -Be 'completed'
        Get-Count """Customer"" WHERE id = '$from'" | Should -Be 0
        Get-Count """Lead"" WHERE customer_id = '$into'" | Should -Be $leads
        (Resolve-Customer -Customer $from).CustomerId | Should -Be $into
    }

    It 'the merge is undone exactly' {
        ($merge | Undo-LinkageRun @quiet).Conflicts | Should -Be 0

        Get-ApplicationRows | Should -Be $before
        (Resolve-Customer -Customer $from).CustomerId | Should -Be $from
    }

    It 'a customer who is two is split, and the split undone exactly' {
        $mixed = (Invoke-TestSql $connection 'SELECT customer_id::text AS id, min(messenger_psid) AS psid FROM "Lead" GROUP BY customer_id HAVING count(DISTINCT messenger_psid) = 2 ORDER BY 1 LIMIT 1')
        $leads = (Invoke-TestSql $connection "SELECT id::text AS id FROM ""Lead"" WHERE customer_id = '$($mixed.id)' AND messenger_psid = '$($mixed.psid)'").id

        $split = Split-Customer -Customer $mixed.id -Lead $leads -Name 'The other one' @quiet

        $split.Status | Should -Be 'completed'
        Get-Count """Lead"" WHERE customer_id = '$($mixed.id)' AND messenger_psid = '$($mixed.psid)'" | Should -Be 0
        Get-Count """Customer"" WHERE name = 'The other one'" | Should -Be 1
        ($split | Undo-LinkageRun @quiet).Conflicts | Should -Be 0
        Get-ApplicationRows | Should -Be $before
    }

    It 'what somebody decides holds, and is taken back' {
        $pair = (Invoke-TestSql $connection 'SELECT id::text AS id FROM "Lead" WHERE messenger_psid IS NULL ORDER BY id LIMIT 2').id

        $decision = Add-CustomerDecision -Lead $pair -Decision MustLink -Reason 'They said so' -Confirm:$false

        $decision.Lead | Sort-Object | Should -Be $pair
        @(Get-CustomerGroup | Where-Object { $_.Lead -contains $pair[0] }).Lead | Should -Contain $pair[1]
        $null = $decision | Remove-CustomerDecision -Confirm:$false
        Get-CustomerDecision | Should -BeNullOrEmpty
    }

    It 'every step is a run, that says who did it and what became of it' {
        $runs = @(Get-LinkageRun)

        $runs.Kind | Sort-Object -Unique | Should -Be 'CustomerBackfill', 'CustomerMerge', 'CustomerSplit', 'Undo'
        ($runs | Where-Object Kind -EQ CustomerMerge).Status | Should -Be 'undone'
    }
}
