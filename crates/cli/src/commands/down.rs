//! `vigie down`: stops the stack and waits until it is gone.

use anyhow::{Context, Result, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::time::Duration;
use vigie_testkit::stack::{Home, StackState};

const LIMIT: Duration = Duration::from_mins(1);

/// Runs the command.
pub async fn run() -> Result<()> {
    let home = Home::from_env()?;
    if home.try_lock()?.is_some() {
        // Nobody supervises: what a killed supervisor left in `stack.json` is not true any more.
        if home.state_path().exists() {
            std::fs::remove_file(home.state_path())?;
        }
        println!("Vigie is not running.");
        return Ok(());
    }
    let Some(state) = StackState::read(&home)? else {
        bail!("the stack is starting or stopping: try again");
    };
    let supervisor = i32::try_from(state.supervisor).context("in stack.json")?;
    kill(Pid::from_raw(supervisor), Signal::SIGTERM).context("telling the supervisor")?;
    tokio::time::timeout(LIMIT, home.unlocked())
        .await
        .with_context(|| format!("process {supervisor} does not end"))??;
    println!("Vigie is down. Its data stays in {}.", home.dir().display());
    Ok(())
}
