-- Append-only trails of human decisions and of reruns (audits.md 8, 11.2).

CREATE TABLE audit_step_result_human_reviews (
    id                         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    audit_id                   bigint      NOT NULL,
    step_position              integer     NOT NULL,
    reviewed_at                timestamptz NOT NULL DEFAULT now(),
    reviewer                   text,
    reviewer_user_id           text,
    reason                     text,
    kind                       text        NOT NULL DEFAULT 'step' CHECK (kind IN ('step', 'control_point')),
    control_point_index        integer,
    point                      text,
    previous_traite            boolean,
    previous_conforme          text,
    previous_score             integer,
    previous_niveau_conformite text,
    override_traite            boolean,
    override_conforme          text,
    override_score             integer,
    override_niveau_conformite text,
    previous_statut            text,
    previous_commentaire       text,
    override_statut            text,
    override_commentaire       text,
    revokes_id                 bigint REFERENCES audit_step_result_human_reviews,
    created_at                 timestamptz NOT NULL DEFAULT now(),
    FOREIGN KEY (audit_id, step_position)
        REFERENCES audit_step_results (audit_id, step_position) ON DELETE CASCADE
);
CREATE INDEX audit_reviews_step ON audit_step_result_human_reviews (audit_id, step_position);

CREATE TABLE audit_step_result_rerun_events (
    id                       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    audit_id                 bigint      NOT NULL,
    step_position            integer     NOT NULL,
    occurred_at              timestamptz NOT NULL DEFAULT now(),
    kind                     text        NOT NULL DEFAULT 'unknown',
    rerun_id                 text UNIQUE,
    event_id                 text,
    requested_by             text,
    status                   text        NOT NULL CHECK (status IN ('queued', 'running', 'done', 'failed')),
    error                    text,
    custom_prompt            text,
    control_point_index      integer,
    point                    text,
    previous_score           integer,
    previous_conforme        text,
    previous_total_citations integer,
    next_score               integer,
    next_conforme            text,
    next_total_citations     integer,
    previous_statut          text,
    previous_commentaire     text,
    previous_citations       integer,
    previous_step_score      integer,
    previous_step_conforme   text,
    next_statut              text,
    next_commentaire         text,
    next_citations           integer,
    next_step_score          integer,
    next_step_conforme       text,
    created_at               timestamptz NOT NULL DEFAULT now(),
    FOREIGN KEY (audit_id, step_position)
        REFERENCES audit_step_results (audit_id, step_position) ON DELETE CASCADE
);
CREATE INDEX audit_reruns_step ON audit_step_result_rerun_events (audit_id, step_position);
