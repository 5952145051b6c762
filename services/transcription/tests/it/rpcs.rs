//! RPCs: what is answered, refused and written.

use crate::callers::{by, code, reader_of_fiches, service, user};
use crate::world::World;
use vigie_contracts::transcription::v1::transcription_service_server::TranscriptionService;
use vigie_contracts::transcription::v1::{
    GetFicheTranscriptsRequest, GetStatusRequest, GetTranscriptRequest, ListTranscriptsRequest,
    StartRunRequest, StartRunResponse,
};
use vigie_identity::{Scope, ServiceName};
use vigie_service::{ErrorCode, WireError};
use vigie_transcription::rpc::TranscriptionRpc;

fn start(fiche: &str, key: Option<&str>) -> StartRunRequest {
    StartRunRequest {
        fiche_id: fiche.to_owned(),
        priority: "high".to_owned(),
        force: false,
        idempotency_key: key.map(ToOwned::to_owned),
    }
}

async fn started(rpc: &TranscriptionRpc, request: StartRunRequest) -> StartRunResponse {
    let caller = user(Scope::All, true);
    rpc.start_run(by(caller, request))
        .await
        .unwrap()
        .into_inner()
}

#[tokio::test]
async fn a_run_is_there_when_the_answer_is() {
    let world = World::new().await;
    let rpc = TranscriptionRpc::new(world.state.clone());
    let first = started(&rpc, start("44", None)).await;
    assert_eq!(first.state, "started");
    assert!(first.event_id.starts_with("transcribe-44-"));
    assert_eq!(world.run_of("44").await.to_string(), first.run_id);
    let fetch = format!("transcription-{}-fetch", first.run_id);
    assert_eq!(world.sent("fiche/fetch").await, [fetch]);
    let second = started(&rpc, start("44", None)).await;
    assert_eq!(
        (second.state.as_str(), &second.run_id),
        ("joined", &first.run_id)
    );
}

#[tokio::test]
async fn a_repeated_key_gets_the_first_answer() {
    let world = World::new().await;
    let rpc = TranscriptionRpc::new(world.state.clone());
    let first = started(&rpc, start("44", Some("k"))).await;
    assert_eq!(started(&rpc, start("44", Some("k"))).await, first);
    assert_eq!(
        started(&rpc, start("44", Some("other"))).await.state,
        "joined"
    );
    world
        .execute("UPDATE start_requests SET created_at = now() - interval '25 hours'")
        .await;
    assert_eq!(started(&rpc, start("44", Some("k"))).await.state, "joined");
}

#[tokio::test]
async fn who_may_not_is_refused() {
    let world = World::new().await;
    world.recorded("44", &["a"]).await;
    let rpc = TranscriptionRpc::new(world.state.clone());
    let refusals = [
        (
            user(Scope::Group, true),
            "refused-1",
            ErrorCode::Authorization,
        ),
        (
            user(Scope::Group, true),
            "unknown",
            ErrorCode::Authorization,
        ),
        (user(Scope::All, false), "44", ErrorCode::Authorization),
    ];
    for (caller, fiche, expected) in refusals {
        let refused = rpc.start_run(by(caller, start(fiche, None))).await;
        assert_eq!(code(&refused.unwrap_err()), expected, "{fiche}");
    }
    let mut wrong = start("44", None);
    wrong.priority = "urgent".to_owned();
    let refused = rpc.start_run(by(user(Scope::All, true), wrong)).await;
    assert_eq!(code(&refused.unwrap_err()), ErrorCode::Validation);
    let allowed = rpc.start_run(by(user(Scope::Group, true), start("44", None)));
    allowed.await.unwrap();
    let read = |fiche: &str| GetStatusRequest {
        fiche_id: fiche.to_owned(),
    };
    let unknown = rpc.get_status(by(user(Scope::All, false), read("unknown")));
    assert_eq!(code(&unknown.await.unwrap_err()), ErrorCode::NotFound);
    let refused = rpc.get_status(by(user(Scope::Group, false), read("refused-1")));
    assert_eq!(code(&refused.await.unwrap_err()), ErrorCode::Authorization);
    for (caller, expected) in [
        (service(ServiceName::Automation), ErrorCode::Authorization),
        // The gateway never asks for itself, and who reads neither fiches nor recordings sees no page.
        (service(ServiceName::Gateway), ErrorCode::Authentication),
        (user(Scope::All, true), ErrorCode::Authorization),
    ] {
        let refused = rpc.list_transcripts(by(caller, ListTranscriptsRequest::default()));
        assert_eq!(code(&refused.await.unwrap_err()), expected);
    }
}

#[tokio::test]
async fn without_a_key_nothing_starts() {
    let world = World::with(&[("ELEVENLABS_API_KEY", "")]).await;
    let rpc = TranscriptionRpc::new(world.state.clone());
    let refused = rpc.start_run(by(user(Scope::All, true), start("44", None)));
    assert_eq!(code(&refused.await.unwrap_err()), ErrorCode::Unavailable);
}

#[tokio::test]
async fn what_is_stored_is_shown() {
    let world = World::new().await;
    let run = world.running("44", &["a", "no-url"]).await;
    world.recording(run, "44", "a").await.unwrap();
    let rpc = TranscriptionRpc::new(world.state.clone());
    let reader = || user(Scope::All, false);

    let request = GetStatusRequest {
        fiche_id: "44".to_owned(),
    };
    let shown = rpc.get_status(by(reader(), request)).await;
    let shown = shown.unwrap().into_inner();
    assert_eq!((shown.total, shown.transcribed, shown.pending), (2, 1, 1));
    assert_eq!(
        (shown.failed, shown.missing_url, shown.percentage),
        (1, 1, 50)
    );
    assert!(shown.recordings[0].has_transcription);
    let latest = shown.run.unwrap();
    assert_eq!((latest.state.as_str(), latest.processed), ("partial", 2));

    let request = |call: &str, include_words| GetTranscriptRequest {
        fiche_id: "44".to_owned(),
        call_id: call.to_owned(),
        include_words,
    };
    let shown = rpc.get_transcript(by(reader(), request("a", true))).await;
    let shown = shown.unwrap().into_inner();
    let text = shown.transcription.unwrap();
    assert!(!text.text.is_empty() && !text.words.is_empty() && !shown.chunks.is_empty());
    let shown = rpc.get_transcript(by(reader(), request("a", false))).await;
    assert!(
        shown
            .unwrap()
            .into_inner()
            .transcription
            .unwrap()
            .words
            .is_empty()
    );
    for (call, message) in [
        ("no-url", "No transcription available for this recording"),
        ("nowhere", "Recording not found"),
    ] {
        let missing = rpc.get_transcript(by(reader(), request(call, false))).await;
        let missing = WireError::from(&missing.unwrap_err());
        assert_eq!(
            (missing.code, missing.message.as_str()),
            (ErrorCode::NotFound, message)
        );
    }

    let list = ListTranscriptsRequest {
        fiche_ids: vec!["44".to_owned(), "45".to_owned()],
        include_text: false,
    };
    for scope in [Scope::All, Scope::Group] {
        let listed = rpc.list_transcripts(by(reader_of_fiches(scope), list.clone()));
        let listed = listed.await.unwrap().into_inner().transcripts;
        assert_eq!(listed.len(), 1);
        assert_eq!(listed[0].transcription_text, None);
    }

    let request = GetFicheTranscriptsRequest {
        fiche_id: "44".to_owned(),
    };
    let request = by(service(ServiceName::AuditOrchestrator), request);
    let material = rpc.get_fiche_transcripts(request).await;
    let material = material.unwrap().into_inner().transcripts;
    assert_eq!(material[0].diarization, "provider");
    assert!(!material[0].chunks.is_empty() && material[0].text.is_none());
}

#[tokio::test]
async fn transcripts_are_listed_in_scope_only() {
    let world = World::new().await;
    let run = world.running("6660", &["a"]).await;
    world.recording(run, "6660", "a").await.unwrap();
    let rpc = TranscriptionRpc::new(world.state.clone());
    let list = || ListTranscriptsRequest {
        fiche_ids: vec!["6660".to_owned()],
        include_text: true,
    };
    let all = rpc.list_transcripts(by(reader_of_fiches(Scope::All), list()));
    assert_eq!(all.await.unwrap().into_inner().transcripts.len(), 1);
    let group = rpc.list_transcripts(by(reader_of_fiches(Scope::Group), list()));
    assert_eq!(group.await.unwrap().into_inner().transcripts, []);
}
