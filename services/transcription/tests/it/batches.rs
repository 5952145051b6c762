//! Batches: what they start, refuse and count.

use crate::callers::{by, code, numbered, user};
use crate::world::{World, asked};
use serde_json::Value;
use tonic::Code;
use vigie_contracts::transcription::v1 as pb;
use vigie_contracts::transcription::v1::transcription_operations_service_server::TranscriptionOperationsService;
use vigie_events::fiche::FetchFailure;
use vigie_identity::Scope;
use vigie_service::{ErrorCode, WireError};
use vigie_transcription::rpc::OperationsRpc;

fn asking(fiches: &[&str], priority: &str) -> pb::StartBatchRequest {
    pb::StartBatchRequest {
        fiche_ids: fiches.iter().map(|id| (*id).to_owned()).collect(),
        priority: priority.to_owned(),
    }
}

async fn started(world: &World, fiches: &[&str], priority: &str) -> pb::StartBatchResponse {
    let rpc = OperationsRpc::new(world.state.clone());
    let request = by(user(Scope::All, true), asking(fiches, priority));
    rpc.start_batch(request).await.unwrap().into_inner()
}

async fn shown(world: &World, batch: &str) -> pb::GetBatchResponse {
    let rpc = OperationsRpc::new(world.state.clone());
    let request = pb::GetBatchRequest {
        batch_id: batch.to_owned(),
    };
    let answer = rpc.get_batch(by(user(Scope::Own, false), request)).await;
    answer.unwrap().into_inner()
}

#[tokio::test]
async fn each_fiche_is_started_or_joined_once() {
    let world = World::new().await;
    let open = world.planned("45").await;
    world.execute("DELETE FROM outbox").await;
    let batch = started(&world, &["44", "45", "44"], "").await;
    let states: Vec<_> = batch
        .fiches
        .iter()
        .map(|it| (it.fiche_id.as_str(), it.state.as_str()))
        .collect();
    assert_eq!(states, [("44", "started"), ("45", "joined")]);
    assert_eq!(batch.fiches[1].run_id, open.to_string());
    assert!(batch.fiches[0].event_id.starts_with("transcribe-44-"));
    let fetch = format!("transcription-{}-fetch", batch.fiches[0].run_id);
    assert_eq!(world.sent("fiche/fetch").await, [fetch]);
    let bulk = world.count(
        "SELECT count(*) FROM transcription_runs
          WHERE fiche_id = '44' AND lane = 'bulk' AND source = 'batch' AND priority = 'normal'",
    );
    assert_eq!(bulk.await, 1);
    let shown = &world.payloads("batch.progress").await[0];
    let expected = serde_json::json!({"batch_id": batch.batch_id, "total": 2, "completed": 0,
        "failed": 0, "operation_type": "transcription", "progress_percentage": 0, "sequence": 1});
    assert_eq!(*shown, expected);
    // The same again, the same day, is joined, never swallowed.
    let again = started(&world, &["44"], "").await;
    assert_eq!(again.fiches[0].state, "joined");
    assert_eq!(again.fiches[0].run_id, batch.fiches[0].run_id);
}

#[tokio::test]
async fn a_batch_counts_the_ends_of_its_runs() {
    let world = World::new().await;
    world.recorded("44", &["a"]).await;
    let batch = started(&world, &["44", "45", "46"], "high").await;
    let run = |place: usize| batch.fiches[place].run_id.parse().unwrap();
    world.fetched(run(0), "44").await;
    world.recording(run(0), "44", "a").await.unwrap();
    world
        .fetch_failed(run(1), "45", FetchFailure::Upstream)
        .await;
    let half = shown(&world, &batch.batch_id).await;
    assert_eq!((half.completed, half.failed), (2, 1));
    assert_eq!((half.progress_percentage, half.completed_at), (67, None));
    world
        .fetch_failed(run(2), "46", FetchFailure::NotFound)
        .await;
    // What comes twice is counted once.
    world.recording(run(0), "44", "a").await.unwrap();
    world
        .fetch_failed(run(2), "46", FetchFailure::NotFound)
        .await;

    let end = shown(&world, &batch.batch_id).await;
    assert_eq!((end.total, end.completed, end.failed), (3, 3, 1));
    assert_eq!(end.sequence, 5);
    assert!(end.completed_at.is_some());
    let outcomes: Vec<_> = end
        .fiches
        .iter()
        .map(|it| it.outcome.as_deref().unwrap())
        .collect();
    assert_eq!(outcomes, ["completed", "failed", "skipped"]);
    let mut payloads = world.payloads("batch.progress").await;
    let completed: Vec<i64> = payloads
        .iter()
        .filter_map(|it| it["completed"].as_i64())
        .collect();
    assert_eq!(completed, [0, 1, 2, 3]);
    payloads.extend(world.payloads("batch.completed").await);
    let sequences: Vec<Value> = payloads.iter().map(|it| it["sequence"].clone()).collect();
    assert_eq!(sequences, [1, 2, 3, 4, 5]);
    assert!(payloads[4]["duration_ms"].as_i64().is_some());
    let global = world.count(
        "SELECT count(*) FROM outbox WHERE event = 'batch.completed' AND channels LIKE '%global%'",
    );
    assert_eq!(global.await, 1);
}

#[tokio::test]
async fn one_fiche_out_of_sight_refuses_the_whole_batch() {
    let world = World::new().await;
    world.recorded("44", &["a"]).await;
    let rpc = OperationsRpc::new(world.state.clone());
    for fiches in [["44", "6661"], ["44", "99"]] {
        let request = by(user(Scope::Group, true), asking(&fiches, ""));
        let refused = rpc.start_batch(request).await.unwrap_err();
        let refused = WireError::from(&refused);
        assert_eq!(refused.code, ErrorCode::Authorization);
        assert_eq!(refused.message, "Forbidden");
    }
    let reader = by(user(Scope::All, false), asking(&["44"], ""));
    let refused = rpc.start_batch(reader).await.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied);
    assert_eq!(
        world.count("SELECT count(*) FROM transcription_runs").await,
        0
    );
    let allowed = by(user(Scope::Group, true), asking(&["44"], ""));
    rpc.start_batch(allowed).await.unwrap();
}

#[tokio::test]
async fn what_is_no_batch_is_refused() {
    let world = World::new().await;
    let rpc = OperationsRpc::new(world.state.clone());
    let many: Vec<String> = (1..=501).map(|id| id.to_string()).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    for (fiches, priority, path) in [
        (&[][..], "", "fiche_ids"),
        (&["x"], "", "fiche_ids"),
        (&many, "", "fiche_ids"),
        (&["44"], "urgent", "priority"),
    ] {
        let request = by(user(Scope::All, true), asking(fiches, priority));
        let refused = rpc.start_batch(request).await.unwrap_err();
        let refused = WireError::from(&refused);
        assert_eq!(refused.code, ErrorCode::Validation);
        assert_eq!(refused.details[0].path, path);
    }
    let world = World::with(&[("ELEVENLABS_API_KEY", "")]).await;
    let rpc = OperationsRpc::new(world.state.clone());
    let request = by(user(Scope::All, true), asking(&["44"], ""));
    let refused = rpc.start_batch(request).await.unwrap_err();
    assert_eq!(code(&refused), ErrorCode::Unavailable);
}

#[tokio::test]
async fn a_batch_is_shown_to_who_asked_for_it() {
    let world = World::new().await;
    let batch = started(&world, &["44"], "").await;
    let rpc = OperationsRpc::new(world.state.clone());
    let request = || pb::GetBatchRequest {
        batch_id: batch.batch_id.clone(),
    };
    let stranger = numbered(13, Scope::Group, false);
    let refused = rpc.get_batch(by(stranger, request())).await.unwrap_err();
    assert_eq!(code(&refused), ErrorCode::NotFound);
    let admin = numbered(14, Scope::All, false);
    rpc.get_batch(by(admin, request())).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_batches_of_the_same_fiches_share_their_runs() {
    let world = World::new().await;
    let ids: Vec<String> = (1..=40).map(|id| id.to_string()).collect();
    let batches = (0..6).map(|turn| {
        let mut ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        ids.rotate_left(turn * 7);
        let world = &world;
        async move { started(world, &ids, "high").await }
    });
    let batches = futures::future::join_all(batches).await;
    assert_eq!(
        world.count("SELECT count(*) FROM transcription_runs").await,
        40
    );
    let fresh = batches.iter().flat_map(|it| &it.fiches);
    assert_eq!(fresh.filter(|it| it.state == "started").count(), 40);
    let runs: Vec<_> = batches[0]
        .fiches
        .iter()
        .map(|it| it.run_id.parse().unwrap())
        .collect();
    let ends = runs.into_iter().zip(&batches[0].fiches);
    let ends = ends.map(|(run, it)| world.fetch_failed(run, &it.fiche_id, FetchFailure::NotFound));
    futures::future::join_all(ends).await;
    for batch in &batches {
        let end = shown(&world, &batch.batch_id).await;
        assert_eq!((end.completed, end.sequence), (40, 42));
    }
}

#[tokio::test]
async fn a_run_begun_by_a_person_is_counted_by_the_batch_that_joins_it() {
    let world = World::new().await;
    world.transcribe(asked("44", 1, false)).await;
    let batch = started(&world, &["44"], "").await;
    let run = world.run_of("44").await;
    world.fetch_failed(run, "44", FetchFailure::NotFound).await;
    assert_eq!(shown(&world, &batch.batch_id).await.completed, 1);
    let ended = world.ended(run).await;
    assert_eq!(ended.request_ids.len(), 2);
}

#[tokio::test]
async fn five_hundred_fiches_are_one_transaction_of_few_statements() {
    let world = World::new().await;
    let ids: Vec<String> = (1..=500).map(|id| id.to_string()).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let begun = std::time::Instant::now();
    let batch = started(&world, &ids, "").await;
    let took = begun.elapsed();
    assert_eq!(batch.fiches.len(), 500);
    assert_eq!(world.sent("fiche/fetch").await.len(), 500);
    assert!(took.as_secs() < 5, "{took:?}");
}
