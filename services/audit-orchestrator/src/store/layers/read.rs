//! Reads facts.

use super::{PointNow, StepLayers};
use crate::store::impossible;
use sqlx::PgConnection;
use std::collections::{BTreeMap, HashMap};
use vigie_scorecard::{
    Conforme, GatingStats, LayeredPoint, LayeredStep, Niveau, Outcome, PointDecision, ScoredStep,
    Statut, StepDecision, StepFacts, StepValues,
};

/// All steps of an audit by position. Complete under the audit's lock.
pub async fn read(
    conn: &mut PgConnection,
    audit: i64,
    gating: bool,
) -> sqlx::Result<BTreeMap<i32, StepLayers>> {
    let mut audits = read_all(conn, &[audit], gating).await?;
    Ok(audits.remove(&audit).unwrap_or_default())
}

/// The same, of many audits; one without steps is left out.
#[tracing::instrument(name = "store.layers.read", skip_all, err)]
pub async fn read_all(
    conn: &mut PgConnection,
    audits: &[i64],
    gating: bool,
) -> sqlx::Result<HashMap<i64, BTreeMap<i32, StepLayers>>> {
    let mut points = points(conn, audits).await?;
    let mut decisions = decisions(conn, audits).await?;
    let rows = sqlx::query!(
        r#"SELECT audit_id, step_position, weight, is_critical, traite, conforme, score, niveau_conformite,
                  total_citations, ai_traite, ai_conforme, ai_score, ai_niveau_conformite,
                  COALESCE(ai_minutages, minutages) AS "ai_minutages!", outcome, error_points,
                  total_tokens, cited, removed_citations, downgraded_points, score_reduced,
                  conforme_adjusted, lock_version
             FROM audit_step_results WHERE audit_id = ANY($1)"#,
        audits
    )
    .fetch_all(conn)
    .await?;
    let mut steps: HashMap<i64, BTreeMap<i32, StepLayers>> = HashMap::new();
    for row in rows {
        let (audit, position) = (row.audit_id, row.step_position);
        let outcome: Outcome = row.outcome.parse().map_err(impossible)?;
        let values = |traite, conforme: &str, score, niveau: &str| StepValues {
            traite,
            conforme: Conforme::from_stored(conforme, |_| warn(audit, position)),
            score,
            niveau_conformite: Niveau::from_stored(niveau, |_| warn(audit, position)),
        };
        let stored = values(row.traite, &row.conforme, row.score, &row.niveau_conformite);
        let decided = decisions.remove(&(audit, position)).unwrap_or_default();
        let mut own = points.remove(&(audit, position)).unwrap_or_default();
        for (now, layered) in &mut own {
            layered.decision = decided.points.get(&now.index).cloned();
        }
        let (points, layered): (Vec<_>, Vec<_>) = own.into_iter().unzip();
        let layered = LayeredStep {
            weight: row.weight,
            ai: values(
                row.ai_traite,
                &row.ai_conforme,
                row.ai_score,
                &row.ai_niveau_conformite,
            ),
            ai_minutages: row.ai_minutages,
            points: layered,
            decision: decided.step,
        };
        let facts = StepFacts {
            position,
            scored: ScoredStep {
                weight: row.weight,
                score: row.score,
                is_critical: row.is_critical,
                conforme: stored.conforme,
            },
            traite: row.traite,
            is_fallback: outcome == Outcome::Fallback,
            error_points: row.error_points,
            total_tokens: row.total_tokens,
            gating: GatingStats {
                enabled: gating,
                total_citations: row.cited,
                removed_citations: row.removed_citations,
                downgraded_control_points: row.downgraded_points,
                steps_score_reduced: i32::from(row.score_reduced),
                steps_conforme_adjusted: i32::from(row.conforme_adjusted),
            },
        };
        let step = StepLayers {
            layered,
            is_critical: row.is_critical,
            facts,
            stored,
            stored_citations: row.total_citations,
            points,
            lock_version: row.lock_version,
        };
        steps.entry(audit).or_default().insert(position, step);
    }
    Ok(steps)
}

fn warn(audit: i64, position: i32) {
    tracing::warn!(audit.id = audit, step = position, "unknown word stored");
}

/// An audit and a position.
type Place = (i64, i32);

type Points = HashMap<Place, Vec<(PointNow, LayeredPoint)>>;

async fn points(conn: &mut PgConnection, audits: &[i64]) -> sqlx::Result<Points> {
    let rows = sqlx::query!(
        r#"SELECT p.audit_id, p.step_position, p.control_point_index, p.point, p.statut, p.commentaire,
                  p.ai_statut, COALESCE(p.ai_commentaire, p.commentaire) AS "ai_commentaire!",
                  p.minutages,
                  (SELECT count(*)::integer FROM audit_step_result_citations c
                    WHERE c.audit_id = p.audit_id AND c.step_position = p.step_position
                      AND c.control_point_index = p.control_point_index) AS "citations!"
             FROM audit_step_result_control_points p WHERE p.audit_id = ANY($1)
            ORDER BY p.audit_id, p.step_position, p.control_point_index"#,
        audits
    )
    .fetch_all(conn)
    .await?;
    let mut points = Points::new();
    for row in rows {
        let layered = LayeredPoint {
            ai_statut: row.ai_statut.parse().map_err(impossible)?,
            ai_commentaire: row.ai_commentaire,
            citations: row.citations,
            minutages: row.minutages,
            decision: None,
        };
        let now = PointNow {
            index: row.control_point_index,
            point: row.point,
            statut: row.statut,
            commentaire: row.commentaire,
        };
        let own = points.entry((row.audit_id, row.step_position)).or_default();
        own.push((now, layered));
    }
    Ok(points)
}

#[derive(Default)]
struct Decisions {
    step: StepDecision,
    points: HashMap<i32, PointDecision>,
}

/// The reviews in force, older ones below newer ones.
async fn decisions(
    conn: &mut PgConnection,
    audits: &[i64],
) -> sqlx::Result<HashMap<Place, Decisions>> {
    let rows = sqlx::query!(
        "SELECT audit_id, step_position, control_point_index, override_traite, override_conforme,
                override_score, override_niveau_conformite, override_statut, override_commentaire
           FROM audit_step_result_human_reviews r
          WHERE audit_id = ANY($1) AND revokes_id IS NULL
            AND NOT EXISTS (SELECT FROM audit_step_result_human_reviews v WHERE v.revokes_id = r.id)
          ORDER BY id",
        audits
    )
    .fetch_all(conn)
    .await?;
    let mut decisions: HashMap<Place, Decisions> = HashMap::new();
    for row in rows {
        let step = decisions
            .entry((row.audit_id, row.step_position))
            .or_default();
        if let Some(index) = row.control_point_index {
            let newer = PointDecision {
                statut: parsed::<Statut>(row.override_statut.as_deref())?,
                commentaire: row.override_commentaire,
            };
            let point = step.points.entry(index).or_default();
            *point = std::mem::take(point).then(newer);
        } else {
            step.step = step.step.then(StepDecision {
                traite: row.override_traite,
                conforme: parsed(row.override_conforme.as_deref())?,
                score: row.override_score,
                niveau_conformite: parsed(row.override_niveau_conformite.as_deref())?,
            });
        }
    }
    Ok(decisions)
}

fn parsed<T>(word: Option<&str>) -> sqlx::Result<Option<T>>
where
    T: std::str::FromStr,
    T::Err: std::error::Error + Send + Sync + 'static,
{
    word.map(|word| word.parse().map_err(impossible))
        .transpose()
}
