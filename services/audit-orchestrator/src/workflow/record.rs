//! Stores the results of steps; the transaction that stores the last one ends the audit.

use super::analyze::step_message;
use super::finish::Finished;
use super::{Workflow, WorkflowError};
use crate::domain::announcer::Announcer;
use crate::domain::answer::{Answer, StepToStore};
use crate::domain::audit::{Audit, Phase};
use crate::domain::material::{AuditContext, count};
use crate::store::audit::Progressed;
use crate::store::call::{self, CallRows};
use crate::store::log::{Level, Lines};
use crate::store::step::{NewStep, StoredStep};
use crate::store::{self, step};
use serde_json::json;
use sqlx::PgConnection;
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use vigie_bus::outbox;
use vigie_events::Message;
use vigie_events::audit::StepAnalyze;
use vigie_events::ids::AuditId;
use vigie_events::realtime::audit::{
    InProgress, Progress, StepCompleted, StepFailed, StepIsCompleted, StepIsFailed,
};

/// Answers by audit. An audit without answers is only looked at again.
pub type Answers = BTreeMap<AuditId, Vec<Answer>>;

/// Answers that count no more, with their audit.
type Late = Vec<(i64, Answer)>;

/// Error of a step that was never begun because the audit's tokens were spent.
pub(super) const BUDGET_SPENT: &str = "token budget exhausted";

/// One audit on its way through [`Workflow::record`].
pub(super) struct Recording {
    pub(super) audit: Audit,
    pub(super) context: Arc<AuditContext>,
    pub(super) stored: Vec<StoredStep>,
    pub(super) new: Vec<StepToStore>,
    pub(super) announcer: Announcer,
    next: Vec<Message<StepAnalyze>>,
}

impl Workflow {
    /// Stores answers to steps of any number of audits, each position once, and ends the audits
    /// whose last position is in. A handful of statements, however many answers there are.
    pub async fn record(
        &self,
        tx: &mut PgConnection,
        mut answers: Answers,
    ) -> Result<(), WorkflowError> {
        let ids: Vec<i64> = answers.keys().map(|id| id.get()).collect();
        // In the order of ids, the order of the map too: two batches never wait for each other.
        let audits = store::audit::lock(tx, &ids).await?;
        let (open, ended): (Vec<_>, Vec<_>) = audits
            .into_iter()
            .partition(|audit| audit.phase == Phase::Analyzing);
        let mut late: Late = Vec::new();
        for audit in &ended {
            let answers = answers.remove(&audit.id).unwrap_or_default();
            late.extend(answers.into_iter().map(|answer| (audit.id.get(), answer)));
        }
        let open_ids: Vec<i64> = open.iter().map(|audit| audit.id.get()).collect();
        let mut calls = CallRows::default();
        let mut recordings = Vec::with_capacity(open.len());
        let mut unreadable = Vec::new();
        if !open.is_empty() {
            let mut stored = step::stored(tx, &open_ids, self.settings.evidence.gating).await?;
            let contexts = self.contexts.of(tx, &open_ids).await?;
            for audit in open {
                let id = audit.id;
                let answers = answers.remove(&id).unwrap_or_default();
                let Some(context) = contexts.get(&id.get()) else {
                    late.extend(answers.into_iter().map(|answer| (id.get(), answer)));
                    unreadable.push(audit);
                    continue;
                };
                let stored = stored.remove(&id.get()).unwrap_or_default();
                let context = Arc::clone(context);
                let settled = self.settle(audit, context, stored, answers, &mut calls, &mut late);
                recordings.push(settled?);
            }
        }
        self.store_steps(tx, &recordings).await?;
        self.pay_late(tx, &mut calls, &late).await?;
        calls.insert(tx).await?;
        for audit in &unreadable {
            self.unreadable(tx, audit).await?;
        }
        self.conclude(tx, recordings).await
    }

    /// Adds the calls behind answers that count no more, because their audit has ended or another
    /// answer was first: paid for all the same. Those of a repeated answer are known already.
    async fn pay_late(
        &self,
        tx: &mut PgConnection,
        calls: &mut CallRows,
        late: &Late,
    ) -> sqlx::Result<()> {
        if late.is_empty() {
            return Ok(());
        }
        let ids: Vec<i64> = late.iter().map(|(audit, _)| *audit).collect();
        let mut known = call::known(tx, &ids).await?;
        known.extend(calls.answered());
        for (audit, answer) in late {
            if known.insert((*audit, answer.position, answer.attempt_number())) {
                calls.push(*audit, answer, &self.settings.prices);
            }
        }
        Ok(())
    }

    /// Decides what one audit stores, announces and sends next.
    fn settle(
        &self,
        audit: Audit,
        context: Arc<AuditContext>,
        stored: Vec<StoredStep>,
        mut answers: Vec<Answer>,
        calls: &mut CallRows,
        late: &mut Late,
    ) -> Result<Recording, WorkflowError> {
        let mut done: HashSet<i32> = stored.iter().map(|step| step.facts.position).collect();
        let before = done.len();
        answers.sort_by_key(|answer| answer.position);
        let mut new = Vec::with_capacity(answers.len());
        let rules = self.settings.evidence;
        for answer in answers {
            let Some(definition) = context.config.step(answer.position) else {
                tracing::warn!(audit.id = %audit.id, step = answer.position, "answer to no step");
                continue;
            };
            if done.insert(answer.position) {
                calls.push(audit.id.get(), &answer, &self.settings.prices);
                new.push(answer.settle(&context, definition, rules));
            } else {
                late.push((audit.id.get(), answer));
            }
        }
        let mut next = Vec::new();
        let unsent =
            &context.positions[self.settings.window.sent(context.positions.len(), before)..];
        if self.budget_spent(&stored, &new) {
            for &position in unsent {
                let missing = Answer::missing(position, BUDGET_SPENT, self.nobody());
                if let Some(definition) = context.config.step(position)
                    && done.insert(position)
                {
                    new.push(missing.settle(&context, definition, rules));
                }
            }
        } else {
            let positions = self
                .settings
                .window
                .next(&context.positions, before, done.len());
            next.extend(
                positions
                    .iter()
                    .map(|&position| step_message(&audit, position, 1)),
            );
        }
        let mut announcer = Announcer::of(&audit, Phase::Analyzing);
        announce(&mut announcer, &context, &stored, &new)?;
        Ok(Recording {
            audit,
            context,
            stored,
            new,
            announcer,
            next,
        })
    }

    fn budget_spent(&self, stored: &[StoredStep], new: &[StepToStore]) -> bool {
        let stored = stored.iter().map(|step| step.facts.total_tokens);
        let spent: i64 = stored
            .chain(new.iter().map(|step| step.facts.total_tokens))
            .sum();
        self.settings.max_tokens > 0 && spent >= self.settings.max_tokens
    }

    async fn store_steps(
        &self,
        tx: &mut PgConnection,
        recordings: &[Recording],
    ) -> sqlx::Result<()> {
        let mut rows = Vec::new();
        let mut log = Lines::new(self.settings.log);
        for recording in recordings {
            let transcript_hash = recording
                .audit
                .transcript_hash
                .as_deref()
                .unwrap_or_default();
            for step in &recording.new {
                if let Err(error) = &step.proposed {
                    let position = step.facts.position;
                    let data = json!({"position": position, "attempt": step.attempt,
                        "engine": step.origin.engine, "error": error});
                    let name = format!("step-{position}");
                    let message = "Step fell back";
                    log.add(&recording.audit, Level::Warning, name, message, data);
                }
            }
            let audit = recording.audit.id.get();
            rows.extend(recording.new.iter().map(|step| NewStep {
                audit,
                transcript_hash,
                step,
            }));
        }
        step::insert(tx, &rows).await?;
        log.insert(tx).await
    }

    /// Ends the audits that are complete and sends what the others wait for.
    async fn conclude(
        &self,
        tx: &mut PgConnection,
        recordings: Vec<Recording>,
    ) -> Result<(), WorkflowError> {
        let mut progressed = Vec::new();
        let (mut messages, mut next, mut finished) = (Vec::new(), Vec::new(), Vec::new());
        for recording in recordings {
            if recording.is_complete() {
                finished.push(Finished::of(recording, self.settings.evidence));
            } else {
                progressed.push(Progressed {
                    id: recording.audit.id,
                    sequence: recording.announcer.sequence(),
                    sends: !recording.next.is_empty(),
                });
                messages.extend(recording.announcer.into_messages());
                next.extend(recording.next);
            }
        }
        store::audit::progress(tx, &progressed).await?;
        outbox::send_all(tx, &next).await?;
        self.finish(tx, finished, messages).await
    }
}

impl Recording {
    /// Whether every expected position has a result, compared as sets (W-22).
    fn is_complete(&self) -> bool {
        let stored = self.stored.iter().map(|step| step.facts.position);
        let done: HashSet<i32> = stored
            .chain(self.new.iter().map(|step| step.facts.position))
            .collect();
        self.context
            .positions
            .iter()
            .all(|position| done.contains(position))
    }
}

fn announce(
    announcer: &mut Announcer,
    context: &AuditContext,
    stored: &[StoredStep],
    new: &[StepToStore],
) -> serde_json::Result<()> {
    if new.is_empty() {
        return Ok(());
    }
    for step in new {
        let metadata = step.settled.result.step_metadata.as_ref();
        let step_position = step.facts.position;
        let step_name = metadata.map_or_else(String::new, |metadata| metadata.name.clone());
        match &step.proposed {
            Ok(proposed) => announcer.say_of_step(|audit| StepCompleted {
                audit,
                step_position,
                step_name,
                score: proposed.score,
                max_score: step.settled.result.weight(),
                conforme: proposed.conforme,
                total_citations: proposed.citations,
                tokens_used: step.facts.total_tokens,
                status: StepIsCompleted::Only,
            })?,
            Err(error) => announcer.say_of_step(|audit| StepFailed {
                audit,
                step_position,
                step_name,
                error: error.clone(),
                status: StepIsFailed::Only,
            })?,
        }
    }
    let treated = |traite: bool| i32::from(!traite);
    let failed_steps = stored
        .iter()
        .map(|step| treated(step.facts.traite))
        .sum::<i32>()
        + new
            .iter()
            .map(|step| treated(step.facts.traite))
            .sum::<i32>();
    let total_steps = count(context.positions.len());
    let completed_steps = count(stored.len() + new.len());
    announcer.say(|audit| Progress {
        audit,
        completed_steps,
        total_steps,
        failed_steps,
        current_phase: "analysis".to_owned(),
        progress_percentage: percentage(completed_steps, total_steps),
        status: InProgress::Only,
    })
}

/// Rounded half up, 0 to 100.
fn percentage(done: i32, total: i32) -> i32 {
    if total <= 0 {
        0
    } else {
        ((200 * done + total) / (2 * total)).clamp(0, 100)
    }
}

#[cfg(test)]
mod tests {
    use super::percentage;

    #[test]
    fn percentages_are_rounded() {
        assert_eq!(
            [percentage(0, 18), percentage(1, 18), percentage(18, 18)],
            [0, 6, 100]
        );
        assert_eq!(
            [percentage(1, 8), percentage(1, 200), percentage(3, 0)],
            [13, 1, 0]
        );
    }
}
