# Facts and fixtures for the Pester files, by the driver that the module itself loaded: no psql is needed.

Set-StrictMode -Version Latest

# The engine's own object behind a connection.
function Get-Engine {
    param([Parameter(Mandatory)] $Connection)
    $Connection.GetType().GetProperty('Engine', [Reflection.BindingFlags] 'NonPublic, Instance').GetValue($Connection)
}

# Runs SQL outside of any cmdlet; each row comes as an object.
function Invoke-TestSql {
    param([Parameter(Mandatory)] $Connection, [Parameter(Mandatory)] [string] $Sql)
    $engine = Get-Engine $Connection
    $source = $engine.GetType().GetField('_source', [Reflection.BindingFlags] 'NonPublic, Instance').GetValue($engine)
    $command = $source.CreateCommand($Sql)
    $command.CommandTimeout = 0
    try {
        $reader = $command.ExecuteReader()
        while ($reader.Read()) {
            $row = [ordered] @{}
            foreach ($column in 0..($reader.FieldCount - 1)) {
                $row[$reader.GetName($column)] = $reader.IsDBNull($column) ? $null : $reader.GetValue($column)
            }
            [pscustomobject] $row
        }
        $reader.Dispose()
    }
    finally {
        $command.Dispose()
    }
}

# Installs Linkage's schema, by the engine's installer.
function Install-TestSchema {
    param([Parameter(Mandatory)] $Connection)
    $engine = Get-Engine $Connection
    $assembly = $engine.GetType().Assembly
    $installer = [Activator]::CreateInstance($assembly.GetType('Linkage.Engine.Schema.SchemaInstaller'), @($engine, 'public'))
    $none = [Threading.CancellationToken]::None
    $plan = $installer.PlanAsync([string[]] @(), $none).GetAwaiter().GetResult()
    # A delegate that no runspace needs to be behind: the steps done go into a list.
    $step = $assembly.GetType('Linkage.Engine.Schema.SchemaStep')
    $done = [Activator]::CreateInstance([Collections.Generic.List[object]].GetGenericTypeDefinition().MakeGenericType($step))
    $report = [Delegate]::CreateDelegate([Action[object]].GetGenericTypeDefinition().MakeGenericType($step), $done, 'Add')
    $null = $installer.ApplyAsync($plan, $report, $none).GetAwaiter().GetResult()
}

# A connection to a database of its own on a sandbox: the application's tables with Linkage installed, filled with so many deliveries.
function New-LinkedDatabase {
    param([Parameter(Mandatory)] $Sandbox, [Parameter(Mandatory)] [string] $Name, [int] $Deliveries = 0)
    Invoke-TestSql $Sandbox "CREATE DATABASE $Name TEMPLATE template0"
    $connection = Connect-LinkageDatabase -Server $Sandbox.Server -Port $Sandbox.Port -Database $Name -Credential $Sandbox.GetCredential() -SslMode Disable
    $engine = Get-Engine $connection
    $source = $engine.GetType().GetField('_source', [Reflection.BindingFlags] 'NonPublic, Instance').GetValue($engine)
    $link = $source.OpenConnection()
    try {
        $sandboxTypes = 'Linkage.Engine.Sandbox'
        $none = [Threading.CancellationToken]::None
        if ($Deliveries -gt 0) {
            $options = [Activator]::CreateInstance($engine.GetType().Assembly.GetType("$sandboxTypes.SampleDataOptions"))
            $options.GetType().GetProperty('Deliveries').SetValue($options, $Deliveries)
            $fill = $engine.GetType().Assembly.GetType("$sandboxTypes.SampleData").GetMethod('FillAsync')
            $null = $fill.Invoke($null, @($link, $options, $none)).GetAwaiter().GetResult()
        }
        else {
            $create = $engine.GetType().Assembly.GetType("$sandboxTypes.ApplicationSchema").GetMethod('CreateAsync')
            $null = $create.Invoke($null, @($link, $none)).GetAwaiter().GetResult()
        }
    }
    finally {
        $link.Dispose()
    }
    Install-TestSchema $connection
    $connection
}

Export-ModuleMember -Function Invoke-TestSql, Install-TestSchema, New-LinkedDatabase
