-- One-time links, back-off, sessions as people see them, what replicas may have missed, and the
-- overlap of signing keys (identity.md 5, W5 to W10, W1).

CREATE TABLE user_invite_tokens (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id    bigint NOT NULL REFERENCES users ON DELETE CASCADE,
    token_hash text NOT NULL CONSTRAINT user_invite_tokens_token_hash_key UNIQUE,
    expires_at timestamptz(3) NOT NULL,
    used_at    timestamptz(3),
    created_at timestamptz(3) NOT NULL DEFAULT now()
);
CREATE INDEX user_invite_tokens_user_id_idx ON user_invite_tokens (user_id);
CREATE INDEX user_invite_tokens_expires_at_idx ON user_invite_tokens (expires_at);

CREATE TABLE password_reset_tokens (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id    bigint NOT NULL REFERENCES users ON DELETE CASCADE,
    token_hash text NOT NULL CONSTRAINT password_reset_tokens_token_hash_key UNIQUE,
    expires_at timestamptz(3) NOT NULL,
    used_at    timestamptz(3),
    created_at timestamptz(3) NOT NULL DEFAULT now()
);
CREATE INDEX password_reset_tokens_user_id_idx ON password_reset_tokens (user_id);
CREATE INDEX password_reset_tokens_expires_at_idx ON password_reset_tokens (expires_at);

CREATE TABLE attempts (
    kind          text NOT NULL,
    subject       text NOT NULL,
    window_start  timestamptz(3) NOT NULL,
    counted       integer NOT NULL,
    blocks        integer NOT NULL DEFAULT 0,
    blocked_until timestamptz(3),
    touched_at    timestamptz(3) NOT NULL,
    PRIMARY KEY (kind, subject)
);
COMMENT ON TABLE attempts IS 'Failures and requests within the current minute, of all replicas together.';
COMMENT ON COLUMN attempts.subject IS 'An address, or the hash of a login.';
COMMENT ON COLUMN attempts.blocks IS 'Blocks in a row: each lasts twice as long as the one before.';
CREATE INDEX attempts_touched_at_idx ON attempts (touched_at);

ALTER TABLE refresh_tokens ADD COLUMN family_created_at timestamptz(3) NOT NULL DEFAULT now();
UPDATE refresh_tokens t
   SET family_created_at = f.created_at
  FROM (SELECT family_id, min(created_at) AS created_at FROM refresh_tokens GROUP BY family_id) f
 WHERE f.family_id = t.family_id;
COMMENT ON COLUMN refresh_tokens.family_created_at IS 'When the session was opened; its first tokens are purged before it ends.';
CREATE INDEX refresh_tokens_replaced_by_id_idx ON refresh_tokens (replaced_by_id);

CREATE TABLE principal_changes (
    id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id bigint NOT NULL,
    version bigint NOT NULL,
    sid     text,
    reason  text NOT NULL,
    at      timestamptz(3) NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE principal_changes IS 'What was sent as auth/principal.changed, for replicas that missed it.';
CREATE INDEX principal_changes_at_idx ON principal_changes (at);

COMMENT ON COLUMN signing_keys.not_before IS 'When it begins to sign; it is published before that.';
COMMENT ON COLUMN signing_keys.retired_at IS 'When it stops to verify and is published no more.';
