-- Audit configurations: named, ordered lists of steps (audits.md 11.1).

CREATE TABLE audit_configs (
    id                bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name              text        NOT NULL CHECK (name <> ''),
    description       text,
    system_prompt     text,
    is_active         boolean     NOT NULL DEFAULT true,
    run_automatically boolean     NOT NULL DEFAULT false,
    created_by        text,
    revision          integer     NOT NULL DEFAULT 1,
    created_at        timestamptz NOT NULL DEFAULT now(),
    updated_at        timestamptz NOT NULL DEFAULT now()
);
COMMENT ON COLUMN audit_configs.revision IS
    'Raised by every change of the configuration or of its steps; frozen into audits.config_snapshot.';
CREATE INDEX audit_configs_active ON audit_configs (is_active);
CREATE INDEX audit_configs_automatic ON audit_configs (run_automatically);
CREATE INDEX audit_configs_created ON audit_configs (created_at);

CREATE TABLE audit_steps (
    id                      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    audit_config_id         bigint      NOT NULL REFERENCES audit_configs ON DELETE CASCADE,
    name                    text        NOT NULL CHECK (name <> ''),
    description             text,
    prompt                  text        NOT NULL,
    control_points          text[]      NOT NULL,
    keywords                text[]      NOT NULL DEFAULT '{}',
    severity_level          text        NOT NULL CHECK (severity_level IN ('LOW', 'MEDIUM', 'HIGH', 'CRITICAL')),
    is_critical             boolean     NOT NULL DEFAULT false,
    position                integer     NOT NULL CHECK (position >= 1),
    chronological_important boolean     NOT NULL DEFAULT false,
    weight                  integer     NOT NULL DEFAULT 5 CHECK (weight BETWEEN 1 AND 10),
    verify_product_info     boolean     NOT NULL DEFAULT false,
    created_at              timestamptz NOT NULL DEFAULT now(),
    updated_at              timestamptz NOT NULL DEFAULT now(),
    -- Deferrable: a reordering swaps positions inside one transaction.
    CONSTRAINT audit_steps_position UNIQUE (audit_config_id, position) DEFERRABLE INITIALLY IMMEDIATE
);
