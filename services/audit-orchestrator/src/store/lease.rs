//! Leases of steps: who pays for one at this moment.

use sqlx::PgConnection;
use std::time::Duration;

/// Life of a lease that is not renewed. Shorter than the broker waits for a dead worker, so that the
/// command's next delivery finds it free.
const LIFE: Duration = Duration::from_secs(12);

/// Takes a free lease or renews the holder's own; else tells how long another one holds it.
#[tracing::instrument(name = "store.lease.take", skip_all, err)]
pub async fn take(
    conn: &mut PgConnection,
    audit: i64,
    position: i32,
    holder: &str,
) -> sqlx::Result<Option<Duration>> {
    let taken = sqlx::query_scalar!(
        r#"INSERT INTO audit_step_leases AS l (audit_id, step_position, holder, until)
           VALUES ($1, $2, $3, now() + make_interval(secs => $4))
           ON CONFLICT (audit_id, step_position)
           DO UPDATE SET holder = EXCLUDED.holder, until = EXCLUDED.until
            WHERE l.holder = EXCLUDED.holder OR l.until <= now()
           RETURNING true AS "taken!""#,
        audit,
        position,
        holder,
        LIFE.as_secs_f64()
    )
    .fetch_optional(&mut *conn)
    .await?;
    if taken.is_some() {
        return Ok(None);
    }
    let left = sqlx::query_scalar!(
        r#"SELECT extract(epoch FROM until - now())::float8 AS "left!"
             FROM audit_step_leases WHERE audit_id = $1 AND step_position = $2"#,
        audit,
        position
    )
    .fetch_optional(conn)
    .await?;
    // It may have run out between the two statements: the next try takes it.
    Ok(Some(Duration::from_secs_f64(
        left.unwrap_or_default().max(0.001),
    )))
}

/// Ends the leases of steps that have a result: who held them is done.
#[tracing::instrument(name = "store.lease.end", skip_all, err)]
pub async fn end(conn: &mut PgConnection, audit: i64, positions: &[i32]) -> sqlx::Result<()> {
    sqlx::query!(
        "DELETE FROM audit_step_leases WHERE audit_id = $1 AND step_position = ANY($2)",
        audit,
        positions
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Forgets leases that ran out.
#[tracing::instrument(name = "store.lease.forget", skip_all, err)]
pub async fn forget(conn: &mut PgConnection) -> sqlx::Result<()> {
    sqlx::query!("DELETE FROM audit_step_leases WHERE until < now() - interval '1 minute'")
        .execute(conn)
        .await?;
    Ok(())
}
