//! Spend: one row a model call (`audit_model_calls`).

use crate::domain::answer::Answer;
use crate::domain::prices::ModelPrices;
use sqlx::PgConnection;
use std::collections::HashSet;
use vigie_events::audit::ModelCall;

/// The calls of answers, by audit. Earlier deliveries of a command may have paid for a call whose
/// answer was lost with the worker: each is one row in doubt, an upper bound.
#[derive(Debug, Default)]
pub struct CallRows {
    audits: Vec<i64>,
    positions: Vec<i32>,
    attempts: Vec<i32>,
    engines: Vec<String>,
    models: Vec<String>,
    prompt: Vec<i64>,
    cached: Vec<i64>,
    completion: Vec<i64>,
    costs: Vec<Option<i64>>,
    latencies: Vec<i64>,
    outcomes: Vec<String>,
}

impl CallRows {
    /// Adds the calls behind an answer.
    pub fn push(&mut self, audit: i64, answer: &Answer, prices: &ModelPrices) {
        let place = (audit, answer.position, answer.attempt_number());
        self.push_calls(place, &answer.calls, prices);
        // The built-in engine costs nothing, so nothing of it can be in doubt.
        let lost = if answer.origin.engine == "lexical" {
            0
        } else {
            answer.delivery - 1
        };
        for _ in 0..lost {
            let origin = &answer.origin;
            self.row(place, &origin.engine, &origin.model, "in_doubt");
            self.prompt.push(0);
            self.cached.push(0);
            self.completion.push(0);
            self.costs.push(None);
            self.latencies.push(0);
        }
    }

    /// Adds the calls of an audit's step in one attempt.
    pub fn push_calls(
        &mut self,
        place: (i64, i32, i32),
        calls: &[ModelCall],
        prices: &ModelPrices,
    ) {
        for call in calls {
            let outcome = if call.ok { "ok" } else { "failed" };
            self.row(place, &call.engine, &call.model, outcome);
            self.prompt.push(call.prompt_tokens);
            self.cached.push(call.cached_tokens);
            self.completion.push(call.completion_tokens);
            self.costs.push(prices.cost_micros(call));
            self.latencies.push(call.latency_ms);
        }
    }

    /// The audits, positions and attempts they belong to.
    pub fn answered(&self) -> impl Iterator<Item = (i64, i32, i32)> {
        let places = self.audits.iter().zip(&self.positions).zip(&self.attempts);
        places.map(|((&audit, &position), &attempt)| (audit, position, attempt))
    }

    fn row(
        &mut self,
        (audit, position, attempt): (i64, i32, i32),
        engine: &str,
        model: &str,
        outcome: &str,
    ) {
        self.audits.push(audit);
        self.positions.push(position);
        self.attempts.push(attempt);
        self.engines.push(engine.to_owned());
        self.models.push(model.to_owned());
        self.outcomes.push(outcome.to_owned());
    }

    /// Stores them, in one statement.
    #[tracing::instrument(name = "store.call.insert", skip_all, err)]
    pub async fn insert(&self, conn: &mut PgConnection) -> sqlx::Result<()> {
        if self.audits.is_empty() {
            return Ok(());
        }
        sqlx::query!(
            "INSERT INTO audit_model_calls
                 (audit_id, step_position, purpose, attempt, engine, model, prompt_tokens,
                  cached_tokens, completion_tokens, cost_micros, latency_ms, outcome)
             SELECT audit_id, step_position, 'step', attempt, engine, model, prompt, cached,
                    completion, cost, latency, outcome
               FROM UNNEST($1::bigint[], $2::integer[], $3::integer[], $4::text[], $5::text[],
                           $6::bigint[], $7::bigint[], $8::bigint[], $9::bigint[], $10::bigint[],
                           $11::text[])
                 AS c (audit_id, step_position, attempt, engine, model, prompt, cached, completion,
                       cost, latency, outcome)",
            &self.audits,
            &self.positions,
            &self.attempts,
            &self.engines,
            &self.models,
            &self.prompt,
            &self.cached,
            &self.completion,
            &self.costs as &[Option<i64>],
            &self.latencies,
            &self.outcomes
        )
        .execute(conn)
        .await?;
        Ok(())
    }
}

/// Audits, positions and attempts whose calls are on record.
#[tracing::instrument(name = "store.call.known", skip_all, err)]
pub async fn known(
    conn: &mut PgConnection,
    audits: &[i64],
) -> sqlx::Result<HashSet<(i64, i32, i32)>> {
    let rows = sqlx::query!(
        r#"SELECT DISTINCT audit_id AS "audit!", step_position AS "position!", attempt
             FROM audit_model_calls WHERE audit_id = ANY($1) AND purpose = 'step'"#,
        audits
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| (row.audit, row.position, row.attempt))
        .collect())
}

/// Tokens that an audit has cost so far, whatever for.
#[tracing::instrument(name = "store.call.spent", skip_all, err)]
pub async fn spent(conn: &mut PgConnection, audit: i64) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"SELECT COALESCE(sum(prompt_tokens + completion_tokens), 0)::bigint AS "spent!"
             FROM audit_model_calls WHERE audit_id = $1"#,
        audit
    )
    .fetch_one(conn)
    .await
}
