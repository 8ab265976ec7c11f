# The scripts for psql, as the module ships them: what they find is what the cmdlets find.

BeforeDiscovery {
    $hasPsql = [bool] (Get-Command psql -ErrorAction Ignore)
}

Describe 'The scripts for psql' -Skip:(-not $hasPsql) {
    BeforeAll {
        Import-Module (Join-Path $PSScriptRoot 'PesterHelpers.psm1') -Force
        Import-Linkage
        Import-Module (Join-Path $PSScriptRoot 'DatabaseHelpers.psm1') -Force
        $scripts = Join-Path (Get-LinkageManifest).DirectoryName 'sql'
        $sandbox = Start-LinkageSandbox
        Invoke-TestSql $sandbox "CREATE ROLE owner LOGIN SUPERUSER PASSWORD 'secret'; CREATE ROLE ann LOGIN PASSWORD 'secret'; CREATE ROLE bob LOGIN PASSWORD 'secret'"

        # Ann may look, Bob may also run.
        function New-ScriptedDatabase([string] $Name) {
            $connection = New-LinkedDatabase $sandbox $Name -Deliveries 400 -Leads 200
            $null = Invoke-Psql $connection owner (Join-Path $PSScriptRoot '../../docs/least-privilege.sql')
            Invoke-TestSql $connection 'GRANT linkage_reader TO ann; GRANT linkage_runner TO bob'
            $connection
        }

        function Read-Script($Connection, [string] $Role, [string] $Script, [hashtable] $Variables = @{}) {
            Invoke-Psql $Connection $Role (Join-Path $scripts $Script) $Variables -Options '--csv' | ConvertFrom-Csv
        }

        function Get-Verdict([object[]] $Checks) {
            foreach ($check in $Checks) {
                $value, $threshold = foreach ($number in $check.Value, $check.Threshold) {
                    [string]::IsNullOrEmpty("$number") ? '' : ([double] $number).ToString('0.######', [cultureinfo]::InvariantCulture)
                }
                "$($check.Check) $($check.Status) $value $threshold"
            }
        }
    }

    AfterAll {
        Stop-LinkageSandbox
    }

    Describe 'daily-delivery-integrity-check.sql' {
        BeforeAll {
            $connection = New-ScriptedDatabase 'scripts_daily'
        }

        It 'finds what Test-DeliveryIntegrity finds, before and after a backfill' {
            foreach ($round in 1, 2) {
                foreach ($variables in @{}, @{ exact = 'true'; critical_above = '90'; last = '1 hour' }) {
                    $options = $variables.Count -gt 0 ? @{ Exact = $true; CriticalAbove = 90; Last = '1h' } : @{}

                    Get-Verdict (Read-Script $connection ann daily-delivery-integrity-check.sql $variables) |
                        Should -Be (Get-Verdict (Test-DeliveryIntegrity @options))
                }
                $null = Invoke-UserLinkBackfill
            }
        }

        It 'sees triggers and flags that are off' {
            $null = Set-LinkageFeatureFlag LINK_USER_BY_PHONE -Enabled $false
            $null = Disable-LinkageTrigger message_deliveries

            $found = Read-Script $connection ann daily-delivery-integrity-check.sql
            Get-Verdict $found | Should -Be (Get-Verdict (Test-DeliveryIntegrity))
            ($found | Where-Object Check -EQ DeliveryTriggers).Message | Should -Match 'Enable-LinkageTrigger'
        }

        It 'ends with exit code 3 if a check is as grave as it is told, and writes nothing' {
            $before = Get-DatabaseDigest $connection

            { Read-Script $connection ann daily-delivery-integrity-check.sql @{ fail_on = 'critical' } } | Should -Throw '*psql ended with 3*'
            { Read-Script $connection ann daily-delivery-integrity-check.sql @{ fail_on = 'often' } } | Should -Throw '*neither warning nor critical*'
            { Read-Script $connection ann daily-delivery-integrity-check.sql @{ target = 'nothing' } } | Should -Throw '*nothing*'
            $null = Enable-LinkageTrigger message_deliveries
            $null = Read-Script $connection ann daily-delivery-integrity-check.sql @{ fail_on = 'critical' }
            { Read-Script $connection ann daily-delivery-integrity-check.sql @{ fail_on = 'warning' } } | Should -Throw '*psql ended with 3*'
            $null = Disable-LinkageTrigger message_deliveries
            Get-DatabaseDigest $connection | Should -Be $before
        }
    }

    Describe 'validation.sql' {
        It 'finds what Test-CustomerLinkage finds, and ends with exit code 3 if that is as grave as it is told' {
            $connection = New-ScriptedDatabase 'scripts_validation'
            foreach ($variables in @{}, @{ max_leads = 3; audit_age = '1 day' }) {
                $options = $variables.Count -gt 0 ? @{ MaxLeads = 3; AuditAge = '1d' } : @{}
                $found = Read-Script $connection ann validation.sql $variables

                # The age of the last audit row goes on between the two.
                Get-Verdict ($found | Where-Object Check -NE NoRecentAudit) |
                    Should -Be (Get-Verdict (Test-CustomerLinkage @options | Where-Object Check -NE NoRecentAudit))
                $found[-1].Status | Should -Be (Test-CustomerLinkage @options)[-1].Status
            }
            { Read-Script $connection ann validation.sql @{ fail_on = 'critical' } } | Should -Throw '*psql ended with 3*'
        }
    }

    Describe 'rollback.sql' {
        BeforeAll {
            $connection = New-ScriptedDatabase 'scripts_rollback'
            function Get-Rows {
                Get-DatabaseDigest $connection | Where-Object { $_ -match '^"(Customer|CustomerAddress|Lead|Job|Conversation)"' }
            }
        }

        It 'shows what an undo would do, does just that, and leaves the tables as they were' {
            $before = Get-Rows
            $run = Invoke-CustomerBackfill -WarningAction SilentlyContinue
            $filled = Get-DatabaseDigest $connection
            $foreseen = Undo-LinkageRun $run.RunId -WhatIf 6>$null

            $shown = Read-Script $connection bob rollback.sql
            Get-DatabaseDigest $connection | Should -Be $filled
            $done = Read-Script $connection bob rollback.sql @{ apply = 'on'; run = $run.RunId; batch_size = 7 }

            $shown.Undoes, $shown.RolledBack, $shown.Conflicts | Should -Be "$($run.RunId)", $foreseen.RolledBack, $foreseen.Conflicts
            $done.RolledBack, $done.Conflicts, $done.Status | Should -Be $foreseen.RolledBack, 0, 'undone'
            Get-Rows | Should -Be $before
            (Get-LinkageRun $run.RunId).Status | Should -Be 'undone'
            (Get-LinkageRun $done.RunId).Undoes, (Get-LinkageRun $done.RunId).Details.RolledBack | Should -Be $run.RunId, $foreseen.RolledBack
            { Read-Script $connection bob rollback.sql } | Should -Throw '*no backfill of customers that is not undone*'
        }

        It 'goes on with an undo that was cut off' {
            $before = Get-Rows
            $run = Invoke-CustomerBackfill -WarningAction SilentlyContinue
            $stopped = Undo-LinkageRun $run.RunId -BatchSize 5 -MaxDuration ([timespan]::FromTicks(1)) -Confirm:$false

            $done = Read-Script $connection bob rollback.sql @{ apply = 'on' }

            $done.RunId, $done.Status | Should -Be "$($stopped.RunId)", 'undone'
            Get-Rows | Should -Be $before
        }

        It 'leaves what somebody changed since' {
            $run = Invoke-CustomerBackfill -WarningAction SilentlyContinue
            Invoke-TestSql $connection @'
WITH own AS (INSERT INTO "Customer" (name) VALUES ('Own') RETURNING id)
UPDATE "Lead" l SET customer_id = own.id FROM own WHERE l.id::text = (
  SELECT c.lead_ids[1] FROM linkage.customer_change c WHERE c.outcome = 'created' ORDER BY c.run_id DESC LIMIT 1)
'@
            $foreseen = Undo-LinkageRun $run.RunId -WhatIf 6>$null

            $done = Read-Script $connection bob rollback.sql @{ apply = 'on' }

            $foreseen.Conflicts | Should -BeGreaterThan 0
            $done.Conflicts, $done.Status | Should -Be $foreseen.Conflicts, 'partly undone'
        }
    }
}
