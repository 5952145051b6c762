//! Teams and who is in them (identity.md 2.5).

use super::{path_id, sent};
use crate::app::{AppState, call, patient_call};
use crate::domain::ids::database_id;
use crate::http::edge::{Params, Payload};
use crate::http::failure::Failure;
use crate::http::fields::Fields;
use crate::http::reply::{Data, data};
use axum::Json;
use axum::extract::{Extension, Path, State};
use axum::http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;
use vigie_contracts::auth::v1 as pb;
use vigie_identity::Caller;

const INVALID_TEAM: &str = "Invalid team id";
const INVALID_USER: &str = "Invalid user id";
const INVALID: &str = "Invalid team input";
const NOTHING: &str =
    "At least one of name, responsable_1, responsable_2, responsable_3 is required";
const MAX_CRM_ID: usize = 80;
const MAX_NAME: usize = 200;

/// A team, by its CRM id.
#[derive(Deserialize, ToSchema)]
#[expect(dead_code, reason = "describes the body; it is read field by field")]
pub struct TeamBody {
    crm_group_id: String,
    name: String,
    responsable_1: Option<String>,
    responsable_2: Option<String>,
    responsable_3: Option<String>,
}

/// What changes; at least one.
#[derive(Deserialize, ToSchema)]
#[expect(dead_code, reason = "describes the body; it is read field by field")]
pub struct TeamChange {
    name: Option<String>,
    responsable_1: Option<String>,
    responsable_2: Option<String>,
    responsable_3: Option<String>,
}

/// Who joins.
#[derive(Deserialize, ToSchema)]
#[expect(dead_code, reason = "describes the body; it is read field by field")]
pub struct Member {
    user_id: String,
}

/// The teams by name.
#[utoipa::path(get, path = "/api/admin/teams", tag = "admin",
    params(("include_users" = Option<bool>, Query)),
    responses((status = 200, body = Data<pb::ListTeamsResponse>)))]
pub async fn list(
    State(gateway): State<AppState>,
    Extension(caller): Extension<Caller>,
    params: Params,
) -> Result<Json<Data<pb::ListTeamsResponse>>, Failure> {
    let request = pb::ListTeamsRequest {
        include_users: params.flag("include_users"),
    };
    let request = call(&caller, request);
    let answer = gateway.admin.clone().list_teams(request).await?;
    Ok(data(answer.into_inner()))
}

/// Makes a team, or renews the one with this CRM id.
#[utoipa::path(post, path = "/api/admin/teams", tag = "admin", request_body = TeamBody,
    responses((status = 201, body = Data<pb::UpsertTeamResponse>),
        (status = 200, description = "there was one", body = Data<pb::UpsertTeamResponse>)))]
pub async fn upsert(
    State(gateway): State<AppState>,
    Extension(caller): Extension<Caller>,
    Extension(body): Extension<Payload>,
) -> Result<(StatusCode, Json<Data<pb::UpsertTeamResponse>>), Failure> {
    let mut fields = Fields::new(&body, INVALID);
    let request = pb::UpsertTeamRequest {
        crm_group_id: fields.text("crm_group_id", MAX_CRM_ID),
        name: fields.text("name", MAX_NAME),
        responsable_1: fields.optional_prose("responsable_1", MAX_NAME),
        responsable_2: fields.optional_prose("responsable_2", MAX_NAME),
        responsable_3: fields.optional_prose("responsable_3", MAX_NAME),
    };
    fields.done()?;
    let request = call(&caller, request);
    let answer = gateway.admin.clone().upsert_team(request).await?;
    let answer = answer.into_inner();
    let status = if answer.created {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    Ok((status, data(answer)))
}

/// Changes a team.
#[utoipa::path(patch, path = "/api/admin/teams/{team_id}", tag = "admin",
    params(("team_id" = String, Path)), request_body = TeamChange,
    responses((status = 200, body = Data<pb::UpdateTeamResponse>)))]
pub async fn update(
    State(gateway): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(team_id): Path<String>,
    Extension(body): Extension<Payload>,
) -> Result<Json<Data<pb::UpdateTeamResponse>>, Failure> {
    let team_id = path_id(team_id, INVALID_TEAM)?;
    let mut fields = Fields::new(&body, INVALID);
    let parts = ["name", "responsable_1", "responsable_2", "responsable_3"];
    if !sent(&fields, parts) {
        return Err(Failure::validation(NOTHING));
    }
    let request = pb::UpdateTeamRequest {
        team_id,
        name: fields.optional_text("name", MAX_NAME),
        responsable_1: fields.nullable_prose("responsable_1", MAX_NAME),
        responsable_2: fields.nullable_prose("responsable_2", MAX_NAME),
        responsable_3: fields.nullable_prose("responsable_3", MAX_NAME),
    };
    fields.done()?;
    let request = call(&caller, request);
    let answer = gateway.admin.clone().update_team(request).await?;
    Ok(data(answer.into_inner()))
}

/// Deletes a team; one with members only when forced.
#[utoipa::path(delete, path = "/api/admin/teams/{team_id}", tag = "admin",
    params(("team_id" = String, Path), ("force" = Option<bool>, Query)),
    responses((status = 200, body = Data<pb::DeleteTeamResponse>)))]
pub async fn delete(
    State(gateway): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(team_id): Path<String>,
    params: Params,
) -> Result<Json<Data<pb::DeleteTeamResponse>>, Failure> {
    let request = pb::DeleteTeamRequest {
        team_id: path_id(team_id, INVALID_TEAM)?,
        force: params.flag("force"),
    };
    let request = call(&caller, request);
    let answer = gateway.admin.clone().delete_team(request).await?;
    Ok(data(answer.into_inner()))
}

/// Lets a user join a team.
#[utoipa::path(post, path = "/api/admin/teams/{team_id}/members", tag = "admin",
    params(("team_id" = String, Path)), request_body = Member,
    responses((status = 200, body = Data<pb::AddTeamMemberResponse>)))]
pub async fn add_member(
    State(gateway): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(team_id): Path<String>,
    Extension(body): Extension<Payload>,
) -> Result<Json<Data<pb::AddTeamMemberResponse>>, Failure> {
    let team_id = path_id(team_id, INVALID_TEAM)?;
    let mut fields = Fields::new(&body, INVALID);
    let user_id = fields.text("user_id", usize::MAX);
    fields.done()?;
    if database_id(&user_id).is_none() {
        let refused = Failure::validation(INVALID_USER);
        return Err(refused.with_detail("user_id", "must be the id of a user"));
    }
    let request = call(&caller, pb::AddTeamMemberRequest { team_id, user_id });
    let answer = gateway.admin.clone().add_team_member(request).await?;
    Ok(data(answer.into_inner()))
}

/// Takes a user out of a team.
#[utoipa::path(delete, path = "/api/admin/teams/{team_id}/members/{user_id}", tag = "admin",
    params(("team_id" = String, Path), ("user_id" = String, Path)),
    responses((status = 200, body = Data<pb::RemoveTeamMemberResponse>)))]
pub async fn remove_member(
    State(gateway): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path((team_id, user_id)): Path<(String, String)>,
) -> Result<Json<Data<pb::RemoveTeamMemberResponse>>, Failure> {
    let request = pb::RemoveTeamMemberRequest {
        team_id: path_id(team_id, INVALID_TEAM)?,
        user_id: path_id(user_id, INVALID_USER)?,
    };
    let request = call(&caller, request);
    let answer = gateway.admin.clone().remove_team_member(request).await?;
    Ok(data(answer.into_inner()))
}

/// Brings the teams up to date with the CRM's groups.
#[utoipa::path(post, path = "/api/admin/teams/sync-from-crm", tag = "admin",
    params(("sync_members" = Option<bool>, Query),
        ("prune" = Option<bool>, Query, description = "also ends memberships that a sync made"),
        ("dry_run" = Option<bool>, Query, description = "only tells what would change")),
    responses((status = 200, body = Data<pb::SyncTeamsResponse>)))]
pub async fn sync(
    State(gateway): State<AppState>,
    Extension(caller): Extension<Caller>,
    params: Params,
) -> Result<Json<Data<pb::SyncTeamsResponse>>, Failure> {
    let request = pb::SyncTeamsRequest {
        sync_members: params.flag("sync_members"),
        prune: params.flag("prune"),
        dry_run: params.flag("dry_run"),
    };
    let request = patient_call(&caller, request);
    let answer = gateway.admin.clone().sync_teams(request).await?;
    Ok(data(answer.into_inner()))
}
