//! Facts as the other services send them.

use serde_json::json;
use std::time::Duration;
use tokio::time::Instant;
use vigie_bus::Delivery;
use vigie_events::audit::AuditCompleted;
use vigie_events::fiche::{FetchFailure, FicheFetchFailed, FicheFetched, FicheSummary};
use vigie_events::ids::{AuditId, FicheCacheId};
use vigie_events::transcription::{FicheTranscribed, RunOutcome};
use vigie_events::{Event, Message};

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

pub fn fetched(request_id: String, fiche: &str, recordings: i32) -> Message<FicheFetched> {
    let fact = FicheFetched {
        fiche_id: fiche.parse().unwrap(),
        cache_id: FicheCacheId::new(7),
        recordings_count: recordings,
        cached: false,
        fetch_duration_ms: Some(3),
        request_id,
        automation_run_id: None,
        summary: FicheSummary {
            version: 1,
            groupe: Some("NORD".to_owned()),
            agence_nom: None,
            attribution_user_id: None,
            sales_date: None,
            has_recordings: recordings > 0,
            recordings_count: Some(recordings),
            fetched_at: None,
            last_revalidated_at: None,
        },
    };
    fact.message()
}

pub fn fetch_failed(
    request_id: String,
    fiche: &str,
    kind: FetchFailure,
) -> Message<FicheFetchFailed> {
    let fact = FicheFetchFailed {
        fiche_id: fiche.parse().unwrap(),
        request_id,
        kind,
        error: "CRM unavailable".to_owned(),
        attempts: 3,
        automation_run_id: None,
    };
    fact.message()
}

pub fn transcribed(
    request_ids: Vec<String>,
    fiche: &str,
    status: RunOutcome,
) -> Message<FicheTranscribed> {
    let all = status == RunOutcome::Completed;
    let fact = FicheTranscribed {
        fiche_id: fiche.parse().unwrap(),
        transcribed_count: if all { 2 } else { 1 },
        cached_count: 0,
        failed_count: i32::from(!all),
        duration_ms: None,
        skipped: None,
        reason: None,
        run_id: uuid(fiche),
        request_ids,
        status,
        automation_run_id: None,
    };
    fact.message()
}

/// The same run id for the same fiche.
fn uuid<T: serde::de::DeserializeOwned>(fiche: &str) -> T {
    serde_json::from_value(json!(format!("00000000-0000-4000-8000-{fiche:0>12}"))).unwrap()
}

pub fn audit_completed(tracking: &str, fiche: &str, config: i64) -> Message<AuditCompleted> {
    let id = AuditId::new(fiche.parse::<i64>().unwrap() * 100 + config);
    let fact = AuditCompleted {
        fiche_id: fiche.parse().unwrap(),
        audit_id: id,
        audit_db_id: id,
        audit_tracking_id: tracking.parse().unwrap(),
        audit_config_id: config,
        score: 74.0,
        niveau: "ACCEPTABLE".to_owned(),
        duration_ms: 10,
        use_rlm: false,
        completeness: "complete".to_owned(),
        engine: "lexical".to_owned(),
        batch_id: None,
        automation_run_id: None,
    };
    fact.message()
}
