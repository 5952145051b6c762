use super::Boot;
use super::core::{Core, Stage};
use crate::http;
use crate::platform::Platform;
use crate::readiness::Readiness;
use crate::telemetry;
use anyhow::Context;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use vigie_identity::{Clock, Revocations, ServiceName};

/// How long open calls and held messages may take to finish.
const WORK_ENDS: Duration = Duration::from_secs(20);
/// How long relays and clients may take after that. Together less than Kubernetes' 30 s.
const SUPPORT_ENDS: Duration = Duration::from_secs(3);
const CLIENTS_CLOSE: Duration = Duration::from_secs(3);

/// What a service is started from. A test gives listeners of its own and a clock that it moves.
pub struct Parts<C> {
    /// Which service.
    pub service: ServiceName,
    /// Its own settings.
    pub config: C,
    /// The common settings.
    pub platform: Platform,
    /// The time.
    pub clock: Clock,
    /// Where RPCs are served; the gateway has none.
    pub grpc: Option<TcpListener>,
    /// Where metrics, health and readiness are served.
    pub metrics: TcpListener,
}

impl<C> Parts<C> {
    /// Binds the addresses of `platform`; port 0 takes any free one.
    pub async fn bind(service: ServiceName, config: C, platform: Platform) -> anyhow::Result<Self> {
        let listen = async |addr: SocketAddr| {
            TcpListener::bind(addr)
                .await
                .with_context(|| format!("cannot listen on {addr}"))
        };
        let grpc = match service {
            ServiceName::Gateway => None,
            _ => Some(listen(platform.grpc_addr).await?),
        };
        let metrics = listen(platform.metrics_addr).await?;
        Ok(Self {
            service,
            config,
            platform,
            clock: Clock::system(),
            grpc,
            metrics,
        })
    }
}

/// A service that was wired and runs.
pub struct Running {
    core: Arc<Core>,
    /// Where it answers RPCs.
    pub grpc_addr: Option<SocketAddr>,
    /// Where it answers `/metrics`, `/health` and `/ready`.
    pub metrics_addr: SocketAddr,
}

/// Starts a service: health first, then its own wiring. If that fails, what runs already is stopped.
pub async fn start<C>(
    parts: Parts<C>,
    wire: impl AsyncFnOnce(Boot<C>) -> anyhow::Result<()>,
) -> anyhow::Result<Running> {
    let Parts {
        service,
        config,
        platform,
        clock,
        grpc,
        metrics,
    } = parts;
    let work = Stage::default();
    let grpc_addr = grpc.as_ref().map(TcpListener::local_addr).transpose()?;
    let metrics_addr = metrics.local_addr()?;
    let core = Arc::new(Core {
        service,
        platform: Arc::new(platform),
        revocations: Arc::new(Revocations::new(clock.clone())),
        clock,
        readiness: Readiness::new(work.stop.clone()),
        work,
        support: Stage::default(),
        failure: Mutex::default(),
        closers: Mutex::default(),
        grpc_listener: Mutex::new(grpc),
        verifier: OnceLock::new(),
        tokens: OnceLock::new(),
    });
    let wired = CancellationToken::new();
    core.readiness.add("started", {
        let wired = wired.clone();
        Arc::new(move || {
            let done = wired.is_cancelled();
            Box::pin(async move {
                if done {
                    Ok(())
                } else {
                    anyhow::bail!("still starting")
                }
            })
        })
    });
    let ops = http::router(core.readiness.clone(), telemetry::recorder()?);
    let stop = core.support.stop.clone();
    let ops = http::serve(metrics, ops, http::PATIENCE, stop);
    core.spawn(&core.support, "metrics", ops);

    let running = Running {
        core: Arc::clone(&core),
        grpc_addr,
        metrics_addr,
    };
    if let Err(error) = wire(Boot::new(core, config)).await {
        running
            .core
            .fail(error.context("the service did not start"));
        return Err(running
            .ended()
            .await
            .err()
            .unwrap_or_else(|| anyhow::anyhow!("no start")));
    }
    wired.cancel();
    tracing::info!(metrics = %metrics_addr, grpc = ?grpc_addr, "started");
    Ok(running)
}

impl Running {
    /// Cancelled when the service stops, whoever asked.
    pub fn stop_token(&self) -> CancellationToken {
        self.core.work.stop.clone()
    }

    /// Asks the service to stop and waits for its end.
    pub async fn stop(self) -> anyhow::Result<()> {
        self.core.work.stop.cancel();
        self.ended().await
    }

    /// Waits until the service is told to stop or a task fails, then ends it in order: intake and
    /// tasks, what supports them, clients. Telemetry outlives this.
    pub async fn ended(self) -> anyhow::Result<()> {
        let core = self.core;
        core.work.stop.cancelled().await;
        tracing::info!("stopping");
        close(&core.work, WORK_ENDS, "open work was abandoned").await;
        core.support.stop.cancel();
        close(
            &core.support,
            SUPPORT_ENDS,
            "a relay or listener did not stop",
        )
        .await;

        let closers =
            std::mem::take(&mut *core.closers.lock().unwrap_or_else(PoisonError::into_inner));
        for (client, closer) in closers.into_iter().rev() {
            if tokio::time::timeout(CLIENTS_CLOSE, closer).await.is_err() {
                tracing::warn!(client, "did not close in time");
            }
        }
        let failure = core
            .failure
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        failure.map_or(Ok(()), Err)
    }
}

async fn close(stage: &Stage, patience: Duration, late: &'static str) {
    stage.tasks.close();
    if tokio::time::timeout(patience, stage.tasks.wait())
        .await
        .is_err()
    {
        tracing::warn!(tasks = stage.tasks.len(), "{late}");
    }
}
