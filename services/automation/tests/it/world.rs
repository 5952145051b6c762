//! One database, one broker prefix, and schedules and runs as a test needs them.

use crate::callers::{admin, by, wire};
use crate::facts::{audit_completed, delivered, fetch_failed, fetched, transcribed};
use crate::fakes::{self, Answers, Shared};
use serde_json::{Value, json};
use sqlx::PgPool;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::task::JoinSet;
use vigie_automation::app::{AppState, MIGRATIONS};
use vigie_automation::events::{
    BeginRun, CloseAudit, FailAudit, FailFetch, UseFiche, UseTranscripts,
};
use vigie_automation::rpc::AutomationRpc;
use vigie_automation::store::slots::Limits;
use vigie_automation::sweeper::Sweeper;
use vigie_automation::workflow::{Settings, Workflow};
use vigie_bus::{Bus, BusConfig, Handler, Worker};
use vigie_contracts::automation::v1::automation_service_server::AutomationService;
use vigie_contracts::automation::v1::{
    CreateScheduleRequest, GetRunRequest, GetRunResponse, Schedule as PbSchedule, TriggerRequest,
};
use vigie_events::audit::{AuditFailed, FailureStage};
use vigie_events::automation::AutomationRun;
use vigie_events::fiche::FetchFailure;
use vigie_events::ids::{AuditId, AutomationRunId, ScheduleId};
use vigie_events::transcription::RunOutcome;
use vigie_events::{Event, Message};
use vigie_identity::Caller;
use vigie_service::WireError;
use vigie_testkit::{Nats, Postgres, Schema, TestDatabase};

/// The only configuration unless a test says otherwise.
pub const CONFIG: i64 = 14;

pub struct World {
    pub state: AppState,
    pub bus: Bus,
    pub answers: Shared,
    pub rpc: AutomationRpc,
    prefix: String,
    _servers: JoinSet<()>,
    _database: TestDatabase,
}

pub fn settings() -> Settings {
    Settings {
        details_wait: Duration::from_secs(600),
        transcription_wait: Duration::from_secs(900),
        audit_wait: Duration::from_secs(1800),
        run_deadline: Duration::from_secs(18_000),
        limits: Limits {
            global: 5,
            per_schedule: 3,
        },
        max_recordings: 0,
    }
}

impl World {
    pub async fn new() -> Self {
        let server = Postgres::shared().await.unwrap();
        let database = server.database(&[Schema::Automation]).await.unwrap();
        let pool = database.pool(Schema::Automation).await.unwrap();
        MIGRATIONS.run(&pool).await.unwrap();
        vigie_bus::migrate(&pool).await.unwrap();
        let prefix = Nats::unique_prefix();
        let bus = connect(&prefix, "automation").await;
        let answers = Arc::new(Mutex::new(Answers {
            configs: vec![CONFIG],
            ..Answers::default()
        }));
        let mut servers = JoinSet::new();
        let state = AppState {
            db: bus.db(pool),
            workflow: Workflow::new(settings()),
            neighbours: fakes::start(&answers, &mut servers).await,
        };
        Self {
            rpc: AutomationRpc::new(state.clone()),
            state,
            bus,
            answers,
            prefix,
            _servers: servers,
            _database: database,
        }
    }

    pub fn pool(&self) -> &PgPool {
        self.state.db.pool()
    }

    /// A connection to the same broker as another service.
    pub async fn bus_of(&self, source: &'static str) -> Bus {
        connect(&self.prefix, source).await
    }

    pub fn sweeper(&self) -> Sweeper {
        Sweeper {
            db: self.state.db.clone(),
            workflow: self.state.workflow.clone(),
            neighbours: self.state.neighbours.clone(),
        }
    }

    /// Makes a manual schedule over fiches, with more properties.
    pub async fn schedule(&self, fiches: &[&str], extra: Value) -> PbSchedule {
        let mut body = json!({"name": "Ventes de la veille", "scheduleType": "MANUAL",
            "ficheSelection": {"mode": "manual", "ficheIds": fiches}});
        body.as_object_mut()
            .unwrap()
            .extend(extra.as_object().unwrap().clone());
        self.create(&body, &admin()).await.unwrap()
    }

    pub async fn create(&self, body: &Value, caller: &Caller) -> Result<PbSchedule, WireError> {
        let request = CreateScheduleRequest {
            body_json: body.to_string(),
        };
        let answer = self
            .rpc
            .create_schedule(by(caller, request))
            .await
            .map_err(wire)?;
        Ok(answer.into_inner().schedule.unwrap())
    }

    pub async fn trigger(
        &self,
        schedule: &PbSchedule,
        allow_overlap: bool,
        caller: &Caller,
    ) -> Result<AutomationRunId, WireError> {
        let request = TriggerRequest {
            schedule_id: schedule.id.clone(),
            override_fiche_selection_json: None,
            allow_overlap,
        };
        let answer = self
            .rpc
            .trigger(by(caller, request))
            .await
            .map_err(wire)?
            .into_inner();
        assert_eq!(answer.job_id, format!("automation-run-{}", answer.run_id));
        Ok(answer.run_id.parse().unwrap())
    }

    /// Handles the run's command.
    pub async fn begin(&self, schedule: &PbSchedule, run: AutomationRunId) {
        let schedule_id: ScheduleId = schedule.id.parse().unwrap();
        let message = AutomationRun {
            schedule_id,
            run_id: run,
            due_at: None,
        }
        .message();
        let worker = BeginRun {
            state: self.state.clone(),
        };
        let delivery = delivered(message);
        let output = worker.work(&delivery).await.unwrap();
        let mut tx = self.state.db.begin().await.unwrap();
        worker.store(&mut tx, &delivery, output).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// A run of a new schedule that has begun.
    pub async fn running(&self, fiches: &[&str], extra: Value) -> AutomationRunId {
        let schedule = self.schedule(fiches, extra).await;
        let run = self.trigger(&schedule, false, &admin()).await.unwrap();
        self.begin(&schedule, run).await;
        run
    }

    async fn handle<E: Event>(&self, handler: &impl Handler<E>, message: Message<E>) {
        let mut tx = self.state.db.begin().await.unwrap();
        handler.handle(&mut tx, &delivered(message)).await.unwrap();
        tx.commit().await.unwrap();
    }

    pub async fn fetched(&self, run: AutomationRunId, fiche: &str, recordings: i32) {
        let message = fetched(format!("automation-{run}-fetch-{fiche}"), fiche, recordings);
        let handler = UseFiche {
            workflow: self.state.workflow.clone(),
        };
        self.handle(&handler, message).await;
    }

    /// `request` is what follows `automation-<run>-`.
    pub async fn fetch_failed(
        &self,
        run: AutomationRunId,
        fiche: &str,
        request: &str,
        kind: FetchFailure,
    ) {
        let request_id = format!("automation-{run}-{request}");
        let handler = FailFetch {
            workflow: self.state.workflow.clone(),
        };
        self.handle(&handler, fetch_failed(request_id, fiche, kind))
            .await;
    }

    pub async fn transcribed(&self, run: AutomationRunId, fiche: &str, outcome: RunOutcome) {
        let ids = vec![
            format!("automation-{run}-transcribe-{fiche}"),
            "transcribe-1-2".to_owned(),
        ];
        let handler = UseTranscripts {
            workflow: self.state.workflow.clone(),
        };
        self.handle(&handler, transcribed(ids, fiche, outcome))
            .await;
    }

    /// `suffix` is `-retry-<n>` or nothing.
    pub async fn audited(&self, run: AutomationRunId, fiche: &str, config: i64, suffix: &str) {
        let tracking = format!("automation-{run}-audit-{fiche}-{config}{suffix}");
        let handler = CloseAudit {
            workflow: self.state.workflow.clone(),
        };
        self.handle(&handler, audit_completed(&tracking, fiche, config))
            .await;
    }

    pub async fn audit_failed(
        &self,
        run: AutomationRunId,
        fiche: &str,
        config: i64,
        suffix: &str,
        stage: FailureStage,
    ) {
        let tracking = format!("automation-{run}-audit-{fiche}-{config}{suffix}");
        let fact = AuditFailed {
            fiche_id: fiche.parse().unwrap(),
            audit_config_id: config,
            error: "All 6 steps failed".to_owned(),
            retry_count: 0,
            audit_db_id: Some(AuditId::new(901)),
            audit_tracking_id: tracking.parse().unwrap(),
            stage,
            batch_id: None,
            automation_run_id: Some(run),
        };
        let handler = FailAudit {
            workflow: self.state.workflow.clone(),
        };
        self.handle(&handler, fact.message()).await;
    }

    /// Everything that a fiche needs to succeed.
    pub async fn succeed(&self, run: AutomationRunId, fiche: &str) {
        self.fetched(run, fiche, 2).await;
        self.transcribed(run, fiche, RunOutcome::Completed).await;
        self.audited(run, fiche, CONFIG, "").await;
    }

    pub async fn get(&self, run: AutomationRunId) -> GetRunResponse {
        let request = GetRunRequest {
            run_id: run.to_string(),
        };
        self.rpc
            .get_run(by(&admin(), request))
            .await
            .unwrap()
            .into_inner()
    }

    /// Status, reason, successful, failed and ignored fiches.
    pub async fn outcome(&self, run: AutomationRunId) -> (String, Option<String>, i32, i32, i32) {
        let run = self.get(run).await.run.unwrap();
        assert_eq!(run.total_fiches, run.successful_fiches + run.failed_fiches);
        (
            run.status,
            run.reason,
            run.successful_fiches,
            run.failed_fiches,
            run.ignored_fiches,
        )
    }

    pub async fn summary(&self, run: AutomationRunId) -> Value {
        let run = self.get(run).await.run.unwrap();
        serde_json::from_str(&run.result_summary_json).unwrap()
    }

    /// Ids of the messages of an event that wait in the outbox.
    pub async fn ids(&self, event: &str) -> Vec<String> {
        let mut ids: Vec<String> =
            sqlx::query_scalar("SELECT message_id FROM outbox WHERE event = $1")
                .bind(event)
                .fetch_all(self.pool())
                .await
                .unwrap();
        ids.sort();
        ids
    }

    /// Payloads of an event that wait in the outbox, in their order.
    pub async fn payloads(&self, event: &str) -> Vec<Value> {
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

    pub async fn count(&self, sql: &'static str) -> i64 {
        sqlx::query_scalar(sql)
            .fetch_one(self.pool())
            .await
            .unwrap()
    }

    pub async fn execute(&self, sql: &'static str) {
        sqlx::query(sql).execute(self.pool()).await.unwrap();
    }

    pub async fn state_of(&self, run: AutomationRunId, fiche: &str) -> String {
        sqlx::query_scalar(
            "SELECT state FROM automation_run_items WHERE run_id = $1 AND fiche_id = $2",
        )
        .bind(run.get())
        .bind(fiche)
        .fetch_one(self.pool())
        .await
        .unwrap()
    }
}

async fn connect(prefix: &str, source: &'static str) -> Bus {
    let config = BusConfig {
        url: Nats::shared().await.unwrap().url().to_owned(),
        creds_file: None,
        prefix: Some(prefix.to_owned()),
        replicas: 1,
        source,
    };
    Bus::connect(config).await.unwrap()
}

/// An outcome without a reason.
pub fn ended(status: &str, counts: (i32, i32, i32)) -> (String, Option<String>, i32, i32, i32) {
    (status.to_owned(), None, counts.0, counts.1, counts.2)
}
