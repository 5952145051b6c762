-- What audits know of fiches, and the log a person reads (audits.md 11.2).

CREATE TABLE fiches (
    fiche_id            text PRIMARY KEY,
    fiche_cache_id      bigint,
    version             bigint      NOT NULL,
    groupe              text,
    agence_nom          text,
    attribution_user_id text,
    prospect_nom        text,
    prospect_prenom     text,
    prospect_email      text,
    prospect_tel        text,
    sales_date          date,
    has_recordings      boolean     NOT NULL DEFAULT false,
    recordings_count    integer,
    fetched_at          timestamptz,
    last_revalidated_at timestamptz,
    created_at          timestamptz NOT NULL DEFAULT now(),
    updated_at          timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE fiches IS
    'Projection of fiche facts, only for fiches with an audit: what audit lists filter and scope by. Older versions are ignored.';
CREATE INDEX fiches_groupe ON fiches (groupe);
CREATE INDEX fiches_attribution ON fiches (attribution_user_id);
CREATE INDEX fiches_sales_date ON fiches (sales_date);
CREATE INDEX fiches_fetched ON fiches (fetched_at);
CREATE INDEX fiches_revalidated ON fiches (last_revalidated_at);

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
CREATE INDEX workflow_logs_entity ON workflow_logs (entity_type, entity_id);
CREATE INDEX workflow_logs_created ON workflow_logs (created_at);
