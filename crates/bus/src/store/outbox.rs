use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgConnection;
use std::time::Duration;

/// Rows that are inserted together, column by column.
#[derive(Debug, Default)]
pub(crate) struct NewRows {
    pub message_ids: Vec<String>,
    pub sending_ids: Vec<String>,
    pub events: Vec<String>,
    pub subjects: Vec<String>,
    pub abouts: Vec<Option<String>>,
    pub channels: Vec<Option<String>>,
    pub payloads: Vec<String>,
}

impl NewRows {
    pub(crate) fn with_capacity(rows: usize) -> Self {
        Self {
            message_ids: Vec::with_capacity(rows),
            sending_ids: Vec::with_capacity(rows),
            events: Vec::with_capacity(rows),
            subjects: Vec::with_capacity(rows),
            abouts: Vec::with_capacity(rows),
            channels: Vec::with_capacity(rows),
            payloads: Vec::with_capacity(rows),
        }
    }
}

/// Inserts all rows in one statement, in their order.
pub(crate) async fn insert(
    conn: &mut PgConnection,
    rows: &NewRows,
    traceparent: Option<&str>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO outbox (message_id, sending_id, event, subject, about, channels, payload, traceparent)
         SELECT message_id, sending_id, event, subject, about, channels, payload, $8
           FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[])
                WITH ORDINALITY AS
                row (message_id, sending_id, event, subject, about, channels, payload, position)
          ORDER BY position",
        &rows.message_ids,
        &rows.sending_ids,
        &rows.events,
        &rows.subjects,
        &rows.abouts as &[Option<String>],
        &rows.channels as &[Option<String>],
        &rows.payloads,
        traceparent,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// One row with everything said about it.
#[derive(Debug)]
pub(crate) struct NewRow<'a> {
    pub message_id: &'a str,
    pub sending_id: String,
    pub event: &'a str,
    pub subject: &'a str,
    pub about: Option<&'a str>,
    pub traceparent: Option<String>,
    pub extra: Option<Value>,
    pub payload: &'a str,
    pub wait: Option<Duration>,
}

/// Inserts a row that may wait, by the database's clock.
pub(crate) async fn insert_one(conn: &mut PgConnection, row: NewRow<'_>) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO outbox (message_id, sending_id, event, subject, about, traceparent, extra, payload, not_before)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, now() + make_interval(secs => $9::float8))",
        row.message_id,
        row.sending_id,
        row.event,
        row.subject,
        row.about,
        row.traceparent,
        row.extra,
        row.payload,
        row.wait.map(|wait| wait.as_secs_f64()),
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// A row the relay holds locked.
#[derive(Debug)]
pub(crate) struct Claimed {
    pub id: i64,
    pub message_id: String,
    pub sending_id: String,
    pub event: String,
    pub subject: String,
    pub about: Option<String>,
    pub channels: Option<String>,
    pub traceparent: Option<String>,
    pub extra: Option<Value>,
    pub payload: String,
    pub created_at: DateTime<Utc>,
    pub age_seconds: f64,
}

/// Locks the oldest rows that nobody else holds. By state, never by a last id: commits do not
/// follow the order of ids.
pub(crate) async fn claim(conn: &mut PgConnection, limit: i64) -> sqlx::Result<Vec<Claimed>> {
    sqlx::query_as!(
        Claimed,
        r#"SELECT id, message_id, sending_id, event, subject, about, channels, traceparent, extra, payload,
                  created_at, extract(epoch FROM now() - created_at)::float8 AS "age_seconds!"
             FROM outbox
            WHERE not_before IS NULL
            ORDER BY id
            LIMIT $1
              FOR UPDATE SKIP LOCKED"#,
        limit,
    )
    .fetch_all(conn)
    .await
}

/// Forgets rows whose acknowledgement came.
pub(crate) async fn delete(conn: &mut PgConnection, ids: &[i64]) -> sqlx::Result<()> {
    sqlx::query!(
        "DELETE FROM outbox WHERE id = ANY($1) AND not_before IS NULL",
        ids
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Lets rows that were refused while others went through wait longer each time, so that they
/// don't stand before everybody else.
pub(crate) async fn postpone(conn: &mut PgConnection, ids: &[i64]) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE outbox
            SET attempts = attempts + 1,
                not_before = now() + make_interval(secs => least(power(2, least(attempts, 8)), 60))
          WHERE id = ANY($1) AND not_before IS NULL",
        ids,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Makes rows ready whose time has come. Returns how many.
pub(crate) async fn release(conn: &mut PgConnection, limit: i64) -> sqlx::Result<u64> {
    let done = sqlx::query!(
        "UPDATE outbox SET not_before = NULL
          WHERE ctid = ANY(ARRAY(SELECT ctid FROM outbox
                                  WHERE not_before <= now()
                                  ORDER BY not_before
                                  LIMIT $1
                                    FOR UPDATE SKIP LOCKED))",
        limit,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected())
}
