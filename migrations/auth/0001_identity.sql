-- Accounts, roles and grants, teams, sessions, tickets and signing keys (identity.md 5).

CREATE TYPE user_status AS ENUM ('INVITED', 'ACTIVE', 'DISABLED');
CREATE TYPE permission_scope AS ENUM ('SELF', 'GROUP', 'ALL');

CREATE TABLE users (
    id                   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    email                text NOT NULL CONSTRAINT users_email_key UNIQUE,
    password_hash        text,
    status               user_status NOT NULL DEFAULT 'ACTIVE',
    crm_user_id          text CONSTRAINT users_crm_user_id_key UNIQUE,
    version              bigint NOT NULL DEFAULT 1,
    must_change_password boolean NOT NULL DEFAULT false,
    last_login_at        timestamptz(3),
    created_at           timestamptz(3) NOT NULL DEFAULT now(),
    updated_at           timestamptz(3) NOT NULL DEFAULT now()
);
COMMENT ON COLUMN users.version IS 'Grows when tokens already issued must be refused: roles, teams, password, status.';

CREATE TABLE roles (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    key         text NOT NULL CONSTRAINT roles_key_key UNIQUE,
    name        text NOT NULL,
    description text,
    created_at  timestamptz(3) NOT NULL DEFAULT now(),
    updated_at  timestamptz(3) NOT NULL DEFAULT now()
);

CREATE TABLE permissions (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    key         text NOT NULL CONSTRAINT permissions_key_key UNIQUE,
    description text,
    created_at  timestamptz(3) NOT NULL DEFAULT now(),
    updated_at  timestamptz(3) NOT NULL DEFAULT now()
);

CREATE TABLE user_roles (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id    bigint NOT NULL REFERENCES users ON DELETE CASCADE,
    role_id    bigint NOT NULL REFERENCES roles ON DELETE CASCADE,
    created_at timestamptz(3) NOT NULL DEFAULT now(),
    UNIQUE (user_id, role_id)
);
CREATE INDEX user_roles_role_id_idx ON user_roles (role_id);

CREATE TABLE role_permissions (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    role_id       bigint NOT NULL REFERENCES roles ON DELETE CASCADE,
    permission_id bigint NOT NULL REFERENCES permissions ON DELETE CASCADE,
    can_read      boolean NOT NULL DEFAULT false,
    can_write     boolean NOT NULL DEFAULT false,
    scope         permission_scope NOT NULL DEFAULT 'SELF',
    created_at    timestamptz(3) NOT NULL DEFAULT now(),
    UNIQUE (role_id, permission_id)
);
CREATE INDEX role_permissions_permission_id_idx ON role_permissions (permission_id);

CREATE TABLE teams (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    crm_group_id  text NOT NULL CONSTRAINT teams_crm_group_id_key UNIQUE,
    name          text NOT NULL,
    responsable_1 text,
    responsable_2 text,
    responsable_3 text,
    created_at    timestamptz(3) NOT NULL DEFAULT now(),
    updated_at    timestamptz(3) NOT NULL DEFAULT now()
);

CREATE TABLE user_teams (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id    bigint NOT NULL REFERENCES users ON DELETE CASCADE,
    team_id    bigint NOT NULL REFERENCES teams ON DELETE CASCADE,
    source     text NOT NULL DEFAULT 'manual' CHECK (source IN ('manual', 'crm')),
    created_at timestamptz(3) NOT NULL DEFAULT now(),
    UNIQUE (user_id, team_id)
);
CREATE INDEX user_teams_team_id_idx ON user_teams (team_id);

CREATE TABLE team_aliases (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    team_id    bigint NOT NULL REFERENCES teams ON DELETE CASCADE,
    name       text NOT NULL CONSTRAINT team_aliases_name_key UNIQUE,
    created_at timestamptz(3) NOT NULL DEFAULT now()
);
COMMENT ON TABLE team_aliases IS 'Former names of teams: fiches carry only names, so a rename must not hide them.';
CREATE INDEX team_aliases_team_id_idx ON team_aliases (team_id);

CREATE TABLE refresh_tokens (
    id                bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id           bigint NOT NULL REFERENCES users ON DELETE CASCADE,
    token_hash        text NOT NULL CONSTRAINT refresh_tokens_token_hash_key UNIQUE,
    family_id         uuid NOT NULL,
    family_expires_at timestamptz(3) NOT NULL,
    revoked_at        timestamptz(3),
    replaced_by_id    bigint REFERENCES refresh_tokens ON DELETE SET NULL,
    last_used_at      timestamptz(3),
    created_by_ip     text,
    user_agent        text,
    expires_at        timestamptz(3) NOT NULL,
    created_at        timestamptz(3) NOT NULL DEFAULT now()
);
COMMENT ON COLUMN refresh_tokens.family_id IS 'The session, `sid` in access tokens: one login and all its rotations.';
CREATE INDEX refresh_tokens_user_id_idx ON refresh_tokens (user_id);
CREATE INDEX refresh_tokens_family_id_idx ON refresh_tokens (family_id);
CREATE INDEX refresh_tokens_expires_at_idx ON refresh_tokens (expires_at);

CREATE TABLE stream_tickets (
    id                 bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    ticket_hash        text NOT NULL CONSTRAINT stream_tickets_ticket_hash_key UNIQUE,
    principal          text NOT NULL,
    channels           text[] NOT NULL,
    session_expires_at timestamptz(3) NOT NULL,
    expires_at         timestamptz(3) NOT NULL,
    used_at            timestamptz(3)
);
CREATE INDEX stream_tickets_expires_at_idx ON stream_tickets (expires_at);

CREATE TABLE signing_keys (
    kid         text PRIMARY KEY,
    public_key  bytea NOT NULL,
    private_key bytea NOT NULL,
    not_before  timestamptz(3) NOT NULL DEFAULT now(),
    retired_at  timestamptz(3)
);
COMMENT ON COLUMN signing_keys.private_key IS 'PKCS#8, sealed with VIGIE_ENCRYPTION_KEY.';

-- The twelve permissions and three built-in roles. Later permission keys come by later migrations,
-- which also grant them to the built-in roles.
INSERT INTO permissions (key, description) VALUES
    ('fiches', 'Fiche data, cache, status and progressive-fetch jobs'),
    ('audits', 'Audits, results, reviews and reruns'),
    ('audit-configs', 'Audit configurations and their steps'),
    ('automation', 'Schedules, runs, logs and diagnostic'),
    ('recordings', 'Recordings'),
    ('transcriptions', 'Transcriptions and their logs'),
    ('products', 'Insurance product catalogue'),
    ('chat', 'Chat about an audit or a fiche'),
    ('realtime', 'Live channels'),
    ('admin.users', 'Users, teams and CRM look-ups'),
    ('admin.roles', 'Roles'),
    ('admin.permissions', 'The permission list');

INSERT INTO roles (key, name, description) VALUES
    ('admin', 'Admin', 'Everything, everywhere'),
    ('operator', 'Operator', 'Works on the fiches of its groupes'),
    ('viewer', 'Viewer', 'Reads the fiches of its groupes');

INSERT INTO role_permissions (role_id, permission_id, can_read, can_write, scope)
SELECT r.id, p.id, true, true, 'ALL' FROM roles r, permissions p WHERE r.key = 'admin';

INSERT INTO role_permissions (role_id, permission_id, can_read, can_write, scope)
SELECT r.id, p.id, true, g.can_write, g.scope::permission_scope
  FROM (VALUES
        ('operator', 'fiches', true, 'GROUP'),
        ('operator', 'audits', true, 'GROUP'),
        ('operator', 'audit-configs', false, 'ALL'),
        ('operator', 'automation', true, 'GROUP'),
        ('operator', 'recordings', false, 'GROUP'),
        ('operator', 'transcriptions', true, 'GROUP'),
        ('operator', 'products', false, 'ALL'),
        ('operator', 'chat', true, 'GROUP'),
        ('operator', 'realtime', true, 'GROUP'),
        ('viewer', 'fiches', false, 'GROUP'),
        ('viewer', 'audits', false, 'GROUP'),
        ('viewer', 'audit-configs', false, 'ALL'),
        ('viewer', 'automation', false, 'GROUP'),
        ('viewer', 'recordings', false, 'GROUP'),
        ('viewer', 'transcriptions', false, 'GROUP'),
        ('viewer', 'products', false, 'ALL'),
        ('viewer', 'chat', true, 'GROUP'),
        ('viewer', 'realtime', false, 'GROUP')
       ) AS g (role, permission, can_write, scope)
  JOIN roles r ON r.key = g.role
  JOIN permissions p ON p.key = g.permission;
