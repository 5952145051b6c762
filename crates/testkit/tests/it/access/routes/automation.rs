use super::{Reach, Row, Rule, auth};
use crate::access::direct::Rpc;
use crate::access::world::Ids;
use prost::Message;
use serde_json::{Value, json};
use vigie_contracts::auth::v1 as principal;
use vigie_contracts::automation::v1 as pb;
use vigie_testkit::api::text;
use vigie_testkit::stack::Service;

const SEEN: Rule = Rule::of(Reach::Scoped, &[200], 404);
/// A run may have been started a moment before.
const STARTED: Rule = Rule::of(Reach::Scoped, &[200, 409], 404);
const REFUSED: Rule = Rule::any(&[400]);

fn rpc<M: Message>(path: &'static str, message: &M) -> Rpc {
    Rpc::new(Service::Automation, path, message)
}

fn lists(answer: &[u8], id: &str) -> bool {
    let answer: Value = serde_json::from_slice(answer).unwrap();
    let rows = answer["data"].as_array().cloned().unwrap_or_default();
    rows.iter().any(|row| text(&row["id"]) == id)
}

pub(super) fn rows() -> Vec<Row> {
    let mut rows = schedules();
    rows.extend(runs());
    rows
}

fn schedules() -> Vec<Row> {
    vec![
        Row::new(
            "GET",
            "/api/automation/schedules",
            Rule::rows(Reach::Scoped, |ids, answer| lists(answer, &ids.schedule)),
        )
        .rpc_by(
            Rule::rows(Reach::Scoped, |ids, answer| {
                let answer = pb::ListSchedulesResponse::decode(answer).unwrap();
                answer.schedules.iter().any(|it| it.id == ids.schedule)
            }),
            |_| {
                let message = pb::ListSchedulesRequest::default();
                rpc(
                    "/vigie.automation.v1.AutomationService/ListSchedules",
                    &message,
                )
            },
        ),
        Row::new("POST", "/api/automation/schedules", REFUSED)
            .body(|_| json!({}))
            .rpc(|_| {
                let body_json = "{}".to_owned();
                let message = pb::CreateScheduleRequest { body_json };
                rpc(
                    "/vigie.automation.v1.AutomationService/CreateSchedule",
                    &message,
                )
            }),
        Row::new("GET", "/api/automation/schedules/{schedule_id}", SEEN).rpc(|ids| {
            let schedule_id = ids.schedule.clone();
            let message = pb::GetScheduleRequest { schedule_id };
            rpc(
                "/vigie.automation.v1.AutomationService/GetSchedule",
                &message,
            )
        }),
        Row::new("POST", "/api/automation/trigger", STARTED)
            .body(|ids| json!({ "scheduleId": ids.schedule.parse::<i64>().unwrap() }))
            .rpc(|ids| {
                let message = pb::TriggerRequest {
                    schedule_id: ids.schedule.clone(),
                    ..pb::TriggerRequest::default()
                };
                rpc("/vigie.automation.v1.AutomationService/Trigger", &message)
            }),
    ]
}

fn listed_runs(ids: &Ids) -> Rpc {
    let message = pb::ListRunsRequest {
        schedule_id: Some(ids.schedule.clone()),
        limit: Some(100),
        ..pb::ListRunsRequest::default()
    };
    rpc("/vigie.automation.v1.AutomationService/ListRuns", &message)
}

const RUNS: Rule = Rule::rows(Reach::Scoped, |ids, answer| lists(answer, &ids.run));

fn runs() -> Vec<Row> {
    vec![
        Row::new("GET", "/api/automation/schedules/{schedule_id}/runs", SEEN).rpc(|ids| {
            let message = pb::ListRunsRequest {
                schedule_id: Some(ids.schedule.clone()),
                schedule_must_be_known: true,
                ..pb::ListRunsRequest::default()
            };
            rpc("/vigie.automation.v1.AutomationService/ListRuns", &message)
        }),
        Row::new("GET", "/api/automation/runs", RUNS)
            .query(|ids| format!("?limit=100&schedule_id={}", ids.schedule))
            .rpc_by(
                Rule::rows(Reach::Scoped, |ids, answer| {
                    let answer = pb::ListRunsResponse::decode(answer).unwrap();
                    answer.runs.iter().any(|it| it.id == ids.run)
                }),
                listed_runs,
            ),
        Row::new("GET", "/api/automation/runs/{run_id}", SEEN).rpc(|ids| {
            let run_id = ids.run.clone();
            let message = pb::GetRunRequest { run_id };
            rpc("/vigie.automation.v1.AutomationService/GetRun", &message)
        }),
        Row::new("POST", "/api/automation/runs/{run_id}/cancel", STARTED)
            .body(|_| json!({}))
            .rpc(|ids| {
                let run_id = ids.run.clone();
                let message = pb::CancelRunRequest { run_id };
                rpc("/vigie.automation.v1.AutomationService/CancelRun", &message)
            }),
    ]
}

/// What a user may do is told to automation alone.
pub(super) fn inner() -> Vec<Rpc> {
    let message = principal::GetPrincipalRequest {
        user_id: "1".to_owned(),
    };
    vec![auth(
        "/vigie.auth.v1.PrincipalService/GetPrincipal",
        &message,
    )]
}
