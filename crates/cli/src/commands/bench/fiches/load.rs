//! The requests.

use anyhow::{Context, Result};
use futures::{StreamExt, TryStreamExt, stream};
use std::time::{Duration, Instant};
use vigie_testkit::api::ApiClient;

/// Details of each fiche, so many at a time; the whole time, and each one's, sorted.
pub async fn each(
    api: &ApiClient,
    fiches: &[String],
    query: &str,
    at_a_time: usize,
) -> Result<(Duration, Vec<Duration>)> {
    let begun = Instant::now();
    let requests = fiches.iter().map(|fiche| async move {
        let path = format!("/api/fiches/{fiche}{query}");
        body(api, &path).await.with_context(|| fiche.clone())
    });
    let took: Vec<Duration> = stream::iter(requests)
        .buffer_unordered(at_a_time)
        .try_collect()
        .await?;
    Ok(sorted(begun.elapsed(), took))
}

/// One request so often, one after the other.
pub async fn again(api: &ApiClient, path: &str, times: usize) -> Result<(Duration, Vec<Duration>)> {
    let begun = Instant::now();
    let mut took = Vec::with_capacity(times);
    for _ in 0..times {
        took.push(body(api, path).await?);
    }
    Ok(sorted(begun.elapsed(), took))
}

fn sorted(wall: Duration, mut took: Vec<Duration>) -> (Duration, Vec<Duration>) {
    took.sort();
    (wall, took)
}

/// How long until all of the answer is here; reading its JSON is the caller's own work.
async fn body(api: &ApiClient, path: &str) -> Result<Duration> {
    let begun = Instant::now();
    api.bytes(path).await?;
    Ok(begun.elapsed())
}
