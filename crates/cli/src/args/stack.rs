use anyhow::{Context, Result};
use std::path::PathBuf;
use vigie_testkit::stack::{Home, Service, StackOptions};
use vigie_testkit::tools;

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
    use crate::args::{Args, Command};
    use clap::Parser;

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
    fn unknown_services_and_counts_are_refused() {
        for wrong in ["brain=2", "gateway", "gateway=0", "gateway=many"] {
            assert!(replicas(wrong).is_err(), "{wrong}");
        }
    }
}
