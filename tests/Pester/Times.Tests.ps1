BeforeAll {
    Import-Module (Join-Path $PSScriptRoot 'PesterHelpers.psm1') -Force
    Import-Linkage

    # The attributes work on functions as they do on the module's own parameters.
    function Read-Span {
        param(
            [Parameter(Position = 0, ValueFromPipelineByPropertyName)] [Linkage.Cmdlets.Parameters.Duration()] [timespan] $For,
            [Linkage.Cmdlets.Parameters.Duration(Positive = $true)] [timespan] $Longer,
            [Linkage.Cmdlets.Parameters.Duration(MaxSeconds = 15)] [timespan] $Shorter
        )
        process { $For }
    }

    function Read-Point {
        param([Parameter(Position = 0)] [Linkage.Cmdlets.Parameters.PointInTime()] [datetime] $Since)
        $Since
    }
}

Describe 'A span of time as a parameter' {
    It 'is read unquoted, though PowerShell takes some of them for numbers' {
        Read-Span 7d | Should -Be ([timespan]::FromDays(7))
        Read-Span -For 30s | Should -Be ([timespan]::FromSeconds(30))
        Read-Span -For:24h | Should -Be ([timespan]::FromHours(24))
        Read-Span 1.5d | Should -Be ([timespan]::FromHours(36))
        Read-Span 15m | Should -Be ([timespan]::FromMinutes(15))
    }

    It 'is read as <Text>' -ForEach @(
        @{ Text = '500ms'; Seconds = 0.5 }
        @{ Text = '1h30m'; Seconds = 5400 }
        @{ Text = '2w'; Seconds = 1209600 }
        @{ Text = '7D'; Seconds = 604800 }
        @{ Text = '00:01:30'; Seconds = 90 }
        @{ Text = '1.00:00:00'; Seconds = 86400 }
        @{ Text = '0s'; Seconds = 0 }
    ) {
        (Read-Span $Text).TotalSeconds | Should -Be $Seconds
    }

    It 'is read from a TimeSpan, a splatted table and a property' {
        Read-Span ([timespan]'00:05') | Should -Be '00:05:00'
        $table = @{ For = '7d' }
        Read-Span @table | Should -Be ([timespan]::FromDays(7))
        [pscustomobject] @{ For = '12h' } | Read-Span | Should -Be '12:00:00'
    }

    It 'is refused as <Value>' -ForEach @(
        @{ Value = 7 }, @{ Value = '7' }, @{ Value = 'soon' }, @{ Value = '7y' }, @{ Value = '-5m' }, @{ Value = [timespan] '-1' }, @{ Value = '9999999w' }
    ) {
        { Read-Span $Value } | Should -Throw "*$Value*"
    }

    It 'is refused as zero where it must be longer' {
        { Read-Span -Longer 0s } | Should -Throw '*more than zero*'
    }

    It 'is refused above a limit' {
        { Read-Span -Shorter 15s } | Should -Not -Throw
        { Read-Span -Shorter 15001ms } | Should -Throw '*15001ms*at most 15 s*'
    }
}

Describe 'A point in time as a parameter' {
    It 'counts back from now if it is a span of time' {
        Read-Point 24h | Should -BeLessThan ([datetime]::UtcNow.AddHours(-23.9))
        Read-Point 7d | Should -BeGreaterThan ([datetime]::UtcNow.AddDays(-7.1))
    }

    It 'is UTC, whatever it was given as' {
        (Read-Point '2026-01-31T12:00+02:00') | Should -Be ([datetime]::new(2026, 1, 31, 10, 0, 0))
        (Read-Point ([DateTimeOffset] '2026-01-31T12:00+02:00')).Kind | Should -Be 'Utc'
        (Read-Point (Get-Date)).Kind | Should -Be 'Utc'
        (Read-Point '2026-01-31') | Should -Be ([datetime]::new(2026, 1, 31).ToUniversalTime())
    }

    It 'is refused as <Value>' -ForEach @(@{ Value = 7 }, @{ Value = 'yesterday' }, @{ Value = '9999999d' }) {
        { Read-Point $Value } | Should -Throw
    }
}
