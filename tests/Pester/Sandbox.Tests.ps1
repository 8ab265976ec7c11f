BeforeAll {
    Import-Module (Join-Path $PSScriptRoot 'PesterHelpers.psm1') -Force
    Import-Linkage
    Import-Module (Join-Path $PSScriptRoot 'DatabaseHelpers.psm1') -Force
}

Describe 'Start-LinkageSandbox and Stop-LinkageSandbox' {
    AfterEach {
        Stop-LinkageSandbox
    }

    It 'starts a server and makes it the default connection' {
        $sandbox = Start-LinkageSandbox

        (Get-LinkageConnection -Default).ConnectionId | Should -Be $sandbox.ConnectionId
        Get-Process -Id $sandbox.ProcessId | Should -Not -BeNullOrEmpty
    }

    It 'makes leads, customers and jobs if it is asked to, and refuses fewer leads than can have every ill' {
        $sandbox = Start-LinkageSandbox -SampleLeads 200

        (Invoke-TestSql $sandbox 'SELECT count(*) AS n FROM "Lead"').n | Should -Be 200
        (Invoke-TestSql $sandbox 'SELECT count(*) AS n FROM "Customer"').n | Should -BeGreaterThan 0
        { Start-LinkageSandbox -SampleLeads 199 } | Should -Throw -ErrorId 'ParameterArgumentValidationError,*'
    }

    It 'starts nothing under -WhatIf' {
        Start-LinkageSandbox -WhatIf | Should -BeNullOrEmpty
        Get-LinkageConnection | Should -BeNullOrEmpty
    }

    It 'removes the server and its data' {
        $sandbox = Start-LinkageSandbox

        $sandbox | Stop-LinkageSandbox

        $sandbox.IsClosed | Should -BeTrue
        Test-Path $sandbox.DataDirectory | Should -BeFalse
        Get-LinkageConnection | Should -BeNullOrEmpty
    }

    It 'removes nothing under -WhatIf' {
        $sandbox = Start-LinkageSandbox

        Stop-LinkageSandbox -WhatIf

        Test-Path $sandbox.DataDirectory | Should -BeTrue
    }

    It 'removes what a session leaves behind when it ends' {
        $result = Invoke-Pwsh '(Start-LinkageSandbox).DataDirectory'

        Test-Path $result.Output.Trim() | Should -BeFalse
    }

    It 'says which folder lacks the programs' {
        { Start-LinkageSandbox -BinDirectory $TestDrive } | Should -Throw -ErrorId 'Linkage.Sandbox.Failed,*'
    }
}
