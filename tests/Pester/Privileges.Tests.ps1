# Every cmdlet under the roles of docs/least-privilege.sql, as PrivilegeCases.ps1 lists them.

BeforeDiscovery {
    $hasPsql = [bool] (Get-Command psql -ErrorAction Ignore)

    . (Join-Path $PSScriptRoot 'PrivilegeCases.ps1')
    $listed = @($reading.Cmdlet) + $running.Cmdlet + $installing.Cmdlet + $local
}

Describe 'The lists' {
    It 'name each cmdlet of the module once' -ForEach @{ Listed = $listed } {
        Import-Module (Join-Path $PSScriptRoot 'PesterHelpers.psm1') -Force
        Import-Linkage

        $Listed | Sort-Object | Should -Be ((Get-Command -Module Linkage).Name | Sort-Object)
    }
}

Describe 'The roles of docs/least-privilege.sql' -Skip:(-not $hasPsql) {
    BeforeAll {
        Import-Module (Join-Path $PSScriptRoot 'PesterHelpers.psm1') -Force
        Import-Linkage
        Import-Module (Join-Path $PSScriptRoot 'DatabaseHelpers.psm1') -Force
        $sandbox = Start-LinkageSandbox
        $receiver = Start-HttpReceiver
        $script = Join-Path $PSScriptRoot '../../docs/least-privilege.sql'

        # The owner of the tables installs, and makes the roles; it is no superuser.
        $admin = New-ApplicationDatabase $sandbox 'privileges' -Deliveries 400 -Accounts -Leads 200
        Invoke-TestSql $admin @'
CREATE ROLE owner LOGIN CREATEROLE PASSWORD 'secret';
CREATE ROLE ann LOGIN PASSWORD 'secret';
CREATE ROLE bob LOGIN PASSWORD 'secret';
GRANT CREATE ON DATABASE privileges TO owner;
GRANT USAGE, CREATE ON SCHEMA public TO owner;
DO $do$
DECLARE object text;
BEGIN
  FOR object IN
    SELECT format('TABLE %s', oid::regclass) FROM pg_class WHERE relnamespace IN ('public'::regnamespace, 'auth'::regnamespace) AND relkind = 'r'
    UNION ALL SELECT format('FUNCTION %s', oid::regprocedure) FROM pg_proc WHERE pronamespace = 'public'::regnamespace
  LOOP
    EXECUTE format('ALTER %s OWNER TO owner', object);
  END LOOP;
END $do$;
ALTER SCHEMA auth OWNER TO owner;
-- Its policies would hide all accounts from the two roles, which is a test of its own.
ALTER TABLE auth.users DISABLE ROW LEVEL SECURITY
'@
        $owner = Connect-Role $admin 'owner'
        # imported twice, some of it
        Invoke-TestSql $owner @'
CREATE TABLE skiptrace_results (id bigint PRIMARY KEY, team_id int NOT NULL, persona_id int, provider text, success boolean, created_at timestamptz);
CREATE TABLE skiptrace_notes (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, result_id bigint REFERENCES skiptrace_results ON DELETE CASCADE);
INSERT INTO skiptrace_results SELECT i, 1, i / 11 * 11 + least(i % 11, 9), 'batch', true, now() FROM generate_series(1, 55) AS i
'@
        $null = Install-LinkageSchema -Connection $owner
        $keyRule = 'skiptrace_results_persona_provider_idx'
        $duplicates = @'
WITH twice AS (
  INSERT INTO skiptrace_results SELECT COALESCE(max(r.id), 0) + i, 1, max(r.id) + 1, 'batch' FROM skiptrace_results r, generate_series(1, 2) AS i GROUP BY i
  RETURNING id
)
INSERT INTO skiptrace_notes (result_id) SELECT id FROM twice
'@
        $null = Register-UniqueKeyRule persona_idx skiptrace_results persona_id -Connection $owner
        foreach ($table in 'calls', 'letters') {
            Invoke-TestSql $owner "CREATE TABLE $table (id uuid PRIMARY KEY, phone text, user_id uuid, event_id uuid, body text)"
        }
        $null = Register-LinkTarget -Table letters -KeyColumn id -PhoneColumn phone -UserColumn user_id -EventColumn event_id -Connection $owner -WarningAction SilentlyContinue
        $null = Set-UserSyncMapping name -From raw_user_meta_data.full_name -Connection $owner
        $null = Invoke-Psql $admin 'owner' $script
        Invoke-TestSql $admin 'GRANT linkage_reader TO ann; GRANT linkage_runner TO bob'
        $reader = Connect-Role $admin 'ann'
        $runner = Connect-Role $admin 'bob'

        # Policies that let everything through: they make no difference.
        function Set-RowSecurity {
            param([Parameter(Mandatory)] [string] $Verb)
            foreach ($table in (Invoke-TestSql $admin "SELECT oid::regclass::text AS name FROM pg_class WHERE relnamespace IN ('public'::regnamespace, 'auth'::regnamespace, 'linkage'::regnamespace) AND relkind = 'r'").name) {
                Invoke-TestSql $admin "DROP POLICY IF EXISTS all_pass ON $table; CREATE POLICY all_pass ON $table USING (true); ALTER TABLE $table $Verb ROW LEVEL SECURITY"
            }
        }

        # Something of everything: links, an undo with suppressions, and a run of a session that lives and never listens.
        $null = Invoke-UserLinkBackfill -Connection $admin | Undo-UserLink -Confirm:$false
        $null = Save-UserSyncMetric -Connection $admin
        $null = Test-UserSync -Connection $admin | Save-LinkageHealth
        Invoke-TestSql $admin @'
INSERT INTO linkage.run (id, kind, target, batch, walk, backend_pid, backend_start, heartbeat_at)
SELECT '01990000-0000-7000-8000-000000000003', 'Deaf', 'deaf', 'x', '{}', pid, backend_start, now() + interval '1 hour'
FROM pg_stat_activity WHERE backend_type = 'checkpointer'
'@
        # one link that is wrong
        Invoke-TestSql $admin @'
UPDATE message_deliveries d SET user_id = (SELECT u.id FROM users u WHERE u.id <> g.user_id LIMIT 1)
FROM event_guests g
WHERE g.id = d.guest_id AND g.removed_at IS NULL
  AND d.id = (SELECT o.id FROM message_deliveries o JOIN event_guests og ON og.id = o.guest_id WHERE o.user_id = og.user_id AND og.removed_at IS NULL LIMIT 1)
'@
        # customers, leads to decide about, and whose each lead is
        $twoCustomers = 'SELECT id::text FROM "Customer" ORDER BY random() LIMIT 2'
        $twoLeads = 'SELECT id::text FROM "Lead" ORDER BY random() LIMIT 2'
        $largeCustomer = 'SELECT customer_id::text AS id, min(id::text) AS lead FROM "Lead" WHERE customer_id IS NOT NULL GROUP BY customer_id HAVING count(*) > 2 LIMIT 1'
        $customer = (Invoke-TestSql $admin $twoCustomers).id[0]
        $labels = Invoke-TestSql $admin 'SELECT id::text AS "Lead", messenger_psid AS "Entity" FROM "Lead" WHERE messenger_psid IS NOT NULL'
        $null = Add-CustomerDecision -Lead (Invoke-TestSql $admin $twoLeads).id -Decision MustLink -Connection $admin
        $living = Get-LinkageRun -Kind Deaf -Connection $admin
        $delivery = Invoke-TestSql $admin @'
SELECT d.id, d.phone_number, g.event_id FROM message_deliveries d JOIN event_guests g ON g.id = d.guest_id
WHERE d.user_id IS NULL AND d.phone_number IS NOT NULL LIMIT 1
'@
        $guest = Invoke-TestSql $admin @'
SELECT g.id, g.user_id FROM event_guests g JOIN message_deliveries d ON d.guest_id = g.id
WHERE g.user_id IS NOT NULL AND g.removed_at IS NULL AND d.user_id IS NULL LIMIT 1
'@
    }

    AfterAll {
        Stop-HttpReceiver $receiver
        Get-LinkageConnection | Disconnect-LinkageDatabase
    }

    It 'have no right to tables and columns that Linkage does not need, nor any that the whole server feels' {
        $rights = Invoke-TestSql $admin @'
SELECT r.rolname AS role, c.oid::regclass::text AS "table", string_agg(DISTINCT p.name, ' ' ORDER BY p.name) AS rights
FROM pg_roles r
CROSS JOIN pg_class c
CROSS JOIN unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER']) AS p (name)
WHERE r.rolname IN ('linkage_reader', 'linkage_runner') AND c.relnamespace IN ('public'::regnamespace, 'auth'::regnamespace) AND c.relkind = 'r'
  AND (has_table_privilege(r.oid, c.oid, p.name)
    OR CASE WHEN p.name IN ('SELECT', 'INSERT', 'UPDATE', 'REFERENCES') THEN has_any_column_privilege(r.oid, c.oid, p.name) END)
GROUP BY 1, 2
ORDER BY 1, 2
'@
        $rights | ForEach-Object { "$($_.role) $($_.table) $($_.rights)" } | Should -Be @(
            'linkage_reader "Audit" SELECT'
            'linkage_reader "Conversation" SELECT'
            'linkage_reader "Customer" SELECT'
            'linkage_reader "CustomerAddress" SELECT'
            'linkage_reader "Job" SELECT'
            'linkage_reader "Lead" SELECT'
            'linkage_reader auth.users SELECT'
            'linkage_reader cleanup_audit_log SELECT'
            'linkage_reader event_guests SELECT'
            'linkage_reader feature_flags SELECT'
            'linkage_reader letters SELECT'
            'linkage_reader message_deliveries SELECT'
            'linkage_reader skiptrace_notes SELECT'
            'linkage_reader skiptrace_results SELECT'
            'linkage_reader user_link_audit SELECT'
            'linkage_reader user_sync_monitoring_log SELECT'
            'linkage_reader users SELECT'
            'linkage_runner "Audit" INSERT SELECT UPDATE'
            'linkage_runner "Conversation" DELETE INSERT SELECT UPDATE'
            'linkage_runner "Customer" DELETE INSERT SELECT UPDATE'
            'linkage_runner "CustomerAddress" DELETE INSERT SELECT UPDATE'
            'linkage_runner "Job" DELETE INSERT SELECT UPDATE'
            'linkage_runner "Lead" DELETE INSERT SELECT UPDATE'
            'linkage_runner auth.users SELECT'
            'linkage_runner cleanup_audit_log INSERT SELECT'
            'linkage_runner event_guests SELECT'
            'linkage_runner feature_flags INSERT SELECT UPDATE'
            'linkage_runner letters SELECT UPDATE'
            'linkage_runner message_deliveries SELECT UPDATE'
            'linkage_runner skiptrace_notes DELETE INSERT SELECT UPDATE'
            'linkage_runner skiptrace_results DELETE INSERT SELECT UPDATE'
            'linkage_runner user_link_audit DELETE INSERT SELECT'
            'linkage_runner user_sync_monitoring_log INSERT SELECT'
            'linkage_runner users DELETE INSERT SELECT UPDATE'
        )
        (Invoke-TestSql $admin @'
SELECT
  has_table_privilege('bob', 'message_deliveries', 'SELECT') AS reads_whole_rows,
  (SELECT string_agg(column_name, ' ') FROM information_schema.column_privileges
   WHERE grantee = 'linkage_runner' AND table_name = 'message_deliveries' AND privilege_type = 'UPDATE') AS writes,
  has_column_privilege('bob', 'auth.users', 'encrypted_password', 'SELECT')
    OR has_column_privilege('bob', 'auth.users', 'confirmation_token', 'SELECT') AS reads_secrets,
  (SELECT count(*) FROM pg_roles r WHERE r.rolname IN ('linkage_reader', 'linkage_runner')
     AND (r.rolcanlogin OR r.rolsuper OR r.rolcreaterole OR r.rolcreatedb OR r.rolbypassrls OR r.rolreplication)) AS mighty,
  (SELECT count(*) FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.member WHERE r.rolname IN ('linkage_reader', 'linkage_runner')) AS memberships,
  (SELECT rolsuper FROM pg_roles WHERE rolname = 'owner') AS is_owner_super
'@ | ConvertTo-Json -Compress) | Should -Be '{"reads_whole_rows":false,"writes":"user_id","reads_secrets":false,"mighty":0,"memberships":0,"is_owner_super":false}'
    }

    It 'are the same after the script was run again' {
        $privileges = @'
SELECT string_agg(concat_ws(' ', o.name, a.acl), E'\n' ORDER BY o.name, a.acl::text) AS all
FROM (
  SELECT oid::regclass::text, relacl FROM pg_class UNION ALL SELECT oid::regprocedure::text, proacl FROM pg_proc
  UNION ALL SELECT concat_ws('.', attrelid::regclass, attname), attacl FROM pg_attribute UNION ALL SELECT nspname, nspacl FROM pg_namespace
) AS o (name, privileges)
CROSS JOIN unnest(o.privileges) AS a (acl)
'@
        $before = (Invoke-TestSql $admin $privileges).all

        Invoke-Psql $admin 'owner' $script | Should -BeNullOrEmpty

        (Invoke-TestSql $admin $privileges).all | Should -Be $before
    }

    It 'are called as the DBA likes, and the runner sees replicas if that is asked for' {
        Invoke-TestSql $admin @'
CREATE ROLE dba LOGIN CREATEROLE PASSWORD 'secret' IN ROLE owner;
GRANT pg_read_all_stats TO dba WITH ADMIN OPTION
'@

        $null = Invoke-Psql $admin 'dba' $script @{ reader = 'A "Reader"'; runner = 'A Runner'; app = 'public'; replica_lag = 'on' }

        (Invoke-TestSql $admin @'
SELECT
  has_function_privilege('A "Reader"', 'linkage.run_batch(uuid, integer, integer, integer, integer, boolean)', 'EXECUTE') AS calls,
  has_table_privilege('A "Reader"', 'linkage.run', 'UPDATE') AS writes,
  has_table_privilege('A Runner', 'linkage.run', 'UPDATE') AS runs,
  pg_has_role('A Runner', 'pg_read_all_stats', 'USAGE') AS sees_replicas
'@ | ConvertTo-Json -Compress) | Should -Be '{"calls":true,"writes":false,"runs":true,"sees_replicas":true}'
    }

    It 'let the runner undo a repair of ghosts, and the reader see what that would do' {
        $run = Repair-GhostUser -All -Connection $runner -WarningAction SilentlyContinue -ErrorAction Stop
        $foreseen = Undo-LinkageRun $run.RunId -Connection $reader -WhatIf -ErrorAction Stop 6>$null
        $undo = Undo-LinkageRun $run.RunId -Connection $runner -Confirm:$false -ErrorAction Stop

        $run.Repaired | Should -BeGreaterThan 0
        $foreseen.RolledBack, $undo.RolledBack | Should -Be $run.Repaired, $run.Repaired
    }

    Context '<Cmdlet>' -ForEach $reading {
        It 'shows the reader and the runner what it shows the owner of all' {
            $with = @{ Connection = $admin }
            $all = @(& $Act)

            foreach ($connection in $reader, $runner) {
                $with = @{ Connection = $connection; ErrorAction = 'Stop' }
                $seen = @(& $Act)

                $seen.Count | Should -Be $all.Count
                $seen | Where-Object { $_.PSObject.Properties['Status'] -and $_.Status -eq 'Unknown' } | Should -BeNullOrEmpty
            }
            $all | Should -Not -BeNullOrEmpty
        }
    }

    Context '<Cmdlet>' -ForEach $running {
        BeforeEach {
            # Without triggers, which would link what is set to null.
            Invoke-TestSql $admin @'
BEGIN;
SET LOCAL session_replication_role = replica;
UPDATE message_deliveries SET user_id = NULL;
DELETE FROM linkage.link_suppression;
DELETE FROM linkage.trigger_switch;
COMMIT
'@
            $with = @{ Connection = $admin }
            $given = if ($_['Given']) { & $Given }
        }

        It 'shows the reader what it would do' {
            $before = Get-DatabaseDigest $admin

            $with = @{ Connection = $reader; WhatIf = $true; ErrorAction = 'Stop' }
            & $Act 6>$null | Should -Not -BeNullOrEmpty

            Get-DatabaseDigest $admin | Should -Be $before
        }

        It 'tells the reader which privilege is missing and who has it, and changes nothing' {
            $before = Get-DatabaseDigest $admin

            $with = @{ Connection = $reader; Confirm = $false; ErrorAction = 'SilentlyContinue'; ErrorVariable = 'script:faults' }
            $null = & $Act

            $faults | Should -HaveCount 1
            $faults[0].FullyQualifiedErrorId | Should -BeLike 'Linkage.Database.InsufficientPrivilege,*'
            $faults[0].CategoryInfo.Category | Should -Be 'PermissionDenied'
            $faults[0].Exception.SqlState | Should -Be '42501'
            $faults[0].Exception.Message | Should -Match 'role ann lacks [A-Z, ]*(INSERT|UPDATE|DELETE).* on table [a-z_]+\.[a-z_]+\. .*docs/least-privilege\.sql'
            Get-DatabaseDigest $admin | Should -Be $before
        }

        It 'works for the runner' {
            $with = @{ Connection = $runner; Confirm = $false; ErrorAction = 'Stop' }
            & $Act | Should -Not -BeNullOrEmpty
        }
    }

    Context '<Cmdlet> under row-level security' -ForEach ($reading + $running) {
        BeforeAll {
            Set-RowSecurity 'ENABLE'
        }

        AfterAll {
            Set-RowSecurity 'DISABLE'
        }

        It 'names the table and the remedy, and changes nothing' {
            $with = @{ Connection = $admin }
            $given = if ($_['Given']) { & $Given }
            $before = Get-DatabaseDigest $admin
            $with = @{ Connection = $runner; ErrorAction = 'SilentlyContinue'; ErrorVariable = 'script:faults' }
            if ((Get-Command $Cmdlet).Parameters.ContainsKey('Confirm')) {
                $with.Confirm = $false
            }

            $shown = @(& $Act)

            $shown | Where-Object { $_.PSObject.Properties['Status'] -and $_.Status -in 'Healthy', 'completed' } | Should -BeNullOrEmpty
            $faults[0].FullyQualifiedErrorId | Should -BeLike 'Linkage.Database.RowSecurity,*'
            $faults[0].CategoryInfo.Category | Should -Be 'PermissionDenied'
            $faults[0].Exception.TableName | Should -Match '^(public|auth|linkage)\."?[A-Za-z_]+"?$'
            $faults[0].Exception.Message | Should -Match 'ALTER ROLE bob BYPASSRLS'
            Get-DatabaseDigest $admin | Should -Be $before
        }
    }

    Context '<Cmdlet>' -ForEach $installing {
        It 'tells reader and runner whose business it is' {
            foreach ($connection in $reader, $runner) {
                $with = @{ Connection = $connection; Confirm = $false; ErrorAction = 'SilentlyContinue'; ErrorVariable = 'script:faults' }
                $null = & $Act

                $faults | Should -HaveCount 1
                $faults[0].Exception.Message | Should -Match "belongs to role owner(.|\n)*GRANT ""?owner""? TO ""?$($connection.User)""?"
            }
            (Test-LinkageSchema -Connection $admin).Status | Should -Not -Contain 'Critical'
        }
    }
}
