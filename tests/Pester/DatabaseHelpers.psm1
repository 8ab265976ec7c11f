# Facts and fixtures for the Pester files, by the driver that the module itself loaded: no psql is needed.

Set-StrictMode -Version Latest
Import-Module (Join-Path $PSScriptRoot 'PesterHelpers.psm1')

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

# A connection to a database of its own on a sandbox: the application's tables, filled with so many deliveries, without Linkage. -Accounts
# adds the accounts of the users, where there are deliveries; -Leads so many leads, with customers and jobs.
function New-ApplicationDatabase {
    param([Parameter(Mandatory)] $Sandbox, [Parameter(Mandatory)] [string] $Name, [int] $Deliveries = 0, [switch] $Accounts, [int] $Leads = 0)
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
            $options.GetType().GetProperty('Accounts').SetValue($options, [bool] $Accounts)
            $fill = $engine.GetType().Assembly.GetType("$sandboxTypes.SampleData").GetMethod('FillAsync')
            $null = $fill.Invoke($null, @($link, $options, $none)).GetAwaiter().GetResult()
        }
        else {
            $create = $engine.GetType().Assembly.GetType("$sandboxTypes.ApplicationSchema").GetMethod('CreateAsync')
            $null = $create.Invoke($null, @($link, $none)).GetAwaiter().GetResult()
        }
        if ($Leads -gt 0) {
            $fill = $engine.GetType().Assembly.GetType("$sandboxTypes.SampleLeads").GetMethod('FillAsync')
            $null = $fill.Invoke($null, @($link, $Leads, [long] 1, $none)).GetAwaiter().GetResult()
        }
    }
    finally {
        $link.Dispose()
    }
    $connection
}

# The same with Linkage installed.
function New-LinkedDatabase {
    param([Parameter(Mandatory)] $Sandbox, [Parameter(Mandatory)] [string] $Name, [int] $Deliveries = 0, [switch] $Accounts, [int] $Leads = 0)
    $connection = New-ApplicationDatabase $Sandbox $Name -Deliveries $Deliveries -Accounts:$Accounts -Leads $Leads
    $null = Install-LinkageSchema -Connection $connection
    $connection
}

# A database whose accounts have ghosts, one of whom can't be repaired, orphans, anonymous and soft-deleted ones.
function New-SyncedDatabase {
    param([Parameter(Mandatory)] $Sandbox)
    $connection = New-LinkedDatabase $Sandbox "synced_$([guid]::NewGuid().ToString('N'))" -Deliveries 400 -Accounts
    foreach ($n in 1..5) {
        $null = New-Ghost $connection "ghost$n@example.com" "2020-01-0$n"
    }
    $connection
}

# Somebody signs up while nobody makes the profile; returns the account's id.
function New-Ghost {
    param([Parameter(Mandatory)] $Connection, [Parameter(Mandatory)] [string] $Email, [string] $CreatedAt = '2020-02-01', [string] $Metadata = '{}')
    (Invoke-TestSql $Connection @"
SET session_replication_role = replica;
INSERT INTO auth.users (id, email, raw_user_meta_data, created_at) VALUES (gen_random_uuid(), '$Email', '$Metadata', '$CreatedAt')
RETURNING id::text AS id;
RESET session_replication_role;
"@).id
}

# The ghosts by the tables themselves, the oldest first.
function Get-GhostId {
    param([Parameter(Mandatory)] $Connection)
    (Invoke-TestSql $Connection @'
SELECT a.id::text AS id FROM auth.users a
WHERE a.deleted_at IS NULL AND NOT a.is_anonymous AND NOT EXISTS (SELECT FROM users u WHERE u.id = a.id)
ORDER BY a.created_at, a.id
'@).id
}

# Another connection to a connection's database, for a role that logs in with the password 'secret'. It becomes the default.
function Connect-Role {
    param([Parameter(Mandatory)] $Connection, [Parameter(Mandatory)] [string] $Role)
    $credential = [pscredential]::new($Role, (ConvertTo-SecureString 'secret' -AsPlainText -Force))
    Connect-LinkageDatabase -Server $Connection.Server -Port $Connection.Port -Database $Connection.Database -Credential $credential -SslMode Disable
}

# Runs a file by psql as such a role; returns what it wrote, and fails if psql does.
function Invoke-Psql {
    param(
        [Parameter(Mandatory)] $Connection, [Parameter(Mandatory)] [string] $Role, [Parameter(Mandatory)] [string] $File,
        [hashtable] $Variables = @{}, [string[]] $Options = @())
    $arguments = @('-X', '-q', '-f', $File) + $Options + @($Variables.GetEnumerator() | ForEach-Object { '-v'; "$($_.Key)=$($_.Value)" })
    $environment = @{
        PGHOST = $Connection.Server; PGPORT = $Connection.Port; PGDATABASE = $Connection.Database; PGUSER = $Role; PGPASSWORD = 'secret'
    }
    $before = @{}
    foreach ($name in $environment.Keys) {
        $before[$name] = [Environment]::GetEnvironmentVariable($name)
        [Environment]::SetEnvironmentVariable($name, $environment[$name])
    }
    try {
        $output = & psql @arguments 2>&1
    }
    finally {
        foreach ($name in $before.Keys) {
            [Environment]::SetEnvironmentVariable($name, $before[$name])
        }
    }
    if ($LASTEXITCODE -ne 0) {
        throw "psql ended with $LASTEXITCODE`: $output"
    }
    $output
}

# Tells whether anything was written: a digest of each table that cmdlets write, as far as it is there.
function Get-DatabaseDigest {
    param([Parameter(Mandatory)] $Connection)
    foreach ($table in 'users', 'event_guests', 'message_deliveries', 'user_link_audit', 'feature_flags', 'auth.users', 'cleanup_audit_log',
        'user_sync_monitoring_log', 'linkage.run', 'linkage.link_target', 'linkage.trigger_switch', 'linkage.link_suppression',
        'linkage.link_cursor', 'linkage.guest_delivery_item', 'linkage.user_link_undo_item', 'linkage.user_link_repair_item',
        'linkage.profile_mapping', 'linkage.user_sync_fault', 'linkage.ghost_user_item', '"Customer"', '"CustomerAddress"', '"Lead"', '"Job"',
        '"Conversation"', '"Audit"', 'linkage.customer_table', 'linkage.customer_change', 'linkage.customer_decision',
        'linkage.customer_redirect', 'linkage.row_move', 'linkage.unique_key_rule', 'linkage.duplicate_group', 'linkage.health_history',
        'linkage.alert_state') {
        if ((Invoke-TestSql $Connection "SELECT to_regclass('$table') IS NOT NULL AS is_there").is_there) {
            (Invoke-TestSql $Connection "SELECT '$table ' || count(*) || ' ' || coalesce(md5(string_agg(md5(t::text), '' ORDER BY md5(t::text))), '') AS digest FROM $table t").digest
        }
    }
}

# Starts a pwsh on a script that works on the connection's database, by the PG* variables; the caller waits for it and ends it.
function Start-Pwsh {
    param([Parameter(Mandatory)] [string] $Script, [Parameter(Mandatory)] $Sandbox, [Parameter(Mandatory)] $Connection, [switch] $Interactive)
    $commands = "Import-Module -Name '$((Get-LinkageManifest).FullName)'`n$Script"
    $program = (Get-Process -Id $PID).Path
    $arguments = @('-NoProfile') + @($Interactive ? @() : '-NonInteractive') + @('-Command', $commands)
    if ($IsLinux) {
        # What a script started in the background ignores Ctrl+C, and so would all that it starts.
        $program, $arguments = 'env', (@('--default-signal=INT', $program) + $arguments)
    }
    $start = [Diagnostics.ProcessStartInfo]::new($program, [string[]] $arguments)
    $start.RedirectStandardInput = $Interactive
    $start.RedirectStandardOutput = $true
    $start.RedirectStandardError = $true
    $start.Environment['NO_COLOR'] = '1'
    $start.Environment['PGHOST'] = $Connection.Server
    $start.Environment['PGPORT'] = "$($Connection.Port)"
    $start.Environment['PGDATABASE'] = $Connection.Database
    $start.Environment['PGUSER'] = $Connection.User
    $start.Environment['PGPASSWORD'] = $Sandbox.GetCredential().GetNetworkCredential().Password
    $start.Environment['PGSSLMODE'] = 'disable'
    [Diagnostics.Process]::Start($start)
}

# Starts a backfill in a runspace of its own; Receive-Backfill waits for it.
function Start-Backfill {
    param([Parameter(Mandatory)] $Connection, [hashtable] $Parameters = @{})
    $shell = [powershell]::Create()
    $null = $shell.AddCommand('Import-Module').AddArgument((Get-LinkageManifest).FullName).AddStatement()
    $null = $shell.AddCommand('Invoke-UserLinkBackfill').AddParameter('Connection', $Connection).AddParameters($Parameters)
    [pscustomobject] @{ Shell = $shell; Handle = $shell.BeginInvoke() }
}

# Starts one that its throttle query holds from the start, and returns when it is held.
function Start-HeldBackfill {
    param([Parameter(Mandatory)] $Connection, [hashtable] $Parameters = @{ ThrottleQuery = 'SELECT true' })
    $backfill = Start-Backfill $Connection $Parameters
    try {
        Wait-Until $Connection 'SELECT held_for IS NOT NULL FROM linkage.run ORDER BY id DESC LIMIT 1'
    }
    catch {
        $backfill.Shell.Stop()
        throw "$_ $($backfill.Shell.Streams.Error)"
    }
    $run = (Invoke-TestSql $Connection 'SELECT id FROM linkage.run ORDER BY id DESC LIMIT 1').id
    $backfill | Add-Member -NotePropertyName RunId -NotePropertyValue $run -PassThru
}

# What it came to, when it has ended.
function Receive-Backfill {
    param([Parameter(Mandatory)] $Backfill)
    try {
        $result = $Backfill.Shell.EndInvoke($Backfill.Handle)
        [pscustomobject] @{
            Result   = $result[0]
            Errors   = @($Backfill.Shell.Streams.Error)
            Progress = @($Backfill.Shell.Streams.Progress)
        }
    }
    finally {
        $Backfill.Shell.Dispose()
    }
}

# A database on a sandbox whose runs are held from the start, until Clear-Hold.
function New-HoldingDatabase {
    param([Parameter(Mandatory)] $Sandbox, [int] $Deliveries = 300)
    $connection = New-LinkedDatabase $Sandbox "holding_$([guid]::NewGuid().ToString('N'))" -Deliveries $Deliveries
    Invoke-TestSql $connection "CREATE TABLE probe (holding text); INSERT INTO probe VALUES ('the night shift is at it')"
    $connection
}

# A backfill there that is held before its first batch, in a session of its own.
function Start-HeldRun {
    param([Parameter(Mandatory)] $Connection, [hashtable] $Parameters = @{})
    Start-HeldBackfill $Connection ($Parameters + @{ ThrottleQuery = 'SELECT holding FROM probe'; BatchSize = 20 })
}

function Clear-Hold {
    param([Parameter(Mandatory)] $Connection)
    Invoke-TestSql $Connection 'UPDATE probe SET holding = NULL'
}

# What is left to link, by the rules as they stand.
function Measure-Linkable {
    param([Parameter(Mandatory)] $Connection)
    (Invoke-UserLinkBackfill -Connection $Connection -WhatIf 6>$null).Linked
}

# How many audit rows a run has, and of how many records.
function Get-AuditCount {
    param([Parameter(Mandatory)] $Connection, [Parameter(Mandatory)] $RunId)
    Invoke-TestSql $Connection "SELECT count(*) AS audited, count(DISTINCT record_id) AS records FROM user_link_audit WHERE run_id = '$RunId'"
}

# Waits until a query returns true.
function Wait-Until {
    param([Parameter(Mandatory)] $Connection, [Parameter(Mandatory)] [string] $Condition, [int] $Seconds = 60)
    $deadline = [DateTime]::UtcNow.AddSeconds($Seconds)
    while (-not (Invoke-TestSql $Connection "SELECT ($Condition) IS TRUE AS is_true").is_true) {
        if ([DateTime]::UtcNow -gt $deadline) {
            throw "After $Seconds s it still does not hold: $Condition"
        }
        [Threading.Thread]::Sleep(20)
    }
}

# Makes each update of a delivery take so long, to have a batch to interrupt.
function Set-SlowUpdate {
    param([Parameter(Mandatory)] $Connection, [Parameter(Mandatory)] [double] $Seconds)
    Invoke-TestSql $Connection @"
CREATE FUNCTION public.be_slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep($Seconds); RETURN NEW; END';
CREATE TRIGGER be_slow BEFORE UPDATE ON public.message_deliveries FOR EACH ROW EXECUTE FUNCTION public.be_slow()
"@
}

function Clear-SlowUpdate {
    param([Parameter(Mandatory)] $Connection)
    Invoke-TestSql $Connection 'DROP FUNCTION public.be_slow() CASCADE'
}

# An HTTP server on loopback that keeps what arrives, with its Path, Headers and Body, and answers 400 where the path says refuse, else 200.
function Start-HttpReceiver {
    $probe = [Net.Sockets.TcpListener]::new([Net.IPAddress]::Loopback, 0)
    $probe.Start()
    $address = "http://127.0.0.1:$($probe.LocalEndpoint.Port)"
    $probe.Stop()
    $listener = [Net.HttpListener]::new()
    $listener.Prefixes.Add("$address/")
    $listener.Start()
    $received = [Collections.Concurrent.ConcurrentQueue[object]]::new()
    $shell = [powershell]::Create().AddScript({
            param($listener, $received)
            while ($listener.IsListening) {
                $next = $listener.GetContextAsync()
                # Closing the listener does not always wake who waits for it.
                while (-not $next.Wait(100)) {
                    if (-not $listener.IsListening) {
                        return
                    }
                }
                $context = $next.Result
                $body = [IO.StreamReader]::new($context.Request.InputStream).ReadToEnd()
                $received.Enqueue([pscustomobject]@{ Path = $context.Request.RawUrl; Headers = $context.Request.Headers; Body = $body })
                $context.Response.StatusCode = $context.Request.RawUrl -match 'refuse' ? 400 : 200
                $context.Response.Close()
            }
        }).AddArgument($listener).AddArgument($received)
    $null = $shell.BeginInvoke()
    [pscustomobject]@{ Address = $address; Received = $received; Listener = $listener; Shell = $shell }
}

function Stop-HttpReceiver {
    param([Parameter(Mandatory)] $Receiver)
    $Receiver.Listener.Close()
    $Receiver.Shell.Dispose()
}

Export-ModuleMember -Function @(
    'Invoke-TestSql'
    'New-ApplicationDatabase'
    'New-LinkedDatabase'
    'New-SyncedDatabase'
    'New-Ghost'
    'Get-GhostId'
    'Connect-Role'
    'Invoke-Psql'
    'Get-DatabaseDigest'
    'Start-Pwsh'
    'Start-Backfill'
    'Start-HeldBackfill'
    'Receive-Backfill'
    'Wait-Until'
    'Set-SlowUpdate'
    'Clear-SlowUpdate'
    'New-HoldingDatabase'
    'Start-HeldRun'
    'Clear-Hold'
    'Measure-Linkable'
    'Get-AuditCount'
    'Start-HttpReceiver'
    'Stop-HttpReceiver'
)
