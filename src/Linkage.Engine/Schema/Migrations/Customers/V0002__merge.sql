-- What becomes of merged customers, and the journal of merges, of splits and of their undo.

-- Which customer took the place of one that was merged. Chains are followed: linkage.resolve_customer.
CREATE TABLE IF NOT EXISTS linkage.customer_redirect (
  from_id    text PRIMARY KEY,
  into_id    text NOT NULL,
  run_id     uuid NOT NULL,
  merged_at  timestamptz NOT NULL DEFAULT clock_timestamp()
);

COMMENT ON TABLE linkage.customer_redirect IS 'Linkage: which customer took the place of one that was merged';
