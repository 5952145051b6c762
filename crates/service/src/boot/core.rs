use crate::platform::Platform;
use crate::readiness::Readiness;
use futures::FutureExt;
use futures::future::BoxFuture;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument;
use vigie_identity::tokens::{InternalTokens, Verifier};
use vigie_identity::{Clock, Revocations, ServiceName};

pub(super) type Closer = BoxFuture<'static, ()>;

/// Tasks that stop together.
#[derive(Clone, Default)]
pub(super) struct Stage {
    pub(super) tasks: TaskTracker,
    pub(super) stop: CancellationToken,
}

/// What all handles of one service share.
pub(super) struct Core {
    pub(super) service: ServiceName,
    pub(super) platform: Arc<Platform>,
    pub(super) clock: Clock,
    /// Servers, consumers and other work: stopped first.
    pub(super) work: Stage,
    /// What the work needs until it is done: relays, the metrics listener.
    pub(super) support: Stage,
    pub(super) readiness: Readiness,
    pub(super) failure: Mutex<Option<anyhow::Error>>,
    pub(super) closers: Mutex<Vec<(&'static str, Closer)>>,
    pub(super) grpc_listener: Mutex<Option<TcpListener>>,
    pub(super) revocations: Arc<Revocations>,
    pub(super) verifier: OnceLock<Arc<Verifier>>,
    pub(super) tokens: OnceLock<Arc<InternalTokens>>,
}

impl Core {
    /// Runs a task of a stage. One that ends in an error or panics ends the service.
    pub(super) fn spawn(
        self: &Arc<Self>,
        stage: &Stage,
        name: &'static str,
        future: impl Future<Output = anyhow::Result<()>> + Send + 'static,
    ) {
        let core = Arc::clone(self);
        let guarded = async move {
            let outcome = AssertUnwindSafe(future).catch_unwind().await;
            let error = match outcome {
                Ok(Ok(())) => return,
                Ok(Err(error)) => error.context(format!("task {name} failed")),
                Err(_) => anyhow::anyhow!("task {name} panicked"),
            };
            core.fail(error);
        };
        stage
            .tasks
            .spawn(guarded.instrument(tracing::info_span!("task", task = name)));
    }

    /// Ends the service; the first reason is the one reported.
    pub(super) fn fail(&self, error: anyhow::Error) {
        tracing::error!(error = %format!("{error:#}"), "the service ends");
        let mut failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        failure.get_or_insert(error);
        self.work.stop.cancel();
    }

    /// Notes what to close when all tasks are done; closed in reverse order.
    pub(super) fn on_close(
        &self,
        name: &'static str,
        closer: impl Future<Output = ()> + Send + 'static,
    ) {
        let mut closers = self.closers.lock().unwrap_or_else(PoisonError::into_inner);
        closers.push((name, closer.boxed()));
    }
}
