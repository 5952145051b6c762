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
use vigie_audit_orchestrator::workflow::{Deadlines, FetchedFiche, Settings, Workflow};
use vigie_bus::{BatchHandler, Bus, BusConfig, Db, Delivery};
use vigie_events::audit::{ModelCall, StepAnalyzed};
use vigie_events::ids::{AuditConfigId, AuditId, FicheId};
use vigie_events::{Event, Lane, Message};
use vigie_scorecard::{
    Chunk, Citation, ConfigSnapshot, Conforme, ControlPoint, EvidenceRules, Niveau,
    SourceRecording, Statut, StepDefinition, StepResult, Usage,
};
use vigie_testkit::{Nats, Postgres, Schema, TestDatabase};

/// A sentence of the call, and where it is.
pub const QUOTE: &str = "Cet appel est enregistré, vous pouvez vous y opposer.";

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
        self.fetched(id, &call()).await;
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
    }
}

fn chunk(chunk_index: i32, full_text: &str) -> Chunk {
    Chunk {
        chunk_index,
        start_timestamp: 0.0,
        end_timestamp: 10.0,
        message_count: 2,
        speakers: vec!["speaker_0".to_owned(), "speaker_1".to_owned()],
        full_text: full_text.to_owned(),
    }
}

fn recording(id: &str, chunks: Vec<Chunk>) -> SourceRecording {
    SourceRecording {
        id: id.to_owned(),
        call_id: format!("call-{id}"),
        start_time: Some(format!("2026-01-05T10:0{id}:00.000Z")),
        recording_url: Some(format!("https://audio.exemple.test/{id}.mp3")),
        recording_date: Some("05/01/2026".to_owned()),
        recording_time: Some("10:02".to_owned()),
        has_transcription: !chunks.is_empty(),
        chunks,
        ..SourceRecording::default()
    }
}

/// The timeline of the vectors of 5.2.
pub fn call() -> Material {
    Material::of(vec![
        recording(
            "0",
            vec![
                chunk(
                    0,
                    "speaker_0: Bonjour Madame Lenoir.\nspeaker_1: Bonjour monsieur.",
                ),
                chunk(
                    1,
                    &format!("speaker_0: {QUOTE}\nspeaker_1: C'est exact, d'accord."),
                ),
            ],
        ),
        recording(
            "1",
            vec![chunk(
                0,
                "speaker_0: Le forfait optique est de 250 euros par an.",
            )],
        ),
    ])
    .unwrap()
}

/// The same call, of which the second recording is not transcribed.
pub fn half_a_call() -> Material {
    let first = recording("0", vec![chunk(0, &format!("speaker_0: {QUOTE}"))]);
    Material::of(vec![first, recording("1", Vec::new())]).unwrap()
}

/// A point that is claimed with this quote.
pub fn claimed(point: &str, quote: &str) -> ControlPoint {
    ControlPoint {
        point: point.to_owned(),
        statut: Statut::Present,
        commentaire: "Dit clairement.".to_owned(),
        citations: vec![Citation {
            texte: quote.to_owned(),
            minutage: "00:12".to_owned(),
            minutage_secondes: 12.5,
            speaker: "speaker_0".to_owned(),
            recording_index: 0,
            chunk_index: 1,
            recording_date: "?".to_owned(),
            recording_time: String::new(),
            recording_url: "N/A".to_owned(),
            call_id: None,
        }],
        minutages: vec!["00:12".to_owned()],
        erreur_transcription_notee: false,
        variation_phonetique_utilisee: None,
        verdict: None,
        verdict_source: None,
    }
}

/// A result with this score, every point proven.
pub fn proven(step: &StepDefinition, score: i32) -> StepResult {
    StepResult {
        traite: true,
        conforme: Conforme::Conforme,
        minutages: vec!["00:12".to_owned()],
        score,
        points_controle: step
            .control_points
            .iter()
            .map(|point| claimed(point, QUOTE))
            .collect(),
        mots_cles_trouves: vec!["enregistré".to_owned()],
        commentaire_global: "Bien.".to_owned(),
        niveau_conformite: Niveau::Excellent,
        erreurs_transcription_tolerees: 1,
        step_metadata: None,
        usage: Some(Usage {
            prompt_tokens: 90,
            completion_tokens: 10,
            total_tokens: 100,
        }),
    }
}

/// The fact about one step; `Err` is a failed analysis.
pub fn analyzed(audit: &Audit, position: i32, result: Result<StepResult, &str>) -> StepAnalyzed {
    StepAnalyzed {
        audit_db_id: audit.id,
        audit_id: audit.tracking.clone(),
        fiche_id: audit.fiche.clone(),
        audit_config_id: audit.config.get(),
        step_position: position,
        ok: result.is_ok(),
        error: result.as_ref().err().map(|error| (*error).to_owned()),
        use_rlm: Some(false),
        attempt: 1,
        delivery: 1,
        engine: "openai".to_owned(),
        model: "m".to_owned(),
        prompt_version: "v1".to_owned(),
        transcript_hash: audit.transcript_hash.clone().unwrap_or_default(),
        result: result.ok(),
        calls: vec![ModelCall {
            engine: "openai".to_owned(),
            model: "m".to_owned(),
            prompt_tokens: 90,
            cached_tokens: 0,
            completion_tokens: 10,
            latency_ms: 5,
            ok: true,
        }],
    }
}

/// A message as the bus would hand it over.
pub fn delivered<E: Event>(message: Message<E>) -> Delivery<E> {
    Delivery {
        id: message.id,
        body: message.body,
        lane: message.lane,
        delivery: 1,
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
