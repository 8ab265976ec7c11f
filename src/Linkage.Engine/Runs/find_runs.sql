-- Runs, newest first; the ids are ordered by time. Plan: the primary key, backward.
SELECT
  r.id AS "RunId", r.kind AS "Kind", r.target AS "Target", s.status AS "Status", r.dry_run AS "IsDryRun", r.undoes AS "Undoes",
  r.parameters::text AS "Parameters", r.settings::text AS "Settings", r.requested AS "Requested",
  r.held_for AS "HeldFor", r.holds::text AS "Holds", linkage.walked_share(r) AS "Share",
  r.counts::text AS "Counts", r.message AS "Message", r.started_by AS "StartedBy",
  r.client_host AS "ClientHost", r.module_version AS "ModuleVersion",
  r.started_at AS "StartedAt", r.heartbeat_at AS "HeartbeatAt", r.finished_at AS "FinishedAt"
FROM linkage.run r
CROSS JOIN LATERAL (
  SELECT CASE WHEN r.status IN ('running', 'suspended') AND NOT linkage.run_is_alive(r) THEN 'interrupted' ELSE r.status END
) AS s (status)
WHERE (@RunId::uuid IS NULL OR r.id = @RunId)
  AND (@Target::text IS NULL OR r.target = @Target)
  AND (@Kind::text IS NULL OR r.kind = @Kind)
  AND (@Status::text IS NULL OR s.status = @Status)
  AND (@Since::timestamptz IS NULL OR r.started_at >= @Since)
ORDER BY r.id DESC
