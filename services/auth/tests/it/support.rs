//! An auth service on a database of its own, called through its gRPC port.

use anyhow::Result;
use sha2::{Digest, Sha256};
use std::net::SocketAddr;
use std::time::Duration;
use tonic::Request;
use tonic::metadata::AsciiMetadataValue;
use tonic::transport::Channel;
use vigie_auth::app;
use vigie_auth::config::Config;
use vigie_bus::{Bus, BusConfig};
use vigie_contracts::auth::v1 as pb;
use vigie_contracts::auth::v1::admin_service_client::AdminServiceClient;
use vigie_contracts::auth::v1::auth_service_client::AuthServiceClient;
use vigie_service::env::{Env, FromEnv};
use vigie_service::{Parts, Platform, Running, ServiceName, start};
use vigie_testkit::{Nats, Postgres, Schema, TestDatabase};

pub const EMAIL: &str = "admin@vigie.test";
pub const PASSWORD: &str = "a-long-phrase-7";
pub const API_TOKEN: &str = "machine-token";
const SECRET: &str = "gateway-secret";

/// The running service.
pub struct App {
    pub client: AuthServiceClient<Channel>,
    pub database: TestDatabase,
    running: Running,
    prefix: String,
    sweep_every: Duration,
}

/// Another process of the same service.
pub struct Replica {
    pub client: AuthServiceClient<Channel>,
    running: Running,
}

impl Replica {
    /// Stops it.
    pub async fn stop(self) -> Result<()> {
        self.running.stop().await?;
        Ok(())
    }
}

impl App {
    pub async fn start() -> Result<Self> {
        Self::with(&[]).await
    }

    /// With more or other variables.
    pub async fn with(more: &[(&str, &str)]) -> Result<Self> {
        let database = Postgres::shared().await?.database(&[Schema::Auth]).await?;
        Self::on(database, more).await
    }

    /// Whose sweeper has short nights.
    pub async fn sweeping(every: Duration) -> Result<Self> {
        let database = Postgres::shared().await?.database(&[Schema::Auth]).await?;
        Self::swept(database, &[], every).await
    }

    pub async fn on(database: TestDatabase, more: &[(&str, &str)]) -> Result<Self> {
        Self::swept(database, more, Duration::from_mins(1)).await
    }

    async fn swept(
        database: TestDatabase,
        more: &[(&str, &str)],
        sweep_every: Duration,
    ) -> Result<Self> {
        let url = database.url(Schema::Auth);
        let (running, prefix) = Self::launch(&url, more, sweep_every).await?;
        let client = connect(running.grpc_addr).await?;
        Ok(Self {
            client,
            database,
            running,
            prefix,
            sweep_every,
        })
    }

    /// Another process on the same database.
    pub async fn replica(&self) -> Result<Replica> {
        let url = self.database.url(Schema::Auth);
        let (running, _) = Self::launch(&url, &[], self.sweep_every).await?;
        let client = connect(running.grpc_addr).await?;
        Ok(Replica { client, running })
    }

    async fn launch(
        url: &str,
        more: &[(&str, &str)],
        sweep_every: Duration,
    ) -> Result<(Running, String)> {
        let hash = hex::encode(Sha256::digest(SECRET));
        let nats = Nats::shared().await?.url().to_owned();
        let prefix = Nats::unique_prefix();
        let clients = format!("gateway={hash}");
        let key = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
        let mut variables = vec![
            ("NATS_URL", nats.as_str()),
            ("NATS_PREFIX", prefix.as_str()),
            ("GRPC_ADDR", "127.0.0.1:0"),
            ("METRICS_ADDR", "127.0.0.1:0"),
            ("DATABASE_URL", url),
            ("VIGIE_ENCRYPTION_KEY", key),
            ("INTERNAL_CLIENTS", &clients),
            ("AUTH_SEED_ADMIN_EMAIL", EMAIL),
            ("AUTH_SEED_ADMIN_PASSWORD", PASSWORD),
            ("API_AUTH_TOKEN", API_TOKEN),
        ];
        variables.extend(more);
        let mut env = Env::from_map(variables);
        let platform = Platform::from_env(&mut env, ServiceName::Auth)?;
        let mut config = Config::from_env(&mut env)?;
        config.sweep_every = sweep_every;
        let parts = Parts::bind(ServiceName::Auth, config, platform).await?;
        let running = start(parts, app::start).await?;
        Ok((running, prefix))
    }

    /// Where it answers.
    pub fn url(&self) -> String {
        let addr = self.running.grpc_addr.expect("auth answers gRPC");
        format!("http://{addr}")
    }

    /// The bus that it sends on.
    pub async fn bus(&self) -> Result<Bus> {
        Ok(Bus::connect(BusConfig {
            url: Nats::shared().await?.url().to_owned(),
            creds_file: None,
            prefix: Some(self.prefix.clone()),
            replicas: 1,
            source: "auth",
        })
        .await?)
    }

    /// The service of administration.
    pub async fn admin(&self) -> Result<AdminServiceClient<Channel>> {
        let addr = self.running.grpc_addr.expect("auth answers gRPC");
        Ok(AdminServiceClient::connect(format!("http://{addr}")).await?)
    }

    /// Stops it and gives the database to the next one.
    pub async fn stop(self) -> Result<TestDatabase> {
        self.running.stop().await?;
        Ok(self.database)
    }

    pub async fn login(&self) -> Result<pb::Session, tonic::Status> {
        self.login_as(EMAIL, PASSWORD).await
    }

    pub async fn login_as(
        &self,
        email: &str,
        password: &str,
    ) -> Result<pb::Session, tonic::Status> {
        let request = pb::LoginRequest {
            email: email.into(),
            password: password.into(),
            client: None,
        };
        let answer = self.client.clone().login(request).await?.into_inner();
        Ok(answer.session.expect("a session"))
    }

    pub async fn refresh(&self, token: &str) -> Result<pb::Session, tonic::Status> {
        let request = pb::RefreshRequest {
            refresh_token: Some(token.to_owned()),
            client: None,
        };
        let answer = self.client.clone().refresh(request).await?.into_inner();
        Ok(answer.session.expect("a session"))
    }

    /// A call as the gateway makes it: internal token, and the user's where there is one.
    pub async fn as_gateway<T>(&self, body: T, user: Option<&str>) -> Result<Request<T>> {
        let issue = pb::IssueInternalTokenRequest {
            service: "gateway".to_owned(),
            secret: SECRET.to_owned(),
            audience: "auth".to_owned(),
        };
        let internal = self
            .client
            .clone()
            .issue_internal_token(issue)
            .await?
            .into_inner();
        let mut request = Request::new(body);
        let metadata = request.metadata_mut();
        metadata.insert(
            "x-vigie-internal",
            internal.token.parse::<AsciiMetadataValue>()?,
        );
        if let Some(token) = user {
            metadata.insert(
                "authorization",
                format!("Bearer {token}").parse::<AsciiMetadataValue>()?,
            );
        }
        Ok(request)
    }
}

async fn connect(addr: Option<SocketAddr>) -> Result<AuthServiceClient<Channel>> {
    let addr = addr.expect("auth answers gRPC");
    Ok(AuthServiceClient::connect(format!("http://{addr}")).await?)
}
