//! A running fiche cache with a CRM of its own.

use anyhow::{Context, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{NaiveDate, Utc};
use serde_json::Value;
use sqlx::PgPool;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic::{Request, Status};
use vigie_bus::{Bus, BusConfig, Consumers, Sending};
use vigie_contracts::fiche::v1 as pb;
use vigie_contracts::fiche::v1::fiche_service_client::FicheServiceClient;
use vigie_events::fiche::{FicheFetch, FicheFetchFailed, FicheFetched, FicheSummaryUpdated};
use vigie_events::ids::UserId;
use vigie_events::{Lane, Message, MessageId};
use vigie_fiche_cache::app::{AppState, MIGRATIONS, Parts};
use vigie_fiche_cache::config::{JobSettings, Lifetimes};
use vigie_fiche_cache::domain::vault::Vault;
use vigie_fiche_cache::{events, rpc};
use vigie_identity::{Caller, Grant, Principal, PrincipalKind, Scope, ServiceName};
use vigie_sealed::SealingKeys;
use vigie_simulators::crm::seed;
use vigie_simulators::faults::Rule;
use vigie_simulators::{Options, Simulators};
use vigie_testkit::{Nats, Postgres, Schema, TestDatabase, wait};
use vigie_upstream::crm::{CrmClient, CrmConfig};
use vigie_webhooks::{GuardConfig, Settings, Webhooks};

pub const LIMIT: Duration = Duration::from_secs(30);

/// The day that the CRM takes for today.
pub fn today() -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 1, 14).unwrap()
}

/// The id of a sale of that day; see `seed::fiche_id` for the places.
pub fn fiche(place: u64) -> String {
    seed::fiche_id(today(), place).to_string()
}

pub struct App {
    pub state: AppState,
    pub pool: PgPool,
    pub sims: Simulators,
    pub bus: Bus,
    stop: CancellationToken,
    tasks: TaskTracker,
    // Dropped last: the database goes with it.
    database: TestDatabase,
}

impl App {
    pub async fn start() -> Self {
        Self::with(Lifetimes::default()).await
    }

    pub async fn with(lifetimes: Lifetimes) -> Self {
        Self::try_start(lifetimes).await.unwrap()
    }

    async fn try_start(lifetimes: Lifetimes) -> Result<Self> {
        let sims = Simulators::start(Options {
            crm_today: Some(today()),
            ..Options::default()
        })
        .await?;
        let database = Postgres::shared().await?.database(&[Schema::Fiche]).await?;
        let pool = database.pool(Schema::Fiche).await?;
        MIGRATIONS.run(&pool).await?;
        vigie_bus::migrate(&pool).await?;
        vigie_webhooks::migrate(&pool).await?;
        let bus = Bus::connect(BusConfig {
            url: Nats::shared().await?.url().to_owned(),
            creds_file: None,
            prefix: Some(Nats::unique_prefix()),
            replicas: 1,
            source: "fiche-cache",
        })
        .await?;
        bus.ensure_topology().await?;
        let db = bus.db(pool.clone());
        let mut crm = CrmConfig {
            sales_include_recordings: true,
            ..CrmConfig::new(&sims.crm_url)
        };
        crm.retry.base = Duration::from_millis(5);
        let state = AppState::from_parts(Parts {
            db: db.clone(),
            crm: CrmClient::new(crm)?,
            lifetimes,
            flights: vigie_fiche_cache::domain::flights::Flights::default(),
            jobs: jobs(),
            webhooks: webhooks()?,
            vault: vault()?,
            access_days: 365,
        });
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        let (relay, relay_bus, relay_stop) = (db.clone(), bus.clone(), stop.clone());
        tasks.spawn(async move { relay.relay(relay_bus, relay_stop).await });
        let mut consumers = Consumers::new(bus.clone(), Some(db), tasks.clone(), stop.clone());
        // One slot a lane: commands of a lane are worked off in their order.
        events::consume(&mut consumers, &state, 1).await?;
        let deliveries = state.webhooks.clone();
        tasks.spawn(deliveries.run(pool.clone(), pool.clone(), stop.clone()));
        Ok(Self {
            state,
            pool,
            sims,
            bus,
            stop,
            tasks,
            database,
        })
    }

    /// Waits until all sales have their details.
    pub async fn details(&self) {
        wait::until("details", LIMIT, || async {
            let open = self
                .count(
                    "SELECT (SELECT count(*) FROM fiche_cache WHERE state = 'sales_list')
                          + (SELECT count(*) FROM fiche_fetches)",
                )
                .await;
            Ok((open == 0).then_some(()))
        })
        .await
        .unwrap();
    }

    /// Ends it in the middle of its work.
    pub async fn end(self) {
        self.stop.cancel();
        self.tasks.close();
        tokio::time::timeout(LIMIT, self.tasks.wait())
            .await
            .unwrap();
    }

    /// Ends it in order; whatever it left unsent fails the test.
    pub async fn stop(self) {
        wait::until("an empty outbox", LIMIT, || async {
            let left: i64 = sqlx::query_scalar("SELECT count(*) FROM outbox")
                .fetch_one(&self.pool)
                .await?;
            Ok((left == 0).then_some(()))
        })
        .await
        .unwrap();
        let leases = self.count("SELECT count(*) FROM fiche_fetches").await;
        self.stop.cancel();
        self.tasks.close();
        tokio::time::timeout(LIMIT, self.tasks.wait())
            .await
            .unwrap();
        assert_eq!(leases, 0, "a lease was left");
    }

    /// The address of the database.
    pub fn database_url(&self) -> String {
        self.database.url(Schema::Fiche)
    }

    pub async fn count(&self, sql: &'static str) -> i64 {
        sqlx::query_scalar(sql).fetch_one(&self.pool).await.unwrap()
    }

    pub async fn execute(&self, sql: &'static str) {
        sqlx::query(sql).execute(&self.pool).await.unwrap();
    }

    /// How often the CRM was asked for a fiche, whatever it answered.
    pub fn asked(&self, fiche: &str) -> usize {
        let calls = self.sims.crm.calls().calls;
        let path = format!("/api/fiches/by-id/{fiche}");
        calls.iter().filter(|call| call.path == path).count()
    }

    pub fn fault(&self, fiche: &str, rule: Rule) {
        self.sims.crm.add(Rule {
            path: format!("/api/fiches/by-id/{fiche}"),
            ..rule
        });
    }

    /// Sends a command and waits for the fact that answers it.
    pub async fn fetch(&self, id: &str, fiche: &str, force: bool) -> Outcome {
        self.send(id, fiche, force, Lane::Interactive, Sending::First)
            .await;
        self.outcome(id, fiche).await
    }

    pub async fn send(&self, id: &str, fiche: &str, force: bool, lane: Lane, sending: Sending) {
        let body = FicheFetch {
            fiche_id: fiche.parse().unwrap(),
            force_refresh: Some(force),
            user_id: None,
            automation_run_id: None,
        };
        let message = Message::in_lane(MessageId::new(id), lane, body);
        self.bus.publish(&message, sending).await.unwrap();
    }

    pub async fn outcome(&self, id: &str, fiche: &str) -> Outcome {
        let entity = [fiche.to_owned()];
        wait::until("the answer", LIMIT, || async {
            let fetched = self.bus.last_fact::<FicheFetched>(&entity).await?;
            if let Some(fact) = fetched.filter(|fact| fact.body.request_id == id) {
                return Ok(Some(Outcome::Fetched(fact.body)));
            }
            let failed = self.bus.last_fact::<FicheFetchFailed>(&entity).await?;
            let failed = failed.filter(|fact| fact.body.request_id == id);
            Ok(failed.map(|fact| Outcome::Failed(fact.body)))
        })
        .await
        .unwrap()
    }

    pub async fn summary_fact(&self, fiche: &str, version: i64) -> FicheSummaryUpdated {
        wait::until("a summary", LIMIT, || async {
            let last = self
                .bus
                .last_fact::<FicheSummaryUpdated>(&[fiche.to_owned()])
                .await?;
            Ok(last
                .map(|fact| fact.body)
                .filter(|fact| fact.summary.version == version))
        })
        .await
        .unwrap()
    }

    pub async fn get(&self, caller: &Caller, request: pb::GetFicheRequest) -> Result<Got, Status> {
        let response = self
            .client()
            .get_fiche(of(caller, request))
            .await?
            .into_inner();
        Ok(Got {
            cache: response.cache(),
            payload: serde_json::from_str(&response.payload_json).unwrap(),
        })
    }

    /// Another process on the same database.
    pub fn replica(&self) -> AppState {
        AppState::from_parts(Parts {
            db: self.state.db.clone(),
            crm: self.state.crm.clone(),
            lifetimes: self.state.lifetimes,
            flights: vigie_fiche_cache::domain::flights::Flights::default(),
            jobs: jobs(),
            webhooks: webhooks().unwrap(),
            vault: vault().unwrap(),
            access_days: 365,
        })
    }

    pub async fn get_at(
        &self,
        state: &AppState,
        caller: &Caller,
        request: pb::GetFicheRequest,
    ) -> Result<Got, Status> {
        let mut client = FicheServiceClient::new(rpc::service(state.clone()));
        let response = client.get_fiche(of(caller, request)).await?.into_inner();
        Ok(Got {
            cache: response.cache(),
            payload: serde_json::from_str(&response.payload_json).unwrap(),
        })
    }

    pub fn client(
        &self,
    ) -> FicheServiceClient<
        impl tonic::client::GrpcService<
            tonic::body::Body,
            ResponseBody = tonic::body::Body,
            Error = std::convert::Infallible,
            Future: Send,
        >,
    > {
        FicheServiceClient::new(rpc::service(self.state.clone()))
    }
}

/// Retries that a test can wait for.
fn jobs() -> JobSettings {
    JobSettings {
        retry_pause: Duration::from_millis(10),
        can_seal: true,
        ..JobSettings::default()
    }
}

/// What is sensitive is sealed, as in production.
pub fn vault() -> Result<Vault> {
    Ok(Vault::new(Arc::new(keys()?)))
}

fn keys() -> Result<SealingKeys> {
    Ok(SealingKeys::parse(&STANDARD.encode([7; 32]).into())?)
}

/// Webhooks that may reach this machine.
fn webhooks() -> Result<Webhooks> {
    Ok(Webhooks::new(Settings {
        guard: GuardConfig {
            development: true,
            allowed_origins: Vec::new(),
            subject: "webhookUrl",
        },
        timeout: Duration::from_secs(5),
        max_attempts: 11,
        keys: Arc::new(keys()?),
    })?)
}

#[derive(Debug)]
pub enum Outcome {
    Fetched(FicheFetched),
    Failed(FicheFetchFailed),
}

impl Outcome {
    pub fn fetched(self) -> FicheFetched {
        match self {
            Self::Fetched(fact) => fact,
            Self::Failed(fact) => panic!("{fact:?}"),
        }
    }

    pub fn failed(self) -> FicheFetchFailed {
        match self {
            Self::Failed(fact) => fact,
            Self::Fetched(fact) => panic!("{fact:?}"),
        }
    }
}

#[derive(Debug)]
pub struct Got {
    pub cache: pb::CacheState,
    pub payload: Value,
}

pub fn plain(fiche: &str) -> pb::GetFicheRequest {
    pb::GetFicheRequest {
        fiche_id: fiche.to_owned(),
        ..pb::GetFicheRequest::default()
    }
}

pub fn refresh(fiche: &str) -> pb::GetFicheRequest {
    pb::GetFicheRequest {
        refresh: true,
        ..plain(fiche)
    }
}

pub fn of<T>(caller: &Caller, message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.extensions_mut().insert(caller.clone());
    request
}

/// A user with every permission in one scope.
pub fn user(scope: Scope, groupe: &str, crm_user: &str) -> Caller {
    let grant = |key: &str| Grant {
        key: key.to_owned(),
        read: true,
        write: true,
        read_scope: scope,
        write_scope: scope,
    };
    let keys = ["fiches", "recordings", "audits", "transcriptions"];
    with_grants(keys.map(grant).to_vec(), groupe, crm_user)
}

pub fn with_grants(grants: Vec<Grant>, groupe: &str, crm_user: &str) -> Caller {
    let principal = Principal {
        kind: PrincipalKind::User(UserId::new(1)),
        email: "q@vigie.test".to_owned(),
        roles: Vec::new(),
        crm_user_id: Some(crm_user.to_owned()),
        groupes: vec![groupe.to_owned()],
        groupe_names: Vec::new(),
        grants,
        session: Some("s".to_owned()),
        version: 1,
        expires_at: Utc::now(),
    };
    Caller {
        principal: Some(Arc::new(principal)),
        service: Some(ServiceName::Gateway),
        token: None,
    }
}

pub fn everyone() -> Caller {
    user(Scope::All, "", "")
}

pub fn service(name: ServiceName) -> Caller {
    Caller {
        principal: None,
        service: Some(name),
        token: None,
    }
}

/// Whose the fiche is, by the CRM: groupe and seller.
pub fn owner(place: u64) -> (String, String) {
    let wanted = seed::fiche_id(today(), place);
    let fiches = seed::seed(today());
    let found = fiches.iter().find(|it| it.id == wanted);
    let adviser = found.context("no such fiche").unwrap().adviser;
    (adviser.groupe.to_owned(), adviser.id.to_owned())
}
