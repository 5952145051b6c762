-- Webhooks of one service (fiches.md 6 and 7): who listens, what is to be delivered, and how each
-- attempt went. Bodies hold personal data and URLs may hold secrets: nothing of these tables may be logged.

CREATE TABLE webhook_subscriptions (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    job_id     text        NOT NULL,
    url        text        NOT NULL,
    secrets    bytea,
    events     text[]      NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (job_id, url)
);
COMMENT ON TABLE webhook_subscriptions IS
    'Who hears of a job: a fetch job, or a run under its job id.';
COMMENT ON COLUMN webhook_subscriptions.secrets IS
    'A sealed JSON list: the signing secret, and while it is rotated its predecessor.';

CREATE TABLE webhook_destinations (
    url             text PRIMARY KEY,
    first_failed_at timestamptz,
    disabled_at     timestamptz,
    last_error      text
);
COMMENT ON TABLE webhook_destinations IS 'URLs that failed; one that never did has no row.';
COMMENT ON COLUMN webhook_destinations.first_failed_at IS
    'Since when every attempt fails; null after a success.';
COMMENT ON COLUMN webhook_destinations.disabled_at IS
    'Nothing is sent there until somebody enables it.';

CREATE TABLE webhook_deliveries (
    id              text PRIMARY KEY,
    subscription_id bigint      NOT NULL REFERENCES webhook_subscriptions ON DELETE CASCADE,
    job_id          text        NOT NULL,
    event           text        NOT NULL,
    sequence        integer     NOT NULL,
    url             text        NOT NULL,
    body            text        NOT NULL,
    status          text        NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'sent', 'failed')),
    status_code     integer,
    response_body   text,
    attempt         integer     NOT NULL DEFAULT 1,
    max_attempts    integer     NOT NULL,
    next_retry_at   timestamptz,
    lease           uuid,
    lease_until     timestamptz,
    sent_at         timestamptz,
    created_at      timestamptz NOT NULL DEFAULT now(),
    UNIQUE (subscription_id, event, sequence),
    CHECK ((status = 'pending') = (next_retry_at IS NOT NULL)),
    CHECK ((lease IS NULL) = (lease_until IS NULL))
);
COMMENT ON TABLE webhook_deliveries IS
    'One row an event and subscription, however often it is sent.';
COMMENT ON COLUMN webhook_deliveries.body IS 'The exact bytes of every attempt.';
COMMENT ON COLUMN webhook_deliveries.attempt IS 'The last one, or the one that is due or under way.';
COMMENT ON COLUMN webhook_deliveries.lease IS
    'Whose attempt is under way; a crashed one is taken over when the lease ends, under the same number.';
CREATE INDEX webhook_deliveries_job ON webhook_deliveries (job_id, created_at);
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (next_retry_at) WHERE status = 'pending';
CREATE INDEX webhook_deliveries_destination ON webhook_deliveries (url) WHERE status = 'pending';
CREATE INDEX webhook_deliveries_created ON webhook_deliveries (created_at);

CREATE TABLE webhook_delivery_attempts (
    delivery_id text        NOT NULL REFERENCES webhook_deliveries ON DELETE CASCADE,
    attempt     integer     NOT NULL,
    at          timestamptz NOT NULL DEFAULT now(),
    status_code integer,
    latency_ms  integer,
    error       text,
    PRIMARY KEY (delivery_id, attempt)
);
COMMENT ON TABLE webhook_delivery_attempts IS 'How each attempt ended; one that a crash cut off has no row.';
