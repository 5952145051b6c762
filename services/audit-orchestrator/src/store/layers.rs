//! The facts behind an audit's results (AI and decisions), read together, and what is in force of
//! them, written together: the only writer of effective values after an audit's end (W-19).

use crate::store::{impossible, joined};
use sqlx::PgConnection;
use std::collections::{BTreeMap, HashMap};
use vigie_scorecard::{
    Conforme, EffectiveStep, GatingStats, LayeredPoint, LayeredStep, Niveau, Outcome,
    PointDecision, ScoredStep, Statut, StepDecision, StepFacts, StepValues,
};

/// A step's facts, and what its row says now.
#[derive(Debug, Clone)]
pub struct StepLayers {
    /// AI and decisions.
    pub layered: LayeredStep,
    /// Whether the audit is rejected unless it is conform.
    pub is_critical: bool,
    /// What is summed up, apart from what is in force.
    pub facts: StepFacts,
    /// Effective values as stored.
    pub stored: StepValues,
    /// Quotes as stored.
    pub stored_citations: i32,
    /// Points as stored, in order.
    pub points: Vec<PointNow>,
    /// Raised by every change.
    pub lock_version: i32,
}

/// A control point as its row says now.
#[derive(Debug, Clone)]
pub struct PointNow {
    /// From 1.
    pub index: i32,
    /// Its text.
    pub point: String,
    /// In force.
    pub statut: String,
    /// In force.
    pub commentaire: String,
}

/// All steps of an audit by position. Complete under the audit's lock.
#[tracing::instrument(name = "store.layers.read", skip_all, err)]
pub async fn read(
    conn: &mut PgConnection,
    audit: i64,
    gating: bool,
) -> sqlx::Result<BTreeMap<i32, StepLayers>> {
    let mut points = points(conn, audit).await?;
    let mut decisions = decisions(conn, audit).await?;
    let rows = sqlx::query!(
        r#"SELECT step_position, weight, is_critical, traite, conforme, score, niveau_conformite,
                  total_citations, ai_traite, ai_conforme, ai_score, ai_niveau_conformite,
                  COALESCE(ai_minutages, minutages) AS "ai_minutages!", outcome, error_points,
                  total_tokens, cited, removed_citations, downgraded_points, score_reduced,
                  conforme_adjusted, lock_version
             FROM audit_step_results WHERE audit_id = $1"#,
        audit
    )
    .fetch_all(conn)
    .await?;
    let mut steps = BTreeMap::new();
    for row in rows {
        let position = row.step_position;
        let outcome: Outcome = row.outcome.parse().map_err(impossible)?;
        let values = |traite, conforme: &str, score, niveau: &str| StepValues {
            traite,
            conforme: Conforme::from_stored(conforme, |_| warn(audit, position)),
            score,
            niveau_conformite: Niveau::from_stored(niveau, |_| warn(audit, position)),
        };
        let stored = values(row.traite, &row.conforme, row.score, &row.niveau_conformite);
        let decided = decisions.remove(&position).unwrap_or_default();
        let mut own = points.remove(&position).unwrap_or_default();
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
        steps.insert(position, step);
    }
    Ok(steps)
}

fn warn(audit: i64, position: i32) {
    tracing::warn!(audit.id = audit, step = position, "unknown word stored");
}

type Points = HashMap<i32, Vec<(PointNow, LayeredPoint)>>;

async fn points(conn: &mut PgConnection, audit: i64) -> sqlx::Result<Points> {
    let rows = sqlx::query!(
        r#"SELECT p.step_position, p.control_point_index, p.point, p.statut, p.commentaire,
                  p.ai_statut, COALESCE(p.ai_commentaire, p.commentaire) AS "ai_commentaire!",
                  p.minutages,
                  (SELECT count(*)::integer FROM audit_step_result_citations c
                    WHERE c.audit_id = p.audit_id AND c.step_position = p.step_position
                      AND c.control_point_index = p.control_point_index) AS "citations!"
             FROM audit_step_result_control_points p WHERE p.audit_id = $1
            ORDER BY p.step_position, p.control_point_index"#,
        audit
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
        let own = points.entry(row.step_position).or_default();
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
async fn decisions(conn: &mut PgConnection, audit: i64) -> sqlx::Result<HashMap<i32, Decisions>> {
    let rows = sqlx::query!(
        "SELECT step_position, control_point_index, override_traite, override_conforme,
                override_score, override_niveau_conformite, override_statut, override_commentaire
           FROM audit_step_result_human_reviews r
          WHERE audit_id = $1 AND revokes_id IS NULL
            AND NOT EXISTS (SELECT FROM audit_step_result_human_reviews v WHERE v.revokes_id = r.id)
          ORDER BY id",
        audit
    )
    .fetch_all(conn)
    .await?;
    let mut decisions: HashMap<i32, Decisions> = HashMap::new();
    for row in rows {
        let step = decisions.entry(row.step_position).or_default();
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

/// Writes what is in force of these steps and of their points.
#[tracing::instrument(name = "store.layers.write", skip_all, err)]
pub async fn write(
    conn: &mut PgConnection,
    audit: i64,
    steps: &[(&StepLayers, EffectiveStep)],
) -> sqlx::Result<()> {
    macro_rules! column {
        (|$layers:ident, $effective:ident| $value:expr) => {
            &steps
                .iter()
                .map(|($layers, $effective)| $value)
                .collect::<Vec<_>>()
        };
    }
    sqlx::query!(
        "UPDATE audit_step_results r
            SET traite = s.traite, conforme = s.conforme, score = s.score,
                niveau_conformite = s.niveau, total_citations = s.citations,
                ai_minutages = COALESCE(r.ai_minutages, r.minutages),
                minutages = string_to_array(s.minutages, chr(31)),
                lock_version = r.lock_version + 1
           FROM UNNEST($2::integer[], $3::boolean[], $4::text[], $5::integer[], $6::text[],
                       $7::integer[], $8::text[])
             AS s (position, traite, conforme, score, niveau, citations, minutages)
          WHERE r.audit_id = $1 AND r.step_position = s.position",
        audit,
        column!(|layers, _effective| layers.facts.position),
        column!(|_layers, effective| effective.values.traite),
        column!(|_layers, effective| effective.values.conforme.as_str().to_owned()),
        column!(|_layers, effective| effective.values.score),
        column!(|_layers, effective| effective.values.niveau_conformite.as_str().to_owned()),
        column!(|_layers, effective| effective.total_citations),
        column!(|_layers, effective| joined(&effective.minutages))
    )
    .execute(&mut *conn)
    .await?;
    let points = || {
        steps.iter().flat_map(|(layers, _)| {
            let points = layers.points.iter().zip(&layers.layered.points);
            points.map(|(now, layered)| (layers.facts.position, now.index, layered))
        })
    };
    sqlx::query!(
        "UPDATE audit_step_result_control_points p
            SET statut = s.statut, ai_commentaire = COALESCE(p.ai_commentaire, p.commentaire),
                commentaire = s.commentaire, human_statut = s.human
           FROM UNNEST($2::integer[], $3::integer[], $4::text[], $5::text[], $6::boolean[])
             AS s (position, point, statut, commentaire, human)
          WHERE p.audit_id = $1 AND p.step_position = s.position
            AND p.control_point_index = s.point
            AND (p.statut, p.commentaire, p.human_statut)
                IS DISTINCT FROM (s.statut, s.commentaire, s.human)",
        audit,
        &points().map(|(position, ..)| position).collect::<Vec<_>>(),
        &points().map(|(_, index, _)| index).collect::<Vec<_>>(),
        &points()
            .map(|(.., point)| point.statut().as_str().to_owned())
            .collect::<Vec<_>>(),
        &points()
            .map(|(.., point)| point.commentaire().to_owned())
            .collect::<Vec<_>>(),
        &points()
            .map(|(.., point)| point.is_human())
            .collect::<Vec<_>>()
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The summary of a completed audit, computed anew.
#[derive(Debug)]
pub struct Summary<'a> {
    /// Number of its last message.
    pub sequence: i64,
    /// Score and level.
    pub recomputed: &'a vigie_scorecard::Recomputed,
    /// Whether anything is missing.
    pub completeness: &'a str,
    /// `result_data`.
    pub snapshot: &'a serde_json::Value,
}

/// The stored snapshot of an audit.
#[tracing::instrument(name = "store.layers.snapshot", skip_all, err)]
pub async fn snapshot(
    conn: &mut PgConnection,
    audit: i64,
) -> sqlx::Result<Option<serde_json::Value>> {
    sqlx::query_scalar!("SELECT result_data FROM audits WHERE id = $1", audit)
        .fetch_one(conn)
        .await
}

/// Stores the summary.
#[tracing::instrument(name = "store.layers.summarise", skip_all, err)]
pub async fn summarise(
    conn: &mut PgConnection,
    audit: i64,
    summary: &Summary<'_>,
) -> sqlx::Result<()> {
    let recomputed = summary.recomputed;
    let compliance = &recomputed.compliance;
    sqlx::query!(
        "UPDATE audits
            SET overall_score = $2::text::numeric, score_percentage = $2::text::numeric,
                niveau = $3, is_compliant = $4, critical_passed = $5, critical_total = $6,
                total_tokens = $7, successful_steps = $8, failed_steps = $9, completeness = $10,
                result_data = $11, sequence = $12, lock_version = lock_version + 1,
                updated_at = now()
          WHERE id = $1",
        audit,
        compliance.score.to_string(),
        compliance.niveau.as_str(),
        compliance.is_compliant(),
        compliance.critical_passed,
        compliance.critical_total,
        recomputed.total_tokens,
        recomputed.successful_steps,
        recomputed.failed_steps,
        summary.completeness,
        summary.snapshot,
        summary.sequence
    )
    .execute(conn)
    .await?;
    Ok(())
}
