//! `analyzing` → `completed`: sums up, stores and tells the outcome of audits whose steps are in.

use super::fail::Failing;
use super::record::Recording;
use super::{Workflow, WorkflowError};
use crate::domain::announcer::Announcer;
use crate::domain::audit::{Audit, Phase, uses_tools};
use crate::domain::material::AuditContext;
use crate::domain::snapshot::{self, FicheNames};
use crate::domain::time::iso;
use crate::store;
use crate::store::batch::Ended;
use crate::store::end::Completion;
use crate::store::log::{Level, Lines};
use serde_json::json;
use sqlx::PgConnection;
use std::sync::Arc;
use vigie_bus::outbox;
use vigie_events::audit::{AuditCompleted, FailureStage};
use vigie_events::realtime::Realtime;
use vigie_events::realtime::audit::{Calculated, Completed, ComplianceCalculated, IsCompleted};
use vigie_scorecard::{AuditSummary, EvidenceRules, Percent, StepFacts, summarize};

/// An audit whose last step is in.
pub(super) struct Finished {
    audit: Audit,
    context: Arc<AuditContext>,
    announcer: Announcer,
    summary: AuditSummary,
    /// The engine that judged.
    engine: Option<String>,
}

impl Finished {
    pub(super) fn of(recording: Recording, rules: EvidenceRules) -> Self {
        let Recording {
            audit,
            context,
            stored,
            new,
            announcer,
            ..
        } = recording;
        let mut facts: Vec<StepFacts> = stored.iter().map(|step| step.facts).collect();
        facts.extend(new.iter().map(|step| step.facts));
        facts.sort_by_key(|step| step.position);
        let timeline = context.timeline.timeline();
        let missing = context.missing.clone();
        let summary = summarize(&context.config, timeline, &facts, rules, missing);
        let answered = stored
            .iter()
            .filter(|step| !step.facts.is_fallback)
            .map(|step| &step.engine)
            .chain(
                new.iter()
                    .filter(|step| !step.facts.is_fallback)
                    .map(|step| &step.origin.engine),
            )
            .next();
        Self {
            engine: answered.cloned(),
            audit,
            context,
            announcer,
            summary,
        }
    }

    /// An audit of which nothing was judged gets no score (W-14).
    fn without_score(self) -> Failing {
        Failing {
            error: format!("All {} steps failed", self.context.positions.len()),
            audit: self.audit,
            announcer: self.announcer,
        }
    }
}

impl Workflow {
    /// Stores the outcomes and sends everything, `messages` of other audits first.
    pub(super) async fn finish(
        &self,
        tx: &mut PgConnection,
        finished: Vec<Finished>,
        mut messages: Vec<Realtime>,
    ) -> Result<(), WorkflowError> {
        let fiches: Vec<String> = finished
            .iter()
            .map(|done| done.audit.fiche.to_string())
            .collect();
        let names = if fiches.is_empty() {
            std::collections::HashMap::new()
        } else {
            store::fiche::names(tx, &fiches).await?
        };
        let unknown = FicheNames::default();
        let mut rows = Vec::with_capacity(finished.len());
        let mut facts = Vec::with_capacity(finished.len());
        let mut log = Lines::new(self.settings.log);
        let (mut failing, mut ended) = (Vec::new(), Vec::new());
        for done in finished {
            if done.summary.all_steps_failed {
                failing.push(done.without_score());
                continue;
            }
            if done.audit.batch.is_some() {
                ended.push(Ended {
                    tracking: done.audit.tracking.to_string(),
                    error: None,
                });
            }
            let names = names.get(done.audit.fiche.as_str()).unwrap_or(&unknown);
            let (row, fact, shown) = self.completion(done, names, &mut log)?;
            self.contexts.forget(row.id.get()).await;
            rows.push(row);
            facts.push(fact.message());
            messages.extend(shown);
        }
        store::end::complete(tx, &rows).await?;
        outbox::send_and_show(tx, &facts, &messages).await?;
        log.insert(tx).await?;
        metrics::counter!("audit.ended", "outcome" => "completed").increment(rows.len() as u64);
        let stage = FailureStage::AllStepsFailed;
        ended.extend(self.fail_uncounted(tx, failing, stage).await?);
        self.count_members(tx, &ended).await
    }

    fn completion(
        &self,
        done: Finished,
        names: &FicheNames,
        log: &mut Lines,
    ) -> serde_json::Result<(Completion, AuditCompleted, Vec<Realtime>)> {
        let Finished {
            mut audit,
            context,
            mut announcer,
            summary,
            engine,
        } = done;
        let engine = engine.unwrap_or_else(|| self.settings.engine.clone());
        // The engine that judged, not the one configured when the audit was asked for.
        audit.use_rlm = uses_tools(audit.use_rlm, &engine);
        announcer.approach(audit.approach());
        announcer.enter(Phase::Completed);
        announce(&mut announcer, &audit, &summary)?;
        let snapshot = snapshot::completed(&audit, &context.config, names, &summary);
        let compliance = &summary.compliance;
        let outcome = json!({"score": compliance.score, "niveau": compliance.niveau,
            "completeness": summary.completeness, "tokens": summary.statistics.total_tokens});
        log.add(&audit, Level::Info, "completed", "Audit completed", outcome);
        let fact = AuditCompleted {
            fiche_id: audit.fiche.clone(),
            audit_id: audit.id,
            audit_db_id: audit.id,
            audit_tracking_id: audit.tracking.clone(),
            audit_config_id: audit.config.get(),
            score: compliance.score.as_f64(),
            niveau: compliance.niveau.to_string(),
            duration_ms: audit.duration_ms(),
            use_rlm: audit.use_rlm,
            completeness: summary.completeness.to_string(),
            engine: engine.clone(),
            batch_id: audit.batch.clone(),
            automation_run_id: audit.automation_run,
        };
        let row = Completion {
            id: audit.id,
            sequence: announcer.sequence(),
            duration_ms: audit.duration_ms(),
            snapshot: serde_json::to_string(&snapshot)?,
            engine,
            summary,
        };
        Ok((row, fact, announcer.into_messages()))
    }
}

fn announce(
    announcer: &mut Announcer,
    row: &Audit,
    summary: &AuditSummary,
) -> serde_json::Result<()> {
    let compliance = &summary.compliance;
    let points = format!("{}/{}", compliance.poids_obtenu, compliance.poids_total);
    announcer.say(|audit| ComplianceCalculated {
        audit,
        overall_score: points.clone(),
        score_percentage: padded(compliance.score),
        niveau: compliance.niveau.to_string(),
        is_compliant: compliance.is_compliant(),
        critical_issues: compliance.points_critiques(),
        status: Calculated::Only,
    })?;
    announcer.say(|audit| Completed {
        audit,
        overall_score: points,
        score_percentage: padded(compliance.score),
        niveau: compliance.niveau.to_string(),
        is_compliant: compliance.is_compliant(),
        successful_steps: summary.statistics.successful_steps,
        failed_steps: summary.statistics.failed_steps,
        total_tokens: summary.statistics.total_tokens,
        duration_seconds: row.duration_ms() / 1000,
        completed_at: iso(row.now),
        completeness: summary.completeness.to_string(),
        status: IsCompleted::Only,
    })
}

/// `74.00%`.
pub(super) fn padded(percent: Percent) -> String {
    let hundredths = percent.hundredths();
    format!("{}.{:02}%", hundredths / 100, hundredths % 100)
}
