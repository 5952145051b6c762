//! `audit/step.analyzed`: stores results; the last one of an audit completes it.

use crate::domain::answer::Answer;
use crate::store::audit;
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
        let mut reruns = Vec::new();
        for delivery in deliveries {
            let event = delivery.body.clone();
            if let Some(rerun) = &event.rerun {
                reruns.push((rerun.rerun_id.clone(), event));
                continue;
            }
            answers
                .entry(event.audit_db_id)
                .or_default()
                .push(Answer::from(event));
        }
        if !reruns.is_empty() {
            // All audits in the order of their ids, the one order of all writers.
            let ids = deliveries.iter().map(|one| one.body.audit_db_id.get());
            audit::lock(tx, &ids.collect::<Vec<_>>()).await?;
        }
        self.workflow.record(tx, answers).await?;
        for (rerun_id, event) in reruns {
            self.workflow.record_rerun(tx, &rerun_id, event).await?;
        }
        Ok(())
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
        if let Some(rerun) = &event.rerun {
            let error = "result could not be stored";
            let failed = self.workflow.fail_rerun(tx, &rerun.rerun_id, error);
            return Ok(failed.await?);
        }
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
