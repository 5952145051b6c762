//! Stored audits under changed weights.

use super::edge::Payload;
use super::failure::Failure;
use super::reply::{Data, data};
use crate::app::{AppState, patient_call};
use axum::Json;
use axum::extract::{Extension, State};
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;
use vigie_contracts::audit::v1 as pb;
use vigie_identity::Caller;

const BATCH: i32 = 100;

/// Which audits, and whether they are changed.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "describes the body; it is read by hand")]
pub struct RescoreBody {
    /// The configuration.
    audit_config_id: String,
    /// After this audit, `lastId` of the batch before; from the beginning when left out.
    after_id: Option<String>,
    /// 1 to 500; 100 when left out.
    batch: Option<i32>,
    /// Without it nothing is written.
    apply: Option<bool>,
    /// Revision of the configuration that the first batch saw; any when left out.
    revision: Option<i32>,
}

/// Scores completed audits under the weights that their configuration has now, one batch; no model
/// is asked. Without `apply` it only says what would move.
#[utoipa::path(post, path = "/api/audits/rescore", tag = "audits", request_body = RescoreBody,
    responses((status = 200, body = Data<pb::RescoreAuditsResponse>)))]
pub async fn rescore(
    State(gateway): State<AppState>,
    Extension(caller): Extension<Caller>,
    Extension(body): Extension<Payload>,
) -> Result<Json<Data<pb::RescoreAuditsResponse>>, Failure> {
    let id = |name| match body.get(name) {
        Some(Value::String(id)) => id.clone(),
        Some(Value::Number(id)) => id.to_string(),
        _ => String::new(),
    };
    // What is no number is refused by the service, as -1 is.
    let number = |name, default| {
        let number = body.get(name).map(|value| {
            let number = value.as_i64().and_then(|n| i32::try_from(n).ok());
            number.unwrap_or(-1)
        });
        number.unwrap_or(default)
    };
    let request = pb::RescoreAuditsRequest {
        audit_config_id: id("auditConfigId"),
        after_id: id("afterId"),
        batch: number("batch", BATCH),
        apply: body.get("apply").and_then(Value::as_bool) == Some(true),
        revision: number("revision", 0),
    };
    let mut client = gateway.rescore.clone();
    let answer = client
        .rescore_audits(patient_call(&caller, request))
        .await?;
    Ok(data(answer.into_inner()))
}
