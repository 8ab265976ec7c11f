# Runs the Pester files and writes each test's outcome as JSON, for the xunit project that reports them one by one.
[CmdletBinding()]
param(
    [Parameter(Mandatory)] [string] $ResultPath,
    [string] $Path = $PSScriptRoot
)

$ErrorActionPreference = 'Stop'
Import-Module -Name Pester -MinimumVersion 5.5

$configuration = New-PesterConfiguration
$configuration.Run.Path = $Path
$configuration.Run.PassThru = $true
$configuration.Output.Verbosity = 'None'
$run = Invoke-Pester -Configuration $configuration

$results = @(
    foreach ($test in $run.Tests) {
        @{
            Name    = "$([IO.Path]::GetFileNameWithoutExtension($test.Block.BlockContainer.Item.Name) -replace '\.Tests$'): $($test.ExpandedPath)"
            Outcome = $test.Result
            Message = ($test.ErrorRecord | ForEach-Object { "$_`n$($_.ScriptStackTrace)" }) -join "`n"
        }
    }
    # What fails outside any test: a file that doesn't parse, a BeforeAll.
    foreach ($broken in @($run.FailedContainers) + @($run.FailedBlocks)) {
        @{ Name = "$broken"; Outcome = 'Failed'; Message = ($broken.ErrorRecord | Out-String) }
    }
)
ConvertTo-Json -InputObject $results -Depth 3 | Set-Content -Path $ResultPath
