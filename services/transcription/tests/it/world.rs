//! One database, one broker prefix, one speech provider, and messages handled one by one.

use crate::fiches::{Script, serve};
use serde_json::Value;
use sqlx::PgPool;
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::task::TaskTracker;
use uuid::Uuid;
use vigie_bus::{Bus, BusConfig, Delivery, Failure, Handler, Worker};
use vigie_events::fiche::{FetchFailure, FicheFetchFailed, FicheFetched, FicheSummary};
use vigie_events::ids::FicheCacheId;
use vigie_events::transcription::{
    FicheTranscribe, FicheTranscribed, Priority, RecordingTranscribe,
};
use vigie_events::{Event, Lane, Message, MessageId};
use vigie_service::Env;
use vigie_simulators::Simulators;
use vigie_simulators::calls;
use vigie_testkit::{Nats, Postgres, Schema, TestDatabase};
use vigie_transcription::app::{AppState, MIGRATIONS};
use vigie_transcription::config::Config;
use vigie_transcription::events::{FailUnfetched, PlanFetched, StartRun, TranscribeRecording};
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

/// The call that every recording holds.
pub const SLUG: &str = "vente-conforme";

pub struct World {
    pub state: AppState,
    pub config: Config,
    pub bus: Bus,
    pub script: Script,
    pub simulators: Simulators,
    pub media: MockServer,
    pub tasks: TaskTracker,
    _database: TestDatabase,
}

impl World {
    pub async fn new() -> Self {
        Self::with(&[]).await
    }

    /// With these settings besides the defaults of tests.
    pub async fn with(settings: &[(&str, &str)]) -> Self {
        let server = Postgres::shared().await.unwrap();
        let database = server.database(&[Schema::Transcription]).await.unwrap();
        let pool = database.pool(Schema::Transcription).await.unwrap();
        MIGRATIONS.run(&pool).await.unwrap();
        vigie_bus::migrate(&pool).await.unwrap();
        let bus = Bus::connect(BusConfig {
            url: Nats::shared().await.unwrap().url().to_owned(),
            creds_file: None,
            prefix: Some(Nats::unique_prefix()),
            replicas: 1,
            source: "transcription",
        })
        .await
        .unwrap();
        let simulators = Simulators::start(vigie_simulators::Options::default())
            .await
            .unwrap();
        let media = MockServer::start().await;
        let (script, tasks) = (Script::default(), TaskTracker::new());
        let fiches = serve(script.clone(), &tasks).await;
        let media_url = media.uri();
        let openai_url = format!("{}/v1", simulators.stt_url.trim_end_matches('/'));
        let mut vars = vec![
            ("ELEVENLABS_API_KEY", "k"),
            ("ELEVENLABS_BASE_URL", simulators.stt_url.as_str()),
            ("RECORDING_ALLOWED_ORIGINS", media_url.as_str()),
            ("TRANSCRIPTION_ELEVENLABS_RATE_LIMIT_PER_MINUTE", "60000"),
            ("TRANSCRIPTION_ELEVENLABS_BACKOFF_BASE_SECONDS", "1"),
            ("TRANSCRIPTION_ELEVENLABS_BACKOFF_MAX_SECONDS", "1"),
            ("TRANSCRIPTION_ELEVENLABS_MAX_ATTEMPTS", "3"),
            // Read only where a test asks for this provider.
            ("TRANSCRIPTION_OPENAI_BASE_URL", openai_url.as_str()),
        ];
        vars.extend_from_slice(settings);
        let config: Config = Env::from_map(vars).read().unwrap();
        let db = bus.db(pool);
        let state = AppState::connect(&config, db, fiches, false).await.unwrap();
        Self {
            state,
            config,
            bus,
            script,
            simulators,
            media,
            tasks,
            _database: database,
        }
    }

    pub fn pool(&self) -> &PgPool {
        self.state.db.pool()
    }

    /// Gives a fiche recordings with audio; a call id that starts with `no-url` has no address, one
    /// that starts with `gone` leads to nothing.
    pub async fn recorded(&self, fiche: &str, call_ids: &[&str]) {
        let mut recordings = Vec::new();
        for call in call_ids {
            let url = match *call {
                call if call.starts_with("no-url") => "  ".to_owned(),
                call => format!("{}/{call}.mp3?sig=secret", self.media.uri()),
            };
            if !call.starts_with("gone") {
                let audio = ResponseTemplate::new(200)
                    .set_body_raw(calls::audio_of(SLUG, call), "audio/mpeg");
                Mock::given(method("GET"))
                    .and(path(format!("/{call}.mp3")))
                    .respond_with(audio)
                    .mount(&self.media)
                    .await;
            }
            recordings.push((*call, url));
        }
        self.script.set(fiche, &recordings);
    }

    /// A command is handled, as the bus would.
    pub async fn transcribe(&self, message: Message<FicheTranscribe>) {
        self.work(&StartRun::new(self.state.clone()), message)
            .await
            .unwrap();
    }

    /// The refresh of a run is answered.
    pub async fn fetched(&self, run: Uuid, fiche: &str) {
        let worker = PlanFetched::new(self.state.clone());
        self.work(&worker, fetched(run, fiche).message())
            .await
            .unwrap();
    }

    /// The refresh of a run has failed.
    pub async fn fetch_failed(&self, run: Uuid, fiche: &str, kind: FetchFailure) {
        let fact = FicheFetchFailed {
            fiche_id: fiche.parse().unwrap(),
            request_id: format!("transcription-{run}-fetch"),
            kind,
            error: "the CRM is away".to_owned(),
            attempts: 3,
            automation_run_id: None,
        };
        let handler = FailUnfetched::new(self.state.workflow.clone());
        let mut tx = self.state.db.begin().await.unwrap();
        handler
            .handle(&mut tx, &delivered(fact.message()))
            .await
            .unwrap();
        tx.commit().await.unwrap();
    }

    /// The command of one recording is handled.
    pub async fn recording(&self, run: Uuid, fiche: &str, call: &str) -> Result<(), Failure> {
        self.recording_at(&self.state, run, fiche, call).await
    }

    /// The same, by some replica.
    pub async fn recording_at(
        &self,
        replica: &AppState,
        run: Uuid,
        fiche: &str,
        call: &str,
    ) -> Result<(), Failure> {
        let worker = TranscribeRecording::new(replica.clone());
        self.work(&worker, recording(run, fiche, call)).await
    }

    /// A second process over the same database, with a client of its own.
    pub async fn replica(&self) -> AppState {
        let (db, fiches) = (self.state.db.clone(), self.state.fiches.clone());
        AppState::connect(&self.config, db, fiches, false)
            .await
            .unwrap()
    }

    async fn work<E: Event, W: Worker<E>>(
        &self,
        worker: &W,
        message: Message<E>,
    ) -> Result<(), Failure> {
        let delivery = delivered(message);
        let output = worker.work(&delivery).await?;
        let mut tx = self.state.db.begin().await.unwrap();
        match worker.store(&mut tx, &delivery, output).await {
            Ok(()) => tx.commit().await.unwrap(),
            Err(failure) => {
                tx.rollback().await.unwrap();
                return Err(failure);
            }
        }
        Ok(())
    }

    /// A planned run of a fiche, asked for over HTTP.
    pub async fn planned(&self, fiche: &str) -> Uuid {
        self.transcribe(asked(fiche, 1, false)).await;
        self.run_of(fiche).await
    }

    /// A running run of a fiche with these recordings.
    pub async fn running(&self, fiche: &str, call_ids: &[&str]) -> Uuid {
        self.recorded(fiche, call_ids).await;
        let run = self.planned(fiche).await;
        self.fetched(run, fiche).await;
        run
    }

    /// The latest run of a fiche.
    pub async fn run_of(&self, fiche: &str) -> Uuid {
        sqlx::query_scalar(
            "SELECT run_id FROM transcription_runs WHERE fiche_id = $1
              ORDER BY created_at DESC, run_id DESC LIMIT 1",
        )
        .bind(fiche)
        .fetch_one(self.pool())
        .await
        .unwrap()
    }

    /// State and reason of a run.
    pub async fn state_of(&self, run: Uuid) -> (String, Option<String>) {
        sqlx::query_as("SELECT state, reason FROM transcription_runs WHERE run_id = $1")
            .bind(run)
            .fetch_one(self.pool())
            .await
            .unwrap()
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

    /// Business ids of the messages of an event that wait in the outbox, in their order.
    pub async fn sent(&self, event: &str) -> Vec<String> {
        sqlx::query_scalar("SELECT sending_id FROM outbox WHERE event = $1 ORDER BY id")
            .bind(event)
            .fetch_all(self.pool())
            .await
            .unwrap()
    }

    /// The payloads of an event that wait in the outbox, in their order.
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

    /// The one `fiche/transcribed` of a run.
    pub async fn ended(&self, run: Uuid) -> FicheTranscribed {
        let facts: Vec<FicheTranscribed> = self
            .payloads("fiche/transcribed")
            .await
            .into_iter()
            .map(|payload| serde_json::from_value(payload).unwrap())
            .filter(|fact: &FicheTranscribed| fact.run_id == run)
            .collect();
        match <[FicheTranscribed; 1]>::try_from(facts) {
            Ok([fact]) => fact,
            Err(facts) => panic!("{} facts about the end of a run", facts.len()),
        }
    }

    /// The names of all realtime messages, in their order, without `transcription.`.
    pub async fn shown(&self) -> Vec<String> {
        let names: Vec<String> =
            sqlx::query_scalar("SELECT event FROM outbox WHERE channels IS NOT NULL ORDER BY id")
                .fetch_all(self.pool())
                .await
                .unwrap();
        names
            .iter()
            .map(|name| name.replace("transcription.", ""))
            .collect()
    }

    /// Requests that the provider got.
    pub fn requests(&self) -> u64 {
        self.simulators.stt.calls().total
    }
}

/// `fiche/transcribe`, asked for over HTTP.
pub fn asked(fiche: &str, epoch_ms: i64, force: bool) -> Message<FicheTranscribe> {
    let fiche = fiche.parse().unwrap();
    FicheTranscribe::for_request(fiche, epoch_ms, Priority::default(), force, None)
}

/// The answer to the refresh of a run.
pub fn fetched(run: Uuid, fiche: &str) -> FicheFetched {
    FicheFetched {
        fiche_id: fiche.parse().unwrap(),
        cache_id: FicheCacheId::new(5120),
        recordings_count: 2,
        cached: false,
        fetch_duration_ms: None,
        request_id: format!("transcription-{run}-fetch"),
        automation_run_id: None,
        summary: FicheSummary {
            version: 3,
            groupe: None,
            agence_nom: None,
            attribution_user_id: None,
            sales_date: None,
            has_recordings: true,
            recordings_count: Some(2),
            fetched_at: None,
            last_revalidated_at: None,
        },
    }
}

/// The command of one recording.
pub fn recording(run: Uuid, fiche: &str, call: &str) -> Message<RecordingTranscribe> {
    let body = RecordingTranscribe {
        run_id: run,
        fiche_id: fiche.parse().unwrap(),
        fiche_cache_id: None,
        call_id: call.parse().unwrap(),
        recording_index: 1,
        total_to_transcribe: 1,
        priority: None,
    };
    body.message(Lane::Interactive)
}

/// A message as the bus would hand it over.
pub fn delivered<E: Event>(message: Message<E>) -> Delivery<E> {
    Delivery {
        id: MessageId::new(message.id.as_str()),
        body: message.body,
        lane: message.lane,
        delivery: 1,
        fresh: false,
        deadline: Instant::now() + Duration::from_secs(60),
        source: "test".to_owned(),
    }
}
