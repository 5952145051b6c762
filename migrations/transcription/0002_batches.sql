-- Batches of transcriptions (automation-and-transcription.md A10.2) and what their progress is counted
-- from. A member is counted in the transaction that ends its run.

CREATE TABLE transcription_batches (
    batch_id     text PRIMARY KEY,
    requested_by text        NOT NULL,
    priority     text        NOT NULL CHECK (priority IN ('high', 'normal', 'low')),
    total        integer     NOT NULL,
    completed    integer     NOT NULL DEFAULT 0,
    failed       integer     NOT NULL DEFAULT 0,
    sequence     bigint      NOT NULL DEFAULT 0,
    created_at   timestamptz NOT NULL DEFAULT now(),
    completed_at timestamptz,
    CHECK (completed <= total AND failed <= completed)
);
CREATE INDEX transcription_batches_created ON transcription_batches (created_at);
COMMENT ON COLUMN transcription_batches.completed IS 'Members whose run has ended, failures included.';
COMMENT ON COLUMN transcription_batches.sequence IS 'Number of the last realtime message.';

CREATE TABLE transcription_batch_items (
    batch_id text    NOT NULL REFERENCES transcription_batches ON DELETE CASCADE,
    fiche_id text    NOT NULL,
    run_id   uuid    NOT NULL,
    joined   boolean NOT NULL,
    outcome  text CHECK (outcome IN ('completed', 'partial', 'failed', 'skipped')),
    PRIMARY KEY (batch_id, fiche_id)
);
CREATE INDEX transcription_batch_items_open ON transcription_batch_items (run_id)
    WHERE outcome IS NULL;

ALTER TABLE transcription_runs ADD COLUMN batched boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN transcription_runs.batched IS
    'Whether some batch counts this run: the others end without looking for one.';

CREATE INDEX transcription_runs_open_lane ON transcription_runs (lane)
    WHERE state IN ('planned', 'running');
