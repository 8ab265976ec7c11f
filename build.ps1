#!/usr/bin/env pwsh
#Requires -Version 7.4
<#
.SYNOPSIS
    Builds, tests and packs the module.
.DESCRIPTION
    Build     lays the module out in output/Linkage/<version>/ (the default)
    Test      builds and runs all tests; those of the cmdlets in this PowerShell, if it is the pwsh on PATH
    Demo      starts a throwaway PostgreSQL and does the main job on sample data
    Package   builds and packs the module as output/Linkage.<version>.zip, to unpack in Modules/Linkage/<version>
    Docs      brings the syntax on the pages of docs/en-US up to date, and the module's help with them
    Clean     removes what the other tasks made
.EXAMPLE
    ./build.ps1
.EXAMPLE
    ./build.ps1 Test
#>
[CmdletBinding()]
param(
    [Parameter(Position = 0)]
    [ValidateSet('Build', 'Test', 'Demo', 'Package', 'Docs', 'Clean')]
    [string] $Task = 'Build',

    [ValidateSet('Debug', 'Release')]
    [string] $Configuration = 'Release'
)

$ErrorActionPreference = 'Stop'
$packaging = Join-Path $PSScriptRoot 'src/Linkage.Packaging'
$output = Join-Path $PSScriptRoot 'output'

function Invoke-DotNet {
    & dotnet @args
    if ($LASTEXITCODE -ne 0) {
        throw "dotnet $($args[0]) failed with exit code $LASTEXITCODE."
    }
}

function Build-Module {
    Invoke-DotNet build $packaging --configuration $Configuration
}

switch ($Task) {
    'Build' {
        Build-Module
    }
    'Test' {
        Invoke-DotNet test (Join-Path $PSScriptRoot 'Linkage.Cmdlets.sln') --configuration $Configuration
    }
    'Demo' {
        Invoke-DotNet run --configuration $Configuration --project (Join-Path $PSScriptRoot 'samples/Quickstart')
    }
    'Package' {
        Build-Module
        $version = (Import-PowerShellDataFile -Path (Join-Path $PSScriptRoot 'module/Linkage.psd1')).ModuleVersion
        $archive = Join-Path $output "Linkage.$version.zip"
        Remove-Item -Path $archive -ErrorAction Ignore
        [IO.Compression.ZipFile]::CreateFromDirectory((Join-Path $output "Linkage/$version"), $archive)
        Get-Item -Path $archive
    }
    'Docs' {
        Build-Module
        Invoke-DotNet run --no-build --configuration $Configuration --project $packaging -- syntax (Join-Path $PSScriptRoot 'docs/en-US')
        Build-Module
    }
    'Clean' {
        $projects = Get-ChildItem -Path $PSScriptRoot -Filter '*.csproj' -Recurse
        $made = @($output) + @($projects | ForEach-Object { "$($_.DirectoryName)/bin"; "$($_.DirectoryName)/obj" })
        $made | Where-Object { Test-Path -Path $_ } | Remove-Item -Recurse -Force
    }
}
