//! The trail of human decisions: only ever added to.

use sqlx::PgConnection;
use vigie_scorecard::{Conforme, Niveau, PointDecision, Statut, StepDecision, StepValues};

/// Who decides, and why.
#[derive(Debug, Clone)]
pub struct Author {
    /// The token's user; none for a machine.
    pub user: Option<String>,
    /// Shown as `by`.
    pub label: String,
    /// In their words.
    pub reason: Option<String>,
}

/// What a decision is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The audit.
    pub audit: i64,
    /// From 1.
    pub position: i32,
    /// From 1; none for the step.
    pub point: Option<i32>,
}

/// Appends a decision about a step; only what was decided is stored beside what was in force.
#[tracing::instrument(name = "store.review.step", skip_all, err)]
pub async fn decide_step(
    conn: &mut PgConnection,
    place: Place,
    author: &Author,
    previous: StepValues,
    decision: StepDecision,
) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO audit_step_result_human_reviews
             (audit_id, step_position, kind, reviewer, reviewer_user_id, reason,
              previous_traite, previous_conforme, previous_score, previous_niveau_conformite,
              override_traite, override_conforme, override_score, override_niveau_conformite)
         VALUES ($1, $2, 'step', $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
        place.audit,
        place.position,
        author.label,
        author.user,
        author.reason,
        previous.traite,
        previous.conforme.as_str(),
        previous.score,
        previous.niveau_conformite.as_str(),
        decision.traite,
        decision.conforme.map(Conforme::as_str),
        decision.score,
        decision.niveau_conformite.map(Niveau::as_str)
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// What a point says before a decision.
#[derive(Debug, Clone, Copy)]
pub struct PointBefore<'a> {
    /// Its text.
    pub point: &'a str,
    /// In force.
    pub statut: &'a str,
    /// In force.
    pub commentaire: &'a str,
}

/// Appends a decision about a control point.
#[tracing::instrument(name = "store.review.point", skip_all, err)]
pub async fn decide_point(
    conn: &mut PgConnection,
    place: Place,
    author: &Author,
    before: PointBefore<'_>,
    decision: &PointDecision,
) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO audit_step_result_human_reviews
             (audit_id, step_position, kind, control_point_index, point, reviewer,
              reviewer_user_id, reason, previous_statut, previous_commentaire, override_statut,
              override_commentaire)
         VALUES ($1, $2, 'control_point', $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        place.audit,
        place.position,
        place.point,
        before.point,
        author.label,
        author.user,
        author.reason,
        before.statut,
        before.commentaire,
        decision.statut.map(Statut::as_str),
        decision.commentaire
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Appends the revocation of every decision in force on a step (or on a point of it), and tells how
/// many there were. `override_*` are the AI's values, `previous_*` those that were in force.
#[tracing::instrument(name = "store.review.revoke", skip_all, err)]
pub async fn revoke(conn: &mut PgConnection, place: Place, author: &Author) -> sqlx::Result<u64> {
    let revoked = sqlx::query!(
        "INSERT INTO audit_step_result_human_reviews
             (audit_id, step_position, kind, control_point_index, point, reviewer,
              reviewer_user_id, reason, revokes_id, previous_traite, previous_conforme,
              previous_score, previous_niveau_conformite, override_traite, override_conforme,
              override_score, override_niveau_conformite, previous_statut, previous_commentaire,
              override_statut, override_commentaire)
         SELECT r.audit_id, r.step_position, r.kind, r.control_point_index, r.point, $4, $5, $6,
                r.id,
                CASE r.kind WHEN 'step' THEN s.traite END,
                CASE r.kind WHEN 'step' THEN s.conforme END,
                CASE r.kind WHEN 'step' THEN s.score END,
                CASE r.kind WHEN 'step' THEN s.niveau_conformite END,
                CASE r.kind WHEN 'step' THEN s.ai_traite END,
                CASE r.kind WHEN 'step' THEN s.ai_conforme END,
                CASE r.kind WHEN 'step' THEN s.ai_score END,
                CASE r.kind WHEN 'step' THEN s.ai_niveau_conformite END,
                p.statut, p.commentaire, p.ai_statut, COALESCE(p.ai_commentaire, p.commentaire)
           FROM audit_step_result_human_reviews r
           JOIN audit_step_results s
             ON s.audit_id = r.audit_id AND s.step_position = r.step_position
           LEFT JOIN audit_step_result_control_points p
             ON p.audit_id = r.audit_id AND p.step_position = r.step_position
            AND p.control_point_index = r.control_point_index
          WHERE r.audit_id = $1 AND r.step_position = $2
            AND r.control_point_index IS NOT DISTINCT FROM $3 AND r.revokes_id IS NULL
            AND NOT EXISTS (SELECT FROM audit_step_result_human_reviews v WHERE v.revokes_id = r.id)
          ORDER BY r.id",
        place.audit,
        place.position,
        place.point,
        author.label,
        author.user,
        author.reason
    )
    .execute(conn)
    .await?;
    Ok(revoked.rows_affected())
}

/// The points of a step that have a decision in force.
#[tracing::instrument(name = "store.review.decided", skip_all, err)]
pub async fn decided_points(
    conn: &mut PgConnection,
    audit: i64,
    position: i32,
) -> sqlx::Result<Vec<i32>> {
    sqlx::query_scalar!(
        r#"SELECT DISTINCT control_point_index AS "index!"
             FROM audit_step_result_human_reviews r
            WHERE audit_id = $1 AND step_position = $2 AND control_point_index IS NOT NULL
              AND revokes_id IS NULL
              AND NOT EXISTS (SELECT FROM audit_step_result_human_reviews v
                               WHERE v.revokes_id = r.id)"#,
        audit,
        position
    )
    .fetch_all(conn)
    .await
}

/// Whether an audit is deleted.
#[tracing::instrument(name = "store.review.is_deleted", skip_all, err)]
pub async fn is_deleted(conn: &mut PgConnection, audit: i64) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"SELECT deleted_at IS NOT NULL AS "deleted!" FROM audits WHERE id = $1"#,
        audit
    )
    .fetch_one(conn)
    .await
}

/// What the AI said of a point.
#[tracing::instrument(name = "store.review.ai_verdict", skip_all, err)]
pub async fn ai_verdict(conn: &mut PgConnection, place: Place) -> sqlx::Result<String> {
    sqlx::query_scalar!(
        "SELECT ai_verdict FROM audit_step_result_control_points
          WHERE audit_id = $1 AND step_position = $2 AND control_point_index = $3",
        place.audit,
        place.position,
        place.point
    )
    .fetch_one(conn)
    .await
}
