//! One database, one broker prefix, and audits in the state a test is about.

use sqlx::PgPool;
use std::collections::HashMap;
use std::time::Duration;
use tokio::time::Instant;
use vigie_audit_orchestrator::app::MIGRATIONS;
use vigie_audit_orchestrator::domain::audit::Audit;
use vigie_audit_orchestrator::domain::material::Material;
use vigie_audit_orchestrator::domain::window::StepWindow;
use vigie_audit_orchestrator::events::RecordSteps;
use vigie_audit_orchestrator::seeds;
use vigie_audit_orchestrator::store::fiche::Fiche;
use vigie_audit_orchestrator::store::insert::{NewAudit, insert, tracking_of_request};
use vigie_audit_orchestrator::store::list::ListedAudit;
use vigie_audit_orchestrator::store::{self, audit, config, fiche};
use vigie_audit_orchestrator::workflow::{Batches, Deadlines, FetchedFiche, Settings, Workflow};
use vigie_bus::{BatchHandler, Bus, BusConfig, Db, Delivery};
use vigie_events::audit::StepAnalyzed;
use vigie_events::ids::{AuditConfigId, AuditId, FicheId};
use vigie_events::{Event, Lane, Message};
use vigie_scorecard::{ConfigSnapshot, EvidenceRules};
use vigie_testkit::{Nats, Postgres, Schema, TestDatabase};

pub struct World {
    pub db: Db,
    pub bus: Bus,
    pub workflow: Workflow,
    _database: TestDatabase,
}

impl World {
    pub async fn new() -> Self {
        Self::with(settings()).await
    }

    pub async fn with(settings: Settings) -> Self {
        let server = Postgres::shared().await.unwrap();
        let database = server.database(&[Schema::Audit]).await.unwrap();
        let pool = database.pool(Schema::Audit).await.unwrap();
        MIGRATIONS.run(&pool).await.unwrap();
        vigie_bus::migrate(&pool).await.unwrap();
        let config = BusConfig {
            url: Nats::shared().await.unwrap().url().to_owned(),
            creds_file: None,
            prefix: Some(Nats::unique_prefix()),
            replicas: 1,
            source: "audit-orchestrator",
        };
        let bus = Bus::connect(config).await.unwrap();
        let db = bus.db(pool);
        seeds::plant(&db).await.unwrap();
        Self {
            db,
            bus,
            workflow: Workflow::new(settings),
            _database: database,
        }
    }

    pub fn pool(&self) -> &PgPool {
        self.db.pool()
    }

    /// The configuration with so many steps.
    pub async fn config(&self, steps: usize) -> ConfigSnapshot {
        let mut conn = self.db.acquire().await.unwrap();
        for summary in config::list(&mut conn, true).await.unwrap() {
            let id = AuditConfigId::new(summary.id);
            let snapshot = config::snapshot(&mut conn, id).await.unwrap().unwrap();
            if snapshot.steps.len() == steps {
                return snapshot;
            }
        }
        panic!("no config with {steps} steps");
    }

    /// An audit in phase `queued`.
    pub async fn queued(&self, fiche: &str, config: &ConfigSnapshot) -> AuditId {
        let fiche: FicheId = fiche.parse().unwrap();
        let config = config.id.parse().unwrap();
        let mut tx = self.db.begin().await.unwrap();
        let tracking = tracking_of_request(&mut tx, &fiche, config).await.unwrap();
        let new = NewAudit {
            fiche: &fiche,
            fiche_cache_id: None,
            config,
            lane: Lane::Interactive,
            use_rlm: false,
            trigger_source: "api",
            trigger_user: Some("12"),
            schedule: None,
            automation_run: None,
            batch: None,
            deadline: Duration::from_secs(3600),
        };
        let (id, _) = insert(&mut tx, &tracking, &new).await.unwrap().unwrap();
        tx.commit().await.unwrap();
        id
    }

    /// An audit in phase `fetching`.
    pub async fn fetching(&self, fiche: &str, config: &ConfigSnapshot) -> AuditId {
        let id = self.queued(fiche, config).await;
        let mut tx = self.db.begin().await.unwrap();
        let audit = audit::lock_one(&mut tx, id).await.unwrap().unwrap();
        self.workflow.begin(&mut tx, &audit).await.unwrap();
        tx.commit().await.unwrap();
        id
    }

    /// The fiche of an audit is fetched, with this material.
    pub async fn fetched(&self, id: AuditId, material: &Material) {
        let mut tx = self.db.begin().await.unwrap();
        let audit = audit::lock_one(&mut tx, id).await.unwrap().unwrap();
        let fetched = FetchedFiche {
            material,
            prospect_name: "Alice Lenoir",
            from_cache: false,
        };
        self.workflow
            .fetched(&mut tx, &audit, &fetched)
            .await
            .unwrap();
        tx.commit().await.unwrap();
    }

    /// An audit that waits for its steps.
    pub async fn analyzing(&self, fiche: &str, config: &ConfigSnapshot) -> AuditId {
        let id = self.fetching(fiche, config).await;
        self.fetched(id, &crate::facts::call()).await;
        id
    }

    pub async fn audit(&self, id: AuditId) -> Audit {
        let mut conn = self.db.acquire().await.unwrap();
        audit::lock_one(&mut conn, id).await.unwrap().unwrap()
    }

    /// Puts a fiche into the projection.
    pub async fn project(&self, fiche_id: &str, groupe: Option<&str>, attribution: Option<&str>) {
        let row = Fiche {
            fiche_id: fiche_id.to_owned(),
            fiche_cache_id: Some(5120),
            version: 1,
            groupe: groupe.map(ToOwned::to_owned),
            attribution_user_id: attribution.map(ToOwned::to_owned),
            prospect_nom: Some("Lenoir".to_owned()),
            prospect_prenom: Some("Alice".to_owned()),
            ..Fiche::default()
        };
        let mut conn = self.db.acquire().await.unwrap();
        fiche::put(&mut conn, &row).await.unwrap();
    }

    /// How many messages of this event wait in the outbox.
    pub async fn sent(&self, event: &str) -> i64 {
        sqlx::query_scalar("SELECT count(*) FROM outbox WHERE event = $1")
            .bind(event)
            .fetch_one(self.pool())
            .await
            .unwrap()
    }

    /// A number that a statement gives.
    pub async fn count(&self, sql: &'static str) -> i64 {
        sqlx::query_scalar(sql)
            .fetch_one(self.pool())
            .await
            .unwrap()
    }

    pub async fn execute(&self, sql: &'static str) {
        sqlx::query(sql).execute(self.pool()).await.unwrap();
    }

    /// The payloads of an event that wait in the outbox, in their order.
    pub async fn payloads(&self, event: &str) -> Vec<serde_json::Value> {
        let payloads: Vec<String> =
            sqlx::query_scalar("SELECT payload FROM outbox WHERE event = $1 ORDER BY id")
                .bind(event)
                .fetch_all(self.pool())
                .await
                .unwrap();
        payloads
            .iter()
            .map(|payload| serde_json::from_str(payload).unwrap())
            .collect()
    }

    /// The names of all realtime messages, in their order.
    pub async fn shown(&self) -> Vec<String> {
        sqlx::query_scalar("SELECT event FROM outbox WHERE channels IS NOT NULL ORDER BY id")
            .fetch_all(self.pool())
            .await
            .unwrap()
    }

    /// Stores facts about steps, as one batch.
    pub async fn record(&self, facts: Vec<StepAnalyzed>) {
        let mut tx = self.db.begin().await.unwrap();
        let deliveries: Vec<_> = facts
            .into_iter()
            .map(|fact| delivered(fact.message()))
            .collect();
        let handler = RecordSteps {
            workflow: self.workflow.clone(),
        };
        handler.handle(&mut tx, &deliveries).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// The detail of an audit, as rows.
    pub async fn listed(&self, id: AuditId) -> ListedAudit {
        let mut conn = self.db.acquire().await.unwrap();
        store::list::one(&mut conn, id.get())
            .await
            .unwrap()
            .unwrap()
    }
}

pub fn settings() -> Settings {
    Settings {
        engine: "lexical".to_owned(),
        model: "lexical".to_owned(),
        evidence: EvidenceRules::default(),
        window: StepWindow::default(),
        max_tokens: 0,
        deadlines: Deadlines::default(),
        prices: vigie_audit_orchestrator::domain::prices::ModelPrices::parse(
            r#"{"m": {"input": 1.0, "output": 2.0}}"#,
        )
        .unwrap(),
        log: true,
        batches: Batches::default(),
        pace: None,
    }
}

/// A message as the bus would hand it over.
pub fn delivered<E: Event>(message: Message<E>) -> Delivery<E> {
    Delivery {
        id: message.id,
        body: message.body,
        lane: message.lane,
        delivery: 1,
        fresh: false,
        deadline: Instant::now() + Duration::from_secs(60),
        source: "test".to_owned(),
    }
}

/// Query parameters.
pub fn query(pairs: &[(&str, &str)]) -> HashMap<String, String> {
    pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}
