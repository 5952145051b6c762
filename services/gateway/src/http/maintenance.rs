//! What operators do: legacy rows of the cache, one row's state, and the projection of audits.

use super::edge::{Params, Payload};
use super::failure::Failure;
use super::fiche_jobs::number;
use super::reply::{Data, data};
use crate::app::{AppState, call, patient_call};
use axum::Json;
use axum::extract::{Extension, Path, State};
use axum::http::Uri;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use vigie_contracts::audit::v1 as audit;
use vigie_contracts::fiche::v1 as fiche;
use vigie_identity::Caller;

const BATCH: i32 = 100;
const PAGE: i32 = 20;

/// Where a batch begins and how large it is.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "describes the body; it is read by hand")]
pub struct BackfillBody {
    /// After this row, `lastId` of the batch before; 0 is the beginning.
    after_id: Option<String>,
    /// 1 to 500; 100 when left out.
    batch: Option<i32>,
    /// Only say what would be done.
    dry_run: Option<bool>,
}

/// Where a batch begins and how large it is.
#[derive(Deserialize, ToSchema)]
#[expect(dead_code, reason = "describes the body; it is read by hand")]
pub struct RebuildBody {
    /// After this fiche.
    after: Option<String>,
    /// 1 to 5000; 100 when left out.
    batch: Option<i32>,
}

/// Moves documents of legacy rows into the tables of their sections, one batch.
#[utoipa::path(post, path = "/api/fiches/backfill", tag = "fiches", request_body = BackfillBody,
    responses((status = 200, body = Data<fiche::BackfillResponse>)))]
pub async fn backfill(
    State(gateway): State<AppState>,
    Extension(caller): Extension<Caller>,
    Extension(body): Extension<Payload>,
) -> Result<Json<Data<fiche::BackfillResponse>>, Failure> {
    let request = fiche::BackfillRequest {
        after_id: after_id(&body)?,
        batch: batch(&body),
        dry_run: is_dry_run(&body),
    };
    let mut client = gateway.fiche_maintenance.clone();
    let answer = client.backfill(patient_call(&caller, request)).await?;
    Ok(data(answer.into_inner()))
}

/// Seals personal data with the newest key, one batch.
#[utoipa::path(post, path = "/api/fiches/reseal", tag = "fiches", request_body = BackfillBody,
    responses((status = 200, body = Data<fiche::ResealResponse>)))]
pub async fn reseal(
    State(gateway): State<AppState>,
    Extension(caller): Extension<Caller>,
    Extension(body): Extension<Payload>,
) -> Result<Json<Data<fiche::ResealResponse>>, Failure> {
    let request = fiche::ResealRequest {
        after_id: after_id(&body)?,
        batch: batch(&body),
        dry_run: is_dry_run(&body),
    };
    let mut client = gateway.fiche_maintenance.clone();
    let answer = client.reseal(patient_call(&caller, request)).await?;
    Ok(data(answer.into_inner()))
}

/// What the cache holds of one fiche, without its content.
#[utoipa::path(get, path = "/api/fiches/{fiche_id}/inspect", tag = "fiches",
    params(("fiche_id" = String, Path, description = "digits")),
    responses((status = 200, body = Data<fiche::InspectRowResponse>)))]
pub async fn inspect(
    State(gateway): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(fiche_id): Path<String>,
    uri: Uri,
) -> Result<Json<Data<fiche::InspectRowResponse>>, Failure> {
    let fiche_id = super::fiche_id(fiche_id, &uri)?;
    let request = fiche::InspectRowRequest { fiche_id };
    let mut client = gateway.fiche_maintenance.clone();
    let answer = client.inspect_row(patient_call(&caller, request)).await?;
    Ok(data(answer.into_inner()))
}

/// Who was shown a fiche.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Accesses {
    success: bool,
    data: Vec<fiche::FicheAccess>,
    next_cursor: Option<String>,
}

/// Who was shown details or recordings of a fiche, newest first.
#[utoipa::path(get, path = "/api/fiches/{fiche_id}/accesses", tag = "fiches",
    params(("fiche_id" = String, Path, description = "digits"),
        ("limit" = Option<i32>, Query, description = "1 to 100, 20 by default"),
        ("cursor" = Option<String>, Query, description = "`nextCursor` of the page before")),
    responses((status = 200, body = Accesses)))]
pub async fn accesses(
    State(gateway): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(fiche_id): Path<String>,
    params: Params,
    uri: Uri,
) -> Result<Json<Accesses>, Failure> {
    let limit = params.filled("limit").map(|text| number("limit", text));
    let request = fiche::ListAccessesRequest {
        fiche_id: super::fiche_id(fiche_id, &uri)?,
        limit: limit.transpose()?.unwrap_or(PAGE),
        cursor: params.filled("cursor").map(str::to_owned),
    };
    let mut client = gateway.fiche_maintenance.clone();
    let answer = client.list_accesses(call(&caller, request)).await?;
    let answer = answer.into_inner();
    Ok(Json(Accesses {
        success: true,
        data: answer.accesses,
        next_cursor: answer.next_cursor,
    }))
}

/// Asks anew for what audits know of their fiches, one batch.
#[utoipa::path(post, path = "/api/audits/projection/rebuild", tag = "audits",
    request_body = RebuildBody,
    responses((status = 200, body = Data<audit::RebuildProjectionResponse>)))]
pub async fn rebuild(
    State(gateway): State<AppState>,
    Extension(caller): Extension<Caller>,
    Extension(body): Extension<Payload>,
) -> Result<Json<Data<audit::RebuildProjectionResponse>>, Failure> {
    let request = audit::RebuildProjectionRequest {
        after: body
            .get("after")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned(),
        batch: batch(&body),
    };
    let mut client = gateway.projection.clone();
    let answer = client
        .rebuild_projection(patient_call(&caller, request))
        .await?;
    Ok(data(answer.into_inner()))
}

fn is_dry_run(body: &Payload) -> bool {
    body.get("dryRun").and_then(Value::as_bool) == Some(true)
}

/// An id is text; a number is taken too.
fn after_id(body: &Payload) -> Result<i64, Failure> {
    let id = match body.get("afterId") {
        None | Some(Value::Null) => Some(0),
        Some(Value::String(id)) => id.parse().ok(),
        Some(value) => value.as_i64(),
    };
    id.ok_or_else(|| Failure::validation("afterId must be an id"))
}

/// What is no number is refused by the service, as 0 is.
fn batch(body: &Payload) -> i32 {
    match body.get("batch") {
        None => BATCH,
        Some(value) => value
            .as_i64()
            .and_then(|n| i32::try_from(n).ok())
            .unwrap_or(0),
    }
}
