//! What can be said on the command line.

use crate::commands::audits::AuditsArgs;
use crate::commands::configs::ConfigsArgs;
use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use std::path::PathBuf;
use vigie_testkit::stack::{Home, Service, StackOptions};
use vigie_testkit::tools;

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

/// Options of `up`.
#[derive(Debug, Clone, clap::Args)]
pub struct UpArgs {
    /// Run in the background; returns when everything is ready
    #[arg(long, short)]
    pub detach: bool,
    /// The stack.
    #[command(flatten)]
    pub stack: StackArgs,
}

/// What a started stack is like.
#[derive(Debug, Clone, clap::Args)]
pub struct StackArgs {
    /// Processes of a service, for example `step-analyzer=3`; may be repeated
    #[arg(long, value_name = "SERVICE=N", value_parser = replicas)]
    pub replicas: Vec<(Service, usize)>,
    /// Use the release build
    #[arg(long)]
    pub release: bool,
    /// Do not start the simulators (the environment then names all upstreams)
    #[arg(long)]
    pub no_simulators: bool,
    /// Publish live events to the simulated Pusher too; what it got: GET /__events, /__terminations
    #[arg(long, conflicts_with = "no_simulators")]
    pub pusher: bool,
    /// How often the broker syncs to disk: `always` or an interval such as `1s`
    #[arg(long, default_value = "always", value_name = "INTERVAL")]
    pub nats_sync: String,
}

/// Options of `audit`.
#[derive(Debug, clap::Args)]
pub struct AuditArgs {
    /// The fiche's id in the CRM
    pub fiche: String,
    /// The audit configuration; the newest active one when left out
    #[arg(long)]
    pub config: Option<String>,
}

/// Options of `watch`.
#[derive(Debug, clap::Args)]
pub struct WatchArgs {
    /// Channels, such as `audit-12`, `fiche-4410027` or `job-automation-run-3`
    #[arg(required = true)]
    pub channels: Vec<String>,
}

/// Commands on dead letters.
#[derive(Debug, Subcommand)]
pub enum DeadLetters {
    /// List the newest
    List {
        /// At most so many
        #[arg(long, default_value_t = 50)]
        limit: usize,
    },
    /// Show one, with its payload
    Show {
        /// Its number in the list
        sequence: u64,
    },
    /// Send one again to where it came from
    Replay {
        /// Its number in the list
        sequence: u64,
    },
}

/// Options of `users`.
#[derive(Debug, clap::Args)]
pub struct UsersArgs {
    /// What to do
    #[command(subcommand)]
    pub command: Users,
    /// Where.
    #[command(flatten)]
    pub at: Installation,
}

/// Options of `keys`.
#[derive(Debug, clap::Args)]
pub struct KeysArgs {
    /// What to do
    #[command(subcommand)]
    pub command: Keys,
    /// Where.
    #[command(flatten)]
    pub at: Installation,
}

/// Commands on signing keys.
#[derive(Debug, Subcommand)]
pub enum Keys {
    /// Make the next one: it is published now and signs minutes later; the old one verifies until
    /// its last token has ended
    Rotate,
}

/// Options of `webhooks`.
#[derive(Debug, clap::Args)]
pub struct WebhooksArgs {
    /// What to do
    #[command(subcommand)]
    pub command: Webhooks,
    /// Where.
    #[command(flatten)]
    pub at: Installation,
}

/// Commands on webhooks.
#[derive(Debug, Subcommand)]
pub enum Webhooks {
    /// List the deliveries of a job, newest first
    List {
        /// The job
        job: String,
    },
    /// Send a delivery once more, under its id
    Redeliver {
        /// The job
        job: String,
        /// The delivery, as listed
        delivery: String,
    },
    /// List the URLs that fail, disabled ones first
    Destinations,
    /// Send to a disabled URL again
    Enable {
        /// The exact URL
        url: String,
    },
}

/// Options of `fiches`.
#[derive(Debug, clap::Args)]
pub struct FichesArgs {
    /// What to do
    #[command(subcommand)]
    pub command: Fiches,
    /// Where.
    #[command(flatten)]
    pub at: Installation,
}

/// Commands on cached fiches.
#[derive(Debug, Subcommand)]
pub enum Fiches {
    /// Move sections of legacy rows into their tables, batch by batch
    Backfill {
        /// Begin after this row, as an earlier run printed it
        #[arg(long, default_value_t = 0)]
        after_id: i64,
        /// Rows of a batch, 1 to 500
        #[arg(long, default_value_t = 100)]
        batch: i32,
        /// Only say what would be done
        #[arg(long)]
        dry_run: bool,
    },
    /// Show which sections of a fiche are stored, and what its legacy document still holds
    Inspect {
        /// The fiche's id in the CRM
        fiche: String,
    },
}

/// Options of `projections`.
#[derive(Debug, clap::Args)]
pub struct ProjectionsArgs {
    /// What to do
    #[command(subcommand)]
    pub command: Projections,
    /// Where.
    #[command(flatten)]
    pub at: Installation,
}

/// Commands on copies that a service keeps of another's data.
#[derive(Debug, Subcommand)]
pub enum Projections {
    /// Write what audits know of their fiches anew, as the fiche cache has it
    Rebuild {
        /// Begin after this fiche, as an earlier run printed it
        #[arg(long, default_value = "")]
        after: String,
        /// Fiches of a batch, 1 to 5000
        #[arg(long, default_value_t = 1000)]
        batch: i32,
    },
}

/// Which installation a command is for.
#[derive(Debug, clap::Args)]
pub struct Installation {
    /// An installation elsewhere, instead of the stack on this machine; needs a token
    #[arg(long, global = true, env = "VIGIE_API_URL", value_name = "URL")]
    pub api_url: Option<String>,
    /// An access or service token for it
    #[arg(
        long,
        global = true,
        env = "VIGIE_API_TOKEN",
        hide_env_values = true,
        value_name = "TOKEN"
    )]
    pub api_token: Option<String>,
}

/// Commands on accounts. A user is named by e-mail or id.
#[derive(Debug, Subcommand)]
pub enum Users {
    /// List accounts
    List {
        /// Only those whose e-mail, CRM id or team contains this
        #[arg(long, short)]
        query: Option<String>,
    },
    /// Create an account; without `--password-stdin` it prints a link to set the password with
    Create {
        /// The login
        email: String,
        /// A role; may be repeated (viewer when left out)
        #[arg(long = "role", value_name = "ROLE")]
        roles: Vec<String>,
        /// Read the password from the first line of the standard input
        #[arg(long)]
        password_stdin: bool,
    },
    /// Disable an account: its sessions end at once
    Disable {
        /// E-mail or id
        user: String,
    },
    /// Print a one-time token with which the user sets a new password
    ResetLink {
        /// E-mail or id
        user: String,
    },
    /// Replace the roles of an account
    Roles {
        /// E-mail or id
        user: String,
        /// All the roles it is to have
        #[arg(required = true)]
        roles: Vec<String>,
    },
}

/// What `bench` measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Bench {
    /// Logins, and verifications of tokens
    Identity,
    /// Fiches: stored, read, listed by day and by range
    Fiches,
    /// Lists and details of a million audits; takes minutes, so only by name
    Lists,
    /// Audits, from the API call to finalised rows
    Pipeline,
}

impl Bench {
    /// All, in the order they run.
    pub const ALL: [Self; 4] = [Self::Identity, Self::Fiches, Self::Lists, Self::Pipeline];

    /// Whether it runs when these were named.
    pub fn is_wanted(self, named: &[Self]) -> bool {
        if named.is_empty() {
            self != Self::Lists
        } else {
            named.contains(&self)
        }
    }
}

/// Options of `bench`.
#[derive(Debug, Clone, clap::Args)]
pub struct BenchArgs {
    /// Only these
    pub only: Vec<Bench>,
    /// Audits to measure
    #[arg(long, default_value_t = 1000)]
    pub audits: usize,
    /// Audits before the measurement begins
    #[arg(long, default_value_t = 50)]
    pub warm_up: usize,
    /// Audits under way at a time
    #[arg(long, default_value_t = 64)]
    pub concurrency: usize,
    /// The stack.
    #[command(flatten)]
    pub stack: StackArgs,
}

impl StackArgs {
    /// The stack they describe, in its home.
    pub fn options(&self, home: Home) -> Result<StackOptions> {
        let mut options = StackOptions::new(home, self.binaries()?);
        options.replicas = self.replicas.iter().copied().collect();
        options.simulators = !self.no_simulators;
        options.pusher = self.pusher;
        options.nats_sync.clone_from(&self.nats_sync);
        if let Some(port) = env_port()? {
            options.gateway_port = Some(port);
        }
        Ok(options)
    }

    /// The same on a command line.
    pub fn to_args(&self) -> Vec<String> {
        let mut args = Vec::new();
        for (service, count) in &self.replicas {
            args.extend(["--replicas".to_owned(), format!("{service}={count}")]);
        }
        if self.release {
            args.push("--release".to_owned());
        }
        if self.no_simulators {
            args.push("--no-simulators".to_owned());
        }
        if self.pusher {
            args.push("--pusher".to_owned());
        }
        args.extend(["--nats-sync".to_owned(), self.nats_sync.clone()]);
        args
    }

    /// Beside this executable, or in the release build beside its build.
    fn binaries(&self) -> Result<PathBuf> {
        let here = tools::beside_this_executable()?;
        if !self.release || here.ends_with("release") {
            return Ok(here);
        }
        let target = here
            .parent()
            .context("no target directory above this executable")?;
        Ok(target.join("release"))
    }
}

fn replicas(text: &str) -> Result<(Service, usize)> {
    let (service, count) = text
        .split_once('=')
        .context("write it as <service>=<number>")?;
    let count: usize = count.parse().context("the number of processes")?;
    anyhow::ensure!((1..=32).contains(&count), "from 1 to 32 processes");
    Ok((service.parse()?, count))
}

/// The caller's `PORT`: where the gateway should listen.
#[expect(
    clippy::disallowed_methods,
    reason = "the command line tool has no service configuration"
)]
fn env_port() -> Result<Option<u16>> {
    match std::env::var("PORT") {
        Ok(port) => port.trim().parse().map(Some).context("PORT is no port"),
        Err(_) => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_background_part_gets_the_same_stack() {
        let line = [
            "vigie",
            "demo",
            "--replicas",
            "step-analyzer=3",
            "--nats-sync",
            "1s",
        ];
        let Command::Demo(first) = Args::parse_from(line).command else {
            panic!("not demo")
        };
        let again: Vec<String> = ["vigie", "supervise"]
            .map(str::to_owned)
            .into_iter()
            .chain(first.to_args())
            .collect();
        let Command::Supervise(second) = Args::parse_from(again).command else {
            panic!()
        };
        assert_eq!(second.replicas, [(Service::StepAnalyzer, 3)]);
        assert_eq!(second.to_args(), first.to_args());
    }

    #[test]
    fn a_user_gets_the_roles_that_are_named() {
        let line = [
            "vigie", "users", "create", "a@b.test", "--role", "viewer", "--role", "lead",
        ];
        let Command::Users(args) = Args::parse_from(line).command else {
            panic!("not users")
        };
        let Users::Create { email, roles, .. } = args.command else {
            panic!("not create")
        };
        assert_eq!(
            (&*email, roles),
            ("a@b.test", vec!["viewer".to_owned(), "lead".to_owned()])
        );
        assert!(Args::try_parse_from(["vigie", "users", "roles", "a@b.test"]).is_err());
    }

    #[test]
    fn unknown_services_and_counts_are_refused() {
        for wrong in ["brain=2", "gateway", "gateway=0", "gateway=many"] {
            assert!(replicas(wrong).is_err(), "{wrong}");
        }
    }
}
