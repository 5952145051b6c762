//! What is done now and then, by every replica: reading the signing keys again, and deleting what
//! nobody can use any more.

use crate::app::AppState;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Sweeps until `stop`. A failed round is logged; the next one tries again.
pub async fn run(state: AppState, every: Duration, stop: CancellationToken) -> anyhow::Result<()> {
    loop {
        let pause = every.mul_f64(1.0 + rand::random::<f64>() / 5.0);
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            () = tokio::time::sleep(pause) => {}
        }
        if let Err(error) = round(&state).await {
            tracing::error!(error = format!("{error:#}"), "sweep failed");
        }
    }
}

/// One round.
pub async fn round(state: &AppState) -> anyhow::Result<()> {
    state.keys.reload().await?;
    let purged = crate::store::purge::round(&mut *state.pool.acquire().await?).await?;
    metrics::counter!("vigie_auth_purged_rows_total").increment(purged);
    Ok(())
}
