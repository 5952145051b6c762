//! Judges stored audits anew under the weights that their configuration has now (5.6). No model is
//! asked: what the AI and people said stays.

use super::finish::padded;
use super::recompute::{Touched, judge};
use super::{Workflow, WorkflowError};
use crate::domain::announcer::Announcer;
use crate::domain::audit::{Audit, Phase};
use crate::store::audit;
use crate::store::layers::{self, StepLayers, Weight};
use crate::store::log::{Level, Lines};
use crate::store::rescore::{self, Standing, Weights};
use serde_json::json;
use sqlx::PgConnection;
use std::collections::{BTreeMap, HashMap};
use vigie_events::realtime::audit::{Calculated, ComplianceCalculated};
use vigie_scorecard::Recomputed;

/// What other weights do to an audit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Move {
    /// As it is stored.
    pub before: Standing,
    /// As it would be.
    pub after: Standing,
}

impl Move {
    fn of(before: Standing, judged: &Recomputed) -> Self {
        let compliance = &judged.compliance;
        let hundredths = compliance.score.hundredths();
        let after = Standing {
            score: i32::try_from(hundredths).unwrap_or(i32::MAX),
            niveau: compliance.niveau.to_string(),
            is_compliant: compliance.is_compliant(),
            ..before.clone()
        };
        Self { before, after }
    }

    /// Whether anything is shown differently.
    pub fn moved(&self) -> bool {
        self.before != self.after
    }

    /// How far the score goes.
    pub const fn distance(&self) -> u32 {
        self.before.score.abs_diff(self.after.score)
    }
}

impl Workflow {
    /// What these weights would do to these audits. Those that they change nothing of are left out.
    pub async fn preview(
        &self,
        conn: &mut PgConnection,
        audits: Vec<Standing>,
        weights: &Weights,
    ) -> Result<Vec<Move>, WorkflowError> {
        let ids: Vec<i64> = audits.iter().map(|audit| audit.id).collect();
        let gating = self.settings.evidence.gating;
        let mut steps = layers::read_all(conn, &ids, gating).await?;
        let moves = audits.into_iter().filter_map(|before| {
            let mut steps = steps.remove(&before.id)?;
            let touched = reweigh(&mut steps, &weights.steps);
            (!touched.is_empty()).then(|| {
                for position in touched {
                    if let Some(step) = steps.get_mut(&position) {
                        step.stored = step.layered.effective().values;
                    }
                }
                Move::of(before, &judge(&steps))
            })
        });
        Ok(moves.collect())
    }

    /// Does it. An audit that is not completed any more is left alone.
    pub async fn rescore(
        &self,
        tx: &mut PgConnection,
        audits: Vec<Standing>,
        weights: &Weights,
        by: Option<&str>,
    ) -> Result<Vec<Move>, WorkflowError> {
        let ids: Vec<i64> = audits.iter().map(|audit| audit.id).collect();
        let mut locked = audit::lock(tx, &ids).await?;
        locked.retain(|audit| audit.phase == Phase::Completed);
        let gating = self.settings.evidence.gating;
        let mut steps = layers::read_all(tx, &ids, gating).await?;
        let mut touched: HashMap<i64, Vec<i32>> = HashMap::new();
        for (id, steps) in &mut steps {
            touched.insert(*id, reweigh(steps, &weights.steps));
        }
        locked.retain(|audit| touched.get(&audit.id.get()).is_some_and(|t| !t.is_empty()));
        if locked.is_empty() {
            return Ok(Vec::new());
        }
        let touched: Vec<Touched<'_>> = locked
            .iter()
            .map(|audit| Touched {
                audit,
                steps: touched.get(&audit.id.get()).map_or(&[], Vec::as_slice),
            })
            .collect();
        let rows: Vec<_> = touched
            .iter()
            .flat_map(|one| {
                let (id, steps) = (one.audit.id.get(), steps.get(&one.audit.id.get()));
                let steps = one.steps.iter().filter_map(move |at| steps?.get(at));
                steps.map(move |step| (id, step))
            })
            .collect();
        layers::reweigh(tx, &rows).await?;
        let judged = self.recompute_all(tx, &touched, |_, announcer, rejudged| {
            announce(announcer, &rejudged.recomputed)
        });
        let judged = judged.await?;
        let ids: Vec<i64> = locked.iter().map(|audit| audit.id.get()).collect();
        rescore::revise(tx, &ids).await?;
        let mut standings: HashMap<i64, Standing> =
            audits.into_iter().map(|audit| (audit.id, audit)).collect();
        let mut log = Lines::new(self.settings.log);
        let mut moves = Vec::with_capacity(locked.len());
        for (audit, judged) in locked.iter().zip(&judged) {
            if let Some(before) = standings.remove(&audit.id.get()) {
                let moved = Move::of(before, &judged.recomputed);
                tell(&mut log, audit, &moved, weights.revision, by);
                moves.push(moved);
            }
        }
        log.insert(tx).await?;
        metrics::counter!("audit.rescored").increment(moves.len() as u64);
        Ok(moves)
    }
}

/// Gives steps their weights; the positions that this changes. A step that the configuration has no
/// more keeps its own.
fn reweigh(steps: &mut BTreeMap<i32, StepLayers>, weights: &BTreeMap<i32, Weight>) -> Vec<i32> {
    let changed = steps.iter_mut().filter_map(|(position, step)| {
        let weight = weights.get(position)?;
        step.take(*weight).then_some(*position)
    });
    changed.collect()
}

fn announce(announcer: &mut Announcer, judged: &Recomputed) -> serde_json::Result<()> {
    let compliance = &judged.compliance;
    announcer.say(|audit| ComplianceCalculated {
        audit,
        overall_score: format!("{}/{}", compliance.poids_obtenu, compliance.poids_total),
        score_percentage: padded(compliance.score),
        niveau: compliance.niveau.to_string(),
        is_compliant: compliance.is_compliant(),
        critical_issues: compliance.points_critiques(),
        status: Calculated::Only,
    })
}

fn tell(log: &mut Lines, audit: &Audit, moved: &Move, revision: i32, by: Option<&str>) {
    let shown = |standing: &Standing| json!({"score": f64::from(standing.score) / 100.0, "niveau": standing.niveau});
    let data = json!({"config_revision": revision, "by_user_id": by,
        "before": shown(&moved.before), "after": shown(&moved.after)});
    log.add(
        audit,
        Level::Info,
        "rescored",
        "Scored anew with other weights",
        data,
    );
}
