-- Audits and their results (audits.md 11.2).

CREATE TABLE audits (
    id                     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tracking_id            text        NOT NULL,
    fiche_id               text        NOT NULL,
    fiche_cache_id         bigint,
    audit_config_id        bigint      NOT NULL REFERENCES audit_configs ON DELETE RESTRICT,
    automation_schedule_id bigint,
    automation_run_id      bigint,
    batch_id               text,
    trigger_source         text,
    trigger_user_id        text,
    use_rlm                boolean     NOT NULL DEFAULT false,
    lane                   text        NOT NULL CHECK (lane IN ('interactive', 'bulk')),
    notes                  text,
    deleted_at             timestamptz,
    phase                  text        NOT NULL DEFAULT 'queued'
        CHECK (phase IN ('queued', 'fetching', 'transcribing', 'analyzing', 'completed', 'failed')),
    status                 text        NOT NULL GENERATED ALWAYS AS (
        CASE phase WHEN 'queued' THEN 'pending' WHEN 'completed' THEN 'completed'
                   WHEN 'failed' THEN 'failed' ELSE 'running' END) STORED,
    failure_stage          text,
    error_message          text,
    overall_score          numeric(5, 2) NOT NULL DEFAULT 0,
    score_percentage       numeric(5, 2) NOT NULL DEFAULT 0,
    niveau                 text        NOT NULL DEFAULT 'PENDING',
    is_compliant           boolean     NOT NULL DEFAULT false,
    critical_passed        integer     NOT NULL DEFAULT 0,
    critical_total         integer     NOT NULL DEFAULT 0,
    completeness           text CHECK (completeness IN ('complete', 'incomplete')),
    engine                 text,
    duration_ms            bigint,
    total_tokens           bigint,
    successful_steps       integer,
    failed_steps           integer,
    recordings_count       integer,
    timeline_chunks        integer,
    total_steps            integer,
    result_data            json,
    config_snapshot        json,
    scorecard_revision     integer     NOT NULL DEFAULT 1,
    transcript_hash        text,
    version                integer     NOT NULL DEFAULT 1,
    is_latest              boolean     NOT NULL DEFAULT true,
    sequence               bigint      NOT NULL DEFAULT 0,
    lock_version           integer     NOT NULL DEFAULT 0,
    sent_at                timestamptz NOT NULL DEFAULT now(),
    sends                  integer     NOT NULL DEFAULT 1,
    deadline_at            timestamptz NOT NULL,
    started_at             timestamptz,
    completed_at           timestamptz,
    created_at             timestamptz NOT NULL DEFAULT now(),
    updated_at             timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT audits_tracking UNIQUE (tracking_id)
) WITH (fillfactor = 80); -- Room for HOT updates: progress only changes unindexed columns.

COMMENT ON COLUMN audits.phase IS
    'queued: waits for audit/run; fetching: waits for fiche/fetched; transcribing: waits for fiche/transcribed; analyzing: waits for the steps; completed and failed are final.';
COMMENT ON COLUMN audits.sequence IS 'Number of the last realtime message, raised in the transaction that sends it.';
COMMENT ON COLUMN audits.sent_at IS 'Last sending of what the phase waits for; with sends it decides when the watchdog sends again.';
COMMENT ON COLUMN audits.total_steps IS 'Expected positions, known from analyzing on.';
COMMENT ON COLUMN audits.result_data IS 'Snapshot without steps (8.4); steps are rebuilt from the tables.';
COMMENT ON COLUMN audits.scorecard_revision IS 'Revision of the scoring rules that gave the summary columns.';

CREATE UNIQUE INDEX audits_latest ON audits (fiche_id, audit_config_id) WHERE is_latest AND deleted_at IS NULL;
COMMENT ON INDEX audits_latest IS 'One latest version per fiche and configuration (1.5).';
CREATE UNIQUE INDEX audits_version ON audits (fiche_id, audit_config_id, version);
CREATE INDEX audits_open ON audits (phase, deadline_at) WHERE phase NOT IN ('completed', 'failed');
COMMENT ON INDEX audits_open IS 'What the watchdog sweeps.';
CREATE INDEX audits_fiche_cache ON audits (fiche_cache_id);
CREATE INDEX audits_config ON audits (audit_config_id);
CREATE INDEX audits_status ON audits (status);
CREATE INDEX audits_created ON audits (created_at DESC, id DESC);
CREATE INDEX audits_schedule ON audits (automation_schedule_id) WHERE automation_schedule_id IS NOT NULL;
CREATE INDEX audits_run ON audits (automation_run_id) WHERE automation_run_id IS NOT NULL;

-- The snapshot that step contexts, gating and quotes refer to.
CREATE TABLE audit_timelines (
    audit_id         bigint PRIMARY KEY REFERENCES audits ON DELETE CASCADE,
    timeline         bytea   NOT NULL,
    transcript_hash  text    NOT NULL,
    recordings_total integer NOT NULL,
    recordings_used  integer NOT NULL,
    missing          json    NOT NULL DEFAULT '[]'
);
-- Already deflated: compressing it once more would only cost time.
ALTER TABLE audit_timelines ALTER COLUMN timeline SET STORAGE EXTERNAL;
COMMENT ON COLUMN audit_timelines.missing IS 'Recordings of the fiche that the timeline does not cover (W-17).';

CREATE TABLE audit_step_results (
    id                             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    audit_id                       bigint      NOT NULL REFERENCES audits ON DELETE CASCADE,
    step_position                  integer     NOT NULL CHECK (step_position >= 1),
    step_name                      text        NOT NULL,
    severity_level                 text        NOT NULL,
    is_critical                    boolean     NOT NULL,
    weight                         integer     NOT NULL,
    traite                         boolean     NOT NULL,
    conforme                       text        NOT NULL,
    score                          integer     NOT NULL,
    niveau_conformite              text        NOT NULL,
    commentaire_global             text        NOT NULL,
    mots_cles_trouves              text[]      NOT NULL,
    minutages                      text[]      NOT NULL,
    erreurs_transcription_tolerees integer     NOT NULL DEFAULT 0,
    total_citations                integer     NOT NULL DEFAULT 0,
    total_tokens                   bigint      NOT NULL DEFAULT 0,
    raw_result                     json,
    outcome                        text        NOT NULL CHECK (outcome IN ('ok', 'fallback')),
    ai_traite                      boolean     NOT NULL,
    ai_conforme                    text        NOT NULL,
    ai_score                       integer     NOT NULL,
    ai_niveau_conformite           text        NOT NULL,
    engine                         text        NOT NULL,
    model                          text        NOT NULL,
    prompt_version                 text        NOT NULL,
    transcript_hash                text        NOT NULL,
    cited                          integer     NOT NULL DEFAULT 0,
    removed_citations              integer     NOT NULL DEFAULT 0,
    downgraded_points              integer     NOT NULL DEFAULT 0,
    score_reduced                  boolean     NOT NULL DEFAULT false,
    conforme_adjusted              boolean     NOT NULL DEFAULT false,
    error_points                   integer     NOT NULL DEFAULT 0,
    lock_version                   integer     NOT NULL DEFAULT 0,
    created_at                     timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT audit_step_results_position UNIQUE (audit_id, step_position)
);
COMMENT ON COLUMN audit_step_results.outcome IS 'ok: the engine answered; fallback: it did not, the row is the fallback of 4.6.';
COMMENT ON COLUMN audit_step_results.ai_score IS 'ai_*: what the analysis gave, after gating. The contract''s columns hold the effective value (8.3).';
COMMENT ON COLUMN audit_step_results.cited IS 'Citations before gating; with the columns after it, the statistics of 5.3 as stored with the step.';
COMMENT ON COLUMN audit_step_results.error_points IS 'Control points whose verdict is ERROR.';

CREATE TABLE audit_step_result_control_points (
    audit_id                      bigint   NOT NULL,
    step_position                 integer  NOT NULL,
    control_point_index           integer  NOT NULL CHECK (control_point_index >= 1),
    point                         text     NOT NULL,
    statut                        text     NOT NULL,
    commentaire                   text     NOT NULL,
    minutages                     text[]   NOT NULL,
    erreur_transcription_notee    boolean  NOT NULL,
    variation_phonetique_utilisee text,
    ai_statut                     text     NOT NULL,
    -- Null where it equals commentaire: the usual case is stored once.
    ai_commentaire                text,
    ai_verdict                    text     NOT NULL
        CHECK (ai_verdict IN ('PRESENT', 'PARTIEL', 'ABSENT', 'NON_APPLICABLE', 'UNVERIFIABLE', 'ERROR')),
    PRIMARY KEY (audit_id, step_position, control_point_index),
    FOREIGN KEY (audit_id, step_position)
        REFERENCES audit_step_results (audit_id, step_position) ON DELETE CASCADE
);

CREATE TABLE audit_step_result_citations (
    audit_id            bigint           NOT NULL,
    step_position       integer          NOT NULL,
    control_point_index integer          NOT NULL,
    citation_index      integer          NOT NULL CHECK (citation_index >= 1),
    texte               text             NOT NULL,
    minutage            text             NOT NULL,
    minutage_secondes   double precision NOT NULL,
    speaker             text             NOT NULL,
    recording_index     integer          NOT NULL,
    chunk_index         integer          NOT NULL,
    recording_date      text             NOT NULL,
    recording_time      text             NOT NULL,
    recording_url       text             NOT NULL,
    call_id             text,
    created_at          timestamptz      NOT NULL DEFAULT now(),
    PRIMARY KEY (audit_id, step_position, control_point_index, citation_index),
    FOREIGN KEY (audit_id, step_position, control_point_index)
        REFERENCES audit_step_result_control_points ON DELETE CASCADE
);

CREATE TABLE audit_model_calls (
    id                bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- No foreign key: money spent stays on record when its audit goes.
    audit_id          bigint,
    step_position     integer,
    rerun_id          text,
    conversation_id   bigint,
    purpose           text        NOT NULL CHECK (purpose IN ('step', 'rerun', 'chat')),
    attempt           integer     NOT NULL,
    engine            text        NOT NULL,
    model             text        NOT NULL,
    prompt_tokens     bigint      NOT NULL,
    cached_tokens     bigint      NOT NULL,
    completion_tokens bigint      NOT NULL,
    cost_micros       bigint,
    latency_ms        bigint      NOT NULL,
    outcome           text        NOT NULL CHECK (outcome IN ('ok', 'failed', 'in_doubt')),
    created_at        timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX audit_model_calls_audit ON audit_model_calls (audit_id);
CREATE INDEX audit_model_calls_created ON audit_model_calls (created_at);
