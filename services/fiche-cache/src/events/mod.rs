//! What the service works on, one file a message.

mod fetch;
mod job_continue;
mod job_day;
mod revalidate;

use crate::app::AppState;
use std::time::Duration;
use vigie_bus::{BusError, ConsumerOptions, Consumers};

/// Starts the consumers. `fetches` bounds the commands of a lane at once, over all replicas.
pub async fn consume(
    consumers: &mut Consumers,
    state: &AppState,
    fetches: usize,
) -> Result<(), BusError> {
    let options = ConsumerOptions {
        name: "fetch",
        max_ack_pending: i64::try_from(fetches).unwrap_or(i64::MAX),
        slots: fetches,
        deadline: Duration::from_mins(5),
        max_attempts: 3,
        ..ConsumerOptions::default()
    };
    consumers
        .worker(options, fetch::Fetch::new(state.clone()))
        .await?;
    consume_days(consumers, state).await
}

/// Days of sales. The CRM's lists are bounded over all replicas, whoever wants them.
async fn consume_days(consumers: &mut Consumers, state: &AppState) -> Result<(), BusError> {
    let at_once = state.jobs.day_concurrency;
    let days = |name, at_once: usize| ConsumerOptions {
        name,
        max_ack_pending: i64::try_from(at_once).unwrap_or(i64::MAX),
        slots: at_once,
        deadline: Duration::from_mins(10),
        max_attempts: 3,
        ..ConsumerOptions::default()
    };
    let job = ConsumerOptions {
        name: "fetch-job",
        ..ConsumerOptions::default()
    };
    consumers.handler(job, job_continue::Continue).await?;
    let day = job_day::Day {
        state: state.clone(),
    };
    consumers.worker(days("fetch-day", at_once), day).await?;
    let revalidate = revalidate::Revalidate {
        state: state.clone(),
    };
    consumers.worker(days("revalidate", 1), revalidate).await
}
