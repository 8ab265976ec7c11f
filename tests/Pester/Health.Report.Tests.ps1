BeforeAll {
    Import-Module (Join-Path $PSScriptRoot 'PesterHelpers.psm1') -Force
    Import-Linkage
    Import-Module (Join-Path $PSScriptRoot 'DatabaseHelpers.psm1') -Force
    $sandbox = Start-LinkageSandbox
    $connection = New-LinkedDatabase $sandbox 'report' -Deliveries 400 -Accounts -Leads 200
    $null = Invoke-UserLinkBackfill
}

AfterAll {
    Stop-LinkageSandbox
}

Describe 'Export-LinkageReport' {
    BeforeEach {
        $path = Join-Path $TestDrive 'report.html'
        Remove-Item $path -Force -ErrorAction Ignore
    }

    It 'writes one file, and emits what it says in a flat record' {
        $report = Export-LinkageReport $path

        $checks = @(Test-LinkageSchema; Test-DeliveryIntegrity; Test-UserSync; Test-CustomerLinkage)
        $report.Critical, $report.Warning, $report.Healthy, $report.Unknown | Should -Be @(
            foreach ($status in 'Critical', 'Warning', 'Healthy', 'Unknown') { @($checks | Where-Object Status -EQ $status).Count })
        $report.Status | Should -Be 'Critical'
        $report.Path, $report.Length | Should -Be (Get-Item $path).FullName, (Get-Item $path).Length
        $report.ConnectionId, $report.Since.Kind, ($report.Until - $report.Since).TotalDays | Should -Be $connection.ConnectionId, 'Utc', 30
        $read = $report | ConvertTo-Json | ConvertFrom-Json
        $read.Path, $read.Database | Should -Be $report.Path, 'report'
        $report | Out-String | Should -Match 'Database +Status +Critical +Warning'
        Get-Content -Raw $path | Should -Match '^<!DOCTYPE html>(.|\n)*Ghost users'
    }

    It 'writes nothing under -WhatIf, and says how long the file would be' {
        $before = Get-DatabaseDigest $connection
        $report = Export-LinkageReport $path -WhatIf 6>$null

        Test-Path $path | Should -BeFalse
        $report.Path | Should -BeNullOrEmpty
        $report.Length | Should -BeGreaterThan 10000
        $report.Status | Should -Be 'Critical'
        $null = Export-LinkageReport $path
        Get-DatabaseDigest $connection | Should -Be $before
    }

    It 'replaces a file as Export-Csv does: not with -NoClobber, and a read-only one with -Force only' {
        'old' | Set-Content $path

        { Export-LinkageReport $path -NoClobber -ErrorAction Stop } | Should -Throw '*is there already*' -ErrorId 'Linkage.Report.UnusablePath*'
        Get-Content $path | Should -Be 'old'
        (Get-Item $path).IsReadOnly = $true
        { Export-LinkageReport $path -ErrorAction Stop } | Should -Throw '*read-only*-Force*'
        (Export-LinkageReport $path -Force).Length | Should -Be (Get-Item $path).Length
    }

    It 'takes a path as PowerShell does, wildcard characters for themselves' {
        Push-Location $TestDrive
        try {
            (Export-LinkageReport 'a[1].html').Path | Should -Be (Join-Path (Get-Item $TestDrive).FullName 'a[1].html')
            Test-Path -LiteralPath 'a[1].html' | Should -BeTrue
            { Export-LinkageReport $TestDrive } | Should -Throw '*is a folder*'
            { Export-LinkageReport no/where.html } | Should -Throw '*There is no folder*'
            { Export-LinkageReport Env:report } | Should -Throw '*no place in the file system*'
        }
        finally {
            Pop-Location
        }
    }

    It 'covers the period that it is told' {
        $report = Export-LinkageReport $path -Since 2026-01-01T00:00Z -Until 2026-02-01T00:00Z

        $report.Since, $report.Until | Should -Be ([datetime]'2026-01-01').ToString(), ([datetime]'2026-02-01').ToString() -Because 'times are UTC'
        $page = Get-Content -Raw $path
        $page | Should -Match '2026-01-01 00:00</time> to (.)*2026-02-01 00:00'
        $page | Should -Match 'No run started in this period'
        (Export-LinkageReport $path -Until 2026-02-01T00:00Z).Since | Should -Be ([datetime]'2026-01-02').ToString()
        { Export-LinkageReport $path -Since 1d -Until 2d } | Should -Throw '*must be later than*'
    }

    It 'puts several databases into one file, and goes on when one fails' {
        $other = New-ApplicationDatabase $sandbox 'report_bare'
        $gone = New-ApplicationDatabase $sandbox 'report_gone'
        Disconnect-LinkageDatabase $gone

        $reports = @($connection, $other, $gone | Export-LinkageReport $path -ErrorVariable failed -ErrorAction SilentlyContinue)

        $reports.Database | Should -Be 'report', 'report_bare', 'report_gone'
        $reports.Status | Should -Be 'Critical', 'Critical', 'Unknown'
        $reports.Path | Sort-Object -Unique | Should -Be (Get-Item $path).FullName
        @($failed).Count | Should -Be 1
        Get-Content -Raw $path | Should -Match 'report_gone(.|\n)*could not be read'
    }

    It 'leaves the file alone when nothing can be read' {
        $gone = New-ApplicationDatabase $sandbox 'report_gone_too'
        Disconnect-LinkageDatabase $gone
        'old' | Set-Content $path

        $report = Export-LinkageReport $path -Connection $gone -ErrorAction SilentlyContinue

        $report.Status, $report.Path | Should -Be 'Unknown', $null
        Get-Content $path | Should -Be 'old'
    }
}
