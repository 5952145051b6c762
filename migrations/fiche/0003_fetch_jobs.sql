-- Days of sales, and the jobs that fetch them (fiches.md 5, 7, W35 to W48). The tables of their
-- webhooks are the crate webhooks'.

CREATE TABLE sales_days (
    day          date PRIMARY KEY,
    fetched_at   timestamptz,
    expected     integer     NOT NULL DEFAULT 0,
    cached       integer     NOT NULL DEFAULT 0,
    quarantined  integer     NOT NULL DEFAULT 0,
    failed_at    timestamptz,
    last_error   text,
    holder       text,
    lease_until  timestamptz,
    asked_at     timestamptz,
    CHECK ((holder IS NULL) = (lease_until IS NULL))
);
COMMENT ON TABLE sales_days IS
    'The ledger: which days'' sales lists are in the cache. A day without row was never asked for.';
COMMENT ON COLUMN sales_days.fetched_at IS 'The last success. A day fetched before it ended goes stale after minutes.';
COMMENT ON COLUMN sales_days.cached IS 'Fiches written of those expected; a day counts only when they agree.';
COMMENT ON COLUMN sales_days.quarantined IS 'Rows of the list that could not be read.';
COMMENT ON COLUMN sales_days.holder IS 'Who is asking the CRM for this day, over all replicas.';
COMMENT ON COLUMN sales_days.asked_at IS 'When the hourly revalidation last asked for it.';

CREATE TABLE progressive_fetch_jobs (
    id                text PRIMARY KEY,
    start_date        date        NOT NULL,
    end_date          date        NOT NULL,
    refresh           boolean     NOT NULL,
    status            text        NOT NULL DEFAULT 'pending'
                      CHECK (status IN ('pending', 'processing', 'complete', 'failed')),
    progress          integer     NOT NULL DEFAULT 0,
    completed_days    integer     NOT NULL DEFAULT 0,
    total_days        integer     NOT NULL,
    total_fiches      integer     NOT NULL DEFAULT 0,
    sequence          integer     NOT NULL DEFAULT 0,
    created_by        text        NOT NULL,
    scope_all         boolean     NOT NULL,
    scope_groupes     text[]      NOT NULL,
    scope_crm_user_id text,
    error             text,
    deadline_at       timestamptz NOT NULL,
    created_at        timestamptz NOT NULL DEFAULT now(),
    updated_at        timestamptz NOT NULL DEFAULT now(),
    completed_at      timestamptz,
    CHECK (start_date <= end_date),
    CHECK ((status IN ('complete', 'failed')) = (completed_at IS NOT NULL))
);
COMMENT ON COLUMN progressive_fetch_jobs.sequence IS
    'Counts what screens and webhooks were told, in the transaction that tells it.';
COMMENT ON COLUMN progressive_fetch_jobs.created_by IS 'user:<id> or machine:<name>; only they and scope ALL see the job.';
COMMENT ON COLUMN progressive_fetch_jobs.scope_all IS
    'With scope_groupes and scope_crm_user_id: what the creator may see, and so what webhooks tell.';
COMMENT ON COLUMN progressive_fetch_jobs.deadline_at IS 'Days still open then have failed.';
CREATE UNIQUE INDEX progressive_fetch_jobs_active
    ON progressive_fetch_jobs (start_date, end_date, refresh, created_by)
    WHERE status IN ('pending', 'processing');
CREATE INDEX progressive_fetch_jobs_status ON progressive_fetch_jobs (status);
CREATE INDEX progressive_fetch_jobs_range ON progressive_fetch_jobs (start_date, end_date);
CREATE INDEX progressive_fetch_jobs_created ON progressive_fetch_jobs (created_at);
CREATE INDEX progressive_fetch_jobs_completed ON progressive_fetch_jobs (completed_at);

CREATE TABLE progressive_fetch_job_days (
    job_id       text    NOT NULL REFERENCES progressive_fetch_jobs ON DELETE CASCADE,
    day          date    NOT NULL,
    state        text    NOT NULL CHECK (state IN ('pending', 'cached', 'done', 'failed')),
    attempts     integer NOT NULL DEFAULT 0,
    fiches_count integer NOT NULL DEFAULT 0,
    error        text,
    reported     boolean NOT NULL DEFAULT false,
    sends        integer NOT NULL DEFAULT 0,
    sent_at      timestamptz,
    PRIMARY KEY (job_id, day)
);
COMMENT ON COLUMN progressive_fetch_job_days.state IS
    'cached: it was in the cache, at the start or when its turn came. done: this job fetched it.';
COMMENT ON COLUMN progressive_fetch_job_days.attempts IS 'Failed ones; a day has a bounded number.';
COMMENT ON COLUMN progressive_fetch_job_days.reported IS 'Its fiches were part of a progress webhook.';
COMMENT ON COLUMN progressive_fetch_job_days.sent_at IS 'When its command was last sent; by it, lost ones are found.';
CREATE INDEX progressive_fetch_job_days_open ON progressive_fetch_job_days (sent_at) WHERE state = 'pending';
