//! `vigie fiches` and `vigie projections`: legacy rows of the cache, keys that changed, one row's state,
//! and what audits know of fiches, through the public API. Each batch stands for itself: stop at any moment, go on with
//! what was printed last.

use super::administrator;
use crate::args::{Fiches, FichesArgs, Projections, ProjectionsArgs};
use anyhow::{Context, Result, bail};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};
use tokio::signal::unix::{SignalKind, signal};
use vigie_testkit::api::ApiClient;

/// Runs a command on fiches.
pub async fn run(args: &FichesArgs) -> Result<()> {
    let api = administrator(&args.at).await?;
    match &args.command {
        Fiches::Backfill {
            after_id,
            batch,
            dry_run,
        } => {
            let walk = Walk {
                path: "/api/fiches/backfill",
                counts: "moved",
                batch: *batch,
                dry_run: *dry_run,
            };
            let done = walk.run(&api, *after_id).await?;
            println!(
                "{} rows {}, {} kept for pieces that cannot be read.",
                done.changed,
                walk.verb(),
                done.unreadable
            );
            println!("Last row: {}", done.last);
            Ok(())
        }
        Fiches::Reseal {
            after_id,
            batch,
            dry_run,
        } => {
            let walk = Walk {
                path: "/api/fiches/reseal",
                counts: "resealed",
                batch: *batch,
                dry_run: *dry_run,
            };
            let done = walk.run(&api, *after_id).await?;
            println!("{} rows {}.", done.changed, walk.verb());
            println!("Last row: {}", done.last);
            if done.unreadable > 0 {
                bail!(
                    "no key of VIGIE_ENCRYPTION_KEY opens {} rows; keep the old keys",
                    done.unreadable
                );
            }
            Ok(())
        }
        Fiches::Inspect { fiche } => {
            let answer = api.get(&format!("/api/fiches/{fiche}/inspect")).await?;
            println!("{}", serde_json::to_string_pretty(&answer["data"])?);
            Ok(())
        }
    }
}

/// A walk over the rows of the cache.
struct Walk {
    path: &'static str,
    /// What the answers call the rows that were changed.
    counts: &'static str,
    batch: i32,
    dry_run: bool,
}

/// What came of it.
struct Walked {
    changed: i64,
    unreadable: i64,
    last: i64,
}

impl Walk {
    async fn run(&self, api: &ApiClient, after_id: i64) -> Result<Walked> {
        let mut done = Walked {
            changed: 0,
            unreadable: 0,
            last: after_id,
        };
        let bar = bar();
        loop {
            let after = done.last;
            let body = json!({ "afterId": after.to_string(), "batch": self.batch,
                               "dryRun": self.dry_run });
            let answer = tokio::select! {
                answer = api.post(self.path, &body) => answer,
                stopped = interrupted() => {
                    bar.abandon();
                    stopped?;
                    bail!("stopped; go on with --after-id {after}");
                }
            };
            let answer = answer.with_context(|| format!("go on with --after-id {after}"))?;
            let batch = &answer["data"];
            let looked = number(batch, "looked")?;
            done.changed += number(batch, self.counts)?;
            done.unreadable += number(batch, "unreadable")?;
            done.last = number(batch, "lastId")?;
            step(&bar, looked, number(batch, "remaining")?);
            bar.set_message(format!("go on with --after-id {}", done.last));
            if looked == 0 || number(batch, "remaining")? == 0 {
                break;
            }
        }
        bar.finish_and_clear();
        Ok(done)
    }

    fn verb(&self) -> String {
        let tense = if self.dry_run { "would be " } else { "" };
        format!("{tense}{}", self.counts)
    }
}

/// Runs a command on projections.
pub async fn projections(args: &ProjectionsArgs) -> Result<()> {
    let api = administrator(&args.at).await?;
    let Projections::Rebuild { after, batch } = &args.command;
    let mut after = after.clone();
    let mut written = 0;
    let bar = bar();
    loop {
        let body = json!({ "after": after, "batch": batch });
        let answer = api.post("/api/audits/projection/rebuild", &body).await?;
        let batch = &answer["data"];
        let looked = number(batch, "looked")?;
        written += number(batch, "written")?;
        step(&bar, looked, number(batch, "remaining")?);
        if looked == 0 {
            break;
        }
        batch["last"]
            .as_str()
            .unwrap_or_default()
            .clone_into(&mut after);
        bar.set_message(format!("go on with --after {after}"));
        if number(batch, "remaining")? == 0 {
            break;
        }
    }
    bar.finish_and_clear();
    println!("{written} fiches written.");
    Ok(())
}

/// Returns when the run shall stop. What is under way ends by itself: each row is whole.
async fn interrupted() -> Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}

fn bar() -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} {msg}");
    ProgressBar::new(0).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

fn step(bar: &ProgressBar, looked: i64, remaining: i64) {
    let count = |number: i64| u64::try_from(number).unwrap_or(0);
    bar.inc(count(looked));
    bar.set_length(bar.position() + count(remaining));
}

/// 64-bit numbers travel as text.
fn number(answer: &Value, name: &str) -> Result<i64> {
    let value = &answer[name];
    let text = value.as_str().and_then(|text| text.parse().ok());
    value
        .as_i64()
        .or(text)
        .with_context(|| format!("the answer has no {name}"))
}
