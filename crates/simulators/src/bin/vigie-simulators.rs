//! Runs the four simulators until it is told to stop.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use chrono::NaiveDate;
use clap::Parser;
use secrecy::SecretString;
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};
use vigie_simulators::crm::Bulk;
use vigie_simulators::{DEFAULT_PUSHER_KEY, DEFAULT_PUSHER_SECRET, Options, Simulators};

/// Stand-ins for the CRM, the speech model, the language model and Pusher.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// Where the CRM listens.
    #[arg(long, default_value = "127.0.0.1:0")]
    crm_addr: SocketAddr,
    /// Where the speech model listens.
    #[arg(long, default_value = "127.0.0.1:0")]
    stt_addr: SocketAddr,
    /// Where the language model listens.
    #[arg(long, default_value = "127.0.0.1:0")]
    llm_addr: SocketAddr,
    /// Where the Pusher endpoint listens.
    #[arg(long, default_value = "127.0.0.1:0")]
    pusher_addr: SocketAddr,
    /// File that gets the addresses, as JSON, once they accept requests.
    #[arg(long)]
    ready_file: Option<PathBuf>,
    /// Bearer token the CRM requires.
    #[arg(long)]
    crm_token: Option<SecretString>,
    /// The day the CRM takes for today (YYYY-MM-DD).
    #[arg(long)]
    crm_today: Option<NaiveDate>,
    /// Fiches for load tests: a number, or number@first-day..last-day.
    #[arg(long)]
    crm_bulk: Option<Bulk>,
    /// Key the speech model requires.
    #[arg(long)]
    stt_key: Option<SecretString>,
    /// Key the language model requires.
    #[arg(long)]
    llm_key: Option<SecretString>,
    /// The one Pusher key known.
    #[arg(long, default_value = DEFAULT_PUSHER_KEY)]
    pusher_key: String,
    /// Secret of the Pusher key.
    #[arg(long, default_value = DEFAULT_PUSHER_SECRET)]
    pusher_secret: SecretString,
    /// Milliseconds a transcription takes.
    #[arg(long, default_value_t = 0)]
    stt_latency_ms: u64,
    /// Milliseconds a model answer takes.
    #[arg(long, default_value_t = 0)]
    llm_latency_ms: u64,
}

impl From<Arguments> for Options {
    fn from(arguments: Arguments) -> Self {
        Self {
            crm_addr: arguments.crm_addr,
            stt_addr: arguments.stt_addr,
            llm_addr: arguments.llm_addr,
            pusher_addr: arguments.pusher_addr,
            crm_token: arguments.crm_token,
            crm_today: arguments.crm_today,
            crm_bulk: arguments.crm_bulk,
            stt_key: arguments.stt_key,
            llm_key: arguments.llm_key,
            pusher_key: arguments.pusher_key,
            pusher_secret: arguments.pusher_secret,
            stt_latency: Duration::from_millis(arguments.stt_latency_ms),
            llm_latency: Duration::from_millis(arguments.llm_latency_ms),
        }
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("vigie-simulators: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(mut arguments: Arguments) -> Result<(), Box<dyn std::error::Error>> {
    let ready_file = arguments.ready_file.take();
    // Before anything is announced, so that a stop right after it is heard.
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let simulators = Simulators::start(arguments.into()).await?;
    announce(&simulators, ready_file.as_deref()).await?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    simulators.stop().await;
    Ok(())
}

/// Writes the addresses; the file appears whole or not at all.
async fn announce(simulators: &Simulators, ready_file: Option<&Path>) -> std::io::Result<()> {
    let addresses = json!({
        "crm_url": simulators.crm_url,
        "stt_url": simulators.stt_url,
        "llm_url": simulators.llm_url,
        "pusher_url": simulators.pusher_url,
    });
    println!("{addresses}");
    let Some(path) = ready_file else {
        return Ok(());
    };
    let part = path.with_extension("part");
    tokio::fs::write(&part, format!("{addresses}\n")).await?;
    tokio::fs::rename(&part, path).await
}
