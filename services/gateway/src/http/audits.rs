//! Reading audits (`audits.md` 6).

use super::edge::Params;
use super::failure::Failure;
use super::links;
use super::reply::{self, Data, List, data};
use crate::app::{AppState, call};
use crate::domain::ids::database_id;
use axum::Json;
use axum::extract::{Extension, Path, State};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use vigie_contracts::audit::v1 as pb;
use vigie_identity::Caller;

/// A page of audits.
#[derive(Serialize, ToSchema)]
pub struct Page {
    success: bool,
    data: Vec<pb::AuditRow>,
    pagination: pb::Pagination,
}

/// An audit with its steps. Its `resultData` is the latest view.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Detail {
    #[serde(flatten)]
    audit: pb::AuditRow,
    step_results: Vec<pb::StepResult>,
}

impl Detail {
    /// With the names of what it belongs to, and links to the recordings it quotes.
    pub(super) async fn of(
        gateway: &AppState,
        caller: &Caller,
        mut answer: pb::GetAuditResponse,
        rpc: &'static str,
    ) -> Result<Self, Failure> {
        links::describe(gateway, caller, answer.audit.iter_mut()).await;
        link_quotes(gateway, caller, answer.audit.iter_mut())?;
        Ok(Self {
            audit: answer.audit.ok_or_else(|| Failure::incomplete(rpc))?,
            step_results: answer.step_results,
        })
    }
}

/// Quotes show their recordings as fiches do: without the CRM's addresses where links stand for them.
fn link_quotes<'a>(
    gateway: &AppState,
    caller: &Caller,
    audits: impl Iterator<Item = &'a mut pb::AuditRow>,
) -> Result<(), Failure> {
    let Some(recordings) = &gateway.recordings else {
        return Ok(());
    };
    let now = gateway.clock.now();
    for audit in audits.filter(|audit| !audit.result_data_json.is_empty()) {
        let shown = serde_json::from_str(&audit.result_data_json);
        let mut shown: Value = shown.map_err(|error| {
            tracing::error!(audit.id = audit.id, %error, "the audit's result is not JSON");
            Failure::internal()
        })?;
        recordings.links.within(caller, &mut shown, now);
        audit.result_data_json = shown.to_string();
    }
    Ok(())
}

/// What a control point can be.
#[derive(Serialize, ToSchema)]
pub struct Statuses {
    statuses: [&'static str; 4],
}

/// The contract's `statut`, in its order.
const STATUSES: [&str; 4] = ["PRESENT", "ABSENT", "PARTIEL", "NON_APPLICABLE"];

/// Audits by filter.
#[utoipa::path(get, path = "/api/audits", tag = "audits",
    params(("fiche_ids" = Option<String>, Query, description = "comma list"),
        ("status" = Option<String>, Query, description = "comma list"),
        ("limit" = Option<i64>, Query, description = "1 to 500, 100 by default"),
        ("offset" = Option<i64>, Query),
        ("cursor" = Option<String>, Query, description = "pagination.next_cursor of the page before; replaces offset")),
    responses((status = 200, description = "every filter of the contract is taken", body = Page)))]
pub async fn list(
    State(gateway): State<AppState>,
    Extension(caller): Extension<Caller>,
    params: Params,
) -> Result<Json<Page>, Failure> {
    let request = pb::ListAuditsRequest {
        filters: params.into_map(),
    };
    let answer = gateway
        .audits
        .clone()
        .list_audits(call(&caller, request))
        .await?;
    let mut answer = answer.into_inner();
    links::describe(&gateway, &caller, answer.audits.iter_mut()).await;
    Ok(Json(Page {
        success: true,
        data: answer.audits,
        pagination: answer
            .pagination
            .ok_or_else(|| Failure::incomplete("ListAudits"))?,
    }))
}

/// The latest audits of one fiche.
#[utoipa::path(get, path = "/api/audits/by-fiche/{fiche_id}", tag = "audits",
    params(("fiche_id" = String, Path), ("include_details" = Option<bool>, Query)),
    responses((status = 200, body = List<pb::AuditRow>)))]
pub async fn by_fiche(
    State(gateway): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(fiche_id): Path<String>,
    params: Params,
) -> Result<Json<List<pb::AuditRow>>, Failure> {
    let request = pb::ListByFicheRequest {
        fiche_id,
        include_details: params.is_true("include_details"),
    };
    let answer = gateway
        .audits
        .clone()
        .list_by_fiche(call(&caller, request))
        .await?;
    let mut audits = answer.into_inner().audits;
    links::describe(&gateway, &caller, audits.iter_mut()).await;
    link_quotes(&gateway, &caller, audits.iter_mut())?;
    Ok(reply::list(audits))
}

/// One audit with its steps.
#[utoipa::path(get, path = "/api/audits/{audit_id}", tag = "audits",
    params(("audit_id" = String, Path)), responses((status = 200, body = Data<Detail>)))]
pub async fn detail(
    State(gateway): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(audit_id): Path<String>,
) -> Result<Json<Data<Detail>>, Failure> {
    if database_id(&audit_id).is_none() {
        return Err(Failure::validation("Invalid audit_id"));
    }
    let request = call(&caller, pb::GetAuditRequest { audit_id });
    let answer = gateway.audits.clone().get_audit(request).await?;
    let answer = answer.into_inner();
    Ok(data(
        Detail::of(&gateway, &caller, answer, "GetAudit").await?,
    ))
}

/// What a control point can be.
#[utoipa::path(get, path = "/api/audits/control-points/statuses", tag = "audits",
    responses((status = 200, body = Data<Statuses>)))]
pub async fn control_point_statuses() -> Json<Data<Statuses>> {
    data(Statuses { statuses: STATUSES })
}
