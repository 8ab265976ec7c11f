BeforeAll {
    Import-Module (Join-Path $PSScriptRoot 'PesterHelpers.psm1') -Force
    Import-Linkage
}

Describe 'ConvertTo-NormalizedPhone' {
    It 'gives one E.164 form to every way of writing <_>' -ForEach '8725292147', '18725292147', '+18725292147', '(872) 529-2147' {
        (ConvertTo-NormalizedPhone $_).E164 | Should -Be '+18725292147'
    }

    It 'tells possible from valid' {
        $phone = '+1 (555) 123-4567' | ConvertTo-NormalizedPhone

        $phone.IsPossible | Should -BeTrue
        $phone.IsValid | Should -BeFalse
        $phone.E164 | Should -Be '+15551234567'
    }

    It 'gives one record for each input, in order, also for empty and null' {
        $phones = '8725292147', '', $null, 'invalid', '+4930901820' | ConvertTo-NormalizedPhone

        $phones.E164 | Should -Be '+18725292147', $null, $null, $null, '+4930901820'
        $phones.Reason | Should -Be $null, 'Empty', 'Empty', 'NotANumber', $null
        @(ConvertTo-NormalizedPhone $null).Count | Should -Be 1
        @($null | ConvertTo-NormalizedPhone).Count | Should -Be 1
    }

    It 'reads numbers that were written without quotes' {
        (ConvertTo-NormalizedPhone 8725292147).E164 | Should -Be '+18725292147'
        (ConvertTo-NormalizedPhone +18725292147).E164 | Should -Be '+18725292147'
        (8725292147 | ConvertTo-NormalizedPhone).E164 | Should -Be '+18725292147'
    }

    It 'takes the national form of the default region' {
        (ConvertTo-NormalizedPhone '030 901820' -DefaultRegion DE).E164 | Should -Be '+4930901820'
        (ConvertTo-NormalizedPhone '030 901820' -DefaultRegion de).Region | Should -Be 'DE'
    }

    It 'finds the number in a property' {
        ([pscustomobject] @{ Phone = '8725292147' } | ConvertTo-NormalizedPhone).E164 | Should -Be '+18725292147'
        ([pscustomobject] @{ PhoneNumber = '8725292147' } | ConvertTo-NormalizedPhone).E164 | Should -Be '+18725292147'
    }

    It 'separates the extension' {
        $phone = ConvertTo-NormalizedPhone '872-529-2147 ext. 12'

        $phone.E164 | Should -Be '+18725292147'
        $phone.Extension | Should -Be '12'
    }

    It 'marks <_> as written where there is no number' -ForEach '000-000-0000', '(555) 555-5555', '212-555-0123', '1234567890', '111-1111' {
        (ConvertTo-NormalizedPhone $_).IsPlaceholder | Should -BeTrue
    }

    It 'marks no other number' {
        $phones = '8725292147', '(555) 123-4567', '+44 20 7946 0958', 'invalid', '' | ConvertTo-NormalizedPhone

        $phones.IsPlaceholder | Should -Not -Contain $true
    }

    It 'needs no connection' {
        $result = Invoke-Pwsh '(ConvertTo-NormalizedPhone 8725292147).E164'

        $result.Output.Trim() | Should -Be '+18725292147'
    }
}
