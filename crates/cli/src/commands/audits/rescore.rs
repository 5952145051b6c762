//! `vigie audits rescore`: batch by batch. Each stands for itself: stop at any moment, and begin again;
//! what is done already changes no more.

use anyhow::{Context, Result};
use indicatif::ProgressBar;
use serde_json::{Value, json};
use std::cmp::Reverse;
use vigie_testkit::api::ApiClient;

/// Moves that are shown.
const SHOWN: usize = 20;

/// Options of `rescore`.
#[derive(Debug, clap::Args)]
pub struct Rescore {
    /// The configuration
    #[arg(long, value_name = "ID")]
    pub config: u64,
    /// Only show what would move; the default
    #[arg(long, conflicts_with = "apply")]
    pub preview: bool,
    /// Do it
    #[arg(long)]
    pub apply: bool,
    /// Audits of a batch, 1 to 500
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u16).range(1..=500))]
    pub batch: u16,
}

#[derive(Debug, Default)]
struct Sum {
    looked: i64,
    reweighed: i64,
    moved: i64,
    score: i64,
    niveau: i64,
    compliance: i64,
    moves: Vec<Value>,
}

impl Sum {
    fn add(&mut self, batch: &Value) -> Result<i64> {
        let number = |name| {
            let number = batch.get(name).and_then(Value::as_i64);
            number.with_context(|| format!("the answer has no {name}"))
        };
        let looked = number("looked")?;
        self.looked += looked;
        self.reweighed += number("reweighed")?;
        self.moved += number("moved")?;
        self.score += number("scoreChanged")?;
        self.niveau += number("niveauChanged")?;
        self.compliance += number("complianceChanged")?;
        self.moves
            .extend(batch["moves"].as_array().into_iter().flatten().cloned());
        self.moves.sort_by_key(|one| Reverse(distance(one)));
        self.moves.truncate(SHOWN);
        Ok(looked)
    }
}

/// Runs the command.
pub async fn run(api: &ApiClient, wanted: &Rescore) -> Result<()> {
    let (mut sum, mut after, mut revision) = (Sum::default(), json!(null), json!(0));
    let bar = ProgressBar::new_spinner();
    loop {
        let mut body = json!({ "auditConfigId": wanted.config.to_string(), "batch": wanted.batch,
            "apply": wanted.apply, "revision": revision });
        if after.is_string() {
            body["afterId"] = after;
        }
        let mut answer = api.post("/api/audits/rescore", &body).await?;
        let batch = &mut answer["data"];
        let looked = sum.add(batch)?;
        bar.inc(1);
        bar.set_message(format!("{} audits", sum.looked));
        if looked < i64::from(wanted.batch) {
            break;
        }
        after = batch["lastId"].take();
        revision = batch["revision"].take();
    }
    bar.finish_and_clear();
    show(&sum, wanted.apply);
    Ok(())
}

fn show(sum: &Sum, applied: bool) {
    let moved = if applied { "moved" } else { "would move" };
    println!(
        "{} completed audits; the weights of {} changed; {} {moved}: score of {}, niveau of {}, compliance of {}.",
        sum.looked, sum.reweighed, sum.moved, sum.score, sum.niveau, sum.compliance
    );
    if !sum.moves.is_empty() {
        println!(
            "\n{:>10} {:>12} {:>8} {:>8}  niveau",
            "audit", "fiche", "before", "after"
        );
    }
    for one in &sum.moves {
        let text = |name: &str| one[name].as_str().unwrap_or_default();
        let percent = |name: &str| one[name].as_f64().unwrap_or_default();
        println!(
            "{:>10} {:>12} {:>8.2} {:>8.2}  {} → {}",
            text("auditId"),
            text("ficheId"),
            percent("scoreBefore"),
            percent("scoreAfter"),
            text("niveauBefore"),
            text("niveauAfter")
        );
    }
    if !applied && sum.moved > 0 {
        println!("\nNothing was written: --apply does it.");
    }
}

/// In hundredths.
fn distance(one: &Value) -> u64 {
    let score = |name: &str| one[name].as_f64().unwrap_or_default();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "percentages"
    )]
    let hundredths = ((score("scoreAfter") - score("scoreBefore")).abs() * 100.0).round() as u64;
    hundredths
}

#[cfg(test)]
mod tests {
    use super::{SHOWN, Sum};
    use serde_json::json;

    #[test]
    fn batches_are_summed_and_the_largest_moves_kept() {
        let batch = |from: i32| {
            let moves: Vec<_> = (from..from + 15)
                .map(|n| json!({"auditId": n.to_string(), "scoreBefore": 50, "scoreAfter": 50 + n}))
                .collect();
            json!({"looked": 20, "reweighed": 16, "moved": 15, "scoreChanged": 15,
                "niveauChanged": 2, "complianceChanged": 1, "moves": moves})
        };
        let mut sum = Sum::default();
        assert_eq!(sum.add(&batch(0)).unwrap(), 20);
        sum.add(&batch(15)).unwrap();
        assert_eq!((sum.looked, sum.moved, sum.niveau), (40, 30, 4));
        assert_eq!(
            (sum.moves.len(), &sum.moves[0]["auditId"]),
            (SHOWN, &json!("29"))
        );
        assert!(sum.add(&json!({"looked": 1})).is_err());
    }
}
