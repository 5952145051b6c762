use super::{NONE, Reach, Row, Rule, names_fiche};
use crate::access::direct::Rpc;
use crate::access::world::Ids;
use prost::Message;
use serde_json::{Value, json};
use vigie_contracts::audit::v1 as audit;
use vigie_contracts::fiche::v1 as pb;
use vigie_contracts::transcription::v1 as transcription;
use vigie_testkit::stack::Service;

/// Within scope, else "Forbidden".
const FICHE: Rule = Rule::of(Reach::Scoped, &[200], 403);
/// Within scope, else unknown.
const HIDDEN: Rule = Rule::of(Reach::Scoped, &[200], 404);
const ROWS: Rule = Rule::rows(Reach::Scoped, names_fiche);
/// One's own jobs, else unknown.
const JOB: Rule = Rule::of(Reach::Made, &[200], 404);
const MISSING: Rule = Rule::any(&[404]);
/// Whoever administers users.
const TRAIL: Rule = Rule::any(&[200]);
const EVERYBODYS: Rule = Rule::of(Reach::OnlyAll, &[200], 403);

pub(super) fn rows() -> Vec<Row> {
    let mut rows = pages();
    rows.extend(fiches());
    rows.extend(jobs());
    rows.extend(maintenance());
    rows
}

fn rpc<M: Message>(path: &'static str, message: &M) -> Rpc {
    Rpc::new(Service::FicheCache, path, message)
}

fn summaries(ids: &Ids) -> Rpc {
    let message = pb::GetSummariesRequest {
        fiche_ids: vec![ids.fiche.clone()],
        permission: "fiches".to_owned(),
        ..pb::GetSummariesRequest::default()
    };
    rpc("/vigie.fiche.v1.FicheService/GetSummaries", &message)
}

/// The fiche is shown, not only named among the refused.
fn summarised(ids: &Ids, answer: &[u8]) -> bool {
    let answer = pb::GetSummariesResponse::decode(answer).unwrap();
    answer.fiches.iter().any(|it| it.fiche_id == ids.fiche)
}

fn transcripts(ids: &Ids) -> Rpc {
    let path = "/vigie.transcription.v1.TranscriptionService/ListTranscripts";
    let message = transcription::ListTranscriptsRequest {
        fiche_ids: vec![ids.fiche.clone()],
        include_text: true,
    };
    Rpc::new(Service::Transcription, path, &message)
}

fn statuses(ids: &Ids) -> Rpc {
    let path = "/vigie.audit.v1.AuditService/ListFicheStatuses";
    let message = audit::ListFicheStatusesRequest {
        fiche_ids: vec![ids.fiche.clone()],
    };
    Rpc::new(Service::AuditOrchestrator, path, &message)
}

fn has_data(ids: &Ids, answer: &[u8]) -> bool {
    let answer: Value = serde_json::from_slice(answer).unwrap();
    answer["data"][&ids.fiche]["hasData"] == true
}

fn pages() -> Vec<Row> {
    vec![
        Row::new("GET", "/api/fiches/search", ROWS)
            .query(|ids| format!("?date={}", ids.day))
            .rpc(|ids| {
                let date = ids.day.clone();
                let message = pb::SearchSalesRequest { date };
                rpc("/vigie.fiche.v1.FicheService/SearchSales", &message)
            })
            .rpc(transcripts)
            .rpc(statuses),
        Row::new("GET", "/api/fiches/status/by-date", ROWS)
            .query(|ids| format!("?date={}", ids.day))
            .rpc(|ids| {
                let date = ids.day.clone();
                let message = pb::ListByDateRequest { date };
                rpc("/vigie.fiche.v1.FicheService/ListByDate", &message)
            }),
        Row::new(
            "POST",
            "/api/fiches/status/batch",
            Rule::rows(Reach::Scoped, has_data),
        )
        .body(|ids| json!({ "ficheIds": [ids.fiche] }))
        .rpc_by(Rule::rows(Reach::Scoped, summarised), summaries),
        Row::new("GET", "/api/fiches/status/by-date-range", ROWS)
            .query(|ids| format!("?startDate={0}&endDate={0}", ids.day))
            .rpc(range)
            .rpc(|ids| {
                let message = pb::SelectFichesRequest {
                    dates: vec![ids.day.clone()],
                    ..pb::SelectFichesRequest::default()
                };
                rpc("/vigie.fiche.v1.FicheJobService/SelectFiches", &message)
            })
            .rpc_by(Rule::any(&[200]), |ids| {
                let dates = vec![ids.day.clone()];
                let message = pb::GetDaysRequest { dates };
                rpc("/vigie.fiche.v1.FicheJobService/GetDays", &message)
            }),
        Row::new("POST", "/api/fiches/status/by-date-range", ROWS)
            .body(|ids| json!({ "startDate": ids.day, "endDate": ids.day }))
            .rpc(range),
    ]
}

fn range(ids: &Ids) -> Rpc {
    let message = pb::ListByDateRangeRequest {
        start_date: ids.day.clone(),
        end_date: ids.day.clone(),
        ..pb::ListByDateRangeRequest::default()
    };
    rpc("/vigie.fiche.v1.FicheJobService/ListByDateRange", &message)
}

fn fiches() -> Vec<Row> {
    vec![
        Row::new("GET", "/api/fiches/{fiche_id}", FICHE).rpc(|ids| fiche(ids, false)),
        Row::new("GET", "/api/fiches/{fiche_id}", FICHE)
            .query(|_| "?refresh=true".to_owned())
            .also("fiches.write")
            .rpc(|ids| fiche(ids, true)),
        Row::new("GET", "/api/fiches/{fiche_id}/cache", FICHE),
        Row::new("GET", "/api/fiches/{fiche_id}/status", HIDDEN),
        Row::new("GET", "/api/recordings/{fiche_id}", FICHE).rpc(|ids| {
            let fiche_id = ids.fiche.clone();
            let message = pb::ListRecordingsRequest { fiche_id };
            rpc("/vigie.fiche.v1.FicheService/ListRecordings", &message)
        }),
        // No link, no audio.
        Row::new("GET", "/api/recordings/audio/{link}", Rule::any(&[403])),
    ]
}

fn fiche(ids: &Ids, refresh: bool) -> Rpc {
    let message = pb::GetFicheRequest {
        fiche_id: ids.fiche.clone(),
        refresh,
        include_mail_devis: false,
    };
    rpc("/vigie.fiche.v1.FicheService/GetFiche", &message)
}

/// The job among the rows.
fn names_job(ids: &Ids, answer: &[u8]) -> bool {
    String::from_utf8_lossy(answer).contains(&ids.job)
}

fn jobs() -> Vec<Row> {
    vec![
        Row::new("GET", "/api/fiches/webhooks/fiches", JOB)
            .query(|ids| format!("?jobId={}", ids.job))
            .rpc(|ids| {
                let job_id = ids.job.clone();
                let message = pb::PollFetchJobRequest { job_id };
                rpc("/vigie.fiche.v1.FicheJobService/PollFetchJob", &message)
            }),
        Row::new(
            "GET",
            "/api/fiches/jobs",
            Rule::rows(Reach::Made, names_job),
        )
        .query(|_| "?limit=100".to_owned())
        .rpc(|_| {
            let limit = Some(100);
            let message = pb::ListFetchJobsRequest {
                status: None,
                limit,
            };
            rpc("/vigie.fiche.v1.FicheJobService/ListFetchJobs", &message)
        }),
        Row::new("GET", "/api/fiches/jobs/{job_id}", JOB).rpc(|ids| {
            let job_id = ids.job.clone();
            let message = pb::GetFetchJobRequest { job_id };
            rpc("/vigie.fiche.v1.FicheJobService/GetFetchJob", &message)
        }),
        Row::new("GET", "/api/fiches/jobs/{job_id}/webhooks", JOB).rpc(|ids| {
            let message = pb::ListDeliveriesRequest {
                job_id: ids.job.clone(),
                ..pb::ListDeliveriesRequest::default()
            };
            rpc(
                "/vigie.fiche.v1.FicheWebhookService/ListDeliveries",
                &message,
            )
        }),
        Row::new(
            "POST",
            "/api/fiches/jobs/{job_id}/webhooks/{delivery_id}/redeliver",
            MISSING,
        )
        .rpc(|ids| {
            let message = pb::RedeliverRequest {
                job_id: ids.job.clone(),
                delivery_id: NONE.to_owned(),
            };
            rpc("/vigie.fiche.v1.FicheWebhookService/Redeliver", &message)
        }),
        Row::new("GET", "/api/fiches/webhooks/destinations", EVERYBODYS).rpc(|_| {
            let path = "/vigie.fiche.v1.FicheWebhookService/ListFailingDestinations";
            rpc(path, &pb::ListFailingDestinationsRequest {})
        }),
        Row::new(
            "POST",
            "/api/fiches/webhooks/destinations/enable",
            EVERYBODYS,
        )
        .body(|_| json!({ "url": "https://hooks.example.test/a" }))
        .rpc(|_| {
            let path = "/vigie.fiche.v1.FicheWebhookService/EnableDestination";
            let url = "https://hooks.example.test/a".to_owned();
            rpc(path, &pb::EnableDestinationRequest { url })
        }),
    ]
}

/// Operators' work is on everybody's rows.
fn maintenance() -> Vec<Row> {
    vec![
        Row::new("POST", "/api/fiches/backfill", EVERYBODYS)
            .body(|_| json!({ "dryRun": true }))
            .rpc(|_| {
                let path = "/vigie.fiche.v1.FicheMaintenanceService/Backfill";
                let message = pb::BackfillRequest {
                    batch: 100,
                    dry_run: true,
                    ..pb::BackfillRequest::default()
                };
                rpc(path, &message)
            }),
        Row::new("POST", "/api/fiches/reseal", EVERYBODYS)
            .body(|_| json!({ "dryRun": true }))
            .rpc(|_| {
                let path = "/vigie.fiche.v1.FicheMaintenanceService/Reseal";
                let message = pb::ResealRequest {
                    batch: 100,
                    dry_run: true,
                    ..pb::ResealRequest::default()
                };
                rpc(path, &message)
            }),
        Row::new("GET", "/api/fiches/{fiche_id}/inspect", EVERYBODYS).rpc(|ids| {
            let path = "/vigie.fiche.v1.FicheMaintenanceService/InspectRow";
            let fiche_id = ids.fiche.clone();
            rpc(path, &pb::InspectRowRequest { fiche_id })
        }),
        Row::new("GET", "/api/fiches/{fiche_id}/accesses", TRAIL).rpc(|ids| {
            let path = "/vigie.fiche.v1.FicheMaintenanceService/ListAccesses";
            let message = pb::ListAccessesRequest {
                fiche_id: ids.fiche.clone(),
                limit: 20,
                cursor: None,
            };
            rpc(path, &message)
        }),
        Row::new("POST", "/api/audits/projection/rebuild", EVERYBODYS)
            .body(|_| json!({}))
            .rpc(|_| {
                let path = "/vigie.audit.v1.ProjectionService/RebuildProjection";
                let message = audit::RebuildProjectionRequest {
                    batch: 100,
                    ..audit::RebuildProjectionRequest::default()
                };
                Rpc::new(Service::AuditOrchestrator, path, &message)
            }),
    ]
}

/// Services ask for themselves: the CRM's directory, and the days that runs need.
pub(super) fn inner() -> Vec<Rpc> {
    vec![
        rpc(
            "/vigie.fiche.v1.FicheJobService/RevalidateDays",
            &pb::RevalidateDaysRequest::default(),
        ),
        rpc(
            "/vigie.fiche.v1.DirectoryService/ListCrmUsers",
            &pb::ListCrmUsersRequest {},
        ),
        rpc(
            "/vigie.fiche.v1.DirectoryService/ListCrmGroups",
            &pb::ListCrmGroupsRequest::default(),
        ),
    ]
}
