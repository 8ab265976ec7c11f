BeforeAll {
    Import-Module (Join-Path $PSScriptRoot 'PesterHelpers.psm1') -Force
    Import-Linkage
    Import-Module (Join-Path $PSScriptRoot 'DatabaseHelpers.psm1') -Force
    $sandbox = Start-LinkageSandbox -SampleDeliveries 400 -SampleLeads 200 -SampleDuplicates 60
    $null = Install-LinkageSchema -Confirm:$false
    $null = Disable-LinkageTrigger message_deliveries
    $null = Set-LinkageFeatureFlag LINK_USER_BY_PHONE -Enabled $false
    $checks = @(Test-LinkageSchema; Test-DeliveryIntegrity; Test-UserSync; Test-CustomerLinkage; Test-UniqueKey)
    $escape = [char] 27

    function Show-As([string] $Rendering, [object[]] $Objects) {
        $before = $PSStyle.OutputRendering
        $PSStyle.OutputRendering = $Rendering
        try {
            $Objects | Out-String -Width 120
        }
        finally {
            $PSStyle.OutputRendering = $before
        }
    }
}

AfterAll {
    Stop-LinkageSandbox
}

Describe 'The default view of a status' {
    It 'has the colours of $PSStyle where the host shows them' {
        $shown = Show-As Ansi $checks

        foreach ($status in @{ Critical = $PSStyle.Formatting.Error; Warning = $PSStyle.Formatting.Warning; Healthy = $PSStyle.Foreground.Green }.GetEnumerator()) {
            $shown | Should -Match ([regex]::Escape("$($status.Value)$($status.Key)"))
        }
        Show-As Ansi @(Get-LinkageTrigger) | Should -Match ([regex]::Escape($escape))
    }

    It 'is plain where it is to be, and where the output is piped' {
        foreach ($rendering in 'PlainText', 'Host') {
            Show-As $rendering $checks | Should -Not -Match ([regex]::Escape($escape))
        }
    }

    It 'is plain text in the record, in CSV and in JSON' {
        $checks.Status | Sort-Object -Unique | Should -BeIn 'Critical', 'Healthy', 'Unknown', 'Warning'
        $checks | ConvertTo-Csv | Out-String | Should -Not -Match ([regex]::Escape($escape))
        $checks | ConvertTo-Json -Depth 4 -EscapeHandling Default | Should -Not -Match '\\u001b'
    }

    It 'says the same with and without colours' {
        $coloured = (Show-As Ansi $checks) -replace "$escape\[[\d;]*m"

        $coloured -replace '\s+', ' ' | Should -Be ((Show-As PlainText $checks) -replace '\s+', ' ')
    }
}

Describe 'What a check says' {
    It 'names the next command wherever something is not as it should be' {
        $commands = (Get-Command -Module Linkage).Name -join '|'
        $silent = $checks | Where-Object { $_.Status -in 'Critical', 'Warning' -and $_.Message -notmatch "\b($commands)\b" }

        @($checks | Where-Object Status -In Critical, Warning).Count | Should -BeGreaterThan 10
        $silent | ForEach-Object { "$($_.Check): $($_.Message)" } | Should -BeNullOrEmpty
    }
}

Describe 'Tables' {
    It 'fit 120 columns' {
        [xml] $views = Get-Content -Raw (Join-Path (Get-LinkageManifest).DirectoryName 'Linkage.Format.ps1xml')
        $wide = foreach ($view in $views.Configuration.ViewDefinitions.View | Where-Object { $_['TableControl'] }) {
            $columns = @($view.TableControl.TableHeaders.TableColumnHeader)
            # One without a width gets what is left: ten at least.
            $width = ($columns | ForEach-Object { $_['Width'] ? [int] $_.Width : 10 } | Measure-Object -Sum).Sum + $columns.Count - 1
            if ($width -gt 120) {
                "$($view.Name): $width"
            }
        }

        $wide | Should -BeNullOrEmpty
    }
}
