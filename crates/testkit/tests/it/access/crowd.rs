//! Many who log in at once.

use super::metric;
use crate::spine::options;
use anyhow::{Context, Result};
use futures::future::join_all;
use serde_json::json;
use std::collections::BTreeMap;
use vigie_testkit::api::http_client;
use vigie_testkit::stack::{Service, Stack};

const CROWD: usize = 200;
/// Of one account in a minute (identity.md W5).
const FAILURES: usize = 5;
/// In KiB, optimised. A debug build's memory says little: there the permits are what is tried.
const MOST_MEMORY: u64 = 80 * 1024;

/// The most memory that auth ever had, in KiB.
fn memory(stack: &Stack) -> Result<u64> {
    let state = stack.state();
    let auth = state
        .services
        .iter()
        .find(|one| one.name == Service::Auth.name());
    let pid = auth.context("no auth")?.pid;
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let size = line
        .context("no VmHWM")?
        .trim()
        .trim_end_matches(" kB")
        .trim();
    Ok(size.parse()?)
}

#[tokio::test]
async fn a_crowd_is_let_in_one_after_the_other() -> Result<()> {
    let stack = Stack::start(options().await?).await?;
    let (base, admin) = (stack.state().gateway_url, stack.state().admin);
    let http = http_client()?;
    let login = |number: usize| {
        // Every tenth does not know the password of an account that does not exist.
        let body = if number % 10 == 9 {
            json!({ "email": format!("nobody-{number}@vigie.test"), "password": "no idea at all" })
        } else {
            json!({ "email": admin.email, "password": admin.password })
        };
        let request = http.post(format!("{base}/api/auth/login")).json(&body);
        async move { request.send().await.map(|answer| answer.status().as_u16()) }
    };
    let answers = join_all((0..CROWD).map(login)).await;
    let mut counts: BTreeMap<u16, usize> = BTreeMap::new();
    for answer in answers {
        *counts.entry(answer?).or_default() += 1;
    }
    // Whoever waits too long, or comes after too many failures of the address, is told to come again.
    let known = counts.keys().all(|status| [200, 401, 429].contains(status));
    assert!(known && counts.contains_key(&200), "{counts:?}");

    // Whoever fails too often, too, and when.
    let wrong = json!({ "email": "nobody@vigie.test", "password": "no idea at all" });
    let mut last = None;
    for _ in 0..=FAILURES {
        let request = http.post(format!("{base}/api/auth/login")).json(&wrong);
        last = Some(request.send().await?);
    }
    let last = last.context("nobody asked")?;
    let wait = last.headers().get("retry-after").cloned();
    assert_eq!(last.status(), 429);
    let seconds: u64 = wait.context("when?")?.to_str()?.parse()?;
    assert!((1..=900).contains(&seconds), "{seconds} s");

    let cores = std::thread::available_parallelism()?.get();
    let peak = metric(&stack, Service::Auth, "vigie_auth_password_hashes_peak").await?;
    let slots = f64::from(u32::try_from(cores)?);
    assert!(
        (1.0..=slots).contains(&peak),
        "{peak} at once on {cores} cores"
    );
    let memory = memory(&stack)?;
    println!(
        "{CROWD} logins: {counts:?}, at most {peak} at once, {} MiB",
        memory / 1024
    );
    assert!(
        cfg!(debug_assertions) || memory < MOST_MEMORY,
        "{memory} KiB"
    );
    stack.down().await
}
