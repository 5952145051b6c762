-- Whose session a ticket comes from: a stream that it opened ends with that session.
ALTER TABLE stream_tickets
    ADD COLUMN user_id      bigint,
    ADD COLUMN user_version bigint,
    ADD COLUMN session_id   text;
COMMENT ON COLUMN stream_tickets.user_id IS 'Null for a machine, whose tickets end within a minute anyway.';
