@{
    RootModule             = 'Linkage.Cmdlets.dll'
    ModuleVersion          = '0.1.0'
    GUID                   = '6f1c1d55-4c1e-4f0e-9d0c-6a2b1f6a7a3e'
    Author                 = 'The Linkage contributors'
    CompanyName            = 'The Linkage contributors'
    Copyright              = '(c) 2026 The Linkage contributors. MIT licence.'
    Description            = 'Finds, fixes, audits and undoes broken identity links in PostgreSQL: deliveries without their user, sign-ups without a profile, leads without a customer, rows imported twice.'
    PowerShellVersion      = '7.4'
    CompatiblePSEditions   = @('Core')
    FormatsToProcess       = @('Linkage.Format.ps1xml')
    FunctionsToExport      = @()
    AliasesToExport        = @()
    VariablesToExport      = @()
    CmdletsToExport        = @(
        'Clear-LinkSuppression'
        'Clear-UserLinkAudit'
        'Connect-LinkageDatabase'
        'ConvertTo-NormalizedPhone'
        'Disable-LinkageTrigger'
        'Disconnect-LinkageDatabase'
        'Enable-LinkageTrigger'
        'Get-CustomerTable'
        'Get-GhostUser'
        'Get-LinkSuppression'
        'Get-LinkTarget'
        'Get-LinkageConnection'
        'Get-LinkageFeatureFlag'
        'Get-LinkageRun'
        'Get-LinkageTrigger'
        'Get-OrphanedProfile'
        'Get-UnlinkedDelivery'
        'Get-UserLinkAudit'
        'Get-UserSyncHistory'
        'Get-UserSyncMapping'
        'Get-UserSyncStatistic'
        'Get-WrongUserLink'
        'Install-LinkageSchema'
        'Invoke-CustomerBackfill'
        'Invoke-GuestDeliveryBackfill'
        'Invoke-UserLinkBackfill'
        'Measure-UserLinkAudit'
        'Register-CustomerTable'
        'Register-LinkTarget'
        'Remove-UserSyncMapping'
        'Repair-GhostUser'
        'Repair-UserLink'
        'Resolve-UserLink'
        'Resume-LinkageRun'
        'Save-UserSyncMetric'
        'Set-LinkageFeatureFlag'
        'Set-LinkageRun'
        'Set-UserSyncMapping'
        'Start-LinkageSandbox'
        'Stop-LinkageRun'
        'Stop-LinkageSandbox'
        'Suspend-LinkageRun'
        'Test-CustomerLinkage'
        'Test-DeliveryIntegrity'
        'Test-LinkageSchema'
        'Test-UserSync'
        'Undo-LinkageRun'
        'Undo-UserLink'
        'Uninstall-LinkageSchema'
        'Unregister-CustomerTable'
        'Unregister-LinkTarget'
    )
    PrivateData            = @{
        PSData = @{
            Tags = @('PostgreSQL', 'Database', 'DataQuality', 'Deduplication', 'Identity', 'Linux', 'MacOS', 'Windows')
        }
    }
}
