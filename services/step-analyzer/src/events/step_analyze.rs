//! `audit/step.analyze`: judges a step and publishes what was found.

use crate::context::{AuditContext, Claim, ContextError, Contexts};
use crate::domain::judgement::{JudgeError, Judgement, Question};
use crate::engine::Engine;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use vigie_bus::{Bus, BusError, Delivery, Failure, Sending, StatelessWorker};
use vigie_events::audit::{ModelCall, StepAnalyze, StepAnalyzed, StepDeferred};
use vigie_events::realtime::audit::{Approach, AuditRef, Processing, StepStarted};
use vigie_events::realtime::{Entity, Realtime};
use vigie_events::{Event, Message, MessageId};
use vigie_scorecard::{StepDefinition, StepResult};

/// The worker.
pub struct AnalyzeStep {
    /// Where results go.
    pub bus: Bus,
    /// What steps are judged by.
    pub contexts: Contexts,
    /// Who judges.
    pub engine: Arc<Engine>,
}

/// How long a step waits for an orchestrator that does not answer.
const ORCHESTRATOR_AWAY: Duration = Duration::from_secs(15);
/// How long what the orchestrator said of an audit is taken for current.
const RECENT: Duration = Duration::from_secs(30);
/// A third of the life of a lease.
const RENEW_EVERY: Duration = Duration::from_secs(4);

/// Why a delivered command was not carried out.
#[derive(Debug, thiserror::Error)]
enum StepError {
    #[error("unknown step {0}")]
    UnknownStep(i32),
    #[error("the transcript is empty")]
    EmptyTranscript,
    #[error(transparent)]
    Context(#[from] ContextError),
    #[error(transparent)]
    Bus(#[from] BusError),
    #[error("decided")]
    Given(Failure),
}

impl StatelessWorker<StepAnalyze> for AnalyzeStep {
    async fn work(&self, delivery: &Delivery<StepAnalyze>) -> Result<(), Failure> {
        match self.answer(delivery).await {
            // The orchestrator is away: no fault of the step, so no attempt of it either.
            Err(StepError::Context(error @ ContextError::Unavailable(_))) => {
                self.defer(delivery, error.to_string(), ORCHESTRATOR_AWAY, Vec::new())
                    .await
            }
            Err(StepError::Bus(error)) => Err(error.into()),
            Err(StepError::Given(failure)) => Err(failure),
            Err(error) => Err(Failure::park(error)),
            Ok(()) => Ok(()),
        }
    }

    /// A step that is given up ends as a failure, so that its audit still ends. A result that was
    /// paid for is never hidden by it.
    async fn parked(&self, delivery: &Delivery<StepAnalyze>, reason: &str) -> Result<(), Failure> {
        if let Some(result) = self
            .bus
            .last_fact::<StepAnalyzed>(&delivery.body.entity())
            .await?
        {
            return Ok(self
                .bus
                .publish(&result, Sending::Again(delivery.delivery))
                .await?);
        }
        let error = format!("step analysis given up: {reason}");
        self.publish(delivery, "", Err(error), Vec::new()).await
    }
}

impl AnalyzeStep {
    async fn answer(&self, delivery: &Delivery<StepAnalyze>) -> Result<(), StepError> {
        let step = &delivery.body;
        if !delivery.fresh
            && let Some(result) = self.bus.last_fact::<StepAnalyzed>(&step.entity()).await?
        {
            return self.publish_again(delivery, &result).await;
        }
        let context = match self.contexts.of(step.audit_db_id).await {
            // Deleted or ended long ago: nobody waits for this step.
            Err(ContextError::NotFound) => return Ok(()),
            read => read?,
        };
        let holder = uuid::Uuid::new_v4().simple().to_string();
        match self.claim(delivery, &context, &holder).await? {
            Claim::Mine => {}
            Claim::Unwanted => return Ok(()),
            // A twin of this command: should the other one die, this comes back and finds it free.
            Claim::Held(left) => {
                let reason = "another worker is at it".to_owned();
                let deferred = self.defer(delivery, reason, left, Vec::new()).await;
                return deferred.map_err(StepError::Given);
            }
        }
        let position = step.step_position;
        let definition = context
            .config
            .step(position)
            .ok_or(StepError::UnknownStep(position))?;
        if context.transcript.timeline.recordings.is_empty() {
            return Err(StepError::EmptyTranscript);
        }
        let again = self.reworded(step, definition).await?;
        if again.is_none() {
            self.show_start(delivery, &context, definition).await;
        }
        let definition = again.as_ref().unwrap_or(definition);
        let judging = self.judge(delivery, &context, definition);
        tokio::select! {
            judged = judging => judged.map_err(StepError::Given),
            never = self.keep_lease(step, &holder) => match never {},
        }
    }

    /// The step as a re-run asks for it: one point of it where only that is analysed again, and what
    /// the user adds after its prompt.
    async fn reworded(
        &self,
        step: &StepAnalyze,
        definition: &StepDefinition,
    ) -> Result<Option<StepDefinition>, StepError> {
        let Some(rerun) = &step.rerun else {
            return Ok(None);
        };
        let mut again = definition.clone();
        if let Some(index) = rerun.control_point_index {
            let place = usize::try_from(index - 1).ok();
            let point = place.and_then(|place| definition.control_points.get(place));
            let point = point.ok_or(StepError::UnknownStep(step.step_position))?;
            again.control_points = vec![point.clone()];
        }
        let guidance = self.contexts.guidance(&rerun.rerun_id).await?;
        if !guidance.is_empty() {
            again.prompt.push_str("\n\n");
            again.prompt.push_str(&guidance);
        }
        Ok(Some(again))
    }

    /// The step was paid for. A result that the orchestrator has not stored is published once more:
    /// its message may be lost or was skipped.
    async fn publish_again(
        &self,
        delivery: &Delivery<StepAnalyze>,
        result: &Message<StepAnalyzed>,
    ) -> Result<(), StepError> {
        if self.contexts.wanted(&delivery.body).await? {
            metrics::counter!("analyzer.result.republished").increment(1);
            self.bus
                .publish(result, Sending::Again(delivery.delivery))
                .await?;
        }
        Ok(())
    }

    /// Whether a step without a result on the bus is still waited for, and nobody else pays for it:
    /// facts live for days only, an audit may have ended meanwhile, and a command may have been sent
    /// twice. Where nothing is paid, the orchestrator is asked unless the message is fresh and
    /// what it said of the audit is moments old.
    async fn claim(
        &self,
        delivery: &Delivery<StepAnalyze>,
        context: &AuditContext,
        holder: &str,
    ) -> Result<Claim, ContextError> {
        let step = &delivery.body;
        if step.rerun.is_none() && context.stored_positions.contains(&step.step_position) {
            return Ok(Claim::Unwanted);
        }
        let known = step.rerun.is_none() && delivery.fresh && context.read_at.elapsed() < RECENT;
        if known && !self.engine.is_paid() {
            return Ok(Claim::Mine);
        }
        match self.contexts.claim(step, holder).await {
            // It was wanted moments ago; the results of its siblings wait for the orchestrator too.
            Err(ContextError::Unavailable(_)) if known => Ok(Claim::Mine),
            claim => claim,
        }
    }

    /// Renews the lease for as long as the step is judged. A lost one changes nothing any more: the
    /// call is made.
    async fn keep_lease(&self, step: &StepAnalyze, holder: &str) -> Infallible {
        loop {
            tokio::time::sleep(RENEW_EVERY).await;
            if self.engine.is_paid()
                && let Err(error) = self.contexts.claim(step, holder).await
            {
                tracing::debug!(%error, "lease not renewed");
            }
        }
    }

    /// Whether a step is judged in tools mode: it asks for it, and the engine can.
    fn uses_tools(&self, step: &StepAnalyze) -> bool {
        step.use_rlm == Some(true) && self.engine.has_tools()
    }

    async fn judge(
        &self,
        delivery: &Delivery<StepAnalyze>,
        context: &AuditContext,
        definition: &StepDefinition,
    ) -> Result<(), Failure> {
        let question = Question {
            config: &context.config,
            step: definition,
            transcript: &context.transcript,
            use_tools: self.uses_tools(&delivery.body),
            call_key: delivery.id.as_str(),
        };
        let hash = &context.transcript.hash;
        match self.engine.judge(question).await {
            Ok(Judgement { result, calls }) => {
                self.publish(delivery, hash, Ok(result), calls).await
            }
            Err(JudgeError::Failed { reason, calls }) => {
                tracing::warn!(audit.id = %delivery.body.audit_db_id,
                    audit.step = delivery.body.step_position, reason, "step analysis failed");
                self.publish(delivery, hash, Err(reason), calls).await
            }
            Err(JudgeError::Unavailable {
                reason,
                retry_after,
                calls,
            }) => self.defer(delivery, reason, retry_after, calls).await,
        }
    }

    async fn publish(
        &self,
        delivery: &Delivery<StepAnalyze>,
        transcript_hash: &str,
        outcome: Result<StepResult, String>,
        calls: Vec<ModelCall>,
    ) -> Result<(), Failure> {
        let step = &delivery.body;
        let (result, error) = match outcome {
            Ok(result) => (Some(result), None),
            Err(error) => (None, Some(error)),
        };
        let word = if result.is_some() { "ok" } else { "failed" };
        metrics::counter!("analyzer.steps", "engine" => self.engine.name(), "outcome" => word)
            .increment(1);
        let analyzed = StepAnalyzed {
            audit_db_id: step.audit_db_id,
            audit_id: step.audit_id.clone(),
            fiche_id: step.fiche_id.clone(),
            audit_config_id: step.audit_config_id,
            step_position: step.step_position,
            ok: result.is_some(),
            error,
            // What was done, not what was asked for.
            use_rlm: step.use_rlm.map(|_| self.uses_tools(step)),
            attempt: step.attempt,
            delivery: delivery.delivery,
            engine: self.engine.name().to_owned(),
            model: self.engine.model().to_owned(),
            prompt_version: self.engine.prompt_version().to_owned(),
            transcript_hash: transcript_hash.to_owned(),
            result,
            calls,
            rerun: step.rerun.clone(),
        };
        Ok(self
            .bus
            .publish(&analyzed.message(), Sending::First)
            .await?)
    }

    /// The provider is down: the step leaves the queue, and the orchestrator sends it again.
    async fn defer(
        &self,
        delivery: &Delivery<StepAnalyze>,
        reason: String,
        retry_after: Duration,
        calls: Vec<ModelCall>,
    ) -> Result<(), Failure> {
        tracing::warn!(audit.id = %delivery.body.audit_db_id,
            audit.step = delivery.body.step_position, reason, "step deferred");
        metrics::counter!("analyzer.steps", "engine" => self.engine.name(), "outcome" => "deferred")
            .increment(1);
        let retry_after_ms = i64::try_from(retry_after.as_millis()).unwrap_or(i64::MAX);
        let deferred = StepDeferred {
            step: delivery.body.clone(),
            reason,
            retry_after_ms,
            calls,
        };
        Ok(self
            .bus
            .publish(&deferred.message(), Sending::First)
            .await?)
    }

    async fn show_start(
        &self,
        delivery: &Delivery<StepAnalyze>,
        context: &AuditContext,
        definition: &StepDefinition,
    ) {
        let step = &delivery.body;
        let id = format!(
            "rt-step-started-{}-{}-{}",
            step.audit_db_id, step.step_position, delivery.delivery
        );
        let event = StepStarted {
            audit: AuditRef {
                audit_id: step.audit_id.clone(),
                audit_db_id: step.audit_db_id,
                fiche_id: step.fiche_id.clone(),
                event_id: None,
                approach: Some(Approach::of(self.uses_tools(step))),
                phase: "analyzing".to_owned(),
            },
            step_position: definition.position,
            step_name: definition.name.clone(),
            total_steps: i32::try_from(context.config.steps.len()).unwrap_or(i32::MAX),
            step_weight: definition.weight,
            is_critical: definition.is_critical,
            status: Processing::default(),
        };
        let entity = Entity::Audit(step.audit_db_id.to_string());
        match Realtime::unsequenced(MessageId::new(id), &entity, &event) {
            Ok(message) => self.bus.show_best_effort(&message).await,
            Err(error) => tracing::warn!(%error, "step start not shown"),
        }
    }
}
