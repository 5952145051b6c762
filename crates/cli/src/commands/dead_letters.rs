//! `vigie dead-letters`: what was given up, and how to have it done after all.

use super::running;
use crate::args::DeadLetters;
use anyhow::Result;
use vigie_bus::{Bus, BusConfig, dead_letters};

/// Runs the command.
pub async fn run(command: &DeadLetters) -> Result<()> {
    let bus = Bus::connect(BusConfig {
        url: running()?.nats_url,
        creds_file: None,
        prefix: None,
        replicas: 1,
        source: "cli",
    })
    .await?;
    let done = match command {
        DeadLetters::List { limit } => list(&bus, *limit).await,
        DeadLetters::Show { sequence } => show(&bus, *sequence).await,
        DeadLetters::Replay { sequence } => {
            dead_letters::replay(&bus, *sequence).await?;
            println!("Sent again.");
            Ok(())
        }
    };
    bus.drain().await;
    done
}

async fn list(bus: &Bus, limit: usize) -> Result<()> {
    let letters = dead_letters::list(bus, limit).await?;
    if letters.is_empty() {
        println!("No dead letters.");
    }
    for letter in letters {
        println!(
            "{:>6}  {}  {:32} {} attempts  {}",
            letter.sequence,
            letter.at.format("%Y-%m-%d %H:%M:%S"),
            letter.event,
            letter.attempts,
            letter.reason
        );
    }
    Ok(())
}

async fn show(bus: &Bus, sequence: u64) -> Result<()> {
    let letter = dead_letters::show(bus, sequence).await?;
    println!("id        {}", letter.id);
    println!("event     {}", letter.event);
    println!("subject   {}", letter.subject);
    println!("consumer  {}", letter.consumer);
    println!("at        {}", letter.at);
    println!("attempts  {}", letter.attempts);
    println!("reason    {}", letter.reason);
    println!("{}", serde_json::to_string_pretty(&letter.payload)?);
    Ok(())
}
