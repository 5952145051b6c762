//! Re-runs of steps and control points of a completed audit (8.1, 8.2): the AI's facts are replaced,
//! decisions stay in force unless forced, and everything derived is computed anew.

use super::{Rejudged, Workflow, WorkflowError};
use crate::domain::announcer::Announcer;
use crate::domain::answer::{Answer, StepToStore};
use crate::domain::audit::{Audit, Phase};
use crate::domain::time::iso;
use crate::store::layers::StepLayers;
use crate::store::log::{Level, Lines};
use crate::store::rerun::{self, Moment, Rerun};
use crate::store::review::{self, Author, Place};
use crate::store::{self, layers};
use serde_json::{Value, json};
use sqlx::PgConnection;
use vigie_bus::outbox;
use vigie_events::audit::{StepAnalyze, StepAnalyzed};
use vigie_events::ids::AuditId;
use vigie_events::realtime::Channel;
use vigie_events::realtime::review::{RerunCompleted, RerunFailed, RerunPlace, RerunStarted};
use vigie_events::rerun::{
    ControlPointRerunCompleted, RerunRef, RerunScope, RerunStatus, StepRerunCompleted,
};
use vigie_events::{Lane, Message};
use vigie_scorecard::{Coverage, distinct_minutages};

/// Attempts of re-sent steps are this far apart, as those of audits.
const ATTEMPTS_APART: u32 = 1000;

impl Workflow {
    /// Locks the audit of a re-run, then reads it.
    async fn locked(
        &self,
        tx: &mut PgConnection,
        rerun_id: &str,
    ) -> sqlx::Result<Option<(Audit, Rerun)>> {
        let Some(id) = rerun::audit_of(tx, rerun_id).await? else {
            return Ok(None);
        };
        let Some(audit) = store::audit::lock_one(tx, AuditId::new(id)).await? else {
            return Ok(None);
        };
        let found = rerun::find(tx, rerun_id).await?;
        Ok(found.map(|rerun| (audit, rerun)))
    }

    /// Sends the step of a queued re-run to the analyzer.
    pub async fn start_rerun(
        &self,
        tx: &mut PgConnection,
        rerun_id: &str,
    ) -> Result<(), WorkflowError> {
        let Some((audit, rerun)) = self.locked(tx, rerun_id).await? else {
            return Ok(());
        };
        if !rerun::start(tx, rerun_id).await? {
            return Ok(());
        }
        let started = RerunStarted {
            place: place(&audit, &rerun),
            started_at: iso(audit.now),
            status: "rerunning".to_owned(),
        };
        let mut announcer = Announcer::of(&audit, audit.phase);
        announcer.say_also(&started, &own_channel(&audit))?;
        rerun::said(tx, audit.id.get(), announcer.sequence()).await?;
        let command = command(&audit, &rerun, 1);
        outbox::send_and_show(tx, &[command], &announcer.into_messages()).await?;
        Ok(())
    }

    /// Stores the answer to a re-run, once, and ends it.
    pub async fn record_rerun(
        &self,
        tx: &mut PgConnection,
        rerun_id: &str,
        fact: StepAnalyzed,
    ) -> Result<(), WorkflowError> {
        let Some((audit, rerun)) = self.locked(tx, rerun_id).await? else {
            return Ok(());
        };
        let answer = Answer::from(fact);
        // Paid for, whether or not anybody still waits for it.
        rerun::pay(tx, audit.id.get(), rerun_id, &answer, &self.settings.prices).await?;
        if !rerun.is_open() {
            return Ok(());
        }
        match answer.result.clone() {
            Err(error) => self.end_failed(tx, &audit, &rerun, &error).await,
            Ok(_) => self.end_done(tx, &audit, &rerun, answer).await,
        }
    }

    /// Ends an open re-run without a result.
    pub async fn fail_rerun(
        &self,
        tx: &mut PgConnection,
        rerun_id: &str,
        error: &str,
    ) -> Result<(), WorkflowError> {
        match self.locked(tx, rerun_id).await? {
            Some((audit, rerun)) if rerun.is_open() => {
                self.end_failed(tx, &audit, &rerun, error).await
            }
            _ => Ok(()),
        }
    }

    /// Sends once more what an open re-run waits for.
    pub async fn send_rerun_again(
        &self,
        tx: &mut PgConnection,
        rerun_id: &str,
    ) -> Result<(), WorkflowError> {
        let Some((audit, rerun)) = self.locked(tx, rerun_id).await? else {
            return Ok(());
        };
        if !rerun.is_open() {
            return Ok(());
        }
        if rerun.status == "queued" {
            return self.start_rerun(tx, rerun_id).await;
        }
        let sending = u32::try_from(rerun.sends).unwrap_or(1).max(1);
        let attempt = sending.saturating_mul(ATTEMPTS_APART) + 1;
        let command = command(&audit, &rerun, attempt);
        outbox::send_again(tx, &command, sending, None).await?;
        rerun::sent_again(tx, rerun_id).await?;
        Ok(())
    }

    async fn end_failed(
        &self,
        tx: &mut PgConnection,
        audit: &Audit,
        rerun: &Rerun,
        error: &str,
    ) -> Result<(), WorkflowError> {
        rerun::fail(tx, &rerun.rerun_id, error).await?;
        let failed = RerunFailed {
            place: place(audit, rerun),
            error: error.to_owned(),
            status: "rerun_failed".to_owned(),
        };
        let mut announcer = Announcer::of(audit, audit.phase);
        announcer.say_also(&failed, &own_channel(audit))?;
        rerun::said(tx, audit.id.get(), announcer.sequence()).await?;
        outbox::show(tx, &announcer.into_messages()).await?;
        let gating = self.settings.evidence.gating;
        let steps = layers::read(tx, audit.id.get(), gating).await?;
        let now = steps
            .get(&rerun.step_position)
            .map(|step| moment(step, rerun.control_point_index))
            .unwrap_or_default();
        tell_end(tx, rerun, &now, &now, Some(error)).await?;
        self.log_rerun(tx, audit, rerun, Level::Warning, error)
            .await?;
        metrics::counter!("audit.reruns", "outcome" => "failed").increment(1);
        Ok(())
    }

    async fn end_done(
        &self,
        tx: &mut PgConnection,
        audit: &Audit,
        rerun: &Rerun,
        answer: Answer,
    ) -> Result<(), WorkflowError> {
        let (id, position) = (audit.id.get(), rerun.step_position);
        let gating = self.settings.evidence.gating;
        let before = layers::read(tx, id, gating).await?;
        let Some(step) = before
            .get(&position)
            .filter(|_| audit.phase == Phase::Completed)
        else {
            return self
                .end_failed(tx, audit, rerun, "the audit has no such result")
                .await;
        };
        let Some(new) = self.settle_rerun(tx, audit, rerun, step, answer).await? else {
            return self
                .end_failed(tx, audit, rerun, "the audit has no such step")
                .await;
        };
        let hash = audit.transcript_hash.as_deref().unwrap_or_default();
        match rerun.control_point_index {
            None => rerun::replace_step(tx, id, hash, &new).await?,
            Some(index) => {
                rerun::replace_point(tx, id, hash, index, &new).await?;
                self.derive_step(tx, id, position).await?;
            }
        }
        if rerun.force {
            revoke(tx, id, rerun).await?;
        }
        let before = moment(step, rerun.control_point_index);
        let point = rerun.control_point_index;
        let announce = |announcer: &mut Announcer, rejudged: &Rejudged| {
            let after = rejudged.steps.get(&position);
            let after = after.map(|step| moment(step, point)).unwrap_or_default();
            let completed = RerunCompleted {
                place: place(audit, rerun),
                original: shown(&before),
                rerun: shown(&after),
                comparison: comparison(&before, &after),
                completed_at: iso(audit.now),
                status: "rerun_completed".to_owned(),
            };
            announcer.say_also(&completed, &own_channel(audit))
        };
        let rejudged = self.recompute(tx, audit, &[position], announce).await?;
        let after = rejudged.steps.get(&position);
        let after = after.map(|step| moment(step, point)).unwrap_or_default();
        rerun::done(tx, &rerun.rerun_id, &before, &after).await?;
        tell_end(tx, rerun, &before, &after, None).await?;
        self.log_rerun(tx, audit, rerun, Level::Info, "Re-run done")
            .await?;
        self.contexts.forget(id).await;
        metrics::counter!("audit.reruns", "outcome" => "done").increment(1);
        Ok(())
    }

    /// The answer against the audit's own configuration and timeline, under the stored weight.
    async fn settle_rerun(
        &self,
        tx: &mut PgConnection,
        audit: &Audit,
        rerun: &Rerun,
        step: &StepLayers,
        answer: Answer,
    ) -> Result<Option<StepToStore>, WorkflowError> {
        let id = audit.id.get();
        let contexts = self.contexts.of(tx, &[id]).await?;
        let Some(context) = contexts.get(&id) else {
            return Ok(None);
        };
        let Some(mut definition) = context.config.step(rerun.step_position).cloned() else {
            return Ok(None);
        };
        definition.weight = step.layered.weight;
        definition.is_critical = step.is_critical;
        if let Some(index) = rerun.control_point_index {
            let point = step.points.iter().find(|point| point.index == index);
            let Some(point) = point else { return Ok(None) };
            definition.control_points = vec![point.point.clone()];
        }
        Ok(Some(answer.settle(
            context,
            &definition,
            self.settings.evidence,
        )))
    }

    async fn derive_step(
        &self,
        tx: &mut PgConnection,
        audit: i64,
        position: i32,
    ) -> Result<(), WorkflowError> {
        let steps = layers::read(tx, audit, self.settings.evidence.gating).await?;
        let Some(step) = steps.get(&position) else {
            return Ok(());
        };
        let points = &step.layered.points;
        let derived = Coverage::of(points.iter().map(|point| point.ai_statut));
        let derived = derived.derive(step.layered.weight);
        let minutages = points.iter().flat_map(|point| &point.minutages);
        let minutages = distinct_minutages(minutages.map(String::as_str));
        rerun::derive(tx, audit, position, derived, &minutages).await?;
        Ok(())
    }

    async fn log_rerun(
        &self,
        tx: &mut PgConnection,
        audit: &Audit,
        rerun: &Rerun,
        level: Level,
        message: &str,
    ) -> sqlx::Result<()> {
        let mut log = Lines::new(self.settings.log);
        let data = json!({"position": rerun.step_position, "rerun_id": rerun.rerun_id,
            "control_point_index": rerun.control_point_index, "by_user_id": rerun.requested_by});
        log.add(audit, level, "rerun", message, data);
        log.insert(tx).await
    }
}

/// Takes the decisions in force on what was analysed again back, by the one who forced it.
async fn revoke(tx: &mut PgConnection, audit: i64, rerun: &Rerun) -> sqlx::Result<()> {
    let author = Author {
        user: rerun.requested_by.clone(),
        label: "rerun".to_owned(),
        reason: Some(rerun.rerun_id.clone()),
    };
    let place = |point| Place {
        audit,
        position: rerun.step_position,
        point,
    };
    let mut points = match rerun.control_point_index {
        Some(index) => vec![Some(index)],
        None => vec![None],
    };
    if rerun.control_point_index.is_none() {
        let decided = review::decided_points(tx, audit, rerun.step_position).await?;
        points.extend(decided.into_iter().map(Some));
    }
    for point in points {
        review::revoke(tx, place(point), &author).await?;
    }
    Ok(())
}

fn scope_of(rerun: &Rerun) -> RerunScope {
    match rerun.control_point_index {
        Some(_) => RerunScope::ControlPoint,
        None => RerunScope::Step,
    }
}

fn command(audit: &Audit, rerun: &Rerun, attempt: u32) -> Message<StepAnalyze> {
    let step = StepAnalyze {
        audit_db_id: audit.id,
        audit_id: audit.tracking.clone(),
        fiche_id: audit.fiche.clone(),
        audit_config_id: audit.config.get(),
        step_position: rerun.step_position,
        use_rlm: Some(audit.use_rlm),
        attempt,
        rerun: Some(RerunRef {
            rerun_id: rerun.rerun_id.clone(),
            rerun_scope: scope_of(rerun),
            control_point_index: rerun.control_point_index,
        }),
    };
    // A person waits, whatever the audit's own lane was.
    step.message(Lane::Interactive)
}

fn place(audit: &Audit, rerun: &Rerun) -> RerunPlace {
    let point = rerun.control_point_index;
    RerunPlace {
        audit_id: audit.id,
        audit_db_id: audit.id,
        audit_tracking_id: audit.tracking.clone(),
        fiche_id: audit.fiche.clone(),
        phase: audit.phase.to_string(),
        rerun_id: rerun.rerun_id.clone(),
        rerun_scope: point.map(|_| "control_point".to_owned()),
        step_position: rerun.step_position,
        control_point_index: point,
    }
}

/// The third channel: the payload names the audit by its database id alone.
fn own_channel(audit: &Audit) -> [Channel; 1] {
    [Channel::audit(audit.tracking.as_str())]
}

/// What the AI says now: decisions over it are no business of a re-run.
fn moment(step: &StepLayers, point: Option<i32>) -> Moment {
    let layered = &step.layered;
    let mut points = step.points.iter().zip(&layered.points);
    let of_point = point.and_then(|index| points.find(|(now, _)| now.index == index));
    Moment {
        score: layered.ai.score,
        conforme: layered.ai.conforme.to_string(),
        citations: layered.points.iter().map(|point| point.citations).sum(),
        point: of_point.map(|(_, point)| {
            let statut = point.ai_statut.as_str().to_owned();
            (statut, point.ai_commentaire.clone(), point.citations)
        }),
    }
}

fn shown(moment: &Moment) -> Value {
    match &moment.point {
        None => json!({"score": moment.score, "conforme": moment.conforme,
            "citations": moment.citations}),
        Some((statut, _, citations)) => json!({"statut": statut, "citations": citations,
            "step_score": moment.score, "step_conforme": moment.conforme}),
    }
}

fn comparison(before: &Moment, after: &Moment) -> Value {
    match (&before.point, &after.point) {
        (Some(old), Some(new)) => json!({
            "statutChanged": old.0 != new.0, "citationsChanged": old.2 != new.2,
            "originalStatut": old.0, "newStatut": new.0,
            "originalCitations": old.2, "newCitations": new.2,
        }),
        _ => json!({
            "scoreChanged": before.score != after.score,
            "conformeChanged": before.conforme != after.conforme,
            "citationsChanged": before.citations != after.citations,
            "originalScore": before.score, "newScore": after.score,
            "originalConforme": before.conforme, "newConforme": after.conforme,
        }),
    }
}

async fn tell_end(
    tx: &mut PgConnection,
    rerun: &Rerun,
    before: &Moment,
    after: &Moment,
    error: Option<&str>,
) -> Result<(), WorkflowError> {
    let status = match error {
        None => RerunStatus::Done,
        Some(_) => RerunStatus::Failed,
    };
    let audit_id = AuditId::new(rerun.audit_id);
    let error = error.map(ToOwned::to_owned);
    if let Some(control_point_index) = rerun.control_point_index {
        let of = |moment: &Moment| moment.point.clone().unwrap_or_default();
        let (old, new) = (of(before), of(after));
        let fact = ControlPointRerunCompleted {
            audit_id,
            step_position: rerun.step_position,
            control_point_index,
            statut_changed: old.0 != new.0,
            citations_changed: old.2 != new.2,
            rerun_id: rerun.rerun_id.clone(),
            status,
            error,
        };
        outbox::send(tx, &fact.message()).await?;
    } else {
        let fact = StepRerunCompleted {
            audit_id,
            step_position: rerun.step_position,
            original_score: before.score,
            new_score: after.score,
            score_changed: before.score != after.score,
            conforme_changed: before.conforme != after.conforme,
            rerun_id: rerun.rerun_id.clone(),
            status,
            error,
        };
        outbox::send(tx, &fact.message()).await?;
    }
    Ok(())
}
