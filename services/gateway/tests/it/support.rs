//! A gateway of the test, and its client.

use crate::services;
use crate::world::World;
use anyhow::Result;
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use serde_json::Value;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use vigie_bus::{Bus, BusConfig};
use vigie_gateway::app;
use vigie_gateway::config::Config;
use vigie_service::env::{Env, FromEnv};
use vigie_service::{Parts, Platform, Running, ServiceName, start};
use vigie_testkit::Nats;

pub const LIMIT: Duration = Duration::from_secs(20);

pub struct App {
    pub world: Arc<World>,
    pub bus: Bus,
    http: Client,
    base: String,
    running: Running,
    services: CancellationToken,
}

impl App {
    pub async fn start() -> Self {
        Self::with(&[]).await
    }

    /// With more or other variables.
    pub async fn with(more: &[(&str, &str)]) -> Self {
        Self::launch(more).await.unwrap()
    }

    async fn launch(more: &[(&str, &str)]) -> Result<Self> {
        let world = World::new();
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let behind = format!("http://{}", listener.local_addr()?);
        let services = CancellationToken::new();
        services::serve(&world, listener, services.clone());

        let nats = Nats::shared().await?;
        let prefix = Nats::unique_prefix();
        let mut variables = vec![
            ("VIGIE_ENV", "development"),
            ("HOSTNAME", "gateway-1"),
            ("PORT", "0"),
            ("NATS_URL", nats.url()),
            ("NATS_PREFIX", &prefix),
            ("METRICS_ADDR", "127.0.0.1:0"),
            ("INTERNAL_CLIENT_SECRET", "secret"),
            ("AUTH_GRPC_URL", &behind),
            ("FICHE_CACHE_GRPC_URL", &behind),
            ("TRANSCRIPTION_GRPC_URL", &behind),
            ("AUDIT_ORCHESTRATOR_GRPC_URL", &behind),
            ("AUTOMATION_GRPC_URL", &behind),
        ];
        variables.extend(more);
        let mut env = Env::from_map(variables);
        let platform = Platform::from_env(&mut env, ServiceName::Gateway)?;
        let config = Config::from_env(&mut env)?;
        let parts = Parts::bind(ServiceName::Gateway, config, platform).await?;
        let mut bound = None;
        let running = start(parts, async |boot| {
            bound = Some(app::serve(boot).await?);
            Ok(())
        })
        .await?;
        let port = bound.map(|addr| SocketAddr::port(&addr)).unwrap();
        let bus = Bus::connect(BusConfig {
            url: nats.url().to_owned(),
            creds_file: None,
            prefix: Some(prefix),
            replicas: 1,
            source: "test",
        })
        .await?;
        Ok(Self {
            world,
            bus,
            http: vigie_testkit::api::http_client()?,
            base: format!("http://127.0.0.1:{port}"),
            running,
            services,
        })
    }

    /// A request, with the token of somebody who may do everything.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.anonymous(method, path).bearer_auth(self.world.token())
    }

    /// A request of a stranger.
    pub fn anonymous(&self, method: Method, path: &str) -> RequestBuilder {
        let url = format!("{}{path}", self.base);
        self.http.request(method, url).timeout(LIMIT)
    }

    pub async fn get(&self, path: &str) -> (StatusCode, Value) {
        answer(self.request(Method::GET, path)).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> (StatusCode, Value) {
        answer(self.request(Method::POST, path).json(body)).await
    }

    /// Where the gateway answers.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// Tells the gateway to stop, and waits for it.
    pub async fn stop(self) -> Result<()> {
        self.services.cancel();
        self.running.stop().await
    }
}

/// Status and JSON of an answer.
pub async fn answer(request: RequestBuilder) -> (StatusCode, Value) {
    let response = request.send().await.unwrap();
    let status = response.status();
    (status, response.json().await.unwrap())
}

/// A header of an answer.
pub fn header<'a>(response: &'a Response, name: &str) -> Option<&'a str> {
    response
        .headers()
        .get(name)
        .map(|value| value.to_str().unwrap())
}
