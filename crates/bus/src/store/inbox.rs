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
        r#"SELECT bus_inbox_seen($1, $2, $3) AS "seen!""#,
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
    let new = insert_all(conn, consumer, &[message_id.to_owned()]).await?;
    Ok(!new.is_empty())
}

/// As [`insert`], for messages that arrived together. Returns the ids that are new.
pub(crate) async fn insert_all(
    conn: &mut PgConnection,
    consumer: &str,
    message_ids: &[String],
) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar!(
        r#"SELECT id AS "id!" FROM bus_inbox_insert($1, $2, NULL) AS id"#,
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
    let new = sqlx::query_scalar!(
        r#"SELECT id AS "id!" FROM bus_inbox_insert($1, ARRAY[$2::text], $3) AS id"#,
        consumer,
        message_id,
        replay,
    )
    .fetch_optional(conn)
    .await?;
    Ok(new.is_some())
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
