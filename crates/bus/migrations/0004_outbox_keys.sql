-- Rows are found by what they wait for; the ids come from a sequence. A second index over them was
-- maintained for nothing with each message sent.
ALTER TABLE outbox DROP CONSTRAINT outbox_pkey;
