//! Audits in groups (`audits.md` 6.3, 6.4).

use super::edge::Params;
use super::failure::Failure;
use super::links;
use crate::app::{AppState, call};
use axum::Json;
use axum::extract::{Extension, State};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use vigie_contracts::audit::v1 as pb;
use vigie_identity::Caller;

/// Objects of groups that have no object are null, not absent.
const SHOWN: [(&str, &str); 2] = [
    ("automation_schedule", "automationSchedule"),
    ("automation_run", "automationRun"),
];

/// A group, with what its key stands for.
#[derive(Serialize, ToSchema)]
pub struct Group {
    #[serde(flatten)]
    group: pb::AuditGroup,
    #[serde(flatten)]
    #[schema(value_type = Object)]
    none: Map<String, Value>,
}

/// A page of groups.
#[derive(Serialize, ToSchema)]
pub struct Groups {
    success: bool,
    data: Vec<Group>,
    pagination: pb::Pagination,
    meta: GroupsMeta,
}

/// How the groups were made.
#[derive(Serialize, ToSchema)]
pub struct GroupsMeta {
    group_by: String,
    bucket_size: i32,
    /// Always false: all audits are counted.
    truncated: bool,
}

/// A page of fiches.
#[derive(Serialize, ToSchema)]
pub struct Fiches {
    success: bool,
    data: Vec<pb::FicheWithAudits>,
    pagination: pb::Pagination,
}

/// Audits counted by what they have in common.
#[utoipa::path(get, path = "/api/audits/grouped", tag = "audits",
    params(("group_by" = String, Query, description = "fiche, audit_config, status, niveau, automation_schedule, automation_run, groupe, created_day or score_bucket"),
        ("bucket_size" = Option<i32>, Query, description = "1 to 100, 10 by default"),
        ("include_lexical" = Option<bool>, Query, description = "scores of the built-in engine count too"),
        ("limit" = Option<i64>, Query), ("offset" = Option<i64>, Query)),
    responses((status = 200, description = "every filter of the list is taken", body = Groups)))]
pub async fn grouped(
    State(gateway): State<AppState>,
    Extension(caller): Extension<Caller>,
    params: Params,
) -> Result<Json<Groups>, Failure> {
    let request = pb::GroupAuditsRequest {
        filters: params.into_map(),
    };
    let mut operations = gateway.audit_operations.clone();
    let answer = operations.group_audits(call(&caller, request)).await?;
    let mut answer = answer.into_inner();
    links::describe(&gateway, &caller, answer.groups.iter_mut()).await;
    let shown = SHOWN.iter().find(|(by, _)| *by == answer.group_by);
    let groups = answer.groups.into_iter().map(|group| {
        let mut none = Map::new();
        if let Some((_, name)) = shown.filter(|_| group.key.is_none()) {
            none.insert((*name).to_owned(), Value::Null);
        }
        Group { group, none }
    });
    Ok(Json(Groups {
        success: true,
        data: groups.collect(),
        pagination: answer
            .pagination
            .ok_or_else(|| Failure::incomplete("GroupAudits"))?,
        meta: GroupsMeta {
            group_by: answer.group_by,
            bucket_size: answer.bucket_size,
            truncated: false,
        },
    }))
}

/// Fiches with their audits, the one that was audited last first.
#[utoipa::path(get, path = "/api/audits/grouped-by-fiches", tag = "audits",
    params(("limit" = Option<i64>, Query, description = "of fiches"),
        ("offset" = Option<i64>, Query)),
    responses((status = 200, description = "every filter of the list is taken", body = Fiches)))]
pub async fn by_fiches(
    State(gateway): State<AppState>,
    Extension(caller): Extension<Caller>,
    params: Params,
) -> Result<Json<Fiches>, Failure> {
    let request = pb::GroupByFichesRequest {
        filters: params.into_map(),
    };
    let mut operations = gateway.audit_operations.clone();
    let answer = operations.group_by_fiches(call(&caller, request)).await?;
    let mut answer = answer.into_inner();
    let audits = answer.fiches.iter_mut().flat_map(|fiche| &mut fiche.audits);
    links::describe(&gateway, &caller, audits).await;
    Ok(Json(Fiches {
        success: true,
        data: answer.fiches,
        pagination: answer
            .pagination
            .ok_or_else(|| Failure::incomplete("GroupByFiches"))?,
    }))
}
