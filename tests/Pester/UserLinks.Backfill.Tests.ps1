BeforeAll {
    Import-Module (Join-Path $PSScriptRoot 'PesterHelpers.psm1') -Force
    Import-Linkage
    Import-Module (Join-Path $PSScriptRoot 'DatabaseHelpers.psm1') -Force
    $sandbox = Start-LinkageSandbox
    $count = 0

    function New-Database {
        param([int] $Deliveries = 600)
        $script:count++
        New-LinkedDatabase $sandbox "links_$script:count" -Deliveries $Deliveries
    }

    # What the database says was done in a run.
    function Get-Audit {
        param($Connection, $RunId)
        Invoke-TestSql $Connection @"
SELECT count(*) AS processed, count(*) FILTER (WHERE outcome = 'linked') AS linked, count(*) FILTER (WHERE outcome = 'no_match') AS no_match,
  count(*) FILTER (WHERE outcome = 'ambiguous') AS ambiguous, count(*) FILTER (WHERE outcome = 'skipped') AS skipped,
  count(*) FILTER (WHERE dry_run) AS dry
FROM user_link_audit WHERE run_id = '$RunId'
"@
    }
}

AfterAll {
    Get-LinkageConnection | Disconnect-LinkageDatabase
}

Describe 'Invoke-UserLinkBackfill' {
    It 'links, and its counts are those of the audit and of the data' {
        $connection = New-Database
        $without = (Invoke-TestSql $connection 'SELECT count(*) AS n FROM message_deliveries WHERE user_id IS NULL').n

        $result = Invoke-UserLinkBackfill -BatchSize 100

        $audit = Get-Audit $connection $result.RunId
        $result.Status | Should -Be 'completed'
        $result.Linked | Should -BeGreaterThan 0
        $result.Processed, $result.Linked, $result.NoMatch, $result.Ambiguous, $result.Skipped |
            Should -Be $audit.processed, $audit.linked, $audit.no_match, $audit.ambiguous, $audit.skipped
        (Invoke-TestSql $connection 'SELECT count(*) AS n FROM message_deliveries WHERE user_id IS NULL').n | Should -Be ($without - $result.Linked)
        $result.Server, $result.Database, $result.ConnectionId | Should -Be $connection.Server, $connection.Database, $connection.ConnectionId
        $result.Table | Should -Be 'message_deliveries'
        $result.Sample.Count | Should -Be 5
        $result.DryRun | Should -BeFalse
    }

    It 'writes nothing under -WhatIf, and counts what the real run then does' {
        $connection = New-Database
        $before = Get-DatabaseDigest $connection

        $foreseen = Invoke-UserLinkBackfill -WhatIf -BatchSize 70 6>$null
        $after = Get-DatabaseDigest $connection
        $done = Invoke-UserLinkBackfill -BatchSize 130

        $after | Should -Be $before
        $foreseen.RunId | Should -BeNullOrEmpty
        $foreseen.Status | Should -Be 'preview'
        foreach ($name in 'Processed', 'Linked', 'NoMatch', 'Ambiguous', 'Skipped', 'Suppressed') {
            $foreseen.$name | Should -Be $done.$name -Because $name
        }
    }

    It 'records under -DryRun what it would do, and changes no data' {
        $connection = New-Database
        $before = (Get-DatabaseDigest $connection) -like 'message_deliveries*'

        $result = Invoke-UserLinkBackfill -DryRun

        $result.DryRun | Should -BeTrue
        (Get-DatabaseDigest $connection) -like 'message_deliveries*' | Should -Be $before
        $audit = Get-Audit $connection $result.RunId
        $audit.dry | Should -Be $result.Processed
        $audit.linked | Should -Be $result.Linked
        $result.Linked | Should -BeGreaterThan 0
    }

    It 'survives ConvertTo-Json and Export-Csv' {
        New-Database | Out-Null
        $results = Invoke-UserLinkBackfill -DryRun
        $results = @($results) + @(Invoke-UserLinkBackfill)

        $json = $results | ConvertTo-Json -WarningVariable warned -WarningAction SilentlyContinue | ConvertFrom-Json
        $file = Join-Path $TestDrive 'results.csv'
        $results | Export-Csv -Path $file
        $csv = Import-Csv -Path $file

        $warned | Should -BeNullOrEmpty
        $json[1].RunId | Should -Be $results[1].RunId
        $json[1].Sample | Should -Be @($results[1].Sample)
        $csv[1].Linked | Should -Be $results[1].Linked
        $csv[1].Sample | Should -Match ': (linked to|no_match|ambiguous|skipped)'
        $csv[1].PSObject.Properties.Value | Should -Not -Match '^System\.'
    }

    It 'refuses a wrong value and names it: <Value>' -ForEach @(
        @{ Value = 'an unknown table'; Arguments = @{ Table = 'nobody; DROP TABLE users' }; Id = 'Linkage.Target.NotFound'; Says = 'nobody; DROP TABLE users' }
        @{ Value = 'no table'; Arguments = @{ Table = '' }; Id = 'ParameterArgumentValidationError'; Says = 'Table' }
        @{ Value = 'a batch of none'; Arguments = @{ BatchSize = 0 }; Id = 'ParameterArgumentValidationError'; Says = '0' }
        @{ Value = 'too large a batch'; Arguments = @{ BatchSize = 2000000000 }; Id = 'ParameterArgumentValidationError'; Says = '2000000000' }
    ) {
        $connection = New-Database -Deliveries 50
        $before = Get-DatabaseDigest $connection

        $fault = { Invoke-UserLinkBackfill @Arguments -ErrorAction Stop } | Should -Throw -PassThru

        $fault.FullyQualifiedErrorId | Should -BeLike "$Id,*"
        "$fault" | Should -BeLike "*$Says*"
        Get-DatabaseDigest $connection | Should -Be $before
    }

    It 'works on each table that is named, also from the pipeline, and a wrong one stops no other' {
        $connection = New-Database -Deliveries 100
        Invoke-TestSql $connection @'
CREATE SCHEMA odd;
CREATE TABLE odd."Odd Deliveries" (id bigint PRIMARY KEY, phone text, who uuid, guest uuid);
INSERT INTO odd."Odd Deliveries" SELECT row_number() OVER (), NULL, NULL, id FROM event_guests WHERE user_id IS NOT NULL AND removed_at IS NULL;
INSERT INTO linkage.link_target (name, table_schema, table_name, key_columns, phone_column, user_column, guest_column)
VALUES ('odd', 'odd', 'Odd Deliveries', '{id}', 'phone', 'who', 'guest')
'@
        $results = 'odd."Odd Deliveries"', 'absent', 'message_deliveries' |
            ForEach-Object { [pscustomobject] @{ Table = $_ } } |
            Invoke-UserLinkBackfill -ErrorAction SilentlyContinue -ErrorVariable faults

        $results.Table | Should -Be 'odd', 'absent', 'message_deliveries'
        $results.Status | Should -Be 'completed', 'failed', 'completed'
        $results[1].RunId | Should -BeNullOrEmpty
        $results[1].Message | Should -BeLike '*absent*'
        $faults.Count | Should -Be 1
        (Invoke-TestSql $connection 'SELECT count(*) AS n FROM odd."Odd Deliveries" WHERE who IS NULL').n | Should -Be 0
    }

    It 'gives a failed result and an error for a connection that fails, and goes on with the others' {
        $good = New-Database -Deliveries 100
        $closed = New-Database -Deliveries 10
        $login = Get-SandboxLogin $sandbox
        $bare = Connect-LinkageDatabase @login
        Disconnect-LinkageDatabase $closed

        $results = Invoke-UserLinkBackfill -Connection $closed, $bare, $good -ErrorAction SilentlyContinue -ErrorVariable faults

        $results.Status | Should -Be 'failed', 'failed', 'completed'
        $results.ConnectionId | Should -Be $closed.ConnectionId, $bare.ConnectionId, $good.ConnectionId
        $faults.FullyQualifiedErrorId | Should -BeLike 'Linkage.*,*'
        $faults[0].FullyQualifiedErrorId | Should -BeLike 'Linkage.Connection.Closed,*'
        $faults[1].FullyQualifiedErrorId | Should -BeLike 'Linkage.Schema.Missing,*'
        $faults[1].Exception.Message | Should -BeLike '*Install-LinkageSchema*'
    }

    Context 'when a row can''t be changed' {
        BeforeEach {
            $connection = New-Database -Deliveries 300
            $linkable = (Invoke-UserLinkBackfill -WhatIf 6>$null).Linked
            # A row that is met late, whether the table is walked by key or by position.
            $late = (Invoke-TestSql $connection @'
SELECT d.id::text FROM message_deliveries d JOIN event_guests g ON g.id = d.guest_id
WHERE d.user_id IS NULL AND g.user_id IS NOT NULL AND g.removed_at IS NULL AND d.id > '80000000-0000-0000-0000-000000000000'
ORDER BY d.ctid DESC LIMIT 1
'@).id

            function Set-Refusal {
                param([string] $SqlState)
                Invoke-TestSql $connection @"
CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql
AS 'BEGIN RAISE EXCEPTION ''this row is poison'' USING ERRCODE = ''$SqlState''; END';
CREATE TRIGGER refuse BEFORE UPDATE ON message_deliveries FOR EACH ROW WHEN (OLD.id = '$late') EXECUTE FUNCTION public.refuse()
"@
            }
        }

        It 'links all others, counts it as failed, and names it in a warning' {
            Set-Refusal P0001

            $result = Invoke-UserLinkBackfill -BatchSize 20 -ErrorVariable faults -WarningVariable warned -WarningAction SilentlyContinue

            $faults | Should -BeNullOrEmpty
            $result.Status, $result.Failed, $result.Linked | Should -Be 'completed', 1, ($linkable - 1)
            $result.Message | Should -BeLike "*$late*this row is poison*"
            "$warned" | Should -BeLike "message_deliveries on $connection*$late*"
            (Invoke-TestSql $connection 'SELECT record_key FROM linkage.run_fault').record_key | Should -Be $late
        }

        It 'tells of a run that failed in the middle: its id, what it had done, and why' {
            # A fault of the server's, which no smaller batch avoids.
            Set-Refusal XX000

            $result = Invoke-UserLinkBackfill -BatchSize 20 -ErrorAction SilentlyContinue -ErrorVariable faults

            $result.Status | Should -Be 'failed'
            $result.Message | Should -BeLike '*this row is poison*'
            $faults[0].FullyQualifiedErrorId | Should -BeLike 'Linkage.Run.BatchFailed,*'
            $audit = Get-Audit $connection $result.RunId
            $result.Processed | Should -BeGreaterThan 0
            $result.Processed, $result.Linked | Should -Be $audit.processed, $audit.linked
            (Invoke-TestSql $connection "SELECT status FROM linkage.run WHERE id = '$($result.RunId)'").status | Should -Be 'failed'
        }
    }

    It 'names the holder of a target that somebody else works on' {
        $connection = New-Database -Deliveries 10
        # A run that lives: its session is open, its heartbeat younger than any that this test could wait for.
        Invoke-TestSql $connection @'
INSERT INTO linkage.run (id, kind, target, batch, walk, started_by, client_host, heartbeat_at)
VALUES ('01990000-0000-7000-8000-000000000001', 'UserLinkBackfill', 'message_deliveries', 'link_users', '{}', 'mallory', 'night-shift', now() + interval '1 hour')
'@
        $result = Invoke-UserLinkBackfill -ErrorAction SilentlyContinue -ErrorVariable faults

        $result.Status | Should -Be 'failed'
        $faults[0].FullyQualifiedErrorId | Should -BeLike 'Linkage.Run.TargetHeld,*'
        $faults[0].CategoryInfo.Category | Should -Be 'ResourceBusy'
        $faults[0].TargetObject | Should -Be '01990000-0000-7000-8000-000000000001'
        $result.Message | Should -BeLike '*01990000-0000-7000-8000-000000000001*mallory*night-shift*'
    }

    It 'asks once per target, and does nothing where the answer is no' {
        $connection = New-Database -Deliveries 100
        $before = Get-DatabaseDigest $connection

        $process = Start-Pwsh 'Invoke-UserLinkBackfill -Confirm | ConvertTo-Json' $sandbox $connection -Interactive
        $process.StandardInput.WriteLine('n')
        $process.StandardInput.Close()
        $text = $process.StandardOutput.ReadToEnd() -replace '\s+', ' '
        $process.WaitForExit()

        [regex]::Matches($text, 'Are you sure').Count | Should -Be 1
        $text | Should -BeLike "*message_deliveries on $connection*"
        Get-DatabaseDigest $connection | Should -Be $before
    }
}

Describe 'The progress of a backfill' {
    BeforeAll {
        function Get-Progress {
            param($Connection, $Parameters = @{})
            $shell = [powershell]::Create()
            try {
                $null = $shell.AddCommand('Import-Module').AddArgument((Get-LinkageManifest).FullName).AddStatement()
                $null = $shell.AddCommand('Invoke-UserLinkBackfill').AddParameter('Connection', $Connection).AddParameter('BatchSize', 25).AddParameter('Verbose').AddParameters($Parameters)
                $result = $shell.Invoke()
                [pscustomobject] @{ Result = $result[0]; Progress = @($shell.Streams.Progress); Verbose = @($shell.Streams.Verbose.Message) }
            }
            finally {
                $shell.Dispose()
            }
        }
    }

    It 'shows the run from the start, rows, rate and share, never passes 100 percent, and is completed' {
        $connection = New-Database -Deliveries 400
        # A planner that knows nothing expects too few.
        Invoke-TestSql $connection 'DELETE FROM pg_statistic WHERE starelid = ''message_deliveries''::regclass; UPDATE pg_class SET reltuples = 10, relpages = 1 WHERE relname = ''message_deliveries'''

        $seen = Get-Progress $connection

        $seen.Progress[0].Activity | Should -BeLike "*$($seen.Result.RunId)*"
        $seen.Progress[0].StatusDescription | Should -BeLike "*(message_deliveries on $connection)"
        $seen.Progress | Where-Object RecordType -NE Completed | ForEach-Object { $_.PercentComplete | Should -BeLessThan 100 }
        @($seen.Progress.StatusDescription) -match 'rows, [\d,]+ rows/s' | Should -Not -BeNullOrEmpty
        $seen.Progress[-1].RecordType | Should -Be 'Completed'
        @($seen.Verbose) -match $seen.Result.RunId | Should -Not -BeNullOrEmpty
    }

    It 'tells the time left where it can be reckoned' {
        $connection = New-Database -Deliveries 400

        $seen = Get-Progress $connection

        @($seen.Progress | Where-Object { $_.SecondsRemaining -ge 0 -and $_.PercentComplete -gt 0 }) | Should -Not -BeNullOrEmpty
    }

    It 'is quiet under -ProgressAction SilentlyContinue' {
        $seen = Get-Progress (New-Database -Deliveries 100) @{ ProgressAction = 'SilentlyContinue' }

        $seen.Progress | Should -BeNullOrEmpty
        $seen.Result.Status | Should -Be 'completed'
    }
}

Describe 'A backfill that is stopped' {
    It 'cancels its statement at Ctrl+C, leaves whole batches and a run that is stopped; the next one finishes' -Skip:$IsWindows {
        $connection = New-Database -Deliveries 1000
        $candidates = Invoke-UserLinkBackfill -WhatIf 6>$null
        $linkedBefore = (Invoke-TestSql $connection 'SELECT count(user_id) AS n FROM message_deliveries').n
        # a minute for all of it, however late Ctrl+C comes
        Set-SlowUpdate $connection 0.1

        $process = Start-Pwsh 'Invoke-UserLinkBackfill -BatchSize 20' $sandbox $connection
        Wait-Until $connection "SELECT (counts ->> 'processed')::int > 0 FROM linkage.run"
        Wait-Until $connection "SELECT count(*) = 1 FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%run_batch%' AND pid <> pg_backend_pid()"
        & /bin/kill -INT $process.Id
        $process.WaitForExit(20000) | Should -BeTrue
        Wait-Until $connection "SELECT count(*) = 0 FROM pg_stat_activity WHERE query LIKE '%run_batch%' AND state = 'active' AND pid <> pg_backend_pid()" -Seconds 5

        $stopped = Get-LinkageRun
        $stopped.Status | Should -Be 'stopped'
        $stopped.Details.Processed | Should -BeGreaterThan 0
        (Invoke-TestSql $connection 'SELECT count(user_id) AS n FROM message_deliveries').n | Should -Be ($linkedBefore + $stopped.Details.Linked)
        (Get-Audit $connection $stopped.RunId).processed | Should -Be $stopped.Details.Processed
        (Get-Audit $connection $stopped.RunId).linked | Should -Be $stopped.Details.Linked

        Clear-SlowUpdate $connection
        $rest = Invoke-UserLinkBackfill
        $rest.Status | Should -Be 'completed'
        $stopped.Details.Linked + $rest.Linked | Should -Be $candidates.Linked
        $stopped.Details.Linked | Should -BeLessThan $candidates.Linked
    }

    It 'stops the run behind it when the pipeline has enough' {
        $first = New-Database -Deliveries 50
        $second = New-Database -Deliveries 500
        Set-SlowUpdate $second 0.1

        $result = Invoke-UserLinkBackfill -Connection $first, $second -BatchSize 50 | Select-Object -First 1

        $result.ConnectionId | Should -Be $first.ConnectionId
        @(Get-LinkageRun -Connection $second -Status running) | Should -BeNullOrEmpty
        @(Get-LinkageRun -Connection $second -Status completed) | Should -BeNullOrEmpty
    }
}

Describe 'Backfills side by side' {
    It 'work in runspaces of their own, on connections that they are handed' {
        $manifest = (Get-LinkageManifest).FullName
        $connections = 1..3 | ForEach-Object { New-Database -Deliveries 200 }

        $results = $connections | ForEach-Object -Parallel {
            Import-Module $using:manifest
            Invoke-UserLinkBackfill -Connection $_ -BatchSize 40
        }

        $results.Status | Should -Be 'completed', 'completed', 'completed'
        $results.ConnectionId | Sort-Object | Should -Be ($connections.ConnectionId | Sort-Object)
        $results.Linked | Sort-Object -Unique | Should -HaveCount 1
    }

    It 'on one target come one after the other, and link each record once' {
        $manifest = (Get-LinkageManifest).FullName
        $connection = New-Database -Deliveries 400
        $foreseen = Invoke-UserLinkBackfill -WhatIf 6>$null

        $results = 1..2 | ForEach-Object -Parallel {
            Import-Module $using:manifest
            Invoke-UserLinkBackfill -Connection $using:connection -BatchSize 40
        }

        $results.Status | Should -Be 'completed', 'completed'
        ($results | Measure-Object Linked -Sum).Sum | Should -Be $foreseen.Linked
    }
}
