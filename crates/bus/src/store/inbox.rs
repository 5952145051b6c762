use sqlx::{PgConnection, PgPool};

/// Partitions made ahead of today.
const DAYS_AHEAD: i32 = 7;
/// Days a handled message is remembered.
const DAYS_KEPT: i32 = 31;

/// Whether the consumer is done with the message.
pub(crate) async fn seen(
    conn: &mut PgConnection,
    consumer: &str,
    message_id: &str,
    replay: i64,
) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"SELECT EXISTS (
               SELECT 1 FROM inbox
                WHERE consumer = $1 AND message_id = $2
                  AND (parked IS NULL OR parked >= $3)
           ) AS "seen!""#,
        consumer,
        message_id,
        replay,
    )
    .fetch_one(conn)
    .await
}

/// Records that the consumer handles the message. `false` when it already has, also while another
/// transaction is about to: the second waits for the first.
pub(crate) async fn insert(
    conn: &mut PgConnection,
    consumer: &str,
    message_id: &str,
) -> sqlx::Result<bool> {
    // The key holds the day, so the other partitions are asked first. The key settles the race of
    // two copies that arrive together.
    let done = sqlx::query!(
        "INSERT INTO inbox (consumer, message_id)
         SELECT $1, $2
          WHERE NOT EXISTS (SELECT 1 FROM inbox WHERE consumer = $1 AND message_id = $2)
         ON CONFLICT DO NOTHING",
        consumer,
        message_id,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// As [`insert`], for messages that arrived together. Returns the ids that are new.
pub(crate) async fn insert_all(
    conn: &mut PgConnection,
    consumer: &str,
    message_ids: &[String],
) -> sqlx::Result<Vec<String>> {
    // In the order of the ids, so that two batches with common members cannot deadlock.
    sqlx::query_scalar!(
        r#"INSERT INTO inbox (consumer, message_id)
           SELECT $1, id FROM unnest($2::text[]) AS id
            WHERE NOT EXISTS (SELECT 1 FROM inbox WHERE consumer = $1 AND message_id = id)
            ORDER BY id
           ON CONFLICT DO NOTHING
           RETURNING message_id"#,
        consumer,
        message_ids,
    )
    .fetch_all(conn)
    .await
}

/// Records that the consumer gave the message up. `false` when it is done with it already.
pub(crate) async fn park(
    conn: &mut PgConnection,
    consumer: &str,
    message_id: &str,
    replay: i64,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "INSERT INTO inbox (consumer, message_id, parked)
         SELECT $1, $2, $3::bigint
          WHERE NOT EXISTS (SELECT 1 FROM inbox WHERE consumer = $1 AND message_id = $2)
         ON CONFLICT DO NOTHING",
        consumer,
        message_id,
        replay,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Forgets that the message was parked, for a replay younger than the parking. In the transaction
/// of the replay's handling: when that fails, the row is back.
pub(crate) async fn unpark(
    conn: &mut PgConnection,
    consumer: &str,
    message_id: &str,
    replay: i64,
) -> sqlx::Result<()> {
    sqlx::query!(
        "DELETE FROM inbox WHERE consumer = $1 AND message_id = $2 AND parked < $3",
        consumer,
        message_id,
        replay,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Creates the partitions of the coming days, drops those that nothing can replay any more.
/// Returns how many changed.
pub(crate) async fn keep_partitions(pool: &PgPool) -> sqlx::Result<i32> {
    sqlx::query_scalar!(
        r#"SELECT bus_inbox_partitions($1, $2) AS "changed!""#,
        DAYS_AHEAD,
        DAYS_KEPT,
    )
    .fetch_one(pool)
    .await
}
