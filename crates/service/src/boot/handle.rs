use super::core::Core;
use crate::platform::Platform;
use futures::FutureExt;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use vigie_identity::{Clock, ServiceName};

/// A service that is starting: its configuration, and everything it is wired with.
pub struct Boot<C> {
    /// The service's own settings.
    pub config: C,
    /// The settings that all services have.
    pub platform: Arc<Platform>,
    /// The time.
    pub clock: Clock,
    /// Tasks that are waited for at the end; prefer [`Boot::spawn`], which watches them.
    pub tasks: TaskTracker,
    /// Cancelled when the service is to stop: end streams, take no more work.
    pub stop: CancellationToken,
    pub(super) core: Arc<Core>,
}

impl<C> Boot<C> {
    pub(super) fn new(core: Arc<Core>, config: C) -> Self {
        Self {
            config,
            platform: Arc::clone(&core.platform),
            clock: core.clock.clone(),
            tasks: core.work.tasks.clone(),
            stop: core.work.stop.clone(),
            core,
        }
    }

    /// Which service this is.
    pub fn service(&self) -> ServiceName {
        self.core.service
    }

    /// Runs a task until the service stops. If it ends in an error, the service ends.
    pub fn spawn(
        &self,
        name: &'static str,
        future: impl Future<Output = anyhow::Result<()>> + Send + 'static,
    ) {
        self.core.spawn(&self.core.work, name, future);
    }

    /// Runs a task that other tasks need to the last: its token is cancelled when they are done.
    pub fn spawn_support<F>(&self, name: &'static str, task: impl FnOnce(CancellationToken) -> F)
    where
        F: Future<Output = anyhow::Result<()>> + Send + 'static,
    {
        let stage = &self.core.support;
        self.core.spawn(stage, name, task(stage.stop.clone()));
    }

    /// Adds a check to `/ready`. It should take milliseconds; after two seconds it has failed.
    pub fn ready_when<F>(&self, name: &'static str, check: impl Fn() -> F + Send + Sync + 'static)
    where
        F: Future<Output = anyhow::Result<()>> + Send + 'static,
    {
        self.core
            .readiness
            .add(name, Arc::new(move || check().boxed()));
    }

    /// Closes something when all tasks are done, before telemetry ends.
    pub fn on_close(&self, name: &'static str, closer: impl Future<Output = ()> + Send + 'static) {
        self.core.on_close(name, closer);
    }
}
