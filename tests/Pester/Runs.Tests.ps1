BeforeAll {
    Import-Module (Join-Path $PSScriptRoot 'PesterHelpers.psm1') -Force
    Import-Linkage
    Import-Module (Join-Path $PSScriptRoot 'DatabaseHelpers.psm1') -Force
    $sandbox = Start-LinkageSandbox
    $connection = New-LinkedDatabase $sandbox runs -Deliveries 200
    $dry = Invoke-UserLinkBackfill -DryRun
    $run = Invoke-UserLinkBackfill
    $undo = $run | Undo-UserLink -Confirm:$false
}

AfterAll {
    Get-LinkageConnection | Disconnect-LinkageDatabase
}

Describe 'Get-LinkageRun' {
    It 'lists the newest first, each with what it did' {
        $runs = Get-LinkageRun

        $runs.RunId | Should -Be $undo.RunId, $run.RunId, $dry.RunId
        $runs.Status | Should -Be 'completed', 'undone', 'completed'
        $runs.DryRun | Should -Be $false, $false, $true
        $runs[0].Undoes | Should -Be $run.RunId
        $runs[1].Details.Linked | Should -Be $run.Linked
        $runs[1].Counts | Should -BeLike "Processed $($run.Processed),*NoMatch $($run.NoMatch)*"
        $runs[1].StartedBy, $runs[1].ClientHost | Should -Be $connection.User, ([Environment]::MachineName)
        $runs[1].StartedAt.Kind | Should -Be 'Utc'
        $runs[1].FinishedAt | Should -BeGreaterOrEqual $runs[1].StartedAt
        $runs[1].ConnectionId | Should -Be $connection.ConnectionId
    }

    It 'finds by <Name>' -ForEach @(
        @{ Name = 'kind'; Arguments = @{ Kind = 'Undo' }; Expected = 1 }
        @{ Name = 'status, in any case'; Arguments = @{ Status = 'Undone' }; Expected = 1 }
        @{ Name = 'table'; Arguments = @{ Table = 'message_deliveries' }; Expected = 3 }
        @{ Name = 'a table without runs'; Arguments = @{ Table = 'x''; DROP TABLE users; --' }; Expected = 0 }
        @{ Name = 'time'; Arguments = @{ Since = '1h' }; Expected = 3 }
        @{ Name = 'time, as -Last'; Arguments = @{ Last = '1h' }; Expected = 3 }
        @{ Name = 'a time to come'; Arguments = @{ Since = [datetime]::UtcNow.AddDays(1) }; Expected = 0 }
    ) {
        @(Get-LinkageRun @Arguments) | Should -HaveCount $Expected
    }

    It 'finds by id, also from a result' {
        (Get-LinkageRun $run.RunId).RunId | Should -Be $run.RunId
        ($run, $undo | Get-LinkageRun).RunId | Should -Be $run.RunId, $undo.RunId
    }

    It 'reports an id that is not there, and goes on' {
        $found = Get-LinkageRun '01990000-0000-7000-8000-00000000ffff', $run.RunId -ErrorAction SilentlyContinue -ErrorVariable faults

        $found.RunId | Should -Be $run.RunId
        $faults[0].FullyQualifiedErrorId | Should -BeLike 'Linkage.Run.NotFound,*'
    }

    It 'calls a run interrupted whose session is gone' {
        Invoke-TestSql $connection @'
INSERT INTO linkage.run (id, kind, target, batch, walk, heartbeat_at)
VALUES ('01990000-0000-7000-8000-000000000002', 'Stray', 'stray', 'x', '{}', now() - interval '1 minute')
'@
        (Get-LinkageRun -Kind Stray).Status | Should -Be 'interrupted'
        @(Get-LinkageRun -Kind Stray -Status interrupted) | Should -HaveCount 1
        @(Get-LinkageRun -Kind Stray -Status running) | Should -BeNullOrEmpty
    }

    It 'stops reading when the pipeline has enough' {
        @(Get-LinkageRun | Select-Object -First 1) | Should -HaveCount 1
        (Get-LinkageRun -Kind Undo).RunId | Should -Be $undo.RunId
    }

    It 'survives ConvertTo-Json and Export-Csv' {
        $json = Get-LinkageRun $run.RunId | ConvertTo-Json | ConvertFrom-Json
        $csv = Get-LinkageRun $run.RunId | ConvertTo-Csv | ConvertFrom-Csv

        $json.Details.Linked | Should -Be $run.Linked
        [guid] $csv.RunId | Should -Be $run.RunId
        $csv.PSObject.Properties.Value | Should -Not -Match '^(System|Linkage)\.'
    }

    It 'fits a screen of 120 columns' {
        $lines = (Get-LinkageRun | Out-String -Width 120) -split '\r?\n'

        $lines -match $run.RunId | Should -HaveCount 1
        $lines | ForEach-Object { $_.Length | Should -BeLessOrEqual 120 }
    }
}
