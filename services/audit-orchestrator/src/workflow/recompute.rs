//! Everything that is derived from a completed audit's facts, computed anew in one place (W-19):
//! reviews, re-runs and changed weights end here.

use super::{Workflow, WorkflowError};
use crate::domain::announcer::Announcer;
use crate::domain::audit::Audit;
use crate::domain::resummary::{Resummary, resummarise};
use crate::store::layers::{self, StepLayers, Summary};
use sqlx::PgConnection;
use std::collections::BTreeMap;
use vigie_scorecard::{Recomputed, ScoredStep, StoredStep, recompute};

/// An audit's results before and after.
#[derive(Debug, Clone)]
pub struct Rejudged {
    /// Its summary.
    pub recomputed: Recomputed,
    /// Its steps, as they are stored now.
    pub steps: BTreeMap<i32, StepLayers>,
}

impl Rejudged {
    fn of(steps: BTreeMap<i32, StepLayers>) -> Self {
        Self {
            recomputed: judge(&steps),
            steps,
        }
    }

    /// `74.00%`.
    pub fn percentage(&self) -> String {
        super::finish::padded(self.recomputed.compliance.score)
    }
}

/// An audit whose facts changed.
#[derive(Debug, Clone, Copy)]
pub struct Touched<'a> {
    /// Locked and completed.
    pub audit: &'a Audit,
    /// The steps whose facts changed.
    pub steps: &'a [i32],
}

impl Workflow {
    /// Judges a locked, completed audit anew from its facts; `touched` are the steps whose facts
    /// changed. `announce` adds the messages that tell of it, numbered before they are stored.
    pub async fn recompute(
        &self,
        tx: &mut PgConnection,
        audit: &Audit,
        touched: &[i32],
        announce: impl FnOnce(&mut Announcer, &Rejudged) -> serde_json::Result<()>,
    ) -> Result<Rejudged, WorkflowError> {
        let touched = Touched {
            audit,
            steps: touched,
        };
        let mut announce = Some(announce);
        let once = |_: &Audit, announcer: &mut Announcer, rejudged: &Rejudged| {
            let announce = announce.take();
            announce.map_or(Ok(()), |announce| announce(announcer, rejudged))
        };
        let mut judged = self.recompute_all(tx, &[touched], once).await?;
        Ok(judged
            .pop()
            .unwrap_or_else(|| Rejudged::of(BTreeMap::new())))
    }

    /// The same for many audits, with as many statements; answers in their order.
    pub async fn recompute_all(
        &self,
        tx: &mut PgConnection,
        touched: &[Touched<'_>],
        mut announce: impl FnMut(&Audit, &mut Announcer, &Rejudged) -> serde_json::Result<()>,
    ) -> Result<Vec<Rejudged>, WorkflowError> {
        let ids: Vec<i64> = touched.iter().map(|one| one.audit.id.get()).collect();
        let gating = self.settings.evidence.gating;
        let mut audits = layers::read_all(tx, &ids, gating).await?;
        let rows: Vec<_> = touched
            .iter()
            .flat_map(|one| {
                let id = one.audit.id.get();
                let steps = audits.get(&id);
                let steps = one.steps.iter().filter_map(move |at| steps?.get(at));
                steps.map(move |step| (id, step, step.layered.effective()))
            })
            .collect();
        layers::write(tx, &rows).await?;
        let effective: Vec<_> = rows
            .into_iter()
            .map(|(audit, step, effective)| (audit, step.facts.position, effective))
            .collect();
        for (audit, position, effective) in effective {
            let steps = audits.get_mut(&audit);
            if let Some(step) = steps.and_then(|steps| steps.get_mut(&position)) {
                step.stored = effective.values;
                step.stored_citations = effective.total_citations;
                step.lock_version += 1;
                for (now, layered) in step.points.iter_mut().zip(&step.layered.points) {
                    layered.statut().as_str().clone_into(&mut now.statut);
                    layered.commentaire().clone_into(&mut now.commentaire);
                }
            }
        }
        let mut snapshots = layers::snapshots(tx, &ids).await?;
        let (mut judged, mut summaries, mut messages) = (Vec::new(), Vec::new(), Vec::new());
        for Touched { audit, .. } in touched {
            let id = audit.id.get();
            let rejudged = Rejudged::of(audits.remove(&id).unwrap_or_default());
            let facts = rejudged.steps.values().map(|step| step.facts);
            let snapshot = snapshots.remove(&id).unwrap_or_default();
            let Resummary {
                snapshot,
                completeness,
            } = resummarise(snapshot, &rejudged.recomputed, facts)?;
            let mut announcer = Announcer::of(audit, audit.phase);
            announce(audit, &mut announcer, &rejudged)?;
            summaries.push(Summary {
                audit: id,
                sequence: announcer.sequence(),
                recomputed: rejudged.recomputed,
                completeness: completeness.as_str(),
                snapshot,
            });
            messages.extend(announcer.into_messages());
            judged.push(rejudged);
        }
        layers::summarise(tx, &summaries).await?;
        vigie_bus::outbox::show(tx, &messages).await?;
        Ok(judged)
    }
}

/// The summary of these steps.
pub fn judge(steps: &BTreeMap<i32, StepLayers>) -> Recomputed {
    let stored: Vec<StoredStep> = steps
        .values()
        .map(|step| StoredStep {
            scored: ScoredStep {
                weight: step.layered.weight,
                score: step.stored.score,
                is_critical: step.is_critical,
                conforme: step.stored.conforme,
            },
            traite: step.stored.traite,
            total_tokens: step.facts.total_tokens,
        })
        .collect();
    recompute(&stored)
}
