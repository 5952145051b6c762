//! Waiting for a condition in another process, with a limit.

use anyhow::{Context, Result, anyhow};
use std::time::Duration;

const PAUSE: Duration = Duration::from_millis(15);

/// Asks `probe` until it answers `Some`. Its errors mean "not yet"; the last one is told when the
/// limit is reached. For what cannot call back: a foreign process that becomes ready.
pub async fn until<T, F, Fut>(what: &str, limit: Duration, mut probe: F) -> Result<T>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<Option<T>>>,
{
    let mut last = None;
    let mut ticks = tokio::time::interval(PAUSE);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let found = tokio::time::timeout(limit, async {
        loop {
            ticks.tick().await;
            match probe().await {
                Ok(Some(found)) => return found,
                Ok(None) => {}
                Err(error) => last = Some(error),
            }
        }
    })
    .await;
    found
        .map_err(|_| last.unwrap_or_else(|| anyhow!("it never was")))
        .with_context(|| format!("waited {} s for {what}", limit.as_secs()))
}
