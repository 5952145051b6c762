//! Logins a second, and what verifying a token costs.

use super::{percentile_ms, round};
use crate::args::BenchArgs;
use anyhow::{Context, Result};
use futures::{StreamExt, TryStreamExt, stream};
use serde::Serialize;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tonic::async_trait;
use vigie_identity::Clock;
use vigie_identity::tokens::{Jwks, KeySource, KeySourceError, Realm, Verifier};
use vigie_testkit::api::{ApiClient, text};
use vigie_testkit::stack::Stack;

/// Logins measured, and how many at a time.
const LOGINS: usize = 100;
const AT_A_TIME: usize = 8;
/// Verifications of a token seen before.
const REPEATS: u32 = 100_000;

#[derive(Debug, Serialize)]
struct Line {
    bench: &'static str,
    logins_per_s: f64,
    login_p50_ms: f64,
    login_p99_ms: f64,
    /// A token seen for the first time: its signature is checked.
    verify_first_us: f64,
    /// A token seen before; whether it was taken back is asked all the same.
    verify_again_us: f64,
}

/// Measures and prints.
pub async fn run(args: &BenchArgs) -> Result<()> {
    let stack = super::start(super::stack_options(args)?.with_env("LOG_LEVEL", "warn")).await?;
    let measured = measure(&stack).await;
    let down = stack.down().await;
    let line = measured?;
    println!(
        "logins a second {}, p50 {} ms, p99 {} ms; a token verified in {} µs, again in {} µs",
        line.logins_per_s,
        line.login_p50_ms,
        line.login_p99_ms,
        line.verify_first_us,
        line.verify_again_us
    );
    println!("{}", serde_json::to_string(&line)?);
    down
}

async fn measure(stack: &Stack) -> Result<Line> {
    let admin = &stack.state().admin;
    let gateway = &stack.state().gateway_url;
    let begun = Instant::now();
    let logins: Vec<(String, Duration)> = stream::iter(0..LOGINS)
        .map(|_| async {
            let api = ApiClient::new(gateway)?;
            let begun = Instant::now();
            let session = api.login(&admin.email, &admin.password).await?;
            anyhow::Ok((text(&session["data"]["access_token"]), begun.elapsed()))
        })
        .buffer_unordered(AT_A_TIME)
        .try_collect()
        .await?;
    let wall = begun.elapsed().as_secs_f64();
    let (tokens, mut took): (Vec<String>, Vec<Duration>) = logins.into_iter().unzip();
    took.sort();
    let (verify_first_us, verify_again_us) = verifications(gateway, &tokens).await?;
    Ok(Line {
        bench: "identity",
        logins_per_s: round(f64::from(u32::try_from(LOGINS)?) / wall),
        login_p50_ms: round(percentile_ms(&took, 50)),
        login_p99_ms: round(percentile_ms(&took, 99)),
        verify_first_us,
        verify_again_us,
    })
}

/// Microseconds of a first and of a repeated verification.
async fn verifications(gateway: &str, tokens: &[String]) -> Result<(f64, f64)> {
    let jwks = ApiClient::new(gateway)?
        .get("/.well-known/jwks.json")
        .await?;
    let keys = Published(serde_json::from_value(jwks)?);
    let verifier = Verifier::new(Realm::default(), Arc::new(keys), Clock::system());
    let (warm_up, measured) = tokens.split_first().context("no token")?;
    verifier.access(warm_up).await?;
    let begun = Instant::now();
    for token in measured {
        verifier.access(token).await?;
    }
    let first = micros(begun.elapsed(), u32::try_from(measured.len())?);
    let begun = Instant::now();
    for _ in 0..REPEATS {
        verifier.access(warm_up).await?;
    }
    Ok((first, micros(begun.elapsed(), REPEATS)))
}

fn micros(took: Duration, times: u32) -> f64 {
    round(took.as_secs_f64() * 1e6 / f64::from(times.max(1)))
}

/// The keys that auth published.
struct Published(Jwks);

#[async_trait]
impl KeySource for Published {
    async fn fetch(&self) -> Result<Jwks, KeySourceError> {
        Ok(self.0.clone())
    }
}
