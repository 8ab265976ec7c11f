BeforeAll {
    Import-Module (Join-Path $PSScriptRoot 'PesterHelpers.psm1') -Force
    Import-Linkage
    $sandbox = Start-LinkageSandbox
    $login = Get-SandboxLogin $sandbox
    $password = $sandbox.GetCredential().GetNetworkCredential().Password
    $keywords = "Host=$($sandbox.Server);Port=$($sandbox.Port);Database=$($sandbox.Database);Username=$($sandbox.User);Password=$password;SSL Mode=Disable"
    $uri = "postgresql://$($sandbox.User):$password@$($sandbox.Server):$($sandbox.Port)/$($sandbox.Database)?sslmode=disable"
    $variables = @{ PGHOST = $sandbox.Server; PGPORT = "$($sandbox.Port)"; PGDATABASE = $sandbox.Database; PGUSER = $sandbox.User; PGPASSWORD = $password; PGSSLMODE = 'disable' }
}

AfterAll {
    Stop-LinkageSandbox
}

Describe 'Connect-LinkageDatabase' {
    AfterEach {
        Get-LinkageConnection | Where-Object ConnectionId -NE $sandbox.ConnectionId | Disconnect-LinkageDatabase
    }

    It 'takes <Form>' -ForEach @(
        @{ Form = 'a keyword string'; Get = { $keywords } }
        @{ Form = 'a URI'; Get = { $uri } }
    ) {
        $connection = Connect-LinkageDatabase (& $Get)

        $connection.Database | Should -Be $sandbox.Database
        $connection.User | Should -Be $sandbox.User
        $connection.ServerVersion | Should -Be $sandbox.ServerVersion
    }

    It 'takes single values and a credential' {
        (Connect-LinkageDatabase @login).Port | Should -Be $sandbox.Port
    }

    It 'takes what is missing from the PG* variables' {
        $result = Invoke-Pwsh '(Connect-LinkageDatabase).Database' -Environment $variables

        $result.Output.Trim() | Should -Be $sandbox.Database
    }

    It 'makes the new connection the default' {
        $first = Connect-LinkageDatabase @login
        $second = Connect-LinkageDatabase @login

        (Get-LinkageConnection -Default).ConnectionId | Should -Be $second.ConnectionId
        $first.IsDefault | Should -BeFalse
        $second.IsDefault | Should -BeTrue
    }

    It 'leaves no default when it fails, lest a script goes on with the former one' {
        Connect-LinkageDatabase @login | Out-Null

        { Connect-LinkageDatabase 'Host=127.0.0.1;Port=1' } | Should -Throw -ErrorId 'Linkage.Connection.Failed,*'

        Get-LinkageConnection -Default | Should -BeNullOrEmpty
    }

    It 'never assumes localhost' {
        $result = Invoke-Pwsh 'try { Connect-LinkageDatabase } catch { $_.FullyQualifiedErrorId }'

        $result.Output | Should -BeLike 'Linkage.Connection.NoServer,*'
    }

    It 'says why with a stable id: <Id>' -ForEach @(
        @{ Id = 'Linkage.Connection.LoginRefused'; Category = 'AuthenticationError'; Get = { $keywords -replace 'Password=[^;]*', 'Password=hunter2' } }
        @{ Id = 'Linkage.Connection.DatabaseNotFound'; Category = 'ObjectNotFound'; Get = { $keywords -replace 'Database=[^;]*', 'Database=absent' } }
        @{ Id = 'Linkage.Connection.Failed'; Category = 'ConnectionError'; Get = { 'Host=127.0.0.1;Port=1;Password=hunter2' } }
        @{ Id = 'Linkage.Connection.InvalidString'; Category = 'InvalidArgument'; Get = { 'Hots=127.0.0.1;Password=hunter2' } }
    ) {
        $text = & $Get
        $fault = { Connect-LinkageDatabase $text } | Should -Throw -PassThru

        $fault.FullyQualifiedErrorId | Should -BeLike "$Id,*"
        $fault.CategoryInfo.Category | Should -Be $Category
        ($fault | Format-List -Force | Out-String) + $fault.Exception | Should -Not -Match 'hunter2'
    }

    It 'shows no password in output, verbose messages or errors, not even one that stands in the script' {
        $result = Invoke-Pwsh @"
`$c = Connect-LinkageDatabase '$keywords' -Verbose
`$c; `$c | Format-List *; `$c | ConvertTo-Json
Connect-LinkageDatabase 'Host=127.0.0.1;Port=1;Password=hunter2' -Verbose
Connect-LinkageDatabase -ConnectionString "postgresql://ann:hunter2@127.0.0.1:1/app" -Verbose
`$Error | Format-List -Force
"@
        $result.Output | Should -Match 'Linkage.Connection.Failed'
        $result.Output + $result.Errors | Should -Not -Match "$password|hunter2"
    }

    It 'returns flat values that survive Export-Csv and ConvertTo-Json' {
        $connection = Connect-LinkageDatabase @login

        ($connection | ConvertTo-Csv | ConvertFrom-Csv).ConnectionId | Should -Be $connection.ConnectionId
        ($connection | ConvertTo-Json | ConvertFrom-Json).ServerVersion | Should -Be $connection.ServerVersion
    }
}

Describe 'Disconnect-LinkageDatabase' {
    It 'closes the default connection, and another one only if it is named' {
        $first = Connect-LinkageDatabase @login
        $second = Connect-LinkageDatabase @login

        Disconnect-LinkageDatabase
        $second.IsClosed | Should -BeTrue
        $first.IsClosed | Should -BeFalse

        $first | Disconnect-LinkageDatabase
        $first.IsClosed | Should -BeTrue
    }

    It 'reports that there is nothing to close' {
        $result = Invoke-Pwsh 'Disconnect-LinkageDatabase -ErrorVariable fault -ErrorAction SilentlyContinue; $fault.FullyQualifiedErrorId'

        $result.Output | Should -BeLike 'Linkage.Connection.None,*'
    }
}

Describe 'Get-LinkageConnection' {
    It 'knows only what its own runspace has open' {
        $manifest = (Get-LinkageManifest).FullName

        $others = 1 | ForEach-Object -Parallel { Import-Module $using:manifest; @(Get-LinkageConnection).Count }

        $others | Should -Be 0
        Get-LinkageConnection | Should -Not -BeNullOrEmpty
    }
}
