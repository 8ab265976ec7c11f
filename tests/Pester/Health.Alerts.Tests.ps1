BeforeAll {
    Import-Module (Join-Path $PSScriptRoot 'PesterHelpers.psm1') -Force
    Import-Linkage
    Import-Module (Join-Path $PSScriptRoot 'DatabaseHelpers.psm1') -Force
    $sandbox = Start-LinkageSandbox
    $receiver = Start-HttpReceiver

    # What arrived since the last time.
    function Get-Arrived {
        $message = $null
        while ($receiver.Received.TryDequeue([ref] $message)) {
            $message
        }
    }
}

AfterAll {
    Stop-HttpReceiver $receiver
    Get-LinkageConnection | Disconnect-LinkageDatabase
}

Describe 'Send-LinkageAlert' {
    BeforeEach {
        $connection = New-SyncedDatabase $sandbox
        $hook = "$($receiver.Address)/services/T0SECRET/B0SECRET"
        $null = Get-Arrived
    }

    It 'tells a webhook of what is not healthy, once, and of the recovery' {
        $first = @(Test-UserSync | Send-LinkageAlert -WebhookUri $hook)
        $told = @(Get-Arrived)
        $again = @(Test-UserSync | Send-LinkageAlert -WebhookUri $hook)
        $null = Enable-LinkageTrigger
        Invoke-TestSql $connection 'DELETE FROM users u WHERE NOT EXISTS (SELECT FROM auth.users a WHERE a.id = u.id)'
        $after = @(Test-UserSync | Send-LinkageAlert -WebhookUri $hook)

        $first.Check | Should -Be 'GhostUsers', 'OrphanedProfiles', 'UserCountParity'
        $first.Event | Sort-Object -Unique | Should -Be 'Fired'
        $first.Attempts | Sort-Object -Unique | Should -Be 1
        $first[0].SentAt.Kind | Should -Be 'Utc'
        $told.Path | Sort-Object -Unique | Should -Be '/services/T0SECRET/B0SECRET'
        ($told.Body | ConvertFrom-Json).check | Should -Be $first.Check
        $again.Event | Sort-Object -Unique | Should -Be 'Suppressed'
        ($after | Where-Object Check -EQ OrphanedProfiles).Event | Should -Be 'Recovered'
        (@(Get-Arrived).Body | ConvertFrom-Json | Where-Object check -EQ OrphanedProfiles).title | Should -BeLike 'OrphanedProfiles has recovered after *'
    }

    It 'shows with -WhatIf what would be sent, and sends and writes nothing' {
        $before = Get-DatabaseDigest $connection

        $shown = @(Test-UserSync | Send-LinkageAlert -WebhookUri $hook -Channel PagerDuty -RoutingKey 'R0SECRET' -WhatIf 6>&1)

        $results = @($shown | Where-Object { $_ -isnot [Management.Automation.InformationRecord] })
        $results.Event | Should -Be 'Fired', 'Fired', 'Fired'
        ($results[0].Payload | ConvertFrom-Json).event_action | Should -Be 'trigger'
        ($results[0].Payload | ConvertFrom-Json).payload.class | Should -Be 'GhostUsers'
        "$($shown | Out-String -Width 1000) $($results | ConvertTo-Json)" | Should -Not -Match 'SECRET'
        Get-Arrived | Should -BeNullOrEmpty
        Get-DatabaseDigest $connection | Should -Be $before
    }

    It 'writes an error for what is not delivered, keeps it, and tells it with the next call' {
        $refusing = "$hook/refuse"
        $failed = @(Test-UserSync | Send-LinkageAlert -WebhookUri $refusing -ErrorVariable problems -ErrorAction SilentlyContinue)

        $failed.Event | Sort-Object -Unique | Should -Be 'Failed'
        $problems | Should -HaveCount 3
        $problems[0].FullyQualifiedErrorId | Should -Be 'Linkage.Alert.NotDelivered,Linkage.Cmdlets.Health.SendLinkageAlertCommand'
        $problems[0].Exception.Message | Should -Match 'GhostUsers is Critical.*answered 400.*next Send-LinkageAlert tries again'
        (Invoke-TestSql $connection 'SELECT count(*) AS kept FROM linkage.alert_state WHERE undelivered_since IS NOT NULL').kept | Should -Be 3
        @(Test-UserSync | Send-LinkageAlert -WebhookUri $refusing -ErrorAction SilentlyContinue).Event | Sort-Object -Unique | Should -Be 'Failed'
    }

    It 'reads routes and secrets from PowerShell data and JSON alike' {
        $env:LINKAGE_TEST_HOOK = $hook
        try {
            Set-Content (Join-Path $TestDrive 'routes.psd1') @'
@{
    # who is told of what
    Channels = @{
        Chat = @{ Type = 'Slack'; Url = @{ Env = 'LINKAGE_TEST_HOOK' } }
        Ops  = @{ Type = 'Teams'; Url = @{ Secret = 'Teams' } }
    }
    Routes   = @(
        @{ Condition = 'Ghost*'; Channel = 'Chat', 'Ops' }
        @{ Condition = 'Orphan*'; Severity = 'Critical'; Channel = 'Chat' }
    )
}
'@
            Import-PowerShellDataFile (Join-Path $TestDrive 'routes.psd1') | ConvertTo-Json -Depth 5 | Set-Content (Join-Path $TestDrive 'routes.json')
            $secret = ConvertTo-SecureString "$($receiver.Address)/teams" -AsPlainText -Force
            foreach ($file in 'routes.psd1', 'routes.json') {
                Invoke-TestSql $connection 'DELETE FROM linkage.alert_state'

                $sent = @(Test-UserSync | Send-LinkageAlert (Join-Path $TestDrive $file) -Secret @{ Teams = $secret } -WarningVariable warnings -WarningAction SilentlyContinue)

                $sent.Channel | Sort-Object | Should -Be 'Chat', 'Ops'
                @(Get-Arrived).Path | Sort-Object | Should -Be '/services/T0SECRET/B0SECRET', '/teams'
                $warnings | Should -BeLike 'UserCountParity is Critical*no route takes it.'
            }
        }
        finally {
            $env:LINKAGE_TEST_HOOK = $null
        }
    }

    It 'reads the file that docs/health.md shows' {
        $page = Get-Content -Raw (Join-Path $PSScriptRoot '../../docs/health.md')
        Set-Content (Join-Path $TestDrive 'shown.psd1') ([regex]::Match($page, '(?ms)^```powershell\n(@\{.*?)^```').Groups[1].Value)
        $variables = 'SLACK_URL', 'PAGERDUTY_KEY', 'HOOK_TOKEN', 'SMTP_PASSWORD'
        $variables | ForEach-Object { Set-Item "env:$_" 'https://example.com/secret' }
        try {
            $shown = @(Test-UserSync | Send-LinkageAlert (Join-Path $TestDrive 'shown.psd1') -Secret @{ TeamsUrl = 'https://example.com/secret' } -WhatIf -WarningAction Ignore 6>$null)
        }
        finally {
            $variables | ForEach-Object { Remove-Item "env:$_" }
        }

        $shown | ForEach-Object { "$($_.Check) $($_.Channel)" } | Sort-Object | Should -Be @(
            'GhostUsers Email', 'GhostUsers PagerDuty', 'GhostUsers Slack', 'OrphanedProfiles Email', 'OrphanedProfiles Slack', 'UserCountParity PagerDuty')
    }

    It 'says once which kind of channel the usual routes name and nobody has configured' {
        Set-Content (Join-Path $TestDrive 'usual.json') "{ ""Channels"": { ""Slack"": { ""Url"": ""$hook"" } } }"

        $sent = Test-UserSync | Send-LinkageAlert -RoutePath (Join-Path $TestDrive 'usual.json') -WarningVariable warnings -WarningAction SilentlyContinue

        $sent.Check | Should -Be 'GhostUsers', 'OrphanedProfiles', 'UserCountParity'
        $warnings | Should -HaveCount 2
        "$warnings" | Should -Match 'type Email(.|\n)*type PagerDuty'
    }

    It 'executes nothing of a file, and says what is wrong with it' -ForEach @(
        @{ Text = '@{ Channels = @{ Slack = @{ Url = (New-Item gotcha) } } }'; Message = '*data only*' }
        @{ Text = '@{ Channels = @{ Slack = @{ Url = $env:PATH } } }'; Message = '*data only*' }
        @{ Text = '@{ Channels = @{'; Message = 'wrong.psd1:1: *' }
        @{ Text = 'Get-Date'; Message = '*it has to be a table*' }
        @{ Text = '@{ Channels = @{ Slack = @{ Ur = 1 } } }'; Message = 'wrong.psd1: Channels.Slack.Ur: *' }
    ) {
        Push-Location $TestDrive
        Set-Content wrong.psd1 $Text

        $problem = { Test-UserSync | Send-LinkageAlert wrong.psd1 } | Should -Throw -PassThru
        Pop-Location

        $problem.FullyQualifiedErrorId | Should -BeLike 'Linkage.AlertRoute.Unusable,*'
        $problem.Exception.Message | Should -BeLike $Message
        Join-Path $TestDrive 'gotcha' | Should -Not -Exist
        (Invoke-TestSql $connection 'SELECT count(*) AS rows FROM linkage.alert_state').rows | Should -Be 0
    }

    It 'shows a secret nowhere, not in an error''s line, with -Verbose or in the database' {
        $script = @"
`$PSStyle.OutputRendering = 'PlainText'
Test-UserSync | Send-LinkageAlert -WebhookUri 'http://127.0.0.1:1/T0SECRET/B0SECRET?x=Q0SECRET' -MaximumRetryCount 0 -Verbose -Debug | Format-List
Test-UserSync | Send-LinkageAlert -WebhookUri 'nonsense/T0SECRET'
Test-UserSync | Send-LinkageAlert -WebhookUri 'http://127.0.0.1:1/T0SECRET' -Channel PagerDuty -RoutingKey K0SECRET -MaximumRetryCount 0 *>&1
`$Error | ForEach-Object { `$_ | Format-List * -Force; `$_.Exception.ToString() }
"@
        $process = Start-Pwsh $script $sandbox $connection
        $errors = $process.StandardError.ReadToEndAsync()
        $shown = $process.StandardOutput.ReadToEnd() + $errors.Result
        $process.WaitForExit()

        $shown | Should -Match 'could not be told that GhostUsers is Critical'
        $shown | Should -Match 'WebhookUri: it is no address'
        @($shown -split "`n") -match 'SECRET' | Should -BeNullOrEmpty
        (Invoke-TestSql $connection "SELECT count(*) AS rows FROM linkage.alert_state s WHERE s::text ~ 'SECRET'").rows | Should -Be 0
        (Invoke-TestSql $connection 'SELECT count(*) AS rows FROM linkage.alert_state').rows | Should -Be 6
    }

    It 'knows that checks can be made again that could not be made' {
        $failed = Test-DeliveryIntegrity nonsense -ErrorAction SilentlyContinue | Send-LinkageAlert -WebhookUri $hook
        $after = @(Test-DeliveryIntegrity | Send-LinkageAlert -WebhookUri $hook)

        $failed.Check, $failed.Status, $failed.Event | Should -Be 'Test-DeliveryIntegrity', 'Unknown', 'Fired'
        ($after | Where-Object Check -EQ 'Test-DeliveryIntegrity').Event | Should -Be 'Recovered'
        @(Test-DeliveryIntegrity | Send-LinkageAlert -WebhookUri $hook).Check | Should -Not -Contain 'Test-DeliveryIntegrity'
    }

    It 'is the end of the nightly job, whose error from -FailOn takes nothing away' {
        { Test-UserSync -FailOn Critical | Save-LinkageHealth -PassThru | Send-LinkageAlert -WebhookUri $hook | Out-Null } | Should -Throw

        @(Get-Arrived).Count | Should -Be 3
        @(Get-LinkageHealthHistory).Count | Should -Be 4
    }

    It 'leaves a rule of Test-UniqueKey alone whose table is not there' {
        $unknown = @(Test-UniqueKey | Where-Object Status -EQ Unknown)

        @($unknown | Send-LinkageAlert -WebhookUri $hook).Count | Should -Be @($unknown | Where-Object { $_.Details.PSObject.Properties['State'].Value -ne 'Absent' }).Count
    }

    It 'ends at once on Ctrl+C, and what was being sent is told by the next call' {
        $silent = [Net.Sockets.TcpListener]::new([Net.IPAddress]::Loopback, 0)
        $silent.Start()
        $shell = [powershell]::Create()
        try {
            $null = $shell.AddCommand('Import-Module').AddArgument((Get-LinkageManifest).FullName).AddStatement()
            $null = $shell.AddScript('param($connection, $address) Test-UserSync -Connection $connection | Send-LinkageAlert -Connection $connection -WebhookUri $address -TimeoutSec 300')
            $null = $shell.AddArgument($connection).AddArgument("http://127.0.0.1:$($silent.LocalEndpoint.Port)/x")
            $null = $shell.BeginInvoke()
            Wait-Until $connection 'SELECT count(*) = 1 FROM linkage.alert_state WHERE sender IS NOT NULL'

            $shell.Stop()

            Wait-Until $connection 'SELECT count(*) = 1 FROM linkage.alert_state WHERE sender IS NULL AND undelivered_since IS NOT NULL'
        }
        finally {
            $shell.Dispose()
            $silent.Stop()
        }
    }
}
