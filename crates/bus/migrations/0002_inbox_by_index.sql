-- A day's partition is empty when plans are made and full when they are used: a plan that reads all
-- of it, cached in the first minutes of a day, would cost more with each message. These functions
-- pin the plan to the keys.

-- Records messages as handled, or as parked. Returns those that the consumer was not done with. In
-- the order of the ids, so that two batches with common members cannot deadlock.
CREATE FUNCTION bus_inbox_insert(by_consumer text, ids text[], parked_by bigint) RETURNS SETOF text
LANGUAGE plpgsql
SET enable_seqscan = off
SET enable_bitmapscan = off
SET plan_cache_mode = force_generic_plan
AS $$
BEGIN
    -- `OFFSET 0` keeps the question one a message: as a join it would read the consumer's whole inbox.
    -- The key holds the day, so the other partitions are asked first; the key settles the race of
    -- two copies that arrive together: the second waits for the first.
    RETURN QUERY
    INSERT INTO inbox AS known (consumer, message_id, parked)
    SELECT by_consumer, arrived.id, parked_by
      FROM unnest(ids) AS arrived (id)
     WHERE NOT EXISTS (SELECT 1 FROM inbox
                        WHERE inbox.consumer = by_consumer AND inbox.message_id = arrived.id
                       OFFSET 0)
     ORDER BY arrived.id
    ON CONFLICT DO NOTHING
    RETURNING known.message_id;
END
$$;

-- Whether the consumer is done with a message, or with this replay of it.
CREATE FUNCTION bus_inbox_seen(by_consumer text, id text, replay bigint) RETURNS boolean
LANGUAGE plpgsql STABLE
SET enable_seqscan = off
SET enable_bitmapscan = off
SET plan_cache_mode = force_generic_plan
AS $$
BEGIN
    RETURN EXISTS (SELECT 1 FROM inbox
                    WHERE consumer = by_consumer AND message_id = id
                      AND (parked IS NULL OR parked >= replay));
END
$$;
