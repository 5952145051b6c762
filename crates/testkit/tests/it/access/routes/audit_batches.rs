use super::audits::{AUDIT, rpc};
use super::{Reach, Row, Rule};
use serde_json::json;
use vigie_contracts::audit::v1 as pb;

/// Who may not see a batch learns nothing of it.
const BATCH: Rule = Rule::of(Reach::Made, &[200], 404);
/// Ended, or ended before.
const ENDED: Rule = Rule::of(Reach::Made, &[200, 409], 404);

pub(super) fn rows() -> Vec<Row> {
    vec![
        Row::new("POST", "/api/audits/batch", AUDIT)
            .body(|ids| json!({ "fiche_ids": [ids.fiche] }))
            .rpc(|ids| {
                let message = pb::StartBatchRequest {
                    fiche_ids: vec![ids.fiche.clone()],
                    ..pb::StartBatchRequest::default()
                };
                rpc("/vigie.audit.v1.BatchService/StartBatch", &message)
            }),
        Row::new("GET", "/api/audits/batches/{batch_id}", BATCH).rpc(|ids| {
            let message = pb::GetBatchRequest {
                batch_id: ids.audit_batch.clone(),
                without_items: false,
            };
            rpc("/vigie.audit.v1.BatchService/GetBatch", &message)
        }),
        Row::new("POST", "/api/audits/batches/{batch_id}/cancel", ENDED).rpc(|ids| {
            let batch_id = ids.audit_batch.clone();
            let message = pb::CancelBatchRequest { batch_id };
            rpc("/vigie.audit.v1.BatchService/CancelBatch", &message)
        }),
    ]
}
