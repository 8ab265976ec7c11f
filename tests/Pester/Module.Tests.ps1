BeforeAll {
    Import-Module (Join-Path $PSScriptRoot 'PesterHelpers.psm1') -Force
    Import-Linkage
}

Describe 'The module' {
    It 'has a manifest that PowerShell accepts' {
        { Test-ModuleManifest -Path (Get-LinkageManifest).FullName -ErrorAction Stop } | Should -Not -Throw
    }

    It 'exports the cmdlets that its manifest lists, and nothing else' {
        $listed = (Import-PowerShellDataFile -Path (Get-LinkageManifest).FullName).CmdletsToExport

        (Get-Command -Module Linkage).Name | Sort-Object | Should -Be ($listed | Sort-Object)
    }

    It 'imports in well under half a second' {
        $result = Invoke-Pwsh @'
Remove-Module Linkage
$watch = [Diagnostics.Stopwatch]::StartNew()
Import-Module -Name $env:LINKAGE_TEST_MANIFEST
$watch.ElapsedMilliseconds
'@ -Environment @{ LINKAGE_TEST_MANIFEST = (Get-LinkageManifest).FullName }

        [int] $result.Output | Should -BeLessThan 500
    }

    It 'loads the engine and its libraries in a context of their own' {
        $sandbox = Start-LinkageSandbox
        try {
            $contexts = [AppDomain]::CurrentDomain.GetAssemblies() |
                Where-Object { $_.GetName().Name -in 'Linkage.Engine', 'Npgsql', 'Dapper' } |
                ForEach-Object { [Runtime.Loader.AssemblyLoadContext]::GetLoadContext($_).Name } |
                Sort-Object -Unique

            $contexts | Should -Be 'Linkage'
        }
        finally {
            Stop-LinkageSandbox -Sandbox $sandbox
        }
    }

    It 'loads nothing of the engine when it is imported' {
        $result = Invoke-Pwsh '[AppDomain]::CurrentDomain.GetAssemblies().GetName().Name -match "^(Linkage\.Engine|Npgsql|Dapper)$"'

        $result.Output.Trim() | Should -BeNullOrEmpty
    }

    It 'closes connections and removes sandboxes when it is removed' {
        $result = Invoke-Pwsh @'
$sandbox = Start-LinkageSandbox
$folder = $sandbox.DataDirectory
Remove-Module Linkage
$sandbox.IsClosed
Test-Path $folder
'@
        $result.Output.Trim() -split '\r?\n' | Should -Be 'True', 'False'
    }

    It 'works again after it was removed and imported anew' {
        $result = Invoke-Pwsh @'
Start-LinkageSandbox | Out-Null
$path = (Get-Module Linkage).Path
Remove-Module Linkage
Import-Module (Join-Path (Split-Path $path) Linkage.psd1)
(Start-LinkageSandbox).IsDefault
'@
        $result.Output.Trim() | Should -Be 'True'
    }
}
