-- Audits of many fiches at once (audits.md 2.9, 6.7). A member is counted in the transaction that ends
-- its audit, by its tracking id: another audit of the same fiche and configuration is nobody's member.

CREATE TABLE audit_batches (
    batch_id        text PRIMARY KEY,
    audit_config_id bigint      NOT NULL REFERENCES audit_configs ON DELETE RESTRICT,
    requested_by    text        NOT NULL,
    trigger_user_id text,
    use_rlm         boolean     NOT NULL,
    status          text        NOT NULL DEFAULT 'running' CHECK (status IN ('running', 'completed', 'cancelled')),
    total           integer     NOT NULL CHECK (total > 0),
    succeeded       integer     NOT NULL DEFAULT 0,
    failed          integer     NOT NULL DEFAULT 0,
    sequence        bigint      NOT NULL DEFAULT 0,
    deadline_at     timestamptz NOT NULL,
    started_at      timestamptz NOT NULL DEFAULT now(),
    completed_at    timestamptz,
    CHECK (succeeded + failed <= total),
    CHECK ((completed_at IS NULL) = (succeeded + failed < total))
);
COMMENT ON COLUMN audit_batches.requested_by IS 'The principal: only it and those who see everything may read the batch.';
COMMENT ON COLUMN audit_batches.sequence IS 'Number of the last realtime message.';
CREATE INDEX audit_batches_open ON audit_batches (deadline_at) WHERE completed_at IS NULL;
CREATE INDEX audit_batches_ended ON audit_batches (completed_at) WHERE completed_at IS NOT NULL;

CREATE TABLE audit_batch_items (
    batch_id    text    NOT NULL REFERENCES audit_batches ON DELETE CASCADE,
    fiche_id    text    NOT NULL,
    ordinal     integer NOT NULL,
    tracking_id text    NOT NULL,
    audit_id    bigint,
    status      text    NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'completed', 'failed')),
    error       text,
    PRIMARY KEY (batch_id, fiche_id),
    CONSTRAINT audit_batch_items_tracking UNIQUE (tracking_id)
);
COMMENT ON COLUMN audit_batch_items.audit_id IS 'Null until audit/batch was handled.';
CREATE INDEX audit_batch_items_open ON audit_batch_items (batch_id) WHERE status = 'pending';
