//! What clients ask for: making, triggering, reading and cancelling.

use crate::callers::{admin, by, wire};
use crate::world::{CONFIG, World};
use serde_json::{Value, json};
use vigie_contracts::automation::v1::automation_service_server::AutomationService;
use vigie_contracts::automation::v1::{
    CancelRunRequest, GetRunRequest, GetScheduleRequest, ListRunsRequest, ListSchedulesRequest,
    TriggerRequest,
};
use vigie_events::transcription::RunOutcome;
use vigie_service::{ErrorCode, WireError};

fn override_of(schedule_id: &str, selection: &Value) -> TriggerRequest {
    TriggerRequest {
        schedule_id: schedule_id.to_owned(),
        override_fiche_selection_json: Some(selection.to_string()),
        allow_overlap: false,
    }
}

async fn cancel(world: &World, run: &str) -> Result<String, WireError> {
    let request = CancelRunRequest {
        run_id: run.to_owned(),
    };
    let answer = world
        .rpc
        .cancel_run(by(&admin(), request))
        .await
        .map_err(wire)?;
    Ok(answer.into_inner().run.unwrap().status)
}

#[tokio::test]
async fn a_schedule_is_stored_as_it_was_asked_for() {
    let world = World::new().await;
    let body = json!({"name": "Ventes de la veille", "scheduleType": "DAILY", "timeOfDay": "06:30",
        "timezone": "Europe/Paris", "createdBy": "somebody else",
        "ficheSelection": {"mode": "date_range", "dateRange": "yesterday", "groupes": ["NORD"],
            "onlyWithRecordings": true, "maxFiches": 200},
        "specificAuditConfigs": [14], "useAutomaticAudits": false,
        "notifyEmails": ["qualite@example.org"]});
    let made = world.create(&body, &admin()).await.unwrap();
    assert_eq!(made.cron_expression.as_deref(), Some("30 6 * * *"));
    assert_eq!(made.created_by.as_deref(), Some("user1@example.org"));
    assert_eq!(made.specific_audit_configs, ["14"]);
    let selection: Value = serde_json::from_str(&made.fiche_selection_json).unwrap();
    assert_eq!(
        selection,
        json!({"mode": "date_range", "dateRange": "yesterday",
        "groupes": ["NORD"], "onlyWithRecordings": true, "onlyUnaudited": false,
        "useRlm": false, "maxFiches": 200})
    );
    let request = GetScheduleRequest {
        schedule_id: made.id.clone(),
    };
    let answer = world
        .rpc
        .get_schedule(by(&admin(), request))
        .await
        .unwrap()
        .into_inner();
    assert_eq!(answer.schedule, Some(made));
    assert!(answer.runs.is_empty());
}

#[tokio::test]
async fn a_refused_schedule_says_where_and_stores_nothing() {
    let world = World::new().await;
    let body = json!({"name": "", "scheduleType": "MANUAL", "maxRetries": 9,
        "ficheSelection": {"mode": "manual", "ficheIds": ["12a"]}});
    let error = world.create(&body, &admin()).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::Validation);
    assert_eq!(error.message, "Invalid automation schedule data");
    let paths: Vec<&str> = error
        .details
        .iter()
        .map(|detail| detail.path.as_str())
        .collect();
    assert_eq!(
        paths,
        [
            "body.name",
            "body.ficheSelection.ficheIds",
            "body.maxRetries"
        ]
    );
    let weekly = json!({"name": "n", "scheduleType": "WEEKLY", "timeOfDay": "09:00",
        "ficheSelection": {"mode": "filter"}});
    let error = world.create(&weekly, &admin()).await.unwrap_err();
    assert_eq!(
        error.message,
        "WEEKLY schedule requires timeOfDay and dayOfWeek"
    );
    assert_eq!(
        world
            .count("SELECT count(*) FROM automation_schedules")
            .await,
        0
    );
}

#[tokio::test]
async fn inactive_schedules_are_listed_when_asked_for_and_can_be_triggered() {
    let world = World::new().await;
    let inactive = world.schedule(&["1"], json!({"isActive": false})).await;
    let active = world.schedule(&["1"], json!({})).await;
    for (include_inactive, expected) in [
        (false, vec![&active.id]),
        (true, vec![&active.id, &inactive.id]),
    ] {
        let request = ListSchedulesRequest { include_inactive };
        let answer = world
            .rpc
            .list_schedules(by(&admin(), request))
            .await
            .unwrap()
            .into_inner();
        let ids: Vec<_> = answer
            .schedules
            .iter()
            .map(|schedule| &schedule.id)
            .collect();
        assert_eq!(ids, expected);
    }
    world.trigger(&inactive, false, &admin()).await.unwrap();
}

#[tokio::test]
async fn two_runs_of_one_schedule_need_permission_to_overlap() {
    let world = World::new().await;
    let schedule = world.schedule(&["1"], json!({})).await;
    let run = world.trigger(&schedule, false, &admin()).await.unwrap();
    let error = world.trigger(&schedule, false, &admin()).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::Conflict);
    assert_eq!(error.extras["run_id"], run.to_string());
    world.trigger(&schedule, true, &admin()).await.unwrap();
    assert_eq!(world.count("SELECT count(*) FROM automation_runs").await, 2);
    // Both at once: one wins.
    let other = world.schedule(&["2"], json!({})).await;
    let caller = admin();
    let (a, b) = tokio::join!(
        world.trigger(&other, false, &caller),
        world.trigger(&other, false, &caller)
    );
    assert!(a.is_ok() != b.is_ok());
    assert_eq!(world.ids("automation/run").await.len(), 3);
}

#[tokio::test]
async fn what_cannot_be_run_is_refused_and_leaves_nothing() {
    let world = World::new().await;
    let selection = json!({"ficheSelection": {"mode": "date_range", "dateRange": "yesterday"}});
    let schedule = world.schedule(&[], selection).await;
    let error = world.trigger(&schedule, false, &admin()).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::Validation);
    assert_eq!(error.details[0].path, "ficheSelection.mode");
    for (id, selection) in [
        ("abc", json!({"mode": "manual"})),
        (schedule.id.as_str(), json!({"mode": "sometimes"})),
        (schedule.id.as_str(), json!([])),
    ] {
        let answer = world
            .rpc
            .trigger(by(&admin(), override_of(id, &selection)))
            .await;
        let error = wire(answer.unwrap_err());
        assert_eq!(error.message, "Invalid trigger automation data");
    }
    let unknown = override_of("9999", &json!({"mode": "manual"}));
    let error = wire(world.rpc.trigger(by(&admin(), unknown)).await.unwrap_err());
    assert_eq!(
        (error.code, error.message.as_str()),
        (ErrorCode::NotFound, "Schedule not found")
    );
    assert_eq!(world.count("SELECT count(*) FROM automation_runs").await, 0);
    assert!(world.ids("automation/run").await.is_empty());
}

#[tokio::test]
async fn an_override_replaces_the_selection() {
    let world = World::new().await;
    let selection = json!({"ficheSelection": {"mode": "filter", "groupes": ["SUD"]}});
    let schedule = world.schedule(&[], selection).await;
    let request = override_of(
        &schedule.id,
        &json!({"mode": "manual", "ficheIds": ["44 45"]}),
    );
    let answer = world
        .rpc
        .trigger(by(&admin(), request))
        .await
        .unwrap()
        .into_inner();
    let run = answer.run_id.parse().unwrap();
    assert_eq!(answer.event_ids, [format!("automation-run-{run}")]);
    assert_eq!(world.get(run).await.run.unwrap().status, "pending");
    world.begin(&schedule, run).await;
    for fiche in ["44", "45"] {
        world.succeed(run, fiche).await;
    }
    assert_eq!(world.outcome(run).await.0, "completed");
    let row = world.get(run).await.run.unwrap();
    let snapshot: Value = serde_json::from_str(&row.config_snapshot_json).unwrap();
    assert_eq!(snapshot["overrides"]["ficheIds"], json!(["44 45"]));
    assert_eq!(
        snapshot["auditConfigs"],
        json!([{"id": "14", "name": "Qualité", "revision": 2}])
    );
}

#[tokio::test]
async fn a_cancelled_run_keeps_what_was_done() {
    let world = World::new().await;
    let run = world.running(&["1 2 3 4"], json!({})).await;
    world.succeed(run, "1").await;
    world.fetched(run, "2", 2).await;
    world.transcribed(run, "2", RunOutcome::Completed).await;
    assert_eq!(cancel(&world, &run.to_string()).await.unwrap(), "partial");
    let (status, reason, successful, failed, ignored) = world.outcome(run).await;
    assert_eq!(
        (status.as_str(), reason.as_deref()),
        ("partial", Some("cancelled"))
    );
    assert_eq!((successful, failed, ignored), (1, 0, 3));
    assert_eq!(
        world.summary(run).await["ignored"][0]["reason"],
        "Cancelled"
    );
    assert_eq!(
        world.payloads("automation/completed").await[0]["reason"],
        "cancelled"
    );
    let told = world.payloads("automation.run.cancelled").await;
    assert_eq!(
        (&told[0]["actor_id"], &told[0]["counters"]["cancelled"]),
        (&json!("1"), &json!(3))
    );
    assert!(world.payloads("automation.run.completed").await.is_empty());
    // What was asked for runs on, and is noted as late.
    world.audited(run, "2", CONFIG, "").await;
    world.fetched(run, "3", 2).await;
    assert_eq!(world.state_of(run, "2").await, "cancelled");
    let late =
        "SELECT count(*) FROM automation_run_item_audits WHERE late AND audit_id IS NOT NULL";
    assert_eq!(world.count(late).await, 1);
    let again = cancel(&world, &run.to_string()).await.unwrap_err();
    assert_eq!(
        (again.code, &again.extras["run_id"]),
        (ErrorCode::Conflict, &json!(run.to_string()))
    );
}

#[tokio::test]
async fn a_run_can_be_cancelled_before_it_begins() {
    let world = World::new().await;
    let schedule = world.schedule(&["1 2"], json!({})).await;
    let run = world.trigger(&schedule, false, &admin()).await.unwrap();
    assert_eq!(cancel(&world, &run.to_string()).await.unwrap(), "failed");
    world.begin(&schedule, run).await;
    assert!(world.ids("fiche/fetch").await.is_empty());
    assert_eq!(world.outcome(run).await.4, 2);
    world.trigger(&schedule, false, &admin()).await.unwrap();
}

#[tokio::test]
async fn runs_are_paged_newest_first() {
    let world = World::new().await;
    let schedule = world.schedule(&["1"], json!({})).await;
    for _ in 0..3 {
        world.trigger(&schedule, true, &admin()).await.unwrap();
    }
    let list = |limit, offset, status: Option<&str>| ListRunsRequest {
        schedule_id: Some(schedule.id.clone()),
        status: status.map(ToOwned::to_owned),
        limit,
        offset,
        schedule_must_be_known: true,
    };
    let request = list(Some(2), Some(1), None);
    let page = world
        .rpc
        .list_runs(by(&admin(), request))
        .await
        .unwrap()
        .into_inner();
    assert_eq!(
        (page.runs.len(), page.total, page.limit, page.offset),
        (2, 3, 2, 1)
    );
    assert!(page.runs[0].id.parse::<i64>().unwrap() > page.runs[1].id.parse::<i64>().unwrap());
    let none = world
        .rpc
        .list_runs(by(&admin(), list(None, None, Some("failed"))))
        .await
        .unwrap();
    assert_eq!(none.into_inner().total, 0);
    for bad in [
        list(Some(0), None, None),
        list(Some(101), None, None),
        list(None, Some(-1), None),
        list(None, None, Some("x")),
    ] {
        let error = wire(world.rpc.list_runs(by(&admin(), bad)).await.unwrap_err());
        assert_eq!(error.code, ErrorCode::Validation);
    }
    for bad in ["", "x", "-1", "0"] {
        let request = GetRunRequest {
            run_id: bad.to_owned(),
        };
        let error = wire(world.rpc.get_run(by(&admin(), request)).await.unwrap_err());
        assert_eq!(error.code, ErrorCode::Validation, "{bad:?}");
    }
}
