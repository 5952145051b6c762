-- The transactional outbox: what a transaction sends, until JetStream has acknowledged it.
CREATE TABLE outbox (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    message_id  text NOT NULL,
    sending_id  text NOT NULL,
    event       text NOT NULL,
    subject     text NOT NULL,
    about       text,
    channels    text,
    traceparent text,
    extra       jsonb,
    payload     text NOT NULL,
    not_before  timestamptz,
    attempts    integer NOT NULL DEFAULT 0,
    created_at  timestamptz NOT NULL DEFAULT now()
)
-- Rows live for milliseconds: vacuum by the number of dead rows, not by a share of an empty table.
WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000,
      autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 100000,
      autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 20000,
      autovacuum_vacuum_cost_delay = 0);

COMMENT ON TABLE outbox IS 'Messages committed with the state that causes them; the relay publishes and deletes them.';
COMMENT ON COLUMN outbox.message_id IS 'ce-id, the business id that inboxes know.';
COMMENT ON COLUMN outbox.sending_id IS 'Nats-Msg-Id, the id of one sending: ce-id, or ce-id#<n> of a wanted repeat.';
COMMENT ON COLUMN outbox.subject IS 'Without the prefix of the installation.';
COMMENT ON COLUMN outbox.about IS 'ce-subject.';
COMMENT ON COLUMN outbox.extra IS 'Headers that replace or join the ones made from the columns.';
COMMENT ON COLUMN outbox.not_before IS 'Waiting until then; cleared by the sweeper when it is due. Null: send now.';

-- What the relay claims, in insert order.
CREATE INDEX outbox_ready ON outbox (id) WHERE not_before IS NULL;
-- What the sweeper looks for.
CREATE INDEX outbox_waiting ON outbox (not_before) WHERE not_before IS NOT NULL;

-- The inbox: what each consumer has handled. By day, so that forgetting is dropping a table.
CREATE TABLE inbox (
    day        date NOT NULL DEFAULT (now() AT TIME ZONE 'utc')::date,
    consumer   text NOT NULL,
    message_id text NOT NULL,
    parked     bigint,
    PRIMARY KEY (consumer, message_id, day)
) PARTITION BY RANGE (day);

COMMENT ON TABLE inbox IS 'Messages a consumer is done with; a repeat within 31 days is skipped.';
COMMENT ON COLUMN inbox.parked IS 'Null: handled. Else it went to dead letters, and only a replay younger than this (epoch ms, 0 for no replay) may run.';

-- Creates the partitions of today and the next `ahead` days and drops those older than `keep`
-- days. Returns how many it created or dropped; 0 when another replica is at it.
CREATE FUNCTION bus_inbox_partitions(ahead integer, keep integer) RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
    today   date := (now() AT TIME ZONE 'utc')::date;
    wanted  date;
    name    text;
    changed integer := 0;
BEGIN
    IF NOT pg_try_advisory_xact_lock(hashtext('vigie.inbox.' || current_schema())) THEN
        RETURN 0;
    END IF;
    -- A handler that holds the inbox must not be made to wait for this: give up, come again.
    PERFORM set_config('lock_timeout', '2s', true);
    FOR offset_days IN 0..ahead LOOP
        wanted := today + offset_days;
        name := 'inbox_' || to_char(wanted, 'YYYYMMDD');
        IF to_regclass(format('%I.%I', current_schema(), name)) IS NULL THEN
            -- Created apart and attached: `PARTITION OF` would lock out every reader.
            EXECUTE format('CREATE TABLE %I (LIKE inbox INCLUDING DEFAULTS INCLUDING INDEXES)', name);
            EXECUTE format('ALTER TABLE inbox ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
                           name, wanted, wanted + 1);
            changed := changed + 1;
        END IF;
    END LOOP;
    FOR name IN
        SELECT child.relname
          FROM pg_inherits
          JOIN pg_class child ON child.oid = inhrelid
         WHERE inhparent = to_regclass(format('%I.inbox', current_schema()))
           AND child.relname < 'inbox_' || to_char(today - keep, 'YYYYMMDD')
    LOOP
        EXECUTE format('DROP TABLE %I', name);
        changed := changed + 1;
    END LOOP;
    RETURN changed;
END
$$;
