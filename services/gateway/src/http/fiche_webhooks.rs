//! The log of a job's webhooks, and sending them again (`fiches.md` 6.7).

use super::edge::{Params, Payload};
use super::failure::Failure;
use super::fiche_jobs::number;
use super::reply::{Data, List, data, list};
use crate::app::{AppState, call};
use axum::Json;
use axum::extract::{Extension, Path, State};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use vigie_contracts::fiche::v1 as pb;
use vigie_identity::Caller;

/// A page of deliveries, newest first.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Deliveries {
    success: bool,
    data: Vec<pb::WebhookDelivery>,
    next_cursor: Option<String>,
}

/// A delivery that is sent again.
#[derive(Serialize, ToSchema)]
pub struct Redelivery {
    id: String,
    status: String,
}

/// A destination.
#[derive(Deserialize, ToSchema)]
#[expect(dead_code, reason = "describes the body; it is read field by field")]
pub struct DestinationBody {
    /// The exact URL.
    url: String,
}

/// Whether a destination was disabled.
#[derive(Serialize, ToSchema)]
pub struct Enabled {
    enabled: bool,
}

/// The deliveries of a job with their attempts, newest first.
#[utoipa::path(get, path = "/api/fiches/jobs/{job_id}/webhooks", tag = "fiches",
    params(("job_id" = String, Path),
        ("limit" = Option<i32>, Query, description = "1 to 100, 20 by default"),
        ("cursor" = Option<String>, Query, description = "`nextCursor` of the page before")),
    responses((status = 200, body = Deliveries)))]
pub async fn deliveries(
    State(gateway): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(job_id): Path<String>,
    params: Params,
) -> Result<Json<Deliveries>, Failure> {
    let limit = params.filled("limit").map(|text| number("limit", text));
    let request = pb::ListDeliveriesRequest {
        job_id,
        limit: limit.transpose()?,
        cursor: params.filled("cursor").map(str::to_owned),
    };
    let mut webhooks = gateway.fiche_webhooks.clone();
    let answer = webhooks.list_deliveries(call(&caller, request)).await?;
    let answer = answer.into_inner();
    Ok(Json(Deliveries {
        success: true,
        data: answer.deliveries,
        next_cursor: answer.next_cursor,
    }))
}

/// Sends a delivery once more, under its id.
#[utoipa::path(post, path = "/api/fiches/jobs/{job_id}/webhooks/{delivery_id}/redeliver",
    tag = "fiches", params(("job_id" = String, Path), ("delivery_id" = String, Path)),
    responses((status = 200, body = Data<Redelivery>)))]
pub async fn redeliver(
    State(gateway): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path((job_id, delivery_id)): Path<(String, String)>,
) -> Result<Json<Data<Redelivery>>, Failure> {
    let request = pb::RedeliverRequest {
        job_id,
        delivery_id,
    };
    let mut webhooks = gateway.fiche_webhooks.clone();
    let answer = webhooks.redeliver(call(&caller, request)).await?;
    let answer = answer.into_inner();
    Ok(data(Redelivery {
        id: answer.id,
        status: answer.status,
    }))
}

/// URLs that fail, disabled ones first. For who may write all fiches.
#[utoipa::path(get, path = "/api/fiches/webhooks/destinations", tag = "fiches",
    responses((status = 200, body = List<pb::WebhookDestination>)))]
pub async fn destinations(
    State(gateway): State<AppState>,
    Extension(caller): Extension<Caller>,
) -> Result<Json<List<pb::WebhookDestination>>, Failure> {
    let request = call(&caller, pb::ListFailingDestinationsRequest {});
    let mut webhooks = gateway.fiche_webhooks.clone();
    let answer = webhooks.list_failing_destinations(request).await?;
    Ok(list(answer.into_inner().destinations))
}

/// Sends to a disabled URL again. For who may write all fiches.
#[utoipa::path(post, path = "/api/fiches/webhooks/destinations/enable", tag = "fiches",
    request_body = DestinationBody, responses((status = 200, body = Data<Enabled>)))]
pub async fn enable(
    State(gateway): State<AppState>,
    Extension(caller): Extension<Caller>,
    Extension(body): Extension<Payload>,
) -> Result<Json<Data<Enabled>>, Failure> {
    let url = body.get("url").and_then(Value::as_str).map(str::to_owned);
    let url = url.ok_or_else(|| {
        Failure::validation("url must be a text").with_detail("url", "must be a text")
    })?;
    let request = call(&caller, pb::EnableDestinationRequest { url });
    let mut webhooks = gateway.fiche_webhooks.clone();
    let answer = webhooks.enable_destination(request).await?;
    Ok(data(Enabled {
        enabled: answer.into_inner().enabled,
    }))
}
