//! The audit row while its workflow runs: locks and phase changes.

use crate::domain::audit::{Audit, Phase};
use crate::domain::material::Material;
use crate::store::impossible;
use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use std::time::Duration;
use vigie_events::ids::{AuditConfigId, AuditId, AutomationRunId, ScheduleId};
use vigie_scorecard::ConfigSnapshot;

struct Row {
    id: i64,
    tracking_id: String,
    fiche_id: String,
    audit_config_id: i64,
    phase: String,
    lane: String,
    use_rlm: bool,
    sequence: i64,
    sends: i32,
    started_at: Option<DateTime<Utc>>,
    total_steps: Option<i32>,
    transcript_hash: Option<String>,
    trigger_source: Option<String>,
    trigger_user_id: Option<String>,
    batch_id: Option<String>,
    automation_schedule_id: Option<i64>,
    automation_run_id: Option<i64>,
    now: DateTime<Utc>,
}

/// Not an error of the database: a lane that is none.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct BadLane(String);

impl TryFrom<Row> for Audit {
    type Error = sqlx::Error;

    fn try_from(row: Row) -> Result<Self, sqlx::Error> {
        Ok(Self {
            id: AuditId::new(row.id),
            tracking: row.tracking_id.parse().map_err(impossible)?,
            fiche: row.fiche_id.parse().map_err(impossible)?,
            config: AuditConfigId::new(row.audit_config_id),
            phase: row.phase.parse().map_err(impossible)?,
            lane: row
                .lane
                .parse()
                .map_err(|error| impossible(BadLane(error)))?,
            use_rlm: row.use_rlm,
            sequence: row.sequence,
            sends: row.sends,
            started_at: row.started_at,
            total_steps: row.total_steps,
            transcript_hash: row.transcript_hash,
            trigger_source: row.trigger_source,
            trigger_user: row.trigger_user_id,
            batch: row.batch_id,
            schedule: row.automation_schedule_id.map(ScheduleId::new),
            automation_run: row.automation_run_id.map(AutomationRunId::new),
            now: row.now,
        })
    }
}

/// Locks audits in the order of their ids, the one order of all writers. A latest audit that fails
/// hands its flag back (1.5), so the version that would get it is locked with it: taken later it
/// would be out of order.
///
/// `NO KEY UPDATE`: nobody deletes an audit or changes its key, and the foreign keys of new results
/// need only that.
#[tracing::instrument(name = "store.audit.lock", skip_all, err)]
pub async fn lock(conn: &mut PgConnection, ids: &[i64]) -> sqlx::Result<Vec<Audit>> {
    let rows = sqlx::query_as!(
        Row,
        r#"SELECT id, tracking_id, fiche_id, audit_config_id, phase, lane, use_rlm, sequence, sends,
                  started_at, total_steps, transcript_hash, trigger_source, trigger_user_id,
                  batch_id, automation_schedule_id, automation_run_id, now() AS "now!"
             FROM audits
            WHERE id = ANY($1 || ARRAY(
                SELECT previous.id
                  FROM audits latest,
                       LATERAL (SELECT p.id FROM audits p
                                 WHERE p.fiche_id = latest.fiche_id
                                   AND p.audit_config_id = latest.audit_config_id
                                   AND p.version < latest.version AND p.phase = 'completed'
                                   AND p.deleted_at IS NULL
                                 ORDER BY p.version DESC LIMIT 1) previous
                 WHERE latest.id = ANY($1) AND latest.is_latest
                   AND latest.phase NOT IN ('completed', 'failed')))
            ORDER BY id FOR NO KEY UPDATE"#,
        ids
    )
    .fetch_all(conn)
    .await?;
    let asked = rows.into_iter().filter(|row| ids.contains(&row.id));
    asked.map(Audit::try_from).collect()
}

/// [`lock`] of one audit, as every message but results needs it. Its own statement: for a list of
/// ids, whose length only the values tell, the server would plan anew each time.
#[tracing::instrument(name = "store.audit.lock_one", skip_all, fields(audit.id = %id), err)]
pub async fn lock_one(conn: &mut PgConnection, id: AuditId) -> sqlx::Result<Option<Audit>> {
    let rows = sqlx::query_as!(
        Row,
        r#"SELECT id, tracking_id, fiche_id, audit_config_id, phase, lane, use_rlm, sequence, sends,
                  started_at, total_steps, transcript_hash, trigger_source, trigger_user_id,
                  batch_id, automation_schedule_id, automation_run_id, now() AS "now!"
             FROM audits
            WHERE id IN ($1, (
                SELECT previous.id
                  FROM audits latest,
                       LATERAL (SELECT p.id FROM audits p
                                 WHERE p.fiche_id = latest.fiche_id
                                   AND p.audit_config_id = latest.audit_config_id
                                   AND p.version < latest.version AND p.phase = 'completed'
                                   AND p.deleted_at IS NULL
                                 ORDER BY p.version DESC LIMIT 1) previous
                 WHERE latest.id = $1 AND latest.is_latest
                   AND latest.phase NOT IN ('completed', 'failed')))
            ORDER BY id FOR NO KEY UPDATE"#,
        id.get()
    )
    .fetch_all(conn)
    .await?;
    let asked = rows.into_iter().find(|row| row.id == id.get());
    asked.map(Audit::try_from).transpose()
}

/// Of these audits, the ones in a phase. Not locked: a hint for work that is checked again.
#[tracing::instrument(name = "store.audit.in_phase", skip_all, err)]
pub async fn in_phase(
    conn: &mut PgConnection,
    ids: &[i64],
    phase: Phase,
) -> sqlx::Result<Vec<i64>> {
    sqlx::query_scalar!(
        "SELECT id FROM audits WHERE id = ANY($1) AND phase = $2 ORDER BY id",
        ids,
        phase.as_str()
    )
    .fetch_all(conn)
    .await
}

/// Whether an audit is in a phase. Not locked: a hint for work that is checked again.
#[tracing::instrument(name = "store.audit.is_in_phase", skip_all, fields(audit.id = %id), err)]
pub async fn is_in_phase(conn: &mut PgConnection, id: AuditId, phase: Phase) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM audits WHERE id = $1 AND phase = $2) AS "is!""#,
        id.get(),
        phase.as_str()
    )
    .fetch_one(conn)
    .await
}

/// `queued` → `fetching`: it starts, and its deadline with it.
#[tracing::instrument(name = "store.audit.start", skip_all, fields(audit.id = %id), err)]
pub async fn start(
    conn: &mut PgConnection,
    id: AuditId,
    deadline: Duration,
    sequence: i64,
    snapshot: &serde_json::Value,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "UPDATE audits
            SET phase = 'fetching', started_at = now(), sequence = $3, sent_at = now(), sends = 1,
                deadline_at = now() + make_interval(secs => $2), updated_at = now(),
                result_data = $4
          WHERE id = $1 AND phase = 'queued'",
        id.get(),
        deadline.as_secs_f64(),
        sequence,
        snapshot
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// `fetching` → `transcribing`, while the transcripts are on their way.
#[tracing::instrument(name = "store.audit.wait_for_transcripts", skip_all, fields(audit.id = %id), err)]
pub async fn wait_for_transcripts(
    conn: &mut PgConnection,
    id: AuditId,
    sequence: i64,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "UPDATE audits
            SET phase = 'transcribing', sequence = $2, sent_at = now(), sends = 1,
                updated_at = now()
          WHERE id = $1 AND phase = 'fetching'",
        id.get(),
        sequence
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// What is frozen when the analysis begins.
#[derive(Debug)]
pub struct Analysis<'a> {
    /// The audit.
    pub id: AuditId,
    /// Number of its last message.
    pub sequence: i64,
    /// The configuration.
    pub config: &'a ConfigSnapshot,
    /// The recordings.
    pub material: &'a Material,
    /// Engine of the installation.
    pub engine: &'a str,
}

/// `fetching` or `transcribing` → `analyzing`, with the snapshots that the steps refer to.
#[tracing::instrument(name = "store.audit.analyze", skip_all, fields(audit.id = %analysis.id), err)]
pub async fn analyze(conn: &mut PgConnection, analysis: &Analysis<'_>) -> sqlx::Result<bool> {
    let material = analysis.material;
    let done = sqlx::query!(
        "WITH begun AS (
             UPDATE audits
                SET phase = 'analyzing', sequence = $2, config_snapshot = $3, total_steps = $4,
                    transcript_hash = $5, engine = $6, recordings_count = $7, timeline_chunks = $8,
                    fiche_cache_id = COALESCE(
                        (SELECT f.fiche_cache_id FROM fiches f WHERE f.fiche_id = audits.fiche_id),
                        fiche_cache_id),
                    sent_at = now(), sends = 1, updated_at = now()
              WHERE id = $1 AND phase IN ('fetching', 'transcribing')
          RETURNING id)
         INSERT INTO audit_timelines
             (audit_id, timeline, transcript_hash, recordings_total, recordings_used, missing)
         SELECT id, $9, $5, $10, $7, $11 FROM begun",
        analysis.id.get(),
        analysis.sequence,
        sqlx::types::Json(analysis.config) as _,
        crate::domain::material::count(analysis.config.steps.len()),
        material.transcript_hash,
        analysis.engine,
        material.recordings_used,
        material.total_chunks,
        material.deflated,
        material.recordings_total,
        sqlx::types::Json(&material.missing) as _
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// How far an audit that is still analyzing went.
#[derive(Debug, Clone, Copy)]
pub struct Progressed {
    /// The audit.
    pub id: AuditId,
    /// Number of its last message.
    pub sequence: i64,
    /// Whether more of its steps are sent now.
    pub sends: bool,
}

/// Stores the progress of audits. Silence is counted from the last sending.
#[tracing::instrument(name = "store.audit.progress", skip_all, err)]
pub async fn progress(conn: &mut PgConnection, audits: &[Progressed]) -> sqlx::Result<()> {
    if audits.is_empty() {
        return Ok(());
    }
    let ids: Vec<i64> = audits.iter().map(|audit| audit.id.get()).collect();
    let sequences: Vec<i64> = audits.iter().map(|audit| audit.sequence).collect();
    let sends: Vec<bool> = audits.iter().map(|audit| audit.sends).collect();
    sqlx::query!(
        "UPDATE audits a
            SET sequence = p.sequence, updated_at = now(),
                sent_at = CASE WHEN p.sends THEN GREATEST(a.sent_at, now()) ELSE a.sent_at END
           FROM UNNEST($1::bigint[], $2::bigint[], $3::boolean[]) AS p (id, sequence, sends)
          WHERE a.id = p.id",
        &ids,
        &sequences,
        &sends
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Notes that a step will be sent once more after a wait: until then its silence is no loss.
#[tracing::instrument(name = "store.audit.deferred", skip_all, fields(audit.id = %id), err)]
pub async fn deferred(conn: &mut PgConnection, id: AuditId, wait: Duration) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE audits
            SET sent_at = GREATEST(sent_at, now() + make_interval(secs => $2))
          WHERE id = $1",
        id.get(),
        wait.as_secs_f64()
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Notes that the work of a phase was sent once more.
#[tracing::instrument(name = "store.audit.sent_again", skip_all, fields(audit.id = %id), err)]
pub async fn sent_again(conn: &mut PgConnection, id: AuditId) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE audits SET sends = sends + 1, sent_at = now() WHERE id = $1",
        id.get()
    )
    .execute(conn)
    .await?;
    Ok(())
}
