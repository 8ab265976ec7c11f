BeforeDiscovery {
    $cmdlets = @(
        foreach ($page in Get-ChildItem -Path (Join-Path $PSScriptRoot '../../docs/en-US') -Filter '*-*.md' | Where-Object BaseName -CMatch '^[A-Z][a-z]+-[A-Z]') {
            $number = 0
            $blocks = [regex]::Matches((Get-Content -Raw $page), '(?ms)^```powershell([^\n]*)\n(.*?)^```')
            $examples = foreach ($block in $blocks) {
                $number++
                if ($block.Groups[1].Value -notmatch 'no-run') {
                    @{ Number = $number; Code = $block.Groups[2].Value }
                }
            }
            @{ Name = $page.BaseName; Examples = @($examples) }
        }
    )
}

BeforeAll {
    Import-Module (Join-Path $PSScriptRoot 'PesterHelpers.psm1') -Force
    Import-Linkage
    Import-Module (Join-Path $PSScriptRoot 'DatabaseHelpers.psm1') -Force
}

Describe 'The help of <Name>' -ForEach $cmdlets {
    It 'is found by Get-Help' {
        $help = Get-Help -Name $Name -Full

        $help.Synopsis | Should -Not -BeNullOrEmpty
        $help.description.Text | Should -Not -BeNullOrEmpty
        @($help.examples.example).Count | Should -BeGreaterOrEqual 2
    }

    It 'explains each parameter' {
        $common = [System.Management.Automation.PSCmdlet]::CommonParameters
        foreach ($parameter in (Get-Command -Name $Name).Parameters.Keys | Where-Object { $_ -notin $common }) {
            (Get-Help -Name $Name -Parameter $parameter).description.Text | Should -Not -BeNullOrEmpty -Because "-$parameter needs it"
        }
    }
}

Describe 'The examples of <Name>' -ForEach ($cmdlets | Where-Object { $_.Examples.Count -gt 0 }) {
    BeforeEach {
        if (-not (Get-LinkageConnection -Default)) {
            Start-LinkageSandbox -SampleDeliveries 200 -SampleLeads 200 -SampleDuplicates 60 | Out-Null
            Install-LinkageSchema -Confirm:$false | Out-Null
        }
        # Who leads runs needs one: one that is held in a session of its own, or one that was stopped.
        $held = $null
        if ($Name -in 'Set-LinkageRun', 'Stop-LinkageRun', 'Suspend-LinkageRun') {
            $held = Start-HeldBackfill (Get-LinkageConnection -Default)
        }
        elseif ($Name -eq 'Resume-LinkageRun') {
            Invoke-UserLinkBackfill -MaxDuration ([timespan]::FromTicks(1)) | Out-Null
        }
        # Targets are tables that the sample data does not have.
        elseif ($Name -like '*-LinkTarget') {
            Invoke-TestSql (Get-LinkageConnection -Default) @'
CREATE SCHEMA IF NOT EXISTS crm;
CREATE TABLE IF NOT EXISTS crm."Call List" (tenant text, "Call No" integer, "Dialled" text, "User" uuid, "Event" uuid, PRIMARY KEY (tenant, "Call No"));
CREATE TABLE IF NOT EXISTS invitations (id bigint PRIMARY KEY, mobile text, phone text, owner_id uuid, guest_id uuid);
'@
            if ($Name -ne 'Register-LinkTarget') {
                $null = Register-LinkTarget invitations -PhoneColumn mobile -UserColumn owner_id -GuestColumn guest_id -WarningAction SilentlyContinue
            }
        }
        # Who merges and splits customers knows which.
        elseif ($Name -in 'Merge-Customer', 'Resolve-Customer', 'Split-Customer') {
            $from, $into = (Invoke-TestSql (Get-LinkageConnection -Default) 'INSERT INTO "Customer" (name) VALUES (''Ann''), (''A.'') RETURNING id::text AS id').id
            $customer = $from
            $lead = (Invoke-TestSql (Get-LinkageConnection -Default) "INSERT INTO ""Lead"" (name, customer_id) VALUES ('Ann', '$from') RETURNING id::text AS id").id
        }
        # So does who decides about leads, or knows whose they are; from a file too.
        elseif ($Name -like '*-CustomerDecision' -or $Name -eq 'Measure-CustomerMatch') {
            $a, $b, $c, $d = (Invoke-TestSql (Get-LinkageConnection -Default) 'SELECT id::text AS id FROM "Lead" ORDER BY random() LIMIT 4').id
            if ($Name -eq 'Remove-CustomerDecision') {
                $null = Add-CustomerDecision -Lead $a, $b -Decision CannotLink -Confirm:$false
            }
            [pscustomobject]@{ A = $c; B = $d; Decision = 'CannotLink'; Reason = 'by the office' } | Export-Csv (Join-Path $TestDrive 'decisions.csv')
            $labels = $a, $b, $c, $d | ForEach-Object { [pscustomobject]@{ Lead = $_; Entity = "person of $_" } }
            $labels | Export-Csv (Join-Path $TestDrive 'labels.csv')
        }
        Push-Location $TestDrive
    }

    AfterEach {
        Pop-Location
        if ($held) {
            Get-LinkageRun -Status running | Stop-LinkageRun | Out-Null
            Receive-Backfill $held | Out-Null
        }
    }

    AfterAll {
        Get-LinkageConnection | Disconnect-LinkageDatabase
    }

    It 'run as they stand: example <Number>' -ForEach $Examples {
        $run = [scriptblock]::Create("`$ErrorActionPreference = 'Stop'`n`$ConfirmPreference = 'None'`n$Code")

        { & $run | Out-String } | Should -Not -Throw
    }
}
