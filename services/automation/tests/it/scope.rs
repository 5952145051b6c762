//! Who sees and starts what (`identity.md` W20).

use crate::callers::{admin, by, user, wire};
use crate::fakes::reader;
use crate::world::World;
use serde_json::json;
use vigie_contracts::auth::v1::GetPrincipalResponse;
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
        // A filter finds nothing; the schedule's own list is unknown like the schedule.
        for schedule_must_be_known in [false, true] {
            let request = ListRunsRequest {
                schedule_id: Some(schedule.id.clone()),
                schedule_must_be_known,
                ..ListRunsRequest::default()
            };
            let answer = world.rpc.list_runs(by(outsider, request)).await;
            let answer = answer.map(|found| found.into_inner().total);
            let expected = if schedule_must_be_known {
                Err(ErrorCode::NotFound)
            } else {
                Ok(0)
            };
            assert_eq!(answer.map_err(|status| wire(status).code), expected);
        }
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

/// What a user lost between the trigger and the start is not touched.
#[tokio::test]
async fn a_run_begins_with_what_its_user_may_read_then() {
    let world = World::new().await;
    let schedule = world.create(&body(), &admin()).await.unwrap();
    let hidden = async |now: Option<GetPrincipalResponse>| {
        let run = world.trigger(&schedule, true, &admin()).await.unwrap();
        {
            let mut answers = world.answers.lock().unwrap();
            answers.groupes = [("44", "NORD"), ("45", "SUD")]
                .map(|(fiche, groupe)| (fiche.to_owned(), groupe.to_owned()))
                .into();
            answers.principals = now.map(|now| ("1".to_owned(), now)).into_iter().collect();
        }
        world.begin(&schedule, run).await;
        let fiches: Vec<String> = sqlx::query_scalar(
            "SELECT fiche_id FROM automation_run_items WHERE run_id = $1 ORDER BY position",
        )
        .bind(run.get())
        .fetch_all(world.pool())
        .await
        .unwrap();
        (fiches, world.get(run).await.run.unwrap().status)
    };
    let told = |fiches: &[&str], status: &str| {
        let fiches: Vec<String> = fiches.iter().map(ToString::to_string).collect();
        (fiches, status.to_owned())
    };
    assert_eq!(hidden(None).await, told(&["44", "45"], "running"));
    let nord = reader("1", "GROUP", &["NORD"]);
    assert_eq!(hidden(Some(nord)).await, told(&["44"], "running"));
    let unlinked = reader("1", "SELF", &["NORD"]);
    assert_eq!(hidden(Some(unlinked)).await.0, Vec::<String>::new());
    let mut stripped = reader("1", "ALL", &[]);
    stripped.grants.clear();
    assert_eq!(hidden(Some(stripped)).await.0, Vec::<String>::new());
    let disabled = GetPrincipalResponse::default();
    assert_eq!(hidden(Some(disabled)).await.0, Vec::<String>::new());
}

/// Every filter against every caller: a row that the scope hides is shown by none.
#[tokio::test]
async fn filters_only_shrink_what_the_scope_shows() {
    let world = World::new().await;
    let owners = [
        user(2, Scope::Group, &["NORD"]),
        user(3, Scope::Group, &["NORD", "EST"]),
        user(4, Scope::Group, &["SUD"]),
        user(5, Scope::Own, &["SUD"]),
        user(6, Scope::Group, &[]),
    ];
    let mut schedules = Vec::new();
    for (n, owner) in owners.iter().enumerate() {
        let schedule = world.create(&body(), owner).await.unwrap();
        for begun in [false, true] {
            let run = world.trigger(&schedule, true, &admin()).await.unwrap();
            if begun && n % 2 == 0 {
                world.begin(&schedule, run).await;
            }
        }
        schedules.push(schedule.id);
    }
    let list = async |caller: &Caller, request: ListRunsRequest| {
        let answer = world.rpc.list_runs(by(caller, request)).await.unwrap();
        let answer = answer.into_inner();
        let rows: Vec<(String, String)> = answer
            .runs
            .into_iter()
            .map(|run| (run.id, run.schedule_id))
            .collect();
        (rows, answer.total)
    };
    for caller in owners.iter().chain([&admin()]) {
        let (visible, total) = list(caller, ListRunsRequest::default()).await;
        assert_eq!(usize::try_from(total).unwrap(), visible.len());
        let request = ListSchedulesRequest {
            include_inactive: true,
        };
        let mine = world.rpc.list_schedules(by(caller, request)).await.unwrap();
        let mine = mine.into_inner().schedules;
        assert!(
            visible
                .iter()
                .all(|(_, schedule)| mine.iter().any(|one| one.id == *schedule))
        );
        let all = schedules.iter().cloned().map(Some).chain([None]);
        for schedule_id in all {
            for status in [None, Some("pending"), Some("running"), Some("failed")] {
                for (limit, offset) in [(None, None), (Some(1), Some(1)), (Some(100), Some(0))] {
                    let request = ListRunsRequest {
                        schedule_id: schedule_id.clone(),
                        status: status.map(str::to_owned),
                        limit,
                        offset,
                        schedule_must_be_known: false,
                    };
                    let (rows, count) = list(caller, request).await;
                    assert!(rows.iter().all(|row| visible.contains(row)), "{rows:?}");
                    assert!(count <= total);
                }
            }
        }
    }
}
