//! New audits: versions and the latest flag (`audits.md` 1.5).

use crate::domain::snapshot;
use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use std::time::Duration;
use vigie_events::Lane;
use vigie_events::ids::{AuditConfigId, AuditId, AutomationRunId, FicheId, ScheduleId, TrackingId};
use vigie_events::realtime::audit::Approach;

/// An audit to insert, in phase `queued`.
#[derive(Debug, Clone)]
pub struct NewAudit<'a> {
    /// The fiche.
    pub fiche: &'a FicheId,
    /// Its row in the cache, if known.
    pub fiche_cache_id: Option<i64>,
    /// The configuration.
    pub config: AuditConfigId,
    /// Who waits.
    pub lane: Lane,
    /// Transcript tools mode.
    pub use_rlm: bool,
    /// `api`, `batch`, `automation` or the caller's word.
    pub trigger_source: &'a str,
    /// Who asked.
    pub trigger_user: Option<&'a str>,
    /// Linkage.
    pub schedule: Option<ScheduleId>,
    /// Linkage.
    pub automation_run: Option<AutomationRunId>,
    /// Linkage.
    pub batch: Option<&'a str>,
    /// How long it may wait in the queue.
    pub deadline: Duration,
}

/// Serialises the inserts of one fiche and configuration until the transaction ends.
pub(super) async fn lock_versions(
    conn: &mut PgConnection,
    fiche: &FicheId,
    config: AuditConfigId,
) -> sqlx::Result<()> {
    sqlx::query!(
        "SELECT pg_advisory_xact_lock(hashtextextended($1, $2))",
        fiche.as_str(),
        config.get()
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The tracking id of a request, its time raised to the next free millisecond. Locks the versions
/// of the fiche and configuration, so the id stays free until the insert.
#[tracing::instrument(name = "store.insert.tracking", skip_all, err)]
pub async fn tracking_of_request(
    conn: &mut PgConnection,
    fiche: &FicheId,
    config: AuditConfigId,
) -> sqlx::Result<TrackingId> {
    // The time once the lock is held.
    let mut epoch_ms = sqlx::query_scalar!(
        r#"SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint AS "ms!"
             FROM (SELECT pg_advisory_xact_lock(hashtextextended($1, $2)) OFFSET 0) AS held"#,
        fiche.as_str(),
        config.get()
    )
    .fetch_one(&mut *conn)
    .await?;
    loop {
        let tracking = TrackingId::of_request(fiche, config, epoch_ms);
        let taken = sqlx::query_scalar!(
            r#"SELECT EXISTS (SELECT FROM audits WHERE tracking_id = $1) AS "taken!""#,
            tracking.as_str()
        )
        .fetch_one(&mut *conn)
        .await?;
        if !taken {
            return Ok(tracking);
        }
        epoch_ms += 1;
    }
}

/// Inserts an audit as the newest version of its fiche and configuration. `None` when an audit of
/// this tracking id exists already.
#[tracing::instrument(name = "store.insert.audit", skip_all, fields(audit.tracking_id = %tracking), err)]
pub async fn insert(
    conn: &mut PgConnection,
    tracking: &TrackingId,
    new: &NewAudit<'_>,
) -> sqlx::Result<Option<(AuditId, DateTime<Utc>)>> {
    lock_versions(conn, new.fiche, new.config).await?;
    let taken = sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM audits WHERE tracking_id = $1) AS "taken!""#,
        tracking.as_str()
    )
    .fetch_one(&mut *conn)
    .await?;
    if taken {
        return Ok(None);
    }
    insert_newest(conn, tracking, new).await.map(Some)
}

/// The same under a tracking id that [`tracking_of_request`] gave in this transaction.
#[tracing::instrument(name = "store.insert.newest", skip_all, fields(audit.tracking_id = %tracking), err)]
pub async fn insert_newest(
    conn: &mut PgConnection,
    tracking: &TrackingId,
    new: &NewAudit<'_>,
) -> sqlx::Result<(AuditId, DateTime<Utc>)> {
    let snapshot = snapshot::pending(&snapshot::Pending {
        tracking,
        approach: Approach::of(new.use_rlm),
        trigger_source: Some(new.trigger_source),
        schedule: new.schedule,
        automation_run: new.automation_run,
    });
    // `count` has the flag handed over before the row that takes it comes.
    let row = sqlx::query!(
        "WITH retired AS (
             UPDATE audits SET is_latest = false
              WHERE fiche_id = $2 AND audit_config_id = $4 AND is_latest AND deleted_at IS NULL
          RETURNING id)
         INSERT INTO audits
             (tracking_id, fiche_id, fiche_cache_id, audit_config_id, automation_schedule_id,
              automation_run_id, batch_id, trigger_source, trigger_user_id, use_rlm, lane,
              deadline_at, result_data, version)
         SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11,
                now() + make_interval(secs => $12), $13,
                1 + COALESCE((SELECT max(version) FROM audits
                               WHERE fiche_id = $2 AND audit_config_id = $4), 0)
           FROM (SELECT count(*) FROM retired) AS handed_over
         RETURNING id, created_at",
        tracking.as_str(),
        new.fiche.as_str(),
        new.fiche_cache_id,
        new.config.get(),
        new.schedule.map(ScheduleId::get),
        new.automation_run.map(AutomationRunId::get),
        new.batch,
        new.trigger_source,
        new.trigger_user,
        new.use_rlm,
        new.lane.as_str(),
        new.deadline.as_secs_f64(),
        snapshot
    )
    .fetch_one(conn)
    .await?;
    Ok((AuditId::new(row.id), row.created_at))
}

/// Whether an insert lost a race for the latest flag: trying again sees the winner.
pub fn lost_race(error: &sqlx::Error) -> bool {
    let constraint = error
        .as_database_error()
        .and_then(|error| error.constraint());
    matches!(constraint, Some("audits_latest" | "audits_version"))
}
