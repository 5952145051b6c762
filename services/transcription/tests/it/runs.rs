//! Runs from their command to their end.

use crate::world::{SLUG, World, asked};
use vigie_events::Lane;
use vigie_events::fiche::FetchFailure;
use vigie_events::ids::AuditId;
use vigie_events::transcription::{FicheTranscribe, RunOutcome};
use vigie_scorecard::{Word, WordKind, chunks_of_words};
use vigie_simulators::calls;
use vigie_transcription::store::view;

fn audit(fiche: &str) -> vigie_events::Message<FicheTranscribe> {
    FicheTranscribe::for_audit(AuditId::new(9), fiche.parse().unwrap(), Lane::Bulk)
}

#[tokio::test]
async fn a_fiche_is_transcribed() {
    let world = World::new().await;
    let run = world.running("44", &["a", "b"]).await;
    let fetches = world.sent("fiche/fetch").await;
    assert_eq!(fetches, [format!("transcription-{run}-fetch")]);
    let commands = world.sent("transcription/recording.transcribe").await;
    assert_eq!(
        commands,
        ["a", "b"].map(|call| format!("transcription-recording-{run}-{call}"))
    );
    let payload = &world.payloads("transcription/recording.transcribe").await[1];
    assert_eq!(payload["recording_index"], 2);
    assert_eq!(payload["total_to_transcribe"], 2);
    assert!(payload.get("recording_url").is_none());

    world.recording(run, "44", "a").await.unwrap();
    assert_eq!(world.state_of(run).await.0, "running");
    world.recording(run, "44", "b").await.unwrap();
    assert_eq!(world.state_of(run).await, ("completed".to_owned(), None));

    let end = world.ended(run).await;
    assert_eq!(end.status, RunOutcome::Completed);
    assert_eq!((end.transcribed_count, end.failed_count), (2, 0));
    assert_eq!(end.request_ids, ["transcribe-44-1"]);
    assert_eq!(
        world.shown().await,
        [
            "status_check",
            "started",
            "recording_started",
            "recording_completed",
            "recording_started",
            "recording_completed",
            "progress",
            "completed"
        ]
    );
    let completed = &world.payloads("transcription.completed").await[0];
    assert_eq!(
        (&completed["outcome"], &completed["sequence"]),
        (&"completed".into(), &8.into())
    );
    let calls = world.count("SELECT count(*) FROM speech_calls WHERE outcome = 'ok'");
    assert_eq!((calls.await, world.requests()), (2, 2));
    assert_eq!(
        world
            .sent("transcription/recording.transcribed")
            .await
            .len(),
        2
    );
    let logged = world.count("SELECT count(*) FROM workflow_logs WHERE trace_id IS NOT NULL");
    assert_eq!(logged.await, 5);
}

#[tokio::test]
async fn chunks_are_those_of_the_words() {
    let world = World::new().await;
    let run = world.running("44", &["a"]).await;
    world.recording(run, "44", "a").await.unwrap();
    let mut conn = world.state.db.acquire().await.unwrap();
    let fiche = ["44".to_owned()];
    let stored = view::transcripts(&mut conn, &fiche, true).await.unwrap();
    let chunks = view::chunks(&mut conn, &[stored[0].id]).await.unwrap();
    let call = calls::find(SLUG).unwrap();
    let words: Vec<Word> = call
        .words
        .iter()
        .map(|word| Word {
            text: word.text.clone(),
            start: word.start,
            end: word.end,
            kind: match word.kind {
                calls::WordKind::Word => WordKind::Word,
                calls::WordKind::Spacing => WordKind::Spacing,
                calls::WordKind::AudioEvent => WordKind::AudioEvent,
            },
            speaker_id: Some(word.speaker_id.to_owned()),
        })
        .collect();
    assert_eq!(chunks[&stored[0].id], chunks_of_words(&words));
    assert_eq!(stored[0].text.as_deref(), Some(call.text.as_str()));
    assert_eq!(stored[0].diarization, "provider");
}

#[tokio::test]
async fn every_message_twice_changes_nothing() {
    let world = World::new().await;
    let run = world.running("44", &["a"]).await;
    world.transcribe(asked("44", 1, false)).await;
    world.fetched(run, "44").await;
    world.recording(run, "44", "a").await.unwrap();
    world.recording(run, "44", "a").await.unwrap();
    world.fetched(run, "44").await;
    // Long after the run has ended, too.
    world.transcribe(asked("44", 1, false)).await;
    world.fetch_failed(run, "44", FetchFailure::NotFound).await;
    assert_eq!(world.ended(run).await.status, RunOutcome::Completed);
    assert_eq!(
        world.count("SELECT count(*) FROM transcription_runs").await,
        1
    );
    assert_eq!(world.requests(), 1);
    assert_eq!(world.sent("fiche/fetch").await.len(), 1);
}

#[tokio::test]
async fn requests_join_the_open_run() {
    let world = World::new().await;
    world.recorded("44", &["a"]).await;
    let run = world.planned("44").await;
    world.transcribe(asked("44", 2, false)).await;
    world.transcribe(audit("44")).await;
    assert_eq!(world.sent("fiche/fetch").await.len(), 1);
    world.fetched(run, "44").await;
    world.transcribe(asked("44", 3, true)).await;
    world.recording(run, "44", "a").await.unwrap();
    assert_eq!(
        world.ended(run).await.request_ids,
        [
            "transcribe-44-1",
            "transcribe-44-2",
            "audit-9-transcribe",
            "transcribe-44-3"
        ]
    );
}

#[tokio::test]
async fn an_audit_whose_fiche_is_transcribed_is_answered_at_once() {
    let world = World::new().await;
    let run = world.running("44", &["a"]).await;
    world.recording(run, "44", "a").await.unwrap();
    world.execute("DELETE FROM outbox").await;
    world.transcribe(audit("44")).await;
    let second = world.run_of("44").await;
    assert_ne!(second, run);
    let state = world.state_of(second).await;
    assert_eq!(
        state,
        ("skipped".to_owned(), Some("nothing_to_do".to_owned()))
    );
    let end = world.ended(second).await;
    assert_eq!(end.status, RunOutcome::Skipped);
    assert_eq!((end.skipped, end.duration_ms), (None, None));
    assert_eq!(
        world.shown().await,
        ["status_check", "started", "completed"]
    );
    assert!(world.sent("fiche/fetch").await.is_empty());
    assert_eq!(world.requests(), 1);
}

#[tokio::test]
async fn an_audit_that_has_just_refreshed_is_planned_without_another_refresh() {
    let world = World::new().await;
    world.recorded("44", &["a"]).await;
    world.transcribe(audit("44")).await;
    assert!(world.sent("fiche/fetch").await.is_empty());
    let run = world.run_of("44").await;
    assert_eq!(world.state_of(run).await.0, "running");
    // A fiche that nobody knows is fetched first.
    world.transcribe(audit("45")).await;
    assert_eq!(world.sent("fiche/fetch").await.len(), 1);
}

#[tokio::test]
async fn a_forced_run_transcribes_again_and_pays_once() {
    let world = World::new().await;
    let run = world.running("44", &["a"]).await;
    world.recording(run, "44", "a").await.unwrap();
    world.transcribe(asked("44", 2, true)).await;
    let second = world.run_of("44").await;
    world.fetched(second, "44").await;
    world.recording(second, "44", "a").await.unwrap();
    world.recording(second, "44", "a").await.unwrap();
    assert_eq!(world.ended(second).await.transcribed_count, 1);
    assert_eq!(world.requests(), 2);
    assert_eq!(world.count("SELECT count(*) FROM transcripts").await, 1);
}

#[tokio::test]
async fn too_many_recordings_are_refused() {
    let world = World::with(&[("TRANSCRIPTION_MAX_RECORDINGS_PER_FICHE", "1")]).await;
    let run = world.running("44", &["a", "b"]).await;
    let end = world.ended(run).await;
    assert_eq!(end.status, RunOutcome::Skipped);
    assert_eq!(end.skipped, Some(true));
    assert_eq!(end.reason.as_deref(), Some("too_many_recordings"));
    assert_eq!(world.shown().await, ["failed"]);
}

#[tokio::test]
async fn an_unknown_fiche_is_skipped_and_a_failed_refresh_fails() {
    let world = World::new().await;
    let run = world.planned("44").await;
    world.fetch_failed(run, "44", FetchFailure::NotFound).await;
    let end = world.ended(run).await;
    assert_eq!(end.status, RunOutcome::Skipped);
    assert_eq!(end.reason.as_deref(), Some("not_found"));
    let shown = &world.payloads("transcription.failed").await[0];
    assert_eq!(shown["error"], "Fiche not found (404)");

    let run = world.planned("45").await;
    world.fetch_failed(run, "45", FetchFailure::Upstream).await;
    let end = world.ended(run).await;
    assert_eq!(end.status, RunOutcome::Failed);
    assert_eq!(end.reason.as_deref(), Some("fetch_failed"));
}

#[tokio::test]
async fn recordings_without_url_fail_without_a_job() {
    let world = World::new().await;
    let run = world.running("44", &["no-url-1", "a"]).await;
    assert_eq!(
        world.sent("transcription/recording.transcribe").await.len(),
        1
    );
    world.recording(run, "44", "a").await.unwrap();
    let end = world.ended(run).await;
    assert_eq!(end.status, RunOutcome::Partial);
    assert_eq!((end.transcribed_count, end.failed_count), (1, 1));

    let run = world.running("45", &["no-url-2"]).await;
    assert_eq!(world.ended(run).await.status, RunOutcome::Failed);
}

#[tokio::test]
async fn without_a_key_a_run_that_needs_it_ends_at_once() {
    let world = World::with(&[("ELEVENLABS_API_KEY", " '' ")]).await;
    let run = world.running("44", &["a"]).await;
    let end = world.ended(run).await;
    assert_eq!(end.status, RunOutcome::Failed);
    assert_eq!(end.reason.as_deref(), Some("provider_not_configured"));
    assert_eq!(world.shown().await, ["status_check", "failed"]);
}

#[tokio::test]
async fn answers_in_the_wrong_order_change_nothing() {
    let world = World::new().await;
    world.recorded("44", &["a"]).await;
    // The refresh failed, and a late answer says that it did not.
    let run = world.planned("44").await;
    world.fetch_failed(run, "44", FetchFailure::Upstream).await;
    world.fetched(run, "44").await;
    world.recording(run, "44", "a").await.unwrap();
    assert_eq!(world.ended(run).await.status, RunOutcome::Failed);
    assert_eq!(world.requests(), 0);

    // The other way round: the run goes on.
    world.transcribe(asked("44", 2, false)).await;
    let run = world.run_of("44").await;
    world.fetched(run, "44").await;
    world.fetch_failed(run, "44", FetchFailure::NotFound).await;
    assert_eq!(world.state_of(run).await.0, "running");

    // A command of a run that nobody knows, and of a recording that is none of the run's.
    let unknown = uuid::Uuid::from_u128(7);
    world.recording(unknown, "44", "a").await.unwrap();
    world.fetched(unknown, "44").await;
    world.recording(run, "44", "other").await.unwrap();
    assert_eq!(world.requests(), 0);
    world.recording(run, "44", "a").await.unwrap();
    assert_eq!(world.ended(run).await.status, RunOutcome::Completed);
}

#[tokio::test]
async fn a_fact_about_somebody_elses_fetch_is_nobodys_answer() {
    let world = World::new().await;
    world.recorded("44", &["a"]).await;
    let run = world.planned("44").await;
    let worker = vigie_transcription::events::PlanFetched::new(world.state.clone());
    for request in ["audit-9-fetch", "sale-44-fetch", "automation-3-fetch-44"] {
        let fact = vigie_events::fiche::FicheFetched {
            request_id: request.to_owned(),
            ..crate::world::fetched(run, "44")
        };
        let delivery = crate::world::delivered(fact.message());
        let found = vigie_bus::Worker::work(&worker, &delivery).await.unwrap();
        assert!(found.is_none(), "{request}");
    }
    assert_eq!(world.state_of(run).await.0, "planned");
}
