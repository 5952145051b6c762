-- Transcription runs, transcripts and the account of what was asked of speech providers
-- (automation-and-transcription.md A5.8, A6, A11). Transcripts are personal data: nothing of them may
-- be logged. Fiches and recordings belong to the fiche cache; their ids are plain columns here.

CREATE TABLE transcription_runs (
    run_id              uuid PRIMARY KEY,
    fiche_id            text        NOT NULL,
    fiche_cache_id      bigint,
    priority            text        NOT NULL CHECK (priority IN ('high', 'normal', 'low')),
    lane                text        NOT NULL CHECK (lane IN ('interactive', 'bulk')),
    source              text        NOT NULL CHECK (source IN ('api', 'batch', 'audit', 'automation')),
    force               boolean     NOT NULL DEFAULT false,
    request_ids         text[]      NOT NULL,
    automation_run_id   bigint,
    correlation_id      text,
    state               text        NOT NULL DEFAULT 'planned'
        CHECK (state IN ('planned', 'running', 'completed', 'partial', 'failed', 'skipped')),
    reason              text,
    sequence            bigint      NOT NULL DEFAULT 0,
    total_recordings    integer     NOT NULL DEFAULT 0,
    already_transcribed integer     NOT NULL DEFAULT 0,
    target_total        integer     NOT NULL DEFAULT 0,
    processed           integer     NOT NULL DEFAULT 0,
    cached              integer     NOT NULL DEFAULT 0,
    failed              integer     NOT NULL DEFAULT 0,
    deadline_at         timestamptz NOT NULL,
    sent_at             timestamptz NOT NULL DEFAULT now(),
    sends               integer     NOT NULL DEFAULT 1,
    created_at          timestamptz NOT NULL DEFAULT now(),
    started_at          timestamptz,
    last_event_at       timestamptz,
    completed_at        timestamptz,
    CHECK (processed <= target_total AND cached + failed <= processed)
);
CREATE UNIQUE INDEX transcription_runs_open ON transcription_runs (fiche_id)
    WHERE state IN ('planned', 'running');
CREATE INDEX transcription_runs_fiche ON transcription_runs (fiche_id, created_at DESC);
CREATE INDEX transcription_runs_deadline ON transcription_runs (deadline_at)
    WHERE state IN ('planned', 'running');
CREATE INDEX transcription_runs_waiting ON transcription_runs (sent_at) WHERE state = 'planned';
COMMENT ON TABLE transcription_runs IS
    'One row a run; a fiche has one open run at most, and requests join it.';
COMMENT ON COLUMN transcription_runs.request_ids IS
    'ce-id of every command that the run serves; fiche/transcribed carries them.';
COMMENT ON COLUMN transcription_runs.sequence IS 'Number of the last realtime message.';
COMMENT ON COLUMN transcription_runs.sends IS 'How often the refresh of the fiche was asked for.';

CREATE TABLE transcription_run_items (
    run_id              uuid        NOT NULL REFERENCES transcription_runs ON DELETE CASCADE,
    call_id             text        NOT NULL,
    recording_index     integer     NOT NULL,
    state               text        NOT NULL DEFAULT 'pending'
        CHECK (state IN ('pending', 'in_progress', 'transcribed', 'cached', 'failed', 'abandoned')),
    attempts            integer     NOT NULL DEFAULT 0,
    lease_until         timestamptz,
    lease_no            integer     NOT NULL DEFAULT 0,
    expiries            integer     NOT NULL DEFAULT 0,
    error_class         text,
    error               text,
    provider_request_id text,
    sent_at             timestamptz NOT NULL DEFAULT now(),
    sends               integer     NOT NULL DEFAULT 1,
    started_at          timestamptz,
    completed_at        timestamptz,
    PRIMARY KEY (run_id, call_id),
    CHECK ((state = 'in_progress') = (lease_until IS NOT NULL))
);
CREATE INDEX transcription_run_items_leased ON transcription_run_items (lease_until)
    WHERE state = 'in_progress';
CREATE INDEX transcription_run_items_waiting ON transcription_run_items (sent_at)
    WHERE state = 'pending';
COMMENT ON COLUMN transcription_run_items.lease_no IS
    'Raised by each claim; a worker whose number is older has lost the recording.';
COMMENT ON COLUMN transcription_run_items.expiries IS
    'Leases that ran out: the recording is abandoned when they become too many.';

CREATE TABLE transcripts (
    id                                 bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    fiche_id                           text        NOT NULL,
    call_id                            text        NOT NULL,
    run_id                             uuid,
    state                              text        NOT NULL
        CHECK (state IN ('transcribed', 'transcribed_empty')),
    diarization                        text        NOT NULL
        CHECK (diarization IN ('provider', 'synthetic', 'none')),
    engine                             text        NOT NULL,
    model                              text        NOT NULL,
    transcription_id                   text        NOT NULL,
    transcription_text                 text,
    transcription_data                 json,
    transcription_language_code        text,
    transcription_language_probability double precision,
    has_transcription                  boolean     NOT NULL DEFAULT true,
    transcribed_at                     timestamptz NOT NULL DEFAULT now(),
    words                              bytea,
    created_at                         timestamptz NOT NULL DEFAULT now(),
    updated_at                         timestamptz NOT NULL DEFAULT now(),
    UNIQUE (fiche_id, call_id)
);
COMMENT ON COLUMN transcripts.words IS 'JSON array of the provider''s words, zlib-deflated.';
COMMENT ON COLUMN transcripts.run_id IS
    'The run that paid for it: a forced run does not pay twice for a recording.';

CREATE TABLE recording_transcription_chunks (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    recording_id    bigint           NOT NULL REFERENCES transcripts ON DELETE CASCADE,
    chunk_index     integer          NOT NULL,
    start_timestamp double precision NOT NULL,
    end_timestamp   double precision NOT NULL,
    message_count   integer          NOT NULL,
    speakers        text[]           NOT NULL DEFAULT '{}',
    full_text       text             NOT NULL,
    created_at      timestamptz      NOT NULL DEFAULT now(),
    UNIQUE (recording_id, chunk_index)
);
COMMENT ON COLUMN recording_transcription_chunks.recording_id IS 'transcripts.id';

CREATE TABLE speech_calls (
    run_id              uuid        NOT NULL,
    call_id             text        NOT NULL,
    attempt             integer     NOT NULL,
    provider            text        NOT NULL,
    model               text        NOT NULL,
    audio_seconds       integer,
    cost_micros         bigint,
    outcome             text        NOT NULL DEFAULT 'started'
        CHECK (outcome IN ('started', 'ok', 'failed', 'in_doubt')),
    provider_request_id text,
    created_at          timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (run_id, call_id, attempt)
);
CREATE INDEX speech_calls_started ON speech_calls (run_id, call_id) WHERE outcome = 'started';
COMMENT ON TABLE speech_calls IS
    'Every request that may cost money: written before it, settled after it. A call whose worker lost its lease in between is in_doubt.';

CREATE TABLE speech_limits (
    provider      text PRIMARY KEY,
    next_at       timestamptz NOT NULL DEFAULT '-infinity',
    paused_until  timestamptz,
    paused_reason text
);
COMMENT ON TABLE speech_limits IS
    'The token bucket of a provider, for all replicas: when the next request may start.';
COMMENT ON COLUMN speech_limits.paused_until IS
    'Circuit breaker, opened by a refused key or a spent account.';

CREATE TABLE start_requests (
    caller          text        NOT NULL,
    idempotency_key text        NOT NULL,
    fiche_id        text        NOT NULL,
    event_id        text        NOT NULL,
    run_id          uuid        NOT NULL,
    joined          boolean     NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (caller, idempotency_key, fiche_id)
);
CREATE INDEX start_requests_created ON start_requests (created_at);
COMMENT ON TABLE start_requests IS 'First answers to requests with an Idempotency-Key, for a day.';

CREATE TABLE workflow_logs (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    workflow    text        NOT NULL,
    level       text        NOT NULL CHECK (level IN ('debug', 'info', 'warning', 'error')),
    message     text        NOT NULL,
    entity_type text,
    entity_id   text,
    trace_id    text,
    event_id    text,
    function_id text,
    step_name   text,
    data        json        NOT NULL DEFAULT '{}',
    created_at  timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX workflow_logs_trace ON workflow_logs (trace_id, created_at);
CREATE INDEX workflow_logs_entity ON workflow_logs (entity_type, entity_id, created_at);
CREATE INDEX workflow_logs_created ON workflow_logs (created_at);
COMMENT ON TABLE workflow_logs IS 'What a person reads about a run; trace_id is the run id.';
