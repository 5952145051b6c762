//! `audit/step.analyze`: judges a step and publishes what was found.

use crate::context::{AuditContext, ContextError, Contexts};
use crate::domain::judgement::{JudgeError, Judgement, Question};
use crate::engine::Engine;
use std::sync::Arc;
use std::time::Duration;
use vigie_bus::{Bus, Delivery, Failure, Sending, StatelessWorker};
use vigie_events::audit::{ModelCall, StepAnalyze, StepAnalyzed, StepDeferred};
use vigie_events::realtime::audit::{Approach, AuditRef, Processing, StepStarted};
use vigie_events::realtime::{Entity, Realtime};
use vigie_events::{Event, MessageId};
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

/// A delivered command cannot be carried out, now or ever.
#[derive(Debug, thiserror::Error)]
enum StepError {
    #[error("unknown step {0}")]
    UnknownStep(i32),
    #[error("the transcript is empty")]
    EmptyTranscript,
}

impl StatelessWorker<StepAnalyze> for AnalyzeStep {
    async fn work(&self, delivery: &Delivery<StepAnalyze>) -> Result<(), Failure> {
        let step = &delivery.body;
        if self.already_paid(delivery).await? {
            return Ok(());
        }
        let context = match self.contexts.of(step.audit_db_id).await {
            Ok(context) => context,
            // Deleted or ended long ago: nobody waits for this step.
            Err(ContextError::NotFound) => return Ok(()),
            Err(error @ ContextError::Malformed(_)) => return Err(Failure::park(error)),
            Err(error @ ContextError::Unavailable(_)) => return Err(error.into()),
        };
        if context.stored_positions.contains(&step.step_position) {
            return Ok(());
        }
        let Some(definition) = context.config.step(step.step_position) else {
            return Err(Failure::park(StepError::UnknownStep(step.step_position)));
        };
        if context.transcript.timeline.recordings.is_empty() {
            return Err(Failure::park(StepError::EmptyTranscript));
        }
        self.show_start(delivery, &context, definition).await;
        self.judge(delivery, &context, definition).await
    }

    /// A step that is given up ends as a failure, so that its audit still ends.
    async fn parked(&self, delivery: &Delivery<StepAnalyze>, reason: &str) -> Result<(), Failure> {
        let error = format!("step analysis given up: {reason}");
        self.publish(delivery, "", Err(error), Vec::new()).await
    }
}

impl AnalyzeStep {
    /// Whether a result of this step exists. One that the orchestrator has not stored is published
    /// once more: its message may be lost or was skipped.
    async fn already_paid(&self, delivery: &Delivery<StepAnalyze>) -> Result<bool, Failure> {
        let step = &delivery.body;
        if let Some(result) = self.bus.last_fact::<StepAnalyzed>(&step.entity()).await? {
            if self.contexts.wanted(step).await? {
                metrics::counter!("analyzer.result.republished").increment(1);
                self.bus
                    .publish(&result, Sending::Again(delivery.delivery))
                    .await?;
            }
            return Ok(true);
        }
        // Facts live for days only, and a redelivered step may be done or cancelled since.
        Ok(delivery.delivery > 1 && !self.contexts.wanted(step).await?)
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
                ..
            }) => self.defer(delivery, reason, retry_after).await,
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
            // Tools mode is not built yet: what was asked for is not what was done.
            use_rlm: step.use_rlm.map(|_| false),
            attempt: step.attempt,
            delivery: delivery.delivery,
            engine: self.engine.name().to_owned(),
            model: self.engine.model().to_owned(),
            prompt_version: self.engine.prompt_version().to_owned(),
            transcript_hash: transcript_hash.to_owned(),
            result,
            calls,
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
                approach: Some(Approach::of(false)),
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
