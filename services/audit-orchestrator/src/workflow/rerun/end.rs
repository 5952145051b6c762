//! How a re-run ends.

use super::tell::{comparison, moment, own_channel, place, shown, tell_end};
use crate::domain::announcer::Announcer;
use crate::domain::answer::{Answer, StepToStore};
use crate::domain::audit::{Audit, Phase};
use crate::domain::time::iso;
use crate::store::layers::{self, StepLayers};
use crate::store::log::{Level, Lines};
use crate::store::rerun::{self, Rerun};
use crate::store::review::{self, Author, Place};
use crate::workflow::{Rejudged, Workflow, WorkflowError};
use serde_json::json;
use sqlx::PgConnection;
use vigie_bus::outbox;
use vigie_events::realtime::review::{RerunCompleted, RerunFailed};
use vigie_scorecard::{Coverage, distinct_minutages};

impl Workflow {
    pub(super) async fn end_failed(
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

    pub(super) async fn end_done(
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
