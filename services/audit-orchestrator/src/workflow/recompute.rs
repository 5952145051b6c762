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
    /// `74.00%`.
    pub fn percentage(&self) -> String {
        super::finish::padded(self.recomputed.compliance.score)
    }
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
        let id = audit.id.get();
        let mut steps = layers::read(tx, id, self.settings.evidence.gating).await?;
        let rows: Vec<_> = touched
            .iter()
            .filter_map(|position| steps.get(position))
            .map(|step| (step, step.layered.effective()))
            .collect();
        layers::write(tx, id, &rows).await?;
        let effective: Vec<_> = rows
            .into_iter()
            .map(|(step, effective)| (step.facts.position, effective))
            .collect();
        for (position, effective) in effective {
            if let Some(step) = steps.get_mut(&position) {
                step.stored = effective.values;
                step.stored_citations = effective.total_citations;
                step.lock_version += 1;
                for (now, layered) in step.points.iter_mut().zip(&step.layered.points) {
                    layered.statut().as_str().clone_into(&mut now.statut);
                    layered.commentaire().clone_into(&mut now.commentaire);
                }
            }
        }
        let recomputed = judge(&steps);
        let snapshot = layers::snapshot(tx, id).await?.unwrap_or_default();
        let Resummary {
            snapshot,
            completeness,
        } = resummarise(snapshot, &recomputed, steps.values().map(|step| step.facts))?;
        let rejudged = Rejudged { recomputed, steps };
        let mut announcer = Announcer::of(audit, audit.phase);
        announce(&mut announcer, &rejudged)?;
        let summary = Summary {
            sequence: announcer.sequence(),
            recomputed: &rejudged.recomputed,
            completeness: completeness.as_str(),
            snapshot: &snapshot,
        };
        layers::summarise(tx, id, &summary).await?;
        vigie_bus::outbox::show(tx, &announcer.into_messages()).await?;
        Ok(rejudged)
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
