//! `run_limits`: a token bucket of each person, for all replicas.

use crate::domain::pace::Pace;
use sqlx::PgConnection;
use std::time::Duration;
use vigie_events::ids::UserId;

/// Takes a token, given back where the transaction is rolled back; else tells when there is one.
/// The bucket is locked until the transaction ends: it comes first, before audits.
#[tracing::instrument(name = "store.pace.take", skip_all, err)]
pub async fn take(
    conn: &mut PgConnection,
    user: UserId,
    pace: Pace,
) -> sqlx::Result<Option<Duration>> {
    let taken = sqlx::query_scalar!(
        r#"INSERT INTO run_limits AS l (user_id, next_at)
           VALUES ($1, clock_timestamp() - make_interval(secs => $2) + make_interval(secs => $3))
           ON CONFLICT (user_id)
           DO UPDATE SET next_at = GREATEST(l.next_at, clock_timestamp() - make_interval(secs => $2))
                                       + make_interval(secs => $3)
            WHERE l.next_at <= clock_timestamp()
           RETURNING true AS "taken!""#,
        user.get(),
        pace.credit().as_secs_f64(),
        pace.interval().as_secs_f64()
    )
    .fetch_optional(&mut *conn)
    .await?;
    if taken.is_some() {
        return Ok(None);
    }
    let wait = sqlx::query_scalar!(
        r#"SELECT extract(epoch FROM next_at - clock_timestamp())::float8 AS "wait!"
             FROM run_limits WHERE user_id = $1"#,
        user.get()
    )
    .fetch_one(conn)
    .await?;
    Ok(Some(Duration::try_from_secs_f64(wait).unwrap_or_default()))
}
