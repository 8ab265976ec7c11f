# Every cmdlet, for Privileges.Tests.ps1, which reads this where it finds its tests: to look, to change, to install, or without a database.
# A new one goes into the list that fits it. $with holds -Connection and what else the test gives each of them; $given is what Given
# returned.

$reading = @(
    @{ Cmdlet = 'ConvertTo-UpsertStatement'; Act = { ConvertTo-UpsertStatement $keyRule @with } }
    @{
        Cmdlet = 'Export-LinkageReport'
        Act    = {
            Export-LinkageReport (Join-Path $TestDrive 'report.html') @with
            # none where nothing could be read
            Get-Item (Join-Path $TestDrive '*.html') | Get-Content -Raw | Should -Not -Match 'permission denied'
        }
    }
    @{ Cmdlet = 'Find-UniqueKeyCandidate'; Act = { Find-UniqueKeyCandidate skiptrace_results @with } }
    @{ Cmdlet = 'Get-CustomerDecision'; Act = { Get-CustomerDecision @with } }
    @{ Cmdlet = 'Get-CustomerGroup'; Act = { Get-CustomerGroup @with; Get-CustomerGroup -Match Transitive @with; Get-CustomerGroup -Explain @with } }
    @{ Cmdlet = 'Get-CustomerTable'; Act = { Get-CustomerTable @with } }
    @{ Cmdlet = 'Get-DuplicateRecord'; Act = { Get-DuplicateRecord $keyRule @with } }
    @{ Cmdlet = 'Get-GhostUser'; Act = { Get-GhostUser @with } }
    @{ Cmdlet = 'Get-LinkSuppression'; Act = { Get-LinkSuppression @with } }
    @{ Cmdlet = 'Get-LinkTarget'; Act = { Get-LinkTarget @with } }
    @{ Cmdlet = 'Get-LinkageFeatureFlag'; Act = { Get-LinkageFeatureFlag @with } }
    @{ Cmdlet = 'Get-LinkageHealthHistory'; Act = { Get-LinkageHealthHistory @with } }
    @{ Cmdlet = 'Get-LinkageRun'; Act = { Get-LinkageRun @with } }
    @{ Cmdlet = 'Get-LinkageTrigger'; Act = { Get-LinkageTrigger @with } }
    @{ Cmdlet = 'Get-OrphanedProfile'; Act = { Get-OrphanedProfile @with } }
    @{ Cmdlet = 'Get-UniqueKeyRule'; Act = { Get-UniqueKeyRule @with } }
    @{ Cmdlet = 'Get-UnlinkedDelivery'; Act = { Get-UnlinkedDelivery @with } }
    @{ Cmdlet = 'Get-UserLinkAudit'; Act = { Get-UserLinkAudit @with } }
    @{ Cmdlet = 'Get-UserSyncHistory'; Act = { Get-UserSyncHistory @with } }
    @{ Cmdlet = 'Get-UserSyncMapping'; Act = { Get-UserSyncMapping @with } }
    @{ Cmdlet = 'Get-UserSyncStatistic'; Act = { Get-UserSyncStatistic @with } }
    @{ Cmdlet = 'Get-WrongUserLink'; Act = { Get-WrongUserLink @with } }
    @{ Cmdlet = 'Measure-CustomerMatch'; Act = { Measure-CustomerMatch -Label $labels -Match Priority @with } }
    @{ Cmdlet = 'Measure-UserLinkAudit'; Act = { Measure-UserLinkAudit @with; Measure-UserLinkAudit -Ambiguous @with } }
    @{ Cmdlet = 'Resolve-Customer'; Act = { Resolve-Customer $customer @with } }
    @{ Cmdlet = 'Resolve-UserLink'; Act = { Resolve-UserLink -DeliveryId $delivery.id -Explain @with; Resolve-UserLink -EventId $delivery.event_id -Phone $delivery.phone_number @with } }
    @{ Cmdlet = 'Test-CustomerLinkage'; Act = { Test-CustomerLinkage @with } }
    @{ Cmdlet = 'Test-DeliveryIntegrity'; Act = { Test-DeliveryIntegrity @with; Test-DeliveryIntegrity -Exact -Full @with } }
    @{ Cmdlet = 'Test-LinkageSchema'; Act = { Test-LinkageSchema @with } }
    @{ Cmdlet = 'Test-UniqueKey'; Act = { Test-UniqueKey $keyRule @with } }
    @{ Cmdlet = 'Test-UserSync'; Act = { Test-UserSync @with } }
)

$stopped = { Invoke-UserLinkBackfill -MaxDuration ([timespan]::FromTicks(1)) @with }
$running = @(
    @{ Cmdlet = 'Add-CustomerDecision'; Given = { Invoke-TestSql $admin $twoLeads }; Act = { Add-CustomerDecision -Lead $given.id -Decision MustLink @with } }
    @{ Cmdlet = 'Clear-LinkSuppression'; Given = { Invoke-UserLinkBackfill @with | Undo-UserLink -Confirm:$false }; Act = { Clear-LinkSuppression -RunId $given.RunId @with } }
    @{ Cmdlet = 'Clear-UserLinkAudit'; Act = { Clear-UserLinkAudit -OlderThan (Get-Date).AddDays(1) @with } }
    @{ Cmdlet = 'Disable-LinkageTrigger'; Act = { Disable-LinkageTrigger message_deliveries @with } }
    @{ Cmdlet = 'Enable-LinkageTrigger'; Given = { Invoke-TestSql $admin 'INSERT INTO linkage.trigger_switch (number) SELECT number FROM linkage.link_target' }; Act = { Enable-LinkageTrigger message_deliveries @with } }
    @{ Cmdlet = 'Invoke-CustomerBackfill'; Act = { Invoke-CustomerBackfill -WarningAction SilentlyContinue @with } }
    @{ Cmdlet = 'Invoke-GuestDeliveryBackfill'; Act = { Invoke-GuestDeliveryBackfill -GuestId $guest.id -UserId $guest.user_id @with } }
    @{ Cmdlet = 'Invoke-UserLinkBackfill'; Act = { Invoke-UserLinkBackfill @with } }
    @{ Cmdlet = 'Merge-Customer'; Given = { Invoke-TestSql $admin $twoCustomers }; Act = { Merge-Customer -From $given.id[0] -Into $given.id[1] @with } }
    @{ Cmdlet = 'Remove-CustomerDecision'; Given = { Add-CustomerDecision -Lead (Invoke-TestSql $admin $twoLeads).id -Decision MustLink @with }; Act = { Remove-CustomerDecision -Lead $given.Lead @with } }
    @{ Cmdlet = 'Remove-DuplicateRecord'; Given = { Invoke-TestSql $admin $duplicates }; Act = { Remove-DuplicateRecord $keyRule @with } }
    @{ Cmdlet = 'Repair-GhostUser'; Act = { Repair-GhostUser -All -WarningAction SilentlyContinue @with } }
    @{ Cmdlet = 'Repair-UserLink'; Act = { Repair-UserLink -DeliveryId $delivery.id @with } }
    @{ Cmdlet = 'Resume-LinkageRun'; Given = $stopped; Act = { Resume-LinkageRun $given.RunId @with } }
    @{ Cmdlet = 'Save-LinkageHealth'; Act = { Test-UserSync -Connection $with.Connection -ErrorAction SilentlyContinue | Select-Object -Last 1 | Save-LinkageHealth @with } }
    @{ Cmdlet = 'Save-UserSyncMetric'; Act = { Save-UserSyncMetric @with } }
    @{ Cmdlet = 'Send-LinkageAlert'; Act = { Test-UserSync -Connection $with.Connection -ErrorAction SilentlyContinue | Select-Object -Last 1 | Send-LinkageAlert -WebhookUri $receiver.Address -Force @with } }
    @{ Cmdlet = 'Set-LinkageFeatureFlag'; Act = { Set-LinkageFeatureFlag LINK_USER_BY_PHONE_FALLBACK_TO_USERS -Enabled $true @with } }
    @{ Cmdlet = 'Set-LinkageRun'; Act = { Set-LinkageRun $living.RunId -ThrottleLimit 3 @with } }
    @{ Cmdlet = 'Split-Customer'; Given = { Invoke-TestSql $admin $largeCustomer }; Act = { Split-Customer -Customer $given.id -Lead $given.lead @with } }
    @{ Cmdlet = 'Stop-LinkageRun'; Act = { Stop-LinkageRun $living.RunId -Timeout 0s @with } }
    @{ Cmdlet = 'Suspend-LinkageRun'; Act = { Suspend-LinkageRun $living.RunId -Timeout 0s @with } }
    @{ Cmdlet = 'Undo-LinkageRun'; Given = { Invoke-UserLinkBackfill @with }; Act = { Undo-LinkageRun $given.RunId -AllowRelink @with } }
    @{ Cmdlet = 'Undo-UserLink'; Given = { Invoke-UserLinkBackfill @with }; Act = { Undo-UserLink -Since 1h @with } }
)

$installing = @(
    @{ Cmdlet = 'Add-UniqueKey'; Act = { Add-UniqueKey skiptrace_results_persona_provider_idx @with } }
    @{ Cmdlet = 'Install-LinkageSchema'; Act = { Install-LinkageSchema @with } }
    @{ Cmdlet = 'Register-CustomerTable'; Act = { Register-CustomerTable -Role Follower -Table '"Conversation"' @with } }
    @{ Cmdlet = 'Register-LinkTarget'; Act = { Register-LinkTarget -Table calls -KeyColumn id -PhoneColumn phone -UserColumn user_id -EventColumn event_id @with } }
    @{ Cmdlet = 'Register-UniqueKeyRule'; Act = { Register-UniqueKeyRule own_idx skiptrace_results provider @with } }
    @{ Cmdlet = 'Remove-UserSyncMapping'; Act = { Remove-UserSyncMapping name @with } }
    @{ Cmdlet = 'Set-UserSyncMapping'; Act = { Set-UserSyncMapping name -Value 'New user' @with } }
    @{ Cmdlet = 'Unregister-CustomerTable'; Act = { Unregister-CustomerTable '"Job"' @with } }
    @{ Cmdlet = 'Unregister-LinkTarget'; Act = { Unregister-LinkTarget letters @with } }
    @{ Cmdlet = 'Unregister-UniqueKeyRule'; Act = { Unregister-UniqueKeyRule persona_idx @with } }
    @{ Cmdlet = 'Uninstall-LinkageSchema'; Act = { Uninstall-LinkageSchema @with } }
)

$local = 'Connect-LinkageDatabase', 'ConvertTo-NormalizedPhone', 'Disconnect-LinkageDatabase', 'Get-LinkageConnection',
    'Start-LinkageSandbox', 'Stop-LinkageSandbox', 'Test-PrefixedUlid'
