-- Machine callers with a name (identity.md 2.7, W15).

CREATE TABLE service_tokens (
    id                bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name              text NOT NULL,
    token_hash        text NOT NULL CONSTRAINT service_tokens_token_hash_key UNIQUE,
    permission_grants jsonb NOT NULL,
    created_by        text,
    expires_at        timestamptz(3),
    last_used_at      timestamptz(3),
    revoked_at        timestamptz(3),
    created_at        timestamptz(3) NOT NULL DEFAULT now()
);
COMMENT ON COLUMN service_tokens.permission_grants IS 'Stored grants, as a role has them: [{key, read, write, scope}].';
COMMENT ON COLUMN service_tokens.last_used_at IS 'Written at most once a minute.';
