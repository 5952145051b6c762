use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use axum::Router;
use chrono::NaiveDate;
use secrecy::SecretString;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::faults::{Faults, kind};
use crate::{crm, llm, pusher, stt};

/// How the simulators are set up.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where the CRM listens.
    pub crm_addr: SocketAddr,
    /// Where the speech model listens.
    pub stt_addr: SocketAddr,
    /// Where the language model listens.
    pub llm_addr: SocketAddr,
    /// Where the Pusher endpoint listens.
    pub pusher_addr: SocketAddr,
    /// Bearer token the CRM requires, if any.
    pub crm_token: Option<SecretString>,
    /// The day the CRM takes for today; the clock's when absent.
    pub crm_today: Option<NaiveDate>,
    /// Fiches of the CRM for load tests, besides the seeded ones.
    pub crm_bulk: Option<crm::Bulk>,
    /// `xi-api-key` (or bearer key) the speech model requires, if any.
    pub stt_key: Option<SecretString>,
    /// Bearer key the language model requires, if any.
    pub llm_key: Option<SecretString>,
    /// The one Pusher key known.
    pub pusher_key: String,
    /// Secret of that key.
    pub pusher_secret: SecretString,
    /// Time a transcription takes.
    pub stt_latency: Duration,
    /// Time a model answer takes.
    pub llm_latency: Duration,
}

/// Pusher key of simulators set up without one.
pub const DEFAULT_PUSHER_KEY: &str = "vigie-demo-key";
/// Secret of that key.
pub const DEFAULT_PUSHER_SECRET: &str = "vigie-demo-secret";

impl Default for Options {
    fn default() -> Self {
        let any_port = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Self {
            crm_addr: any_port,
            stt_addr: any_port,
            llm_addr: any_port,
            pusher_addr: any_port,
            crm_token: None,
            crm_today: None,
            crm_bulk: None,
            stt_key: None,
            llm_key: None,
            pusher_key: DEFAULT_PUSHER_KEY.to_owned(),
            pusher_secret: DEFAULT_PUSHER_SECRET.into(),
            stt_latency: Duration::ZERO,
            llm_latency: Duration::ZERO,
        }
    }
}

/// Why the simulators did not start.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {addr} for the {name} simulator")]
pub struct StartError {
    name: &'static str,
    addr: SocketAddr,
    #[source]
    source: io::Error,
}

/// The four running simulators; they stop when this is dropped.
pub struct Simulators {
    /// Address of the CRM, without trailing slash.
    pub crm_url: String,
    /// Address of the speech model.
    pub stt_url: String,
    /// Address of the language model; the API is under it with and without `/v1`.
    pub llm_url: String,
    /// Address of the Pusher endpoint.
    pub pusher_url: String,
    /// Faults and record of the CRM.
    pub crm: Faults,
    /// Faults and record of the speech model.
    pub stt: Faults,
    /// Faults and record of the language model.
    pub llm: Faults,
    /// Faults and record of the Pusher endpoint.
    pub pusher: Faults,
    tasks: TaskTracker,
    stopping: CancellationToken,
}

impl Simulators {
    /// Starts all four; they accept requests when this returns.
    pub async fn start(options: Options) -> Result<Self, StartError> {
        let stopping = CancellationToken::new();
        let tasks = TaskTracker::new();

        let (crm_socket, crm_url) = listen("CRM", options.crm_addr).await?;
        let (stt_socket, stt_url) = listen("speech", options.stt_addr).await?;
        let (llm_socket, llm_url) = listen("model", options.llm_addr).await?;
        let (pusher_socket, pusher_url) = listen("Pusher", options.pusher_addr).await?;

        let crm = Faults::new(crm::error_body, stopping.clone());
        let stt = Faults::new(stt::error_body, stopping.clone());
        let llm = Faults::with_own(llm::error_body, stopping.clone(), &[kind::MALFORMED_JSON]);
        let pusher = Faults::new(pusher::error_body, stopping.clone());

        let crm_router = crm::router(
            crm::Options {
                public_url: crm_url.clone(),
                token: options.crm_token,
                today: options.crm_today,
                bulk: options.crm_bulk,
            },
            &crm,
        );
        let stt_router = stt::router(
            stt::Options {
                key: options.stt_key,
                latency: options.stt_latency,
            },
            &stt,
        );
        let llm_router = llm::router(
            llm::Options {
                key: options.llm_key,
                latency: options.llm_latency,
            },
            &llm,
        );
        let pusher_router = pusher::router(
            pusher::Options {
                key: options.pusher_key,
                secret: options.pusher_secret,
            },
            &pusher,
        );

        for (socket, router) in [
            (crm_socket, crm_router),
            (stt_socket, stt_router),
            (llm_socket, llm_router),
            (pusher_socket, pusher_router),
        ] {
            serve(&tasks, &stopping, socket, router);
        }
        tasks.close();

        Ok(Self {
            crm_url,
            stt_url,
            llm_url,
            pusher_url,
            crm,
            stt,
            llm,
            pusher,
            tasks,
            stopping,
        })
    }

    /// Ends what is in flight, then returns.
    pub async fn stop(self) {
        self.stopping.cancel();
        self.tasks.wait().await;
    }
}

impl Drop for Simulators {
    fn drop(&mut self) {
        self.stopping.cancel();
    }
}

async fn listen(name: &'static str, addr: SocketAddr) -> Result<(TcpListener, String), StartError> {
    let failed = |source| StartError { name, addr, source };
    let socket = TcpListener::bind(addr).await.map_err(failed)?;
    let bound = socket.local_addr().map_err(failed)?;
    Ok((socket, format!("http://{bound}")))
}

fn serve(tasks: &TaskTracker, stopping: &CancellationToken, socket: TcpListener, router: Router) {
    let stop = stopping.clone().cancelled_owned();
    tasks.spawn(async move {
        // Accept errors are retried inside; nothing else ends it but the signal.
        axum::serve(socket, router)
            .with_graceful_shutdown(stop)
            .await
            .ok();
    });
}
