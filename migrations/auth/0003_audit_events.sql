-- The trail of security and administration (identity.md W28).

CREATE TABLE audit_events (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at          timestamptz(3) NOT NULL DEFAULT now(),
    actor_type  text NOT NULL CHECK (actor_type IN ('user', 'machine', 'service', 'anonymous')),
    actor_id    text,
    actor_name  text,
    action      text NOT NULL,
    target_type text NOT NULL,
    target_id   text,
    target_name text,
    before      jsonb,
    after       jsonb,
    ip          text,
    request_id  text
);
CREATE INDEX audit_events_at_idx ON audit_events (at);
CREATE INDEX audit_events_actor_idx ON audit_events (actor_id, id);
CREATE INDEX audit_events_action_idx ON audit_events (action, id);
CREATE INDEX audit_events_target_idx ON audit_events (target_type, target_id, id);

-- Nobody rewrites what happened. A trigger and not a missing privilege: the service owns its tables.
CREATE FUNCTION refuse_rewriting_the_trail() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'audit_events is append-only' USING ERRCODE = 'insufficient_privilege';
END
$$;
CREATE TRIGGER audit_events_append_only
    BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_events
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewriting_the_trail();
