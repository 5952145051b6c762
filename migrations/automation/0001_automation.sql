-- Schedules, their runs, and every fiche of a run (automation-and-transcription.md B12).

CREATE TABLE automation_schedules (
    id                         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name                       text        NOT NULL CHECK (length(name) BETWEEN 1 AND 255),
    description                text,
    is_active                  boolean     NOT NULL DEFAULT true,
    created_by                 text,
    owner_user_id              bigint,
    owner_groupes              text[]      NOT NULL DEFAULT '{}',
    schedule_type              text        NOT NULL
        CHECK (schedule_type IN ('MANUAL', 'DAILY', 'WEEKLY', 'MONTHLY', 'CRON')),
    cron_expression            text,
    timezone                   text        NOT NULL DEFAULT 'UTC',
    time_of_day                text,
    day_of_week                integer CHECK (day_of_week BETWEEN 0 AND 6),
    day_of_month               integer CHECK (day_of_month BETWEEN 1 AND 31),
    misfire                    text        NOT NULL DEFAULT 'run_once' CHECK (misfire IN ('run_once', 'skip')),
    clamp_to_month_end         boolean     NOT NULL DEFAULT false,
    fiche_selection_mode       text        NOT NULL
        CHECK (fiche_selection_mode IN ('date_range', 'manual', 'filter')),
    fiche_selection_date_range text,
    fiche_selection_custom_start_date text,
    fiche_selection_custom_end_date   text,
    fiche_selection_groupes    text[]      NOT NULL DEFAULT '{}',
    fiche_selection_only_with_recordings boolean NOT NULL DEFAULT false,
    fiche_selection_only_unaudited boolean NOT NULL DEFAULT false,
    fiche_selection_use_rlm    boolean     NOT NULL DEFAULT false,
    fiche_selection_max_fiches integer CHECK (fiche_selection_max_fiches > 0),
    fiche_selection_max_recordings_per_fiche integer
        CHECK (fiche_selection_max_recordings_per_fiche > 0),
    fiche_selection_fiche_ids  text[]      NOT NULL DEFAULT '{}',
    max_fiches_mode            text        NOT NULL DEFAULT 'candidates'
        CHECK (max_fiches_mode IN ('candidates', 'retained')),
    run_transcription          boolean     NOT NULL DEFAULT true,
    skip_if_transcribed        boolean     NOT NULL DEFAULT true,
    transcription_priority     text        NOT NULL DEFAULT 'normal'
        CHECK (transcription_priority IN ('low', 'normal', 'high')),
    allow_partial_transcription boolean    NOT NULL DEFAULT false,
    run_audits                 boolean     NOT NULL DEFAULT true,
    use_automatic_audits       boolean     NOT NULL DEFAULT true,
    specific_audit_configs     bigint[]    NOT NULL DEFAULT '{}',
    continue_on_error          boolean     NOT NULL DEFAULT true,
    retry_failed               boolean     NOT NULL DEFAULT false,
    max_retries                integer     NOT NULL DEFAULT 0 CHECK (max_retries BETWEEN 0 AND 5),
    notify_on_complete         boolean     NOT NULL DEFAULT true,
    notify_on_error            boolean     NOT NULL DEFAULT true,
    webhook_url                text,
    webhook_secret             bytea,
    notify_emails              text[]      NOT NULL DEFAULT '{}',
    external_api_key           bytea,
    last_run_at                timestamptz,
    last_run_status            text
        CHECK (last_run_status IN ('running', 'success', 'partial', 'failed')),
    total_runs                 integer     NOT NULL DEFAULT 0,
    successful_runs            integer     NOT NULL DEFAULT 0,
    failed_runs                integer     NOT NULL DEFAULT 0,
    next_due_at                timestamptz,
    last_due_at                timestamptz,
    deleted_at                 timestamptz,
    created_at                 timestamptz NOT NULL DEFAULT now(),
    updated_at                 timestamptz NOT NULL DEFAULT now()
);

COMMENT ON COLUMN automation_schedules.owner_user_id IS 'Creator; null for machines. Decides scope SELF.';
COMMENT ON COLUMN automation_schedules.owner_groupes IS 'Names of the creator''s groupes at creation, former names included. Decide scope GROUP.';
COMMENT ON COLUMN automation_schedules.external_api_key IS 'Encrypted, write-only; not accepted yet.';
COMMENT ON COLUMN automation_schedules.webhook_secret IS 'Encrypted, write-only; not accepted yet.';

CREATE INDEX automation_schedules_active ON automation_schedules (is_active) WHERE deleted_at IS NULL;
CREATE INDEX automation_schedules_type ON automation_schedules (schedule_type);
CREATE INDEX automation_schedules_last_run ON automation_schedules (last_run_at);
CREATE INDEX automation_schedules_created ON automation_schedules (created_at DESC, id DESC);
CREATE INDEX automation_schedules_owner ON automation_schedules (owner_user_id);

CREATE TABLE automation_runs (
    id                 bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    schedule_id        bigint      NOT NULL REFERENCES automation_schedules ON DELETE CASCADE,
    status             text        NOT NULL DEFAULT 'pending'
        CHECK (status IN ('pending', 'running', 'completed', 'partial', 'failed')),
    phase              text        NOT NULL DEFAULT 'pending'
        CHECK (phase IN ('pending', 'selection', 'processing', 'finalizing', 'finished')),
    trigger            text        NOT NULL CHECK (trigger IN ('schedule', 'manual')),
    triggered_by       text,
    allow_overlap      boolean     NOT NULL DEFAULT false,
    due_at             timestamptz,
    started_at         timestamptz NOT NULL DEFAULT now(),
    completed_at       timestamptz,
    duration_ms        bigint,
    total_fiches       integer     NOT NULL DEFAULT 0,
    successful_fiches  integer     NOT NULL DEFAULT 0,
    failed_fiches      integer     NOT NULL DEFAULT 0,
    ignored_fiches     integer     NOT NULL DEFAULT 0,
    transcriptions_run integer     NOT NULL DEFAULT 0,
    audits_run         integer     NOT NULL DEFAULT 0,
    audits_failed      integer     NOT NULL DEFAULT 0,
    audits_total       integer     NOT NULL DEFAULT 0,
    items_selected     integer     NOT NULL DEFAULT 0,
    items_fetched      integer     NOT NULL DEFAULT 0,
    items_transcribed  integer     NOT NULL DEFAULT 0,
    items_auditing     integer     NOT NULL DEFAULT 0,
    items_done         integer     NOT NULL DEFAULT 0,
    items_failed       integer     NOT NULL DEFAULT 0,
    items_ignored      integer     NOT NULL DEFAULT 0,
    items_cancelled    integer     NOT NULL DEFAULT 0,
    halted             boolean     NOT NULL DEFAULT false,
    reason             text,
    error_message      text,
    error_details      json,
    config_snapshot    json        NOT NULL,
    plan               json        NOT NULL,
    fiche_ids          text[]      NOT NULL,
    selection_summary  json,
    result_summary     json,
    sequence           bigint      NOT NULL DEFAULT 0,
    sent_at            timestamptz NOT NULL DEFAULT now(),
    sends              integer     NOT NULL DEFAULT 1,
    progress_at        timestamptz,
    heartbeat_at       timestamptz NOT NULL DEFAULT now(),
    fence              bigint      NOT NULL DEFAULT 0,
    deadline_at        timestamptz NOT NULL,
    CONSTRAINT automation_runs_phase_status CHECK (
        CASE phase WHEN 'pending' THEN status = 'pending'
                   WHEN 'finished' THEN status IN ('completed', 'partial', 'failed')
                   ELSE status = 'running' END)
) WITH (fillfactor = 80);

COMMENT ON COLUMN automation_runs.phase IS 'pending: waits for automation/run; selection, processing, finalizing as B7.6; finished is final.';
COMMENT ON COLUMN automation_runs.plan IS 'What the items are moved by; small, read with every fact.';
COMMENT ON COLUMN automation_runs.config_snapshot IS 'Complete effective configuration for people, secrets excluded.';
COMMENT ON COLUMN automation_runs.fiche_ids IS 'The selection in its order, in the scope of who triggered the run.';
COMMENT ON COLUMN automation_runs.halted IS 'continueOnError=false and a fiche failed: nothing further is sent.';
COMMENT ON COLUMN automation_runs.sequence IS 'Number of the last realtime message, raised in the transaction that sends it.';
COMMENT ON COLUMN automation_runs.fence IS 'Raised when the run ends; with phase it keeps late writers out.';

CREATE UNIQUE INDEX automation_runs_one_open ON automation_runs (schedule_id)
    WHERE phase <> 'finished' AND NOT allow_overlap;
COMMENT ON INDEX automation_runs_one_open IS 'One open run a schedule, unless overlap was asked for.';
CREATE UNIQUE INDEX automation_runs_due ON automation_runs (schedule_id, due_at);
CREATE INDEX automation_runs_schedule ON automation_runs (schedule_id, started_at DESC, id DESC);
CREATE INDEX automation_runs_status ON automation_runs (status);
CREATE INDEX automation_runs_started ON automation_runs (started_at DESC, id DESC);
CREATE INDEX automation_runs_open ON automation_runs (phase, deadline_at) WHERE phase <> 'finished';

CREATE TABLE automation_run_items (
    run_id           bigint      NOT NULL REFERENCES automation_runs ON DELETE CASCADE,
    fiche_id         text        NOT NULL,
    position         integer     NOT NULL,
    state            text        NOT NULL DEFAULT 'selected' CHECK (state IN
        ('selected', 'fetched', 'transcribed', 'auditing', 'done', 'failed', 'ignored', 'cancelled')),
    attempt          integer     NOT NULL DEFAULT 0,
    deadline_at      timestamptz,
    sent_at          timestamptz,
    sends            integer     NOT NULL DEFAULT 0,
    audits_expected  integer     NOT NULL DEFAULT 0,
    audits_done      integer     NOT NULL DEFAULT 0,
    audits_failed    integer     NOT NULL DEFAULT 0,
    recordings_count integer,
    transcribed      integer     NOT NULL DEFAULT 0,
    error            text,
    error_stage      text CHECK (error_stage IN ('fetch', 'transcription', 'audit')),
    error_code       text,
    ignore_reason    text,
    last_event_id    text,
    updated_at       timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (run_id, fiche_id)
) WITH (fillfactor = 80);

COMMENT ON COLUMN automation_run_items.attempt IS 'Retries of the present state, from 0.';
COMMENT ON COLUMN automation_run_items.sent_at IS 'Last sending of what the state waits for; null: waits for a free slot.';
COMMENT ON COLUMN automation_run_items.sends IS 'How often the present state asked again after a wiped broker.';
COMMENT ON COLUMN automation_run_items.last_event_id IS 'Message that moved it last.';

CREATE INDEX automation_run_items_waiting ON automation_run_items (run_id, position)
    WHERE state = 'selected' AND sent_at IS NULL;
CREATE INDEX automation_run_items_open ON automation_run_items (deadline_at)
    WHERE sent_at IS NOT NULL AND state IN ('selected', 'fetched', 'transcribed', 'auditing');
COMMENT ON INDEX automation_run_items_open IS 'Open slots, and what the sweeper looks for.';

CREATE TABLE automation_run_item_audits (
    run_id          bigint  NOT NULL,
    fiche_id        text    NOT NULL,
    audit_config_id bigint  NOT NULL,
    audit_id        bigint,
    state           text    NOT NULL DEFAULT 'sent' CHECK (state IN ('sent', 'completed', 'failed')),
    attempt         integer NOT NULL DEFAULT 0,
    error           text,
    late            boolean NOT NULL DEFAULT false,
    updated_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (run_id, fiche_id, audit_config_id),
    FOREIGN KEY (run_id, fiche_id) REFERENCES automation_run_items ON DELETE CASCADE
);

COMMENT ON COLUMN automation_run_item_audits.late IS 'Its outcome came after the fiche was closed; it moved nothing.';

CREATE TABLE automation_run_fiche_results (
    id               bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run_id           bigint      NOT NULL REFERENCES automation_runs ON DELETE CASCADE,
    fiche_id         text        NOT NULL,
    status           text        NOT NULL CHECK (status IN ('successful', 'failed', 'ignored')),
    error            text,
    error_stage      text,
    error_code       text,
    ignore_reason    text,
    recordings_count integer,
    created_at       timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT automation_run_fiche_results_fiche UNIQUE (run_id, fiche_id)
);

CREATE INDEX automation_run_fiche_results_status ON automation_run_fiche_results (status);

CREATE TABLE automation_logs (
    id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run_id    bigint      NOT NULL REFERENCES automation_runs ON DELETE CASCADE,
    level     text        NOT NULL CHECK (level IN ('debug', 'info', 'warning', 'error')),
    message   text        NOT NULL,
    metadata  json        NOT NULL DEFAULT '{}',
    timestamp timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE INDEX automation_logs_run ON automation_logs (run_id, id);
CREATE INDEX automation_logs_level ON automation_logs (level);
CREATE INDEX automation_logs_timestamp ON automation_logs (timestamp);
