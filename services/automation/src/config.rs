//! Settings of the service (`events-and-config.md` F7).

use crate::store::slots::Limits;
use crate::workflow::Settings;
use std::time::Duration;
use vigie_service::{Env, EnvErrors, FromEnv};

/// Shortest wait or deadline.
const FLOOR_MS: u64 = 60_000;

/// Everything that the environment decides.
#[derive(Debug, Clone, Copy)]
pub struct Config {
    /// How runs are moved.
    pub settings: Settings,
    /// `AUTOMATION_SWEEP_INTERVAL_SECONDS`.
    pub sweep_every: Duration,
}

impl FromEnv for Config {
    fn from_env(env: &mut Env) -> Result<Self, EnvErrors> {
        // A wait below the floor is raised to it.
        let mut wait = |name: &str, default: u64| {
            env.millis(name, default, 0)
                .max(Duration::from_millis(FLOOR_MS))
        };
        let details_wait = wait("AUTOMATION_FICHE_DETAILS_MAX_WAIT_MS", 600_000);
        let transcription_wait = wait("AUTOMATION_TRANSCRIPTION_MAX_WAIT_MS", 900_000);
        let audit_wait = wait("AUTOMATION_AUDIT_MAX_WAIT_MS", 1_800_000);
        let run_deadline = wait("AUTOMATION_STALE_THRESHOLD_MS", 18_000_000);
        let config = Self {
            settings: Settings {
                details_wait,
                transcription_wait,
                audit_wait,
                run_deadline,
                limits: Limits {
                    global: env.int_min("AUTOMATION_FICHE_WORKER_CONCURRENCY", 5, 1),
                    per_schedule: env.int_min(
                        "AUTOMATION_FICHE_WORKER_PER_SCHEDULE_CONCURRENCY",
                        3,
                        1,
                    ),
                },
                max_recordings: env.int_min("AUTOMATION_MAX_RECORDINGS_PER_FICHE", 0, 0),
            },
            sweep_every: env.seconds("AUTOMATION_SWEEP_INTERVAL_SECONDS", 15, 1),
        };
        env.done(config)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_and_floors_are_those_of_f7() {
        let config: Config = Env::from_map([("AUTOMATION_AUDIT_MAX_WAIT_MS", "1000")])
            .read()
            .unwrap();
        let settings = config.settings;
        assert_eq!(settings.details_wait, Duration::from_secs(600));
        assert_eq!(settings.transcription_wait, Duration::from_secs(900));
        assert_eq!(settings.audit_wait, Duration::from_secs(60));
        assert_eq!(settings.run_deadline, Duration::from_secs(18_000));
        assert_eq!(
            settings.limits,
            Limits {
                global: 5,
                per_schedule: 3
            }
        );
        assert_eq!(config.sweep_every, Duration::from_secs(15));
    }
}
