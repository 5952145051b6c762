//! What the service works on, one file a message.

mod fetch;

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
        .await
}
