//! The background supervisor that `vigie up --detach` leaves behind.

use crate::args::StackArgs;
use anyhow::Result;
use std::io::Write;
use tokio::signal::unix::{SignalKind, signal};
use vigie_testkit::stack::{Home, Stack};

/// What it says when everything is ready.
pub const READY: &str = "ready";

/// Runs until it is told to end. Its first line of output is [`READY`] or what went wrong.
pub async fn run(args: &StackArgs) -> Result<()> {
    // Away from the terminal of whoever started us. Fails only where we are that already.
    let _already_leading = nix::unistd::setsid();
    let started = match Home::from_env().and_then(|home| args.options(home)) {
        Ok(options) => Stack::start(options).await,
        Err(error) => Err(error),
    };
    let stack = match started {
        Ok(stack) => stack,
        Err(error) => {
            say(&format!("{error:#}").replace('\n', "\u{1f}"))?;
            return Err(error);
        }
    };
    say(READY)?;
    until_told().await?;
    stack.down().await
}

/// Waits for Ctrl-C or a request to end.
pub async fn until_told() -> Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}

fn say(line: &str) -> Result<()> {
    let mut out = std::io::stdout();
    writeln!(out, "{line}")?;
    Ok(out.flush()?)
}
