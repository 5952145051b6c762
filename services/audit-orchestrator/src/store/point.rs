//! One control point, as 6.13 shows it.

use sqlx::PgConnection;
use vigie_events::ids::AuditId;

/// Where a point is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The audit.
    pub audit: AuditId,
    /// Position of the step.
    pub step: i32,
    /// 1-based.
    pub index: i32,
}

/// A control point with its effective decision.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the columns, under their names")]
pub struct Point {
    pub point: String,
    pub statut: String,
    pub commentaire: String,
    pub verdict: String,
    pub verdict_source: String,
}

/// The point at a place.
#[tracing::instrument(name = "store.point.at", skip_all, fields(audit.id = %place.audit), err)]
pub async fn at(conn: &mut PgConnection, place: Place) -> sqlx::Result<Option<Point>> {
    sqlx::query_as!(
        Point,
        r#"SELECT point, statut, commentaire,
                  CASE WHEN human_statut THEN statut ELSE ai_verdict END AS "verdict!",
                  CASE WHEN human_statut THEN 'human' ELSE 'ai' END AS "verdict_source!"
             FROM audit_step_result_control_points
            WHERE audit_id = $1 AND step_position = $2 AND control_point_index = $3"#,
        place.audit.get(),
        place.step,
        place.index
    )
    .fetch_optional(conn)
    .await
}
