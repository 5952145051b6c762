//! The story of a run, as `ListLogs` tells it.

use crate::callers::{by, code, user};
use crate::world::{World, asked};
use vigie_contracts::transcription::v1 as pb;
use vigie_contracts::transcription::v1::transcription_operations_service_server::TranscriptionOperationsService;
use vigie_events::fiche::FetchFailure;
use vigie_identity::{Caller, Scope};
use vigie_service::ErrorCode;
use vigie_simulators::faults::{Rule, kind};
use vigie_transcription::rpc::OperationsRpc;

fn asking(fiche: &str) -> pb::ListLogsRequest {
    pb::ListLogsRequest {
        fiche_id: fiche.to_owned(),
        limit: 200,
        ..pb::ListLogsRequest::default()
    }
}

async fn list(
    world: &World,
    caller: Caller,
    request: pb::ListLogsRequest,
) -> Result<Vec<pb::LogEntry>, ErrorCode> {
    let rpc = OperationsRpc::new(world.state.clone());
    match rpc.list_logs(by(caller, request)).await {
        Ok(answer) => Ok(answer.into_inner().logs),
        Err(status) => Err(code(&status)),
    }
}

async fn lines(world: &World, request: pb::ListLogsRequest) -> Vec<pb::LogEntry> {
    list(world, user(Scope::All, false), request).await.unwrap()
}

fn steps(lines: &[pb::LogEntry]) -> Vec<(&str, &str)> {
    lines
        .iter()
        .map(|it| (it.level.as_str(), it.step_name.as_deref().unwrap()))
        .collect()
}

#[tokio::test]
async fn a_run_is_told_from_its_request_to_its_end() {
    let world = World::new().await;
    let run = world.running("44", &["a", "gone"]).await;
    world.transcribe(asked("44", 2, false)).await;
    world.simulators.stt.add(Rule {
        status: Some(503),
        count: 1,
        ..Rule::new(kind::STATUS)
    });
    world.recording(run, "44", "a").await.unwrap();
    world.recording(run, "44", "gone").await.unwrap();

    let told = lines(&world, asking("44")).await;
    assert_eq!(
        steps(&told),
        [
            ("info", "request"),
            ("info", "plan"),
            ("info", "request"),
            ("warning", "recording"),
            ("info", "recording"),
            ("warning", "recording"),
            ("info", "run")
        ]
    );
    for line in &told {
        assert_eq!(line.trace_id, Some(run.to_string()), "{}", line.message);
        assert_eq!(line.entity_id.as_deref(), Some("44"));
        assert_eq!(
            (line.workflow.as_str(), line.entity_type.as_deref()),
            ("transcription", Some("fiche"))
        );
        assert!(line.event_id.is_some());
        assert!(!line.data_json.contains("sig="), "{}", line.data_json);
    }
    let data = |place: usize| -> serde_json::Value {
        serde_json::from_str(&told[place].data_json).unwrap()
    };
    assert_eq!(told[2].event_id.as_deref(), Some("transcribe-44-2"));
    let retry = data(3);
    assert_eq!(
        (&retry["status"], &retry["attempt"]),
        (&503.into(), &1.into())
    );
    assert_eq!(retry["why"], "server");
    let id = format!("transcription-recording-{run}-a");
    assert_eq!(told[4].event_id.as_deref(), Some(id.as_str()));
    assert_eq!(data(4)["attempts"], 2);
    assert_eq!(data(5)["call_id"], "gone");
    assert_eq!(data(6)["failed"], 1);
}

#[tokio::test]
async fn lines_are_filtered_and_paged() {
    let world = World::new().await;
    let first = world.planned("44").await;
    world
        .fetch_failed(first, "44", FetchFailure::Upstream)
        .await;
    world.transcribe(asked("44", 2, false)).await;
    let second = world.run_of("44").await;
    world.planned("45").await;
    world
        .execute("UPDATE workflow_logs SET created_at = now() + id * interval '1 second'")
        .await;
    let all = lines(&world, asking("44")).await;
    assert_eq!(
        steps(&all),
        [
            ("info", "request"),
            ("error", "run"),
            ("info", "run"),
            ("info", "request")
        ]
    );

    let of_run = lines(
        &world,
        pb::ListLogsRequest {
            run_id: Some(second.to_string()),
            ..asking("44")
        },
    );
    assert_eq!(of_run.await, all[3..]);
    let errors = lines(
        &world,
        pb::ListLogsRequest {
            level: Some("error".to_owned()),
            ..asking("44")
        },
    );
    assert_eq!(errors.await, all[1..2]);
    let page = lines(
        &world,
        pb::ListLogsRequest {
            limit: 2,
            offset: 1,
            ..asking("44")
        },
    );
    assert_eq!(page.await, all[1..3]);
    // Both ends are included.
    let moment = Some(all[3].created_at.clone());
    let since = lines(
        &world,
        pb::ListLogsRequest {
            since: moment.clone(),
            ..asking("44")
        },
    );
    assert_eq!(since.await, all[3..]);
    let until = lines(
        &world,
        pb::ListLogsRequest {
            until: moment,
            ..asking("44")
        },
    );
    assert_eq!(until.await, all);
    let wrong = pb::ListLogsRequest {
        since: Some("yesterday".to_owned()),
        ..asking("44")
    };
    let refused = list(&world, user(Scope::All, false), wrong).await;
    assert_eq!(refused, Err(ErrorCode::Validation));
}

#[tokio::test]
async fn logs_are_scoped_and_outlive_a_fiche_that_was_none() {
    let world = World::new().await;
    let run = world.planned("77").await;
    world.fetch_failed(run, "77", FetchFailure::NotFound).await;
    assert_eq!(lines(&world, asking("77")).await.len(), 3);
    for fiche in ["77", "refused-1"] {
        let refused = list(&world, user(Scope::Group, false), asking(fiche)).await;
        assert_eq!(refused, Err(ErrorCode::Authorization), "{fiche}");
    }
    world.recorded("44", &["a"]).await;
    let seen = list(&world, user(Scope::Group, false), asking("44")).await;
    assert_eq!(seen, Ok(Vec::new()));
}

#[tokio::test]
async fn who_asked_is_told() {
    use vigie_contracts::transcription::v1::transcription_service_server::TranscriptionService;
    let world = World::new().await;
    let rpc = vigie_transcription::rpc::TranscriptionRpc::new(world.state.clone());
    let request = pb::StartRunRequest {
        fiche_id: "44".to_owned(),
        ..pb::StartRunRequest::default()
    };
    rpc.start_run(by(user(Scope::All, true), request))
        .await
        .unwrap();
    let told = lines(&world, asking("44")).await;
    let data: serde_json::Value = serde_json::from_str(&told[0].data_json).unwrap();
    let expected = serde_json::json!({"source": "api", "by": "user-12", "priority": "normal",
        "lane": "interactive", "force": false});
    assert_eq!(data, expected);
}

#[tokio::test]
async fn logging_can_be_switched_off() {
    let world = World::with(&[("WORKFLOW_LOG_DB_ENABLED", "0")]).await;
    let run = world.running("44", &["a"]).await;
    world.transcribe(asked("44", 2, false)).await;
    world.recording(run, "44", "a").await.unwrap();
    assert_eq!(lines(&world, asking("44")).await, []);
}
