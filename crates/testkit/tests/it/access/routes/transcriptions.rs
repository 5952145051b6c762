use super::{Reach, Row, Rule};
use crate::access::direct::Rpc;
use prost::Message;
use serde_json::json;
use vigie_contracts::transcription::v1 as pb;
use vigie_testkit::stack::Service;

const FICHE: Rule = Rule::of(Reach::Scoped, &[200], 403);
const BATCH: Rule = Rule::of(Reach::Made, &[200], 404);

fn rpc<M: Message>(path: &'static str, message: &M) -> Rpc {
    Rpc::new(Service::Transcription, path, message)
}

pub(super) fn rows() -> Vec<Row> {
    vec![
        Row::new("POST", "/api/transcriptions/{fiche_id}", FICHE)
            .body(|_| json!({}))
            .rpc(|ids| {
                let message = pb::StartRunRequest {
                    fiche_id: ids.fiche.clone(),
                    ..pb::StartRunRequest::default()
                };
                rpc(
                    "/vigie.transcription.v1.TranscriptionService/StartRun",
                    &message,
                )
            }),
        Row::new("GET", "/api/transcriptions/{fiche_id}/status", FICHE).rpc(|ids| {
            let fiche_id = ids.fiche.clone();
            let message = pb::GetStatusRequest { fiche_id };
            rpc(
                "/vigie.transcription.v1.TranscriptionService/GetStatus",
                &message,
            )
        }),
        Row::new(
            "GET",
            "/api/transcriptions/{fiche_id}/recordings/{call_id}",
            FICHE,
        )
        .rpc(|ids| {
            let message = pb::GetTranscriptRequest {
                fiche_id: ids.fiche.clone(),
                call_id: ids.call.clone(),
                include_words: false,
            };
            rpc(
                "/vigie.transcription.v1.TranscriptionService/GetTranscript",
                &message,
            )
        }),
        Row::new("POST", "/api/transcriptions/batch", FICHE)
            .body(|ids| json!({ "fiche_ids": [ids.fiche] }))
            .rpc(|ids| {
                let message = pb::StartBatchRequest {
                    fiche_ids: vec![ids.fiche.clone()],
                    ..pb::StartBatchRequest::default()
                };
                rpc(
                    "/vigie.transcription.v1.TranscriptionOperationsService/StartBatch",
                    &message,
                )
            }),
        Row::new("GET", "/api/transcriptions/batches/{batch_id}", BATCH).rpc(|ids| {
            let batch_id = ids.batch.clone();
            let message = pb::GetBatchRequest { batch_id };
            rpc(
                "/vigie.transcription.v1.TranscriptionOperationsService/GetBatch",
                &message,
            )
        }),
        Row::new("GET", "/api/transcriptions/{fiche_id}/logs", FICHE).rpc(|ids| {
            let message = pb::ListLogsRequest {
                fiche_id: ids.fiche.clone(),
                limit: 10,
                ..pb::ListLogsRequest::default()
            };
            rpc(
                "/vigie.transcription.v1.TranscriptionOperationsService/ListLogs",
                &message,
            )
        }),
    ]
}

/// Whole transcripts, for the services that work on them.
pub(super) fn inner() -> Vec<Rpc> {
    let path = "/vigie.transcription.v1.TranscriptionService/GetFicheTranscripts";
    vec![rpc(path, &pb::GetFicheTranscriptsRequest::default())]
}
