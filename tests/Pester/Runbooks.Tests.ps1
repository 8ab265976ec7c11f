# Each runbook as it is written: its blocks, one after the other in one session, on a database of its own with sample data. A block that is
# marked no-run connects to a server that only exists in your house.

BeforeDiscovery {
    # What each of them is to leave behind. Those that are not named here just have to run.
    $ends = @{
        'ghost-users'        = { @(Get-GhostUser -Repairable).Count | Should -Be 0 }
        'backfill'           = { (Test-DeliveryIntegrity -Exact)[0].Value | Should -Be 0; @(Get-UnlinkedDelivery -Linkable).Count | Should -Be 0 }
        'rollback'           = { (Get-LinkageRun -Kind UserLinkBackfill -Last 24h)[0].Status | Should -Be 'completed'; @(Get-LinkSuppression).Count | Should -Be 0 }
        'duplicate-clean-up' = { @(Test-UniqueKey | Where-Object Status -In Critical, Warning).Count | Should -Be 0 }
    }
    # What has happened before somebody takes the page off the shelf.
    $before = @{
        'ghost-users' = { $null = Disable-LinkageTrigger auth.users -Confirm:$false }
        'rollback'    = { $null = Invoke-UserLinkBackfill }
    }
    $pages = foreach ($page in Get-ChildItem -Path (Join-Path $PSScriptRoot '../../docs/runbooks') -Filter '*.md') {
        $blocks = [regex]::Matches((Get-Content -Raw $page), '(?ms)^```powershell([^\n]*)\n(.*?)^```') |
            Where-Object { $_.Groups[1].Value -notmatch 'no-run' } | ForEach-Object { $_.Groups[2].Value }
        if ($blocks) {
            @{ Name = $page.BaseName; Blocks = @($blocks); Before = $before[$page.BaseName]; End = $ends[$page.BaseName] }
        }
    }
}

BeforeAll {
    Import-Module (Join-Path $PSScriptRoot 'PesterHelpers.psm1') -Force
    Import-Linkage
}

Describe 'The runbook <Name>' -ForEach $pages {
    BeforeAll {
        $null = Start-LinkageSandbox -SampleDeliveries 400 -SampleLeads 200 -SampleDuplicates 60
        $null = Install-LinkageSchema -Confirm:$false
        Push-Location $TestDrive
    }

    AfterAll {
        Pop-Location
        Stop-LinkageSandbox
    }

    It 'runs as it is written' {
        if ($Before) {
            & $Before
        }
        # As a person at the prompt: what one block leaves in a variable, the next one uses. What would ask is answered with yes.
        $ErrorActionPreference = 'Stop'
        $ConfirmPreference = 'None'
        $WarningPreference = 'SilentlyContinue'
        foreach ($block in $Blocks) {
            try {
                . ([scriptblock]::Create($block)) | Out-String -Width 120 | Out-Null
            }
            catch {
                throw "$Name failed at:`n$block`n$_"
            }
        }

        if ($End) {
            & $End
        }
    }
}
