-- Who pays for a step at this moment: a second sending of its command waits for the first. What is
-- lost with the server's memory costs at most a second call.
CREATE UNLOGGED TABLE audit_step_leases (
    audit_id      bigint      NOT NULL,
    step_position integer     NOT NULL,
    holder        text        NOT NULL,
    until         timestamptz NOT NULL,
    PRIMARY KEY (audit_id, step_position)
);
CREATE INDEX audit_step_leases_until ON audit_step_leases (until);
