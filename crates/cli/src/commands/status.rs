//! `vigie status`: what runs, and whether it is ready.

use super::running;
use crate::print;
use anyhow::{Result, bail};
use std::time::Duration;
use vigie_testkit::api::http_client;

/// Runs the command.
pub async fn run() -> Result<()> {
    let state = running()?;
    let http = http_client()?;
    let checks = state.services.iter().map(|service| {
        let url = service.metrics_url.replace("/metrics", "/ready");
        let asked = http.get(url).timeout(Duration::from_secs(5)).send();
        async move { asked.await.is_ok_and(|answer| answer.status().is_success()) }
    });
    let ready = futures::future::join_all(checks).await;
    print::summary(&state);
    println!();
    print::processes(&state, &ready);
    if ready.contains(&false) {
        bail!("not everything is ready");
    }
    Ok(())
}
