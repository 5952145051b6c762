//! What re-runs cost.

use crate::domain::answer::Answer;
use crate::domain::prices::ModelPrices;
use sqlx::PgConnection;
use vigie_events::audit::ModelCall;

/// Stores the calls of an attempt of a re-run, once.
#[tracing::instrument(name = "store.rerun.pay", skip_all, err)]
pub async fn pay(
    conn: &mut PgConnection,
    audit: i64,
    rerun_id: &str,
    answer: &Answer,
    prices: &ModelPrices,
) -> sqlx::Result<()> {
    let place = (audit, answer.position, answer.attempt_number());
    pay_calls(conn, place, rerun_id, &answer.calls, prices).await
}

/// The same, for calls without an answer.
#[tracing::instrument(name = "store.rerun.pay_calls", skip_all, err)]
pub async fn pay_calls(
    conn: &mut PgConnection,
    (audit, position, attempt): (i64, i32, i32),
    rerun_id: &str,
    calls: &[ModelCall],
    prices: &ModelPrices,
) -> sqlx::Result<()> {
    macro_rules! column {
        (|$call:ident| $value:expr) => {
            &calls.iter().map(|$call| $value).collect::<Vec<_>>()
        };
    }
    sqlx::query!(
        "INSERT INTO audit_model_calls
             (audit_id, step_position, rerun_id, purpose, attempt, engine, model, prompt_tokens,
              cached_tokens, completion_tokens, cost_micros, latency_ms, outcome)
         SELECT $1, $2, $3, 'rerun', $4, engine, model, prompt, cached, completion, cost, latency,
                outcome
           FROM UNNEST($5::text[], $6::text[], $7::bigint[], $8::bigint[], $9::bigint[],
                       $10::bigint[], $11::bigint[], $12::text[])
             AS c (engine, model, prompt, cached, completion, cost, latency, outcome)
          WHERE NOT EXISTS (SELECT FROM audit_model_calls k
                             WHERE k.audit_id = $1 AND k.rerun_id = $3 AND k.attempt = $4)",
        audit,
        position,
        rerun_id,
        attempt,
        column!(|call| call.engine.clone()),
        column!(|call| call.model.clone()),
        column!(|call| call.prompt_tokens),
        column!(|call| call.cached_tokens),
        column!(|call| call.completion_tokens),
        column!(|call| prices.cost_micros(call)) as &[Option<i64>],
        column!(|call| call.latency_ms),
        column!(|call| if call.ok { "ok" } else { "failed" }.to_owned())
    )
    .execute(conn)
    .await?;
    Ok(())
}
