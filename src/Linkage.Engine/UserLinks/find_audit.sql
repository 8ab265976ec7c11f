-- Audit entries; the function's own comment tells the plans. The limit lets the planner stream where it would sort.
SELECT
  a.audit_id AS "AuditId", a.created_at AS "CreatedAt", a.table_name AS "Table", a.record_id AS "RecordId", a.event_id AS "EventId",
  a.normalized_phone AS "Phone", a.guest_id AS "GuestId", a.linked_user_id AS "UserId", a.previous_user_id AS "PreviousUserId",
  a.outcome AS "Outcome", a.rule AS "Rule", a.source AS "Source", a.reason AS "Reason", a.run_id AS "RunId",
  a.is_dry_run AS "IsDryRun", a.metadata AS "Metadata"
FROM linkage.find_user_link_audit(
  @Tables::text[], @Outcomes::text[], @Rules::text[], @Sources::text[], @RunId::uuid, @RecordId::text, @EventId::text, @Phone::text,
  @UserId::text, @Since::timestamptz, @Until::timestamptz, @WithDryRuns) a
LIMIT @First::bigint
