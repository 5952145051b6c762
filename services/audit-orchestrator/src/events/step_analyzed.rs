//! `audit/step.analyzed`: stores results; the last one of an audit completes it.

use crate::domain::answer::Answer;
use crate::workflow::{Answers, Workflow};
use sqlx::PgConnection;
use vigie_bus::{BatchHandler, Delivery, Failure};
use vigie_events::audit::StepAnalyzed;

/// The handler.
#[derive(Debug, Clone)]
pub struct RecordSteps {
    /// Moves audits on.
    pub workflow: Workflow,
}

impl BatchHandler<StepAnalyzed> for RecordSteps {
    async fn handle(
        &self,
        tx: &mut PgConnection,
        deliveries: &[Delivery<StepAnalyzed>],
    ) -> Result<(), Failure> {
        let mut answers = Answers::new();
        for delivery in deliveries {
            let event = delivery.body.clone();
            answers
                .entry(event.audit_db_id)
                .or_default()
                .push(Answer::from(event));
        }
        Ok(self.workflow.record(tx, answers).await?)
    }

    /// A result that cannot be stored counts as a failed analysis, so that its audit still ends.
    async fn parked(
        &self,
        tx: &mut PgConnection,
        delivery: &Delivery<StepAnalyzed>,
        reason: &str,
    ) -> Result<(), Failure> {
        let event = delivery.body.clone();
        tracing::error!(audit.id = %event.audit_db_id, step = event.step_position, reason,
            "step result could not be stored");
        let id = event.audit_db_id;
        let unstorable = Err("result could not be stored".to_owned());
        let answer = Answer {
            result: unstorable,
            ..Answer::from(event)
        };
        Ok(self
            .workflow
            .record(tx, Answers::from([(id, vec![answer])]))
            .await?)
    }
}
