use crate::boot::{Boot, Parts, start};
use crate::env::{Env, EnvErrors, FromEnv};
use crate::platform::Platform;
use crate::telemetry::Telemetry;
use anyhow::Context;
use std::process::ExitCode;
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};
use vigie_identity::ServiceName;

/// Threads that block (password hashing, file reads) may take this long to notice the end.
const RUNTIME_ENDS: Duration = Duration::from_secs(1);

/// Runs a service from its environment to its end; the whole of a service's `main`.
///
/// Owns what must not differ between services: configuration errors told together, telemetry, SIGTERM
/// and SIGINT, health, and the order of shutdown (intake, tasks, clients, telemetry last).
pub fn run<C: FromEnv>(
    name: &'static str,
    wire: impl AsyncFnOnce(Boot<C>) -> anyhow::Result<()>,
) -> ExitCode {
    let outcome = configure::<C>(name).and_then(|(service, platform, config)| {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .context("cannot start the runtime")?;
        let outcome = runtime.block_on(serve(service, platform, config, wire));
        runtime.shutdown_timeout(RUNTIME_ENDS);
        outcome
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // To standard error as well: telemetry may not be there yet, or not any more.
            eprintln!("vigie {name}: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Reads all settings; every problem of both parts is told at once.
fn configure<C: FromEnv>(name: &str) -> anyhow::Result<(ServiceName, Platform, C)> {
    let service: ServiceName = name.parse()?;
    let (platform, config) = read(&mut Env::from_process(), service)?;
    Ok((service, platform, config))
}

fn read<C: FromEnv>(env: &mut Env, service: ServiceName) -> Result<(Platform, C), EnvErrors> {
    let platform = Platform::from_env(env, service);
    // The second error holds the problems of both.
    let config = C::from_env(env)?;
    Ok((platform?, config))
}

async fn serve<C>(
    service: ServiceName,
    platform: Platform,
    config: C,
    wire: impl AsyncFnOnce(Boot<C>) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    // Clients that bring no TLS backend of their own share this one; a second installation is refused.
    let _installed = rustls::crypto::ring::default_provider().install_default();
    let telemetry = Telemetry::install(service, &platform)?;
    let outcome = until_signalled(service, platform, config, wire).await;
    telemetry.shutdown();
    outcome
}

async fn until_signalled<C>(
    service: ServiceName,
    platform: Platform,
    config: C,
    wire: impl AsyncFnOnce(Boot<C>) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    // From here on a signal is an order, not a death.
    let mut signals = Signals::listen()?;
    let parts = Parts::bind(service, config, platform).await?;
    let running = tokio::select! {
        running = start(parts, wire) => running?,
        // Nothing was taken in yet.
        () = signals.any() => return Ok(()),
    };
    let stop = running.stop_token();
    tokio::select! {
        () = signals.any() => {}
        () = stop.cancelled() => {}
    }
    running.stop().await
}

/// SIGTERM and SIGINT.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn listen() -> anyhow::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate()).context("cannot listen to SIGTERM")?,
            interrupt: signal(SignalKind::interrupt()).context("cannot listen to SIGINT")?,
        })
    }

    async fn any(&mut self) {
        let name = tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        };
        tracing::info!(signal = name, "asked to stop");
    }
}

#[cfg(test)]
mod tests {
    use super::read;
    use crate::env::{Env, EnvErrors, FromEnv};
    use vigie_identity::ServiceName;

    #[derive(Debug)]
    struct Config {
        _workers: u32,
    }

    impl FromEnv for Config {
        fn from_env(env: &mut Env) -> Result<Self, EnvErrors> {
            let config = Self {
                _workers: env.int_min("WORKERS", 1, 1),
            };
            env.done(config)
        }
    }

    #[test]
    fn problems_of_both_parts_are_told_at_once() {
        let mut env = Env::from_map([("WORKERS", "none"), ("NATS_URL", "nats://n")]);
        let errors = read::<Config>(&mut env, ServiceName::StepAnalyzer).unwrap_err();
        assert_eq!(
            errors.to_string(),
            "invalid configuration: INTERNAL_CLIENT_SECRET is required; \
             WORKERS must be a whole number"
        );
    }
}
