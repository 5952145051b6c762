//! `vigie`: starts and stops a whole stack on this machine, runs an audit as a client would, and
//! looks after accounts and messages that were given up. It must never do anything that the public API or the
//! bus could not do: it has no way into a service's tables.

mod args;
mod commands;
mod live;
mod print;

use args::{Args, Command};
use clap::Parser;
use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let done = match Args::parse().command {
        Command::Up(args) => commands::up::run(args).await,
        Command::Supervise(args) => commands::supervise::run(&args).await,
        Command::Down => commands::down::run().await,
        Command::Status => commands::status::run().await,
        Command::Demo(args) => commands::demo::run(&args).await,
        Command::Audit(args) => commands::audit::run(&args).await,
        Command::Audits(args) => commands::audits::run(&args).await,
        Command::Configs(args) => commands::configs::run(&args).await,
        Command::Watch(args) => commands::watch::run(&args).await,
        Command::DeadLetters(command) => commands::dead_letters::run(&command).await,
        Command::Users(args) => commands::users::run(&args).await,
        Command::Keys(args) => commands::keys::run(&args).await,
        Command::Webhooks(args) => commands::webhooks::run(&args).await,
        Command::Fiches(args) => commands::fiches::run(&args).await,
        Command::Projections(args) => commands::fiches::projections(&args).await,
        Command::Bench(args) => commands::bench::run(&args).await,
        Command::Eval(args) => commands::eval::run(&args).await,
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("vigie: {error:#}");
            ExitCode::FAILURE
        }
    }
}
