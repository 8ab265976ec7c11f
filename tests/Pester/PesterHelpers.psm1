# What the Pester files share. The built module is found by LINKAGE_MODULE, else in output/ of the repository.

Set-StrictMode -Version Latest

# The manifest of the built module.
function Get-LinkageManifest {
    if ($env:LINKAGE_MODULE) {
        return Get-Item -Path $env:LINKAGE_MODULE
    }
    $output = Join-Path $PSScriptRoot '../../output/Linkage'
    $manifest = Get-ChildItem -Path $output -Filter 'Linkage.psd1' -Recurse -ErrorAction SilentlyContinue |
        Sort-Object -Property LastWriteTime |
        Select-Object -Last 1
    if (-not $manifest) {
        throw "There is no built module in $output; run ./build.ps1 first."
    }
    $manifest
}

# Imports the built module afresh.
function Import-Linkage {
    Get-Module -Name Linkage | Remove-Module -Force
    Import-Module -Name (Get-LinkageManifest).FullName -Global
}

# The library of a cmdlet that uses the base class of all database cmdlets and nothing else: Invoke-Probe.
function Get-ProbePath {
    (Get-ChildItem -Path (Join-Path $PSScriptRoot '../Linkage.Cmdlets.Probe/bin') -Filter 'Linkage.Cmdlets.Probe.dll' -Recurse |
        Sort-Object -Property LastWriteTime |
        Select-Object -Last 1).FullName
}

# What Connect-LinkageDatabase needs to reach a sandbox once more.
function Get-SandboxLogin {
    param([Parameter(Mandatory)] $Sandbox)
    @{
        Server     = $Sandbox.Server
        Port       = $Sandbox.Port
        Database   = $Sandbox.Database
        Credential = $Sandbox.GetCredential()
        SslMode    = 'Disable'
    }
}

# Runs a script in a pwsh of its own, without the caller's PG* variables, and returns what it wrote and its exit code.
function Invoke-Pwsh {
    param(
        [Parameter(Mandatory)] [string] $Script,
        [hashtable] $Environment = @{}
    )
    $file = Join-Path ([IO.Path]::GetTempPath()) "linkage-$([guid]::NewGuid().ToString('N')).ps1"
    Set-Content -Path $file -Value "Import-Module -Name '$((Get-LinkageManifest).FullName)'`n$Script"
    $start = [Diagnostics.ProcessStartInfo]::new((Get-Process -Id $PID).Path, [string[]] @('-NoProfile', '-NonInteractive', '-File', $file))
    $start.RedirectStandardOutput = $true
    $start.RedirectStandardError = $true
    $start.Environment['NO_COLOR'] = '1'
    foreach ($name in @($start.Environment.Keys) -like 'PG*') {
        $null = $start.Environment.Remove($name)
    }
    foreach ($name in $Environment.Keys) {
        $start.Environment[$name] = $Environment[$name]
    }
    try {
        $process = [Diagnostics.Process]::Start($start)
        $errors = $process.StandardError.ReadToEndAsync()
        $output = $process.StandardOutput.ReadToEnd()
        $process.WaitForExit()
        [pscustomobject]@{ Output = $output; Errors = $errors.Result; ExitCode = $process.ExitCode }
    }
    finally {
        Remove-Item -Path $file
    }
}

Export-ModuleMember -Function Get-LinkageManifest, Import-Linkage, Get-ProbePath, Get-SandboxLogin, Invoke-Pwsh
