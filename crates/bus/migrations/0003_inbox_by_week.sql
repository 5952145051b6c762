-- Partitions of a week instead of a day: the key holds the day, so each message is looked for in
-- every partition, and 31 days of them made that the dearest part of handling it.

ALTER TABLE inbox RENAME TO inbox_by_day;
ALTER INDEX inbox_pkey RENAME TO inbox_by_day_pkey;

CREATE TABLE inbox (
    day        date NOT NULL DEFAULT (now() AT TIME ZONE 'utc')::date,
    consumer   text NOT NULL,
    message_id text NOT NULL,
    parked     bigint,
    PRIMARY KEY (consumer, message_id, day)
) PARTITION BY RANGE (day);

COMMENT ON TABLE inbox IS 'Messages a consumer is done with; a repeat within 31 days is skipped.';
COMMENT ON COLUMN inbox.parked IS 'Null: handled. Else it went to dead letters, and only a replay younger than this (epoch ms, 0 for no replay) may run.';

-- Creates the partitions of the weeks that hold the days from `since` to `until`. Returns how many.
CREATE FUNCTION bus_inbox_weeks(since date, until date) RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
    week    date := date_trunc('week', since)::date;
    name    text;
    created integer := 0;
BEGIN
    WHILE week <= until LOOP
        name := 'inbox_week_' || to_char(week, 'YYYYMMDD');
        IF to_regclass(format('%I.%I', current_schema(), name)) IS NULL THEN
            -- Created apart and attached: `PARTITION OF` would lock out every reader.
            EXECUTE format('CREATE TABLE %I (LIKE inbox INCLUDING DEFAULTS INCLUDING INDEXES)', name);
            EXECUTE format('ALTER TABLE inbox ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
                           name, week, week + 7);
            created := created + 1;
        END IF;
        week := week + 7;
    END LOOP;
    RETURN created;
END
$$;

SELECT bus_inbox_weeks(COALESCE((SELECT min(day) FROM inbox_by_day), current_date), current_date + 7);
INSERT INTO inbox (day, consumer, message_id, parked)
SELECT day, consumer, message_id, parked FROM inbox_by_day;
DROP TABLE inbox_by_day;

-- Creates the partitions of today and the next `ahead` days and drops those whose last day is
-- older than `keep` days. Returns how many it created or dropped; 0 when another replica is at it.
CREATE OR REPLACE FUNCTION bus_inbox_partitions(ahead integer, keep integer) RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
    today   date := (now() AT TIME ZONE 'utc')::date;
    name    text;
    changed integer := 0;
BEGIN
    IF NOT pg_try_advisory_xact_lock(hashtext('vigie.inbox.' || current_schema())) THEN
        RETURN 0;
    END IF;
    -- A handler that holds the inbox must not be made to wait for this: give up, come again.
    PERFORM set_config('lock_timeout', '2s', true);
    changed := bus_inbox_weeks(today, today + ahead);
    FOR name IN
        SELECT child.relname
          FROM pg_inherits
          JOIN pg_class child ON child.oid = inhrelid
         WHERE inhparent = to_regclass(format('%I.inbox', current_schema()))
           AND child.relname <= 'inbox_week_' || to_char(today - keep - 7, 'YYYYMMDD')
    LOOP
        EXECUTE format('DROP TABLE %I', name);
        changed := changed + 1;
    END LOOP;
    RETURN changed;
END
$$;
