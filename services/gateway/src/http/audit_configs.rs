//! The catalogue of configurations (`audits.md` 7). The service reads the bodies.

use super::edge::{Params, Payload};
use super::failure::Failure;
use super::reply::{self, Data, List, data};
use crate::app::{AppState, call};
use axum::Json;
use axum::extract::{Extension, Path, State};
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;
use vigie_contracts::audit::v1 as pb;
use vigie_identity::Caller;

/// A configuration, as much of it as was asked for.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub enum Listed {
    /// Without steps.
    Summary(pb::ConfigSummary),
    /// With steps.
    Detail(pb::ConfigDetail),
    /// How it is used.
    Stats(pb::ConfigStats),
}

/// What was made.
#[derive(Serialize, ToSchema)]
pub struct Made {
    id: String,
    name: String,
}

/// That it was done.
#[derive(Serialize, ToSchema)]
pub struct Done {
    success: bool,
    message: &'static str,
}

/// The configurations, newest first.
#[utoipa::path(get, path = "/api/audit-configs", tag = "audit-configs",
    params(("include_inactive" = Option<bool>, Query), ("include_steps" = Option<bool>, Query),
        ("include_stats" = Option<bool>, Query, description = "statistics of all, and nothing else"),
        ("include_lexical" = Option<bool>, Query, description = "scores of the built-in engine count too")),
    responses((status = 200, body = List<Listed>)))]
pub async fn list(
    State(gateway): State<AppState>,
    Extension(caller): Extension<Caller>,
    params: Params,
) -> Result<Json<List<Listed>>, Failure> {
    let include_inactive = params.is_true("include_inactive");
    let mut configs = gateway.audit_configs.clone();
    if params.is_true("include_stats") {
        let include_lexical = params.is_true("include_lexical");
        let request = call(&caller, pb::ListConfigStatsRequest { include_lexical });
        let answer = configs.list_config_stats(request).await?.into_inner();
        let stats = answer.configs.into_iter().map(Listed::Stats);
        return Ok(reply::list(stats.collect()));
    }
    if params.is_true("include_steps") {
        let request = call(&caller, pb::ListConfigDetailsRequest { include_inactive });
        let answer = configs.list_config_details(request).await?.into_inner();
        let details = answer.configs.into_iter().map(Listed::Detail);
        return Ok(reply::list(details.collect()));
    }
    let request = call(&caller, pb::ListConfigsRequest { include_inactive });
    let mut audits = gateway.audits.clone();
    let answer = audits.list_configs(request).await?.into_inner();
    let summaries = answer.configs.into_iter().map(Listed::Summary);
    Ok(reply::list(summaries.collect()))
}

/// One configuration with its steps.
#[utoipa::path(get, path = "/api/audit-configs/{config_id}", tag = "audit-configs",
    params(("config_id" = String, Path), ("include_stats" = Option<bool>, Query),
        ("include_lexical" = Option<bool>, Query, description = "scores of the built-in engine count too")),
    responses((status = 200, body = Data<pb::ConfigDetail>)))]
pub async fn detail(
    State(gateway): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(config_id): Path<String>,
    params: Params,
) -> Result<Json<Data<pb::ConfigDetail>>, Failure> {
    let request = pb::GetConfigRequest {
        config_id,
        include_stats: params.is_true("include_stats"),
        include_lexical: params.is_true("include_lexical"),
    };
    let mut configs = gateway.audit_configs.clone();
    let answer = configs.get_config(call(&caller, request)).await?;
    let config = answer.into_inner().config;
    Ok(data(
        config.ok_or_else(|| Failure::incomplete("GetConfig"))?,
    ))
}

/// Makes a configuration with its steps.
#[utoipa::path(post, path = "/api/audit-configs", tag = "audit-configs",
    request_body(content = Object, description = "the configuration, with `steps`"),
    responses((status = 201, body = Data<Made>)))]
pub async fn create(
    State(gateway): State<AppState>,
    Extension(caller): Extension<Caller>,
    Extension(body): Extension<Payload>,
) -> Result<(StatusCode, Json<Data<Made>>), Failure> {
    let body_json = body.0.to_string();
    let request = call(&caller, pb::CreateConfigRequest { body_json });
    let mut configs = gateway.audit_configs.clone();
    let pb::CreateConfigResponse { id, name } = configs.create_config(request).await?.into_inner();
    Ok((StatusCode::CREATED, data(Made { id, name })))
}

/// Changes a configuration's own fields.
#[utoipa::path(put, path = "/api/audit-configs/{config_id}", tag = "audit-configs",
    params(("config_id" = String, Path)),
    request_body(content = Object, description = "the fields to change"),
    responses((status = 200, body = Data<pb::UpdateConfigResponse>)))]
pub async fn update(
    State(gateway): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(config_id): Path<String>,
    Extension(body): Extension<Payload>,
) -> Result<Json<Data<pb::UpdateConfigResponse>>, Failure> {
    let request = pb::UpdateConfigRequest {
        config_id,
        body_json: body.0.to_string(),
    };
    let mut configs = gateway.audit_configs.clone();
    let answer = configs.update_config(call(&caller, request)).await?;
    Ok(data(answer.into_inner()))
}

/// Deletes a configuration that no audit used.
#[utoipa::path(delete, path = "/api/audit-configs/{config_id}", tag = "audit-configs",
    params(("config_id" = String, Path)), responses((status = 200, body = Done),
        (status = 409, description = "audits used it")))]
pub async fn delete(
    State(gateway): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(config_id): Path<String>,
) -> Result<Json<Done>, Failure> {
    let request = call(&caller, pb::DeleteConfigRequest { config_id });
    gateway.audit_configs.clone().delete_config(request).await?;
    Ok(done("Audit config deleted"))
}

/// Adds a step.
#[utoipa::path(post, path = "/api/audit-configs/{config_id}/steps", tag = "audit-configs",
    params(("config_id" = String, Path)),
    request_body(content = Object, description = "the step"),
    responses((status = 201, body = Data<Made>)))]
pub async fn add_step(
    State(gateway): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(config_id): Path<String>,
    Extension(body): Extension<Payload>,
) -> Result<(StatusCode, Json<Data<Made>>), Failure> {
    let request = pb::AddStepRequest {
        config_id,
        body_json: body.0.to_string(),
    };
    let mut configs = gateway.audit_configs.clone();
    let pb::AddStepResponse { id, name } =
        configs.add_step(call(&caller, request)).await?.into_inner();
    Ok((StatusCode::CREATED, data(Made { id, name })))
}

/// Changes a step.
#[utoipa::path(put, path = "/api/audit-configs/steps/{step_id}", tag = "audit-configs",
    params(("step_id" = String, Path)),
    request_body(content = Object, description = "the fields to change"),
    responses((status = 200, body = Data<pb::ConfigStep>)))]
pub async fn update_step(
    State(gateway): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(step_id): Path<String>,
    Extension(body): Extension<Payload>,
) -> Result<Json<Data<pb::ConfigStep>>, Failure> {
    let request = pb::UpdateStepRequest {
        step_id,
        body_json: body.0.to_string(),
    };
    let mut configs = gateway.audit_configs.clone();
    let answer = configs.update_step(call(&caller, request)).await?;
    let step = answer.into_inner().step;
    Ok(data(step.ok_or_else(|| Failure::incomplete("UpdateStep"))?))
}

/// Deletes a step.
#[utoipa::path(delete, path = "/api/audit-configs/steps/{step_id}", tag = "audit-configs",
    params(("step_id" = String, Path)), responses((status = 200, body = Done)))]
pub async fn delete_step(
    State(gateway): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(step_id): Path<String>,
) -> Result<Json<Done>, Failure> {
    let request = call(&caller, pb::DeleteStepRequest { step_id });
    gateway.audit_configs.clone().delete_step(request).await?;
    Ok(done("Step deleted"))
}

/// Puts all steps into a new order.
#[utoipa::path(put, path = "/api/audit-configs/{config_id}/steps/reorder", tag = "audit-configs",
    params(("config_id" = String, Path)),
    request_body(content = Object, description = "`stepIds`, each step once"),
    responses((status = 200, body = Done)))]
pub async fn reorder(
    State(gateway): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(config_id): Path<String>,
    Extension(body): Extension<Payload>,
) -> Result<Json<Done>, Failure> {
    let request = pb::ReorderStepsRequest {
        config_id,
        body_json: body.0.to_string(),
    };
    let mut configs = gateway.audit_configs.clone();
    configs.reorder_steps(call(&caller, request)).await?;
    Ok(done("Steps reordered successfully"))
}

/// Whether a configuration may be used, and why not.
#[utoipa::path(get, path = "/api/audit-configs/{config_id}/validate", tag = "audit-configs",
    params(("config_id" = String, Path)),
    responses((status = 200, body = Data<pb::ValidateConfigResponse>)))]
pub async fn validate(
    State(gateway): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(config_id): Path<String>,
) -> Result<Json<Data<pb::ValidateConfigResponse>>, Failure> {
    let request = call(&caller, pb::ValidateConfigRequest { config_id });
    let answer = gateway
        .audit_configs
        .clone()
        .validate_config(request)
        .await?;
    Ok(data(answer.into_inner()))
}

/// How a configuration is used.
#[utoipa::path(get, path = "/api/audit-configs/{config_id}/stats", tag = "audit-configs",
    params(("config_id" = String, Path),
        ("include_lexical" = Option<bool>, Query, description = "scores of the built-in engine count too")),
    responses((status = 200, body = Data<pb::ConfigStats>)))]
pub async fn stats(
    State(gateway): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(config_id): Path<String>,
    params: Params,
) -> Result<Json<Data<pb::ConfigStats>>, Failure> {
    let request = pb::GetConfigStatsRequest {
        config_id,
        include_lexical: params.is_true("include_lexical"),
    };
    let answer = gateway
        .audit_configs
        .clone()
        .get_config_stats(call(&caller, request))
        .await?;
    let stats = answer.into_inner().stats;
    Ok(data(
        stats.ok_or_else(|| Failure::incomplete("GetConfigStats"))?,
    ))
}

fn done(message: &'static str) -> Json<Done> {
    Json(Done {
        success: true,
        message,
    })
}
