use futures::future::{BoxFuture, join_all};
use serde::Serialize;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

type Check = Arc<dyn Fn() -> BoxFuture<'static, anyhow::Result<()>> + Send + Sync>;

/// A check that takes longer has failed.
const PATIENCE: Duration = Duration::from_secs(2);

/// The dependencies that this replica needs to take traffic.
#[derive(Clone)]
pub(crate) struct Readiness {
    checks: Arc<RwLock<Vec<(&'static str, Check)>>>,
    stop: CancellationToken,
}

/// The answer of `/ready`.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) ready: bool,
    checks: Vec<Outcome>,
}

#[derive(Debug, Serialize)]
struct Outcome {
    name: &'static str,
    ok: bool,
}

impl Readiness {
    /// Not ready once `stop` is cancelled.
    pub(crate) fn new(stop: CancellationToken) -> Self {
        Self {
            checks: Arc::default(),
            stop,
        }
    }

    pub(crate) fn add(&self, name: &'static str, check: Check) {
        self.checks
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .push((name, check));
    }

    /// Asks every dependency at once. What failed is logged; the answer only names it.
    pub(crate) async fn report(&self) -> Report {
        let checks = self
            .checks
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let mut outcomes = join_all(checks.into_iter().map(|(name, check)| async move {
            let outcome = tokio::time::timeout(PATIENCE, check()).await;
            let failure = match outcome {
                Ok(Ok(())) => None,
                Ok(Err(error)) => Some(format!("{error:#}")),
                Err(_) => Some("timed out".to_owned()),
            };
            if let Some(error) = &failure {
                tracing::warn!(dependency = name, error, "not ready");
            }
            Outcome {
                name,
                ok: failure.is_none(),
            }
        }))
        .await;
        if self.stop.is_cancelled() {
            outcomes.push(Outcome {
                name: "stopping",
                ok: false,
            });
        }
        Report {
            ready: outcomes.iter().all(|outcome| outcome.ok),
            checks: outcomes,
        }
    }
}
