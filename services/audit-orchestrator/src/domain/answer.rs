//! What the analyzer (or a deadline) says about a step, and what is stored of it.

use crate::domain::material::AuditContext;
use vigie_events::audit::{ModelCall, StepAnalyzed};
use vigie_scorecard::{
    Conforme, EvidenceRules, Outcome, SettledStep, StepDefinition, StepFacts, StepResult, fallback,
    settle_step,
};

/// Who judged, by what, on what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// `openai` or `lexical`.
    pub engine: String,
    /// The model.
    pub model: String,
    /// Version of the prompt template.
    pub prompt_version: String,
}

/// An answer to one step.
#[derive(Debug, Clone)]
pub struct Answer {
    /// From 1.
    pub position: i32,
    /// The model's answer, or why there is none.
    pub result: Result<Box<StepResult>, String>,
    /// Who judged.
    pub origin: Origin,
    /// Calls made for it.
    pub calls: Vec<ModelCall>,
    /// Attempt of the command.
    pub attempt: u32,
    /// Delivery of the command that was answered.
    pub delivery: u32,
}

/// Values of `audit.step_completed`: those of the answer, before gating.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Proposed {
    /// Points.
    pub score: i32,
    /// Whether CONFORME.
    pub conforme: bool,
    /// Citations.
    pub citations: i32,
}

/// An answer ready to be stored.
#[derive(Debug, Clone)]
pub struct StepToStore {
    /// Aligned, enriched, gated, clamped.
    pub settled: SettledStep,
    /// What the end of the audit needs of it.
    pub facts: StepFacts,
    /// What was proposed, or why nothing was.
    pub proposed: Result<Proposed, String>,
    /// Who judged.
    pub origin: Origin,
    /// Attempt that was answered.
    pub attempt: i32,
}

impl From<StepAnalyzed> for Answer {
    fn from(event: StepAnalyzed) -> Self {
        let result = match (event.ok, event.result) {
            (true, Some(result)) => Ok(Box::new(result)),
            (true, None) => Err("the analyzer's answer holds no result".to_owned()),
            (false, _) => Err(event.error.unwrap_or_else(|| "analysis failed".to_owned())),
        };
        Self {
            position: event.step_position,
            result,
            origin: Origin {
                engine: event.engine,
                model: event.model,
                prompt_version: event.prompt_version,
            },
            calls: event.calls,
            attempt: event.attempt,
            delivery: event.delivery,
        }
    }
}

impl Answer {
    /// The answer that stands in for one that will not come.
    pub fn missing(position: i32, reason: &str, origin: Origin) -> Self {
        Self {
            position,
            result: Err(reason.to_owned()),
            origin,
            calls: Vec::new(),
            attempt: 1,
            delivery: 1,
        }
    }

    /// Its attempt as stored.
    pub fn attempt_number(&self) -> i32 {
        i32::try_from(self.attempt).unwrap_or(i32::MAX)
    }

    /// Settles it against the audit's timeline and configuration.
    pub fn settle(
        self,
        context: &AuditContext,
        definition: &StepDefinition,
        rules: EvidenceRules,
    ) -> StepToStore {
        let attempt = self.attempt_number();
        let (result, proposed) = match self.result {
            Ok(result) => {
                let proposed = Proposed {
                    score: result.score,
                    conforme: result.conforme == Conforme::Conforme,
                    citations: result.total_citations(),
                };
                (*result, Ok(proposed))
            }
            Err(reason) => (fallback(definition, &reason), Err(reason)),
        };
        let outcome = if proposed.is_ok() {
            Outcome::Ok
        } else {
            Outcome::Fallback
        };
        let mut settled = settle_step(
            &context.timeline,
            definition,
            result,
            rules,
            context.coverage,
        );
        if let Some(metadata) = &mut settled.result.step_metadata {
            metadata.outcome = Some(outcome);
            metadata.engine = Some(self.origin.engine.clone());
            metadata.model = Some(self.origin.model.clone());
            metadata.prompt_version = Some(self.origin.prompt_version.clone());
        }
        let facts = settled.facts(definition);
        StepToStore {
            settled,
            facts,
            proposed,
            origin: self.origin,
            attempt,
        }
    }
}
