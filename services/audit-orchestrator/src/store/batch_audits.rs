//! The audits of a batch: created together, in a few statements however many there are.

use crate::domain::batch::Batch;
use crate::domain::snapshot;
use crate::store::impossible;
use sqlx::PgConnection;
use std::time::Duration;
use vigie_events::ids::{AuditConfigId, AuditId, FicheId, TrackingId};
use vigie_events::realtime::audit::Approach;

/// What the audits of an open batch have in common. Its row is locked.
#[derive(Debug, Clone)]
pub struct Open {
    /// The batch.
    pub batch_id: String,
    /// Their configuration.
    pub config: AuditConfigId,
    /// Who they are for.
    pub trigger_user: Option<String>,
    /// Transcript tools mode.
    pub use_rlm: bool,
}

/// Locks a batch that has not ended and was not cancelled.
#[tracing::instrument(name = "store.batch.lock_open", skip_all, fields(batch.id = id), err)]
pub async fn lock_open(conn: &mut PgConnection, id: &str) -> sqlx::Result<Option<Open>> {
    let row = sqlx::query!(
        "SELECT batch_id, audit_config_id, trigger_user_id, use_rlm FROM audit_batches
          WHERE batch_id = $1 AND status = 'running' FOR NO KEY UPDATE",
        id
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| Open {
        batch_id: row.batch_id,
        config: AuditConfigId::new(row.audit_config_id),
        trigger_user: row.trigger_user_id,
        use_rlm: row.use_rlm,
    }))
}

/// A member without an audit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// Its fiche.
    pub fiche: FicheId,
    /// The tracking id of its audit.
    pub tracking: TrackingId,
}

/// The members of a batch that wait for their audit, in their order.
#[tracing::instrument(name = "store.batch.missing", skip_all, fields(batch.id = id), err)]
pub async fn missing(conn: &mut PgConnection, id: &str) -> sqlx::Result<Vec<Missing>> {
    let rows = sqlx::query!(
        "SELECT fiche_id, tracking_id FROM audit_batch_items
          WHERE batch_id = $1 AND status = 'pending' AND audit_id IS NULL ORDER BY ordinal",
        id
    )
    .fetch_all(conn)
    .await?;
    let member = |fiche: String, tracking: String| {
        Ok(Missing {
            fiche: fiche.parse().map_err(impossible)?,
            tracking: tracking.parse().map_err(impossible)?,
        })
    };
    rows.into_iter()
        .map(|row| member(row.fiche_id, row.tracking_id))
        .collect()
}

/// The audits of these members that were created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Created {
    /// The audit.
    pub id: AuditId,
    /// Its member.
    pub member: Missing,
}

/// Inserts the audits of members as the newest versions of their fiches (1.5), and names them in
/// their members. Takes the locks of inserts, then the versions before them in the order of ids.
#[tracing::instrument(name = "store.batch.create", skip_all, fields(batch.id = open.batch_id), err)]
pub async fn create(
    conn: &mut PgConnection,
    open: &Open,
    members: &[Missing],
    deadline: Duration,
) -> sqlx::Result<Vec<Created>> {
    let fiches: Vec<&str> = members.iter().map(|it| it.fiche.as_str()).collect();
    supersede(conn, &fiches, open.config).await?;
    let tracking: Vec<&str> = members.iter().map(|it| it.tracking.as_str()).collect();
    let snapshots: Vec<String> = members.iter().map(|it| pending(open, it)).collect();
    let rows = sqlx::query!(
        "INSERT INTO audits
             (tracking_id, fiche_id, fiche_cache_id, audit_config_id, batch_id, trigger_source,
              trigger_user_id, use_rlm, lane, deadline_at, result_data, version)
         SELECT m.tracking, m.fiche, f.fiche_cache_id, $4, $5, 'batch', $6, $7, 'bulk',
                now() + make_interval(secs => $8), m.snapshot::json, COALESCE(v.newest, 0) + 1
           FROM UNNEST($1::text[], $2::text[], $3::text[]) WITH ORDINALITY
                  AS m (tracking, fiche, snapshot, ordinal)
           LEFT JOIN fiches f ON f.fiche_id = m.fiche,
                LATERAL (SELECT max(version) AS newest FROM audits a
                          WHERE a.fiche_id = m.fiche AND a.audit_config_id = $4) v
          ORDER BY m.ordinal
         RETURNING id, tracking_id, fiche_id",
        &tracking as &[&str],
        &fiches as &[&str],
        &snapshots,
        open.config.get(),
        open.batch_id,
        open.trigger_user,
        open.use_rlm,
        deadline.as_secs_f64()
    )
    .fetch_all(&mut *conn)
    .await?;
    let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
    let tracking: Vec<&str> = rows.iter().map(|row| row.tracking_id.as_str()).collect();
    sqlx::query!(
        "UPDATE audit_batch_items i SET audit_id = c.id
           FROM UNNEST($1::bigint[], $2::text[]) AS c (id, tracking)
          WHERE i.tracking_id = c.tracking",
        &ids,
        &tracking as &[&str]
    )
    .execute(conn)
    .await?;
    let created = rows.into_iter().map(|row| {
        Ok(Created {
            id: AuditId::new(row.id),
            member: Missing {
                fiche: row.fiche_id.parse().map_err(impossible)?,
                tracking: row.tracking_id.parse().map_err(impossible)?,
            },
        })
    });
    created.collect()
}

/// Locks the versions of fiches and takes the latest flag from them. Three statements: a lock that
/// was waited for must be seen by the next.
async fn supersede(
    conn: &mut PgConnection,
    fiches: &[&str],
    config: AuditConfigId,
) -> sqlx::Result<()> {
    sqlx::query!(
        "SELECT pg_advisory_xact_lock(hashtextextended(fiche, $2))
           FROM (SELECT fiche FROM UNNEST($1::text[]) AS m (fiche) ORDER BY fiche) m",
        fiches as &[&str],
        config.get()
    )
    .execute(&mut *conn)
    .await?;
    let latest = sqlx::query_scalar!(
        "SELECT id FROM audits
          WHERE fiche_id = ANY($1) AND audit_config_id = $2 AND is_latest AND deleted_at IS NULL
          ORDER BY id FOR NO KEY UPDATE",
        fiches as &[&str],
        config.get()
    )
    .fetch_all(&mut *conn)
    .await?;
    if latest.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "UPDATE audits SET is_latest = false WHERE id = ANY($1)",
        &latest
    )
    .execute(conn)
    .await?;
    Ok(())
}

fn pending(open: &Open, member: &Missing) -> String {
    let snapshot = snapshot::Pending {
        tracking: &member.tracking,
        approach: Approach::of(open.use_rlm),
        trigger_source: Some("batch"),
        schedule: None,
        automation_run: None,
    };
    snapshot::pending(&snapshot).to_string()
}

/// The open audits of a batch, by id. Not locked: read again under the locks.
#[tracing::instrument(name = "store.batch.open_audits", skip_all, fields(batch.id = id), err)]
pub async fn open_audits(conn: &mut PgConnection, id: &str) -> sqlx::Result<Vec<i64>> {
    sqlx::query_scalar!(
        r#"SELECT audit_id AS "id!" FROM audit_batch_items
            WHERE batch_id = $1 AND status = 'pending' AND audit_id IS NOT NULL
            ORDER BY audit_id"#,
        id
    )
    .fetch_all(conn)
    .await
}

/// Stops an open batch: from here on no audits are created for it. False where it has ended.
#[tracing::instrument(name = "store.batch.cancel", skip_all, fields(batch.id = batch.batch_id), err)]
pub async fn cancel(conn: &mut PgConnection, batch: &Batch) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "UPDATE audit_batches SET status = 'cancelled' WHERE batch_id = $1 AND status = 'running'",
        batch.batch_id
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}
