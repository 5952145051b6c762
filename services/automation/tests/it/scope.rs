//! Who sees and starts what (`identity.md` W20).

use crate::callers::{admin, by, user, wire};
use crate::world::World;
use serde_json::json;
use vigie_contracts::automation::v1::automation_service_server::AutomationService;
use vigie_contracts::automation::v1::{
    CancelRunRequest, GetRunRequest, GetScheduleRequest, ListRunsRequest, ListSchedulesRequest,
};
use vigie_identity::{Caller, Scope};
use vigie_service::ErrorCode;

fn body() -> serde_json::Value {
    json!({"name": "n", "scheduleType": "MANUAL",
        "ficheSelection": {"mode": "manual", "ficheIds": ["44", "45"]}})
}

async fn seen(world: &World, caller: &Caller) -> (usize, i64) {
    let request = ListSchedulesRequest {
        include_inactive: true,
    };
    let schedules = world
        .rpc
        .list_schedules(by(caller, request))
        .await
        .unwrap()
        .into_inner();
    let runs = world
        .rpc
        .list_runs(by(caller, ListRunsRequest::default()))
        .await
        .unwrap();
    (schedules.schedules.len(), runs.into_inner().total)
}

#[tokio::test]
async fn schedules_and_runs_are_seen_within_their_scope() {
    let world = World::new().await;
    let nord = user(2, Scope::Group, &["NORD"]);
    let colleague = user(3, Scope::Group, &["NORD", "EST"]);
    let sud = user(4, Scope::Group, &["SUD"]);
    let alone = user(5, Scope::Own, &["NORD"]);
    let schedule = world.create(&body(), &nord).await.unwrap();
    world.create(&body(), &alone).await.unwrap();
    let run = world.trigger(&schedule, false, &admin()).await.unwrap();
    assert_eq!(seen(&world, &admin()).await, (2, 1));
    assert_eq!(seen(&world, &nord).await, (2, 1));
    assert_eq!(seen(&world, &colleague).await, (2, 1));
    assert_eq!(seen(&world, &sud).await, (0, 0));
    assert_eq!(seen(&world, &alone).await, (1, 0));
    for outsider in [&sud, &alone] {
        let request = GetScheduleRequest {
            schedule_id: schedule.id.clone(),
        };
        let error = wire(
            world
                .rpc
                .get_schedule(by(outsider, request))
                .await
                .unwrap_err(),
        );
        assert_eq!(error.code, ErrorCode::NotFound);
        let request = GetRunRequest {
            run_id: run.to_string(),
        };
        let error = wire(world.rpc.get_run(by(outsider, request)).await.unwrap_err());
        assert_eq!(error.code, ErrorCode::NotFound);
        let request = CancelRunRequest {
            run_id: run.to_string(),
        };
        let error = wire(
            world
                .rpc
                .cancel_run(by(outsider, request))
                .await
                .unwrap_err(),
        );
        assert_eq!(error.code, ErrorCode::NotFound);
        let error = world.trigger(&schedule, true, outsider).await.unwrap_err();
        assert_eq!(error.code, ErrorCode::NotFound);
    }
}

#[tokio::test]
async fn a_run_touches_only_fiches_that_its_caller_may_read() {
    let world = World::new().await;
    let nord = user(2, Scope::Group, &["NORD"]);
    let schedule = world.create(&body(), &nord).await.unwrap();
    world
        .answers
        .lock()
        .unwrap()
        .readable
        .insert("44".to_owned());
    let error = world.trigger(&schedule, false, &nord).await.unwrap_err();
    assert_eq!(
        (error.code, error.message.as_str()),
        (ErrorCode::Authorization, "Forbidden")
    );
    assert!(
        error.details.is_empty() && error.extras.is_empty(),
        "names no fiche"
    );
    assert_eq!(world.count("SELECT count(*) FROM automation_runs").await, 0);
    world
        .answers
        .lock()
        .unwrap()
        .readable
        .insert("45".to_owned());
    let run = world.trigger(&schedule, false, &nord).await.unwrap();
    assert_eq!(world.get(run).await.run.unwrap().status, "pending");
    assert_eq!(world.answers.lock().unwrap().scope_questions, 2);
}

#[tokio::test]
async fn permissions_are_asked_for() {
    let world = World::new().await;
    let nobody = Caller::default();
    let request = ListSchedulesRequest::default();
    let error = wire(
        world
            .rpc
            .list_schedules(by(&nobody, request))
            .await
            .unwrap_err(),
    );
    assert_eq!(error.code, ErrorCode::Authentication);
    let mut reader = admin();
    let principal = std::sync::Arc::make_mut(reader.principal.as_mut().unwrap());
    principal
        .grants
        .iter_mut()
        .for_each(|grant| grant.write = false);
    let error = world.create(&body(), &reader).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::Authorization);
    assert_eq!(seen(&world, &reader).await, (0, 0));
}
