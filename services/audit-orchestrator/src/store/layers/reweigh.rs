//! Gives stored steps the weights that their configuration has now.

use super::StepLayers;
use sqlx::PgConnection;

/// What a step of a configuration counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Weight {
    /// Points it is worth.
    pub points: i32,
    /// Whether the audit is rejected unless it is conform.
    pub is_critical: bool,
}

impl StepLayers {
    /// Takes another weight; whether that changed anything.
    pub fn take(&mut self, weight: Weight) -> bool {
        let now = Weight {
            points: self.layered.weight,
            is_critical: self.is_critical,
        };
        self.layered.reweigh(weight.points);
        self.is_critical = weight.is_critical;
        now != weight
    }
}

/// Stores weight, critical flag and the AI's score of these steps, each with its audit.
#[tracing::instrument(name = "store.layers.reweigh", skip_all, err)]
pub async fn reweigh(conn: &mut PgConnection, steps: &[(i64, &StepLayers)]) -> sqlx::Result<()> {
    macro_rules! column {
        (|$audit:ident, $step:ident| $value:expr) => {
            &steps
                .iter()
                .map(|($audit, $step)| $value)
                .collect::<Vec<_>>()
        };
    }
    sqlx::query!(
        "UPDATE audit_step_results r
            SET weight = s.weight, is_critical = s.critical, ai_score = s.score
           FROM UNNEST($1::bigint[], $2::integer[], $3::integer[], $4::boolean[], $5::integer[])
             AS s (audit, position, weight, critical, score)
          WHERE r.audit_id = s.audit AND r.step_position = s.position",
        column!(|audit, _step| *audit),
        column!(|_audit, step| step.facts.position),
        column!(|_audit, step| step.layered.weight),
        column!(|_audit, step| step.is_critical),
        column!(|_audit, step| step.layered.ai.score)
    )
    .execute(conn)
    .await?;
    Ok(())
}
