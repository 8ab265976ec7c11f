-- What each channel was told of each check, so that an alert is sent when something changes, also by another process or after a restart. A check
-- that was never anything but healthy has no row.
CREATE TABLE IF NOT EXISTS linkage.alert_state (
  check_name          text NOT NULL,
  -- as in linkage.health_history
  subject             text NOT NULL DEFAULT '',
  channel             text NOT NULL,
  -- The newest record that was looked at, and how it came out.
  status              text NOT NULL,
  checked_at          timestamptz NOT NULL,
  -- Since when it is not healthy; null while it is, and everybody knows.
  troubled_since      timestamptz,
  -- The last that was delivered, and when.
  told_status         text NOT NULL DEFAULT 'healthy',
  told_at             timestamptz,
  -- What could not be delivered: since when, how often it was tried, and why. Null and 0 where nothing waits.
  undelivered_since   timestamptz,
  undelivered_reason  text,
  attempts            integer NOT NULL DEFAULT 0,
  -- Who is sending at the moment, and until when that is believed. By the server's clock.
  sender              uuid,
  sending_until       timestamptz,
  PRIMARY KEY (check_name, subject, channel),
  CONSTRAINT alert_status_known CHECK (
    status IN ('healthy', 'warning', 'critical', 'unknown') AND told_status IN ('healthy', 'warning', 'critical', 'unknown'))
);

COMMENT ON TABLE linkage.alert_state IS 'Linkage: what each alert channel was told of each check';
