//! What can be said on the command line, a group of commands a file.

mod bench;
mod bus;
mod fiches;
mod identity;
mod installation;
mod live;
mod stack;

pub use bench::{Bench, BenchArgs};
pub use bus::DeadLetters;
pub use fiches::{Fiches, FichesArgs, Projections, ProjectionsArgs, Webhooks, WebhooksArgs};
pub use identity::{Keys, KeysArgs, Users, UsersArgs};
pub use installation::Installation;
pub use live::{AuditArgs, WatchArgs};
pub use stack::{StackArgs, UpArgs};

use crate::commands::audits::AuditsArgs;
use crate::commands::configs::ConfigsArgs;
use clap::{Parser, Subcommand};

/// Vigie on this machine: the whole stack, an audit, its live progress.
#[derive(Debug, Parser)]
#[command(name = "vigie", version, propagate_version = true)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Start the whole stack and keep it running (state and logs in `.vigie/` or `$VIGIE_HOME`)
    Up(UpArgs),
    /// The background part of `up --detach`
    #[command(hide = true)]
    Supervise(StackArgs),
    /// Stop the stack
    Down,
    /// Show what is running
    Status,
    /// Start the stack if needed and audit a sale through the public API
    Demo(StackArgs),
    /// Audit a fiche, follow it live, print the scorecard
    Audit(AuditArgs),
    /// Look after audits
    Audits(AuditsArgs),
    /// Keep audit configurations in files
    Configs(ConfigsArgs),
    /// Print live events as they come
    Watch(WatchArgs),
    /// Look at messages that were given up, and send them again
    #[command(subcommand)]
    DeadLetters(DeadLetters),
    /// Look after accounts, through the public API
    Users(UsersArgs),
    /// Look after the keys that sign tokens, through the public API
    Keys(KeysArgs),
    /// Look after webhooks of fetch jobs, through the public API
    Webhooks(WebhooksArgs),
    /// Look after the fiche cache
    Fiches(FichesArgs),
    /// Look after copies of other services' data
    Projections(ProjectionsArgs),
    /// Measure how fast this build is, on stacks of its own
    Bench(BenchArgs),
    /// Measure how far an engine agrees with people, on labelled calls
    Eval(crate::commands::eval::EvalArgs),
}
