-- How often a person may ask for audits and re-runs (audits.md W-20): a token bucket each, for all
-- replicas.
CREATE TABLE run_limits (
    user_id bigint      PRIMARY KEY,
    next_at timestamptz NOT NULL
);
COMMENT ON COLUMN run_limits.next_at IS 'When the next request may come; what lies before now is saved up.';
