//! What the steps of an audit are judged by, as frozen when its analysis began.

use crate::domain::material::{AuditContext, inflate};
use crate::store::impossible;
use sqlx::PgConnection;
use sqlx::types::Json;
use vigie_scorecard::{ConfigSnapshot, MissingRecording};

/// The contexts of several audits that are (or were) analyzed.
#[tracing::instrument(name = "store.context.load", skip_all, err)]
pub async fn load(conn: &mut PgConnection, ids: &[i64]) -> sqlx::Result<Vec<(i64, AuditContext)>> {
    let rows = sqlx::query!(
        r#"SELECT a.id, a.config_snapshot AS "config!: Json<ConfigSnapshot>", t.timeline,
                  t.missing AS "missing!: Json<Vec<MissingRecording>>"
             FROM audits a JOIN audit_timelines t ON t.audit_id = a.id
            WHERE a.id = ANY($1)"#,
        ids
    )
    .fetch_all(conn)
    .await?;
    let contexts = rows.into_iter().map(|row| {
        let timeline = inflate(&row.timeline).map_err(impossible)?;
        Ok((
            row.id,
            AuditContext::new(row.config.0, timeline, row.missing.0),
        ))
    });
    contexts.collect()
}

/// The same for the analyzer, as stored.
#[derive(Debug)]
pub struct RawContext {
    /// [`ConfigSnapshot`] as JSON text.
    pub config: String,
    /// The timeline, deflated.
    pub timeline: Vec<u8>,
    /// SHA-256 of the timeline.
    pub transcript_hash: String,
    /// Transcript tools mode.
    pub use_rlm: bool,
    /// Positions whose result is stored.
    pub stored: Vec<i32>,
}

/// The context of one audit; `None` before its analysis began.
#[tracing::instrument(name = "store.context.raw", skip_all, err)]
pub async fn raw(conn: &mut PgConnection, id: i64) -> sqlx::Result<Option<RawContext>> {
    sqlx::query_as!(
        RawContext,
        r#"SELECT a.config_snapshot::text AS "config!", t.timeline, t.transcript_hash, a.use_rlm,
                  ARRAY(SELECT step_position FROM audit_step_results r
                         WHERE r.audit_id = a.id ORDER BY 1) AS "stored!"
             FROM audits a JOIN audit_timelines t ON t.audit_id = a.id
            WHERE a.id = $1"#,
        id
    )
    .fetch_optional(conn)
    .await
}

/// Whether the audit still wants this step: it is analyzing and has no result for it.
#[tracing::instrument(name = "store.context.wants", skip_all, err)]
pub async fn wants(conn: &mut PgConnection, id: i64, position: i32) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"SELECT EXISTS (
               SELECT FROM audits a
                WHERE a.id = $1 AND a.phase = 'analyzing'
                  AND NOT EXISTS (SELECT FROM audit_step_results r
                                   WHERE r.audit_id = a.id AND r.step_position = $2)
           ) AS "wanted!""#,
        id,
        position
    )
    .fetch_one(conn)
    .await
}
