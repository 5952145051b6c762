//! What a re-run replaces.

use crate::domain::answer::StepToStore;
use crate::store::joined;
use crate::store::step::{self, NewStep};
use sqlx::PgConnection;
use vigie_scorecard::Derived;

/// Replaces what the AI said of a step. Name, severity, weight and critical flag stay.
#[tracing::instrument(name = "store.rerun.replace_step", skip_all, err)]
pub async fn replace_step(
    conn: &mut PgConnection,
    audit: i64,
    transcript_hash: &str,
    new: &StepToStore,
) -> sqlx::Result<()> {
    let position = new.facts.position;
    sqlx::query!(
        "DELETE FROM audit_step_result_control_points WHERE audit_id = $1 AND step_position = $2",
        audit,
        position
    )
    .execute(&mut *conn)
    .await?;
    let (result, gating) = (&new.settled.result, &new.settled.gating);
    let raw = step::raw_result(new).map_err(crate::store::impossible)?;
    sqlx::query!(
        "UPDATE audit_step_results
            SET traite = $3, ai_traite = $3, conforme = $4, ai_conforme = $4, score = $5,
                ai_score = $5, niveau_conformite = $6, ai_niveau_conformite = $6,
                commentaire_global = $7, mots_cles_trouves = string_to_array($8, chr(31)),
                minutages = string_to_array($9, chr(31)), ai_minutages = NULL,
                erreurs_transcription_tolerees = $10, total_citations = $11, total_tokens = $12,
                raw_result = $13::text::json, outcome = 'ok', engine = $14, model = $15,
                prompt_version = $16, transcript_hash = $17, cited = $18, removed_citations = $19,
                downgraded_points = $20, score_reduced = $21, conforme_adjusted = $22,
                error_points = $23
          WHERE audit_id = $1 AND step_position = $2",
        audit,
        position,
        result.traite,
        result.conforme.as_str(),
        result.score,
        result.niveau_conformite.as_str(),
        result.commentaire_global,
        joined(&result.mots_cles_trouves),
        joined(&result.minutages),
        result.erreurs_transcription_tolerees,
        result.total_citations(),
        result.total_tokens(),
        raw,
        new.origin.engine,
        new.origin.model,
        new.origin.prompt_version,
        transcript_hash,
        gating.total_citations,
        gating.removed_citations,
        gating.downgraded_control_points,
        gating.steps_score_reduced > 0,
        gating.steps_conforme_adjusted > 0,
        new.facts.error_points
    )
    .execute(&mut *conn)
    .await?;
    let new = NewStep {
        audit,
        transcript_hash,
        step: new,
    };
    step::insert_parts(conn, &[new], 1).await
}

/// Replaces what the AI said of one point.
#[tracing::instrument(name = "store.rerun.replace_point", skip_all, err)]
pub async fn replace_point(
    conn: &mut PgConnection,
    audit: i64,
    transcript_hash: &str,
    index: i32,
    new: &StepToStore,
) -> sqlx::Result<()> {
    let position = new.facts.position;
    sqlx::query!(
        "DELETE FROM audit_step_result_control_points
          WHERE audit_id = $1 AND step_position = $2 AND control_point_index = $3",
        audit,
        position,
        index
    )
    .execute(&mut *conn)
    .await?;
    let new = NewStep {
        audit,
        transcript_hash,
        step: new,
    };
    step::insert_parts(conn, &[new], index).await
}

/// Sets what the AI says of a step to what its points give (5.4). Tokens and comment stay.
#[tracing::instrument(name = "store.rerun.derive", skip_all, err)]
pub async fn derive(
    conn: &mut PgConnection,
    audit: i64,
    position: i32,
    derived: Derived,
    minutages: &[String],
) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE audit_step_results r
            SET ai_score = $3, ai_conforme = $4, ai_niveau_conformite = $5,
                ai_minutages = string_to_array($6, chr(31)),
                error_points = (SELECT count(*)::integer FROM audit_step_result_control_points p
                                 WHERE p.audit_id = r.audit_id AND p.step_position = r.step_position
                                   AND p.ai_verdict = 'ERROR')
          WHERE audit_id = $1 AND step_position = $2",
        audit,
        position,
        derived.score,
        derived.conforme.as_str(),
        derived.niveau.as_str(),
        joined(minutages)
    )
    .execute(conn)
    .await?;
    Ok(())
}
