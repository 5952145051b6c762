//! `vigie up`: the whole stack, in the foreground or in the background.

use super::supervise;
use crate::args::{StackArgs, UpArgs};
use crate::print;
use anyhow::{Context, Result, bail};
use std::fs::OpenOptions;
use std::process::Stdio;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;
use vigie_testkit::stack::{Home, Stack, StackState};

/// Runs the command.
pub async fn run(args: UpArgs) -> Result<()> {
    let home = Home::from_env()?;
    if args.detach {
        let (state, already) = ensure_up(&home, &args.stack).await?;
        if already {
            println!("Vigie is up already.");
        }
        print::summary(&state);
        return Ok(());
    }
    println!("Starting Vigie …");
    let stack = Stack::start(args.stack.options(home)?).await?;
    print::summary(&stack.state());
    println!("\nCtrl-C stops it.");
    supervise::until_told().await?;
    println!("Stopping …");
    stack.down().await
}

/// The running stack, started in the background when there is none. Tells whether it ran before.
pub async fn ensure_up(home: &Home, stack: &StackArgs) -> Result<(StackState, bool)> {
    let free = home.try_lock()?.is_some();
    if !free {
        return match StackState::read(home)? {
            Some(state) => Ok((state, true)),
            None => bail!("another `vigie` is starting or stopping the stack: try again"),
        };
    }
    start_detached(home, stack).await?;
    let state = StackState::read(home)?.context("the stack left no stack.json")?;
    Ok((state, false))
}

/// Our own executable, again, in a session of its own. It says one line when it is ready.
async fn start_detached(home: &Home, stack: &StackArgs) -> Result<()> {
    let log_path = home.log("supervisor");
    let log = OpenOptions::new()
        .create(true)
        .append(true)
        .open(&log_path)?;
    let mut child = Command::new(std::env::current_exe()?)
        .arg("supervise")
        .args(stack.to_args())
        .current_dir(home.dir())
        // It may have been given relative to where we are.
        .env("VIGIE_HOME", home.dir())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(log)
        .spawn()
        .context("starting the background supervisor")?;
    let said = child
        .stdout
        .take()
        .context("the supervisor has no output")?;
    let line = BufReader::new(said).lines().next_line().await?;
    match line {
        Some(line) if line == supervise::READY => Ok(()),
        Some(problem) => bail!(
            "the stack did not start: {}",
            problem.replace('\u{1f}', "\n")
        ),
        None => bail!(
            "the supervisor ended without a word: see {}",
            log_path.display()
        ),
    }
}
