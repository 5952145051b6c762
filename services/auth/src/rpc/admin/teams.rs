//! Teams and their members.

use super::announce::{self, Reason};
use super::call::Call;
use super::{AdminError, views};
use crate::app::AppState;
use crate::domain::admin::fields::{self, Edit};
use crate::store::accounts;
use crate::store::teams::{self, Team, Wanted};
use crate::store::trail::Target;
use serde_json::{Value, json};
use sqlx::PgConnection;
use vigie_contracts::auth::v1 as pb;

/// Every team, with its members where asked for.
#[tracing::instrument(name = "rpc.admin.list_teams", skip_all, err(level = "debug"))]
pub async fn list(
    state: &AppState,
    request: pb::ListTeamsRequest,
) -> Result<pb::ListTeamsResponse, AdminError> {
    let mut conn = state.pool.acquire().await?;
    let rows = teams::all(&mut conn).await?;
    let ids: Vec<i64> = rows.iter().map(|team| team.id).collect();
    let mut views: Vec<_> = rows.into_iter().map(views::team).collect();
    if request.include_users {
        let members = teams::members(&mut conn, &ids).await?;
        for (view, id) in views.iter_mut().zip(ids) {
            view.with_members = Some(views::members(id, &members));
        }
    }
    Ok(pb::ListTeamsResponse {
        count: views::count(&views),
        teams: views,
    })
}

/// Creates the team of a group, or makes it what is said here.
#[tracing::instrument(name = "rpc.admin.upsert_team", skip_all, err(level = "debug"))]
pub async fn upsert(
    state: &AppState,
    call: Call,
    request: pb::UpsertTeamRequest,
) -> Result<pb::UpsertTeamResponse, AdminError> {
    let wanted = Wanted {
        crm_group_id: fields::text("crm_group_id", &request.crm_group_id, 1..=80)?,
        name: fields::text("name", &request.name, 1..=200)?,
        responsable_1: head("responsable_1", request.responsable_1)?,
        responsable_2: head("responsable_2", request.responsable_2)?,
        responsable_3: head("responsable_3", request.responsable_3)?,
    };
    let (mut tx, admin) = call.begin(state).await?;
    let before = teams::of_group(&mut tx, &wanted.crm_group_id).await?;
    let (_, renamed) = teams::upsert(&mut tx, std::slice::from_ref(&wanted)).await?;
    announce::changed(&mut tx, &renamed, Reason::Teams).await?;
    let after = teams::of_group(&mut tx, &wanted.crm_group_id).await?;
    let after = after.ok_or(AdminError::Inconsistent("team"))?;
    let action = if before.is_some() {
        "team.updated"
    } else {
        "team.created"
    };
    let told_before = before.as_ref().map(told);
    admin
        .note(
            &mut tx,
            action,
            target(&after),
            told_before,
            Some(told(&after)),
        )
        .await?;
    tx.commit().await?;
    Ok(pb::UpsertTeamResponse {
        team: Some(views::team(after)),
        created: before.is_none(),
    })
}

/// Changes a team.
#[tracing::instrument(name = "rpc.admin.update_team", skip_all, err(level = "debug"))]
pub async fn update(
    state: &AppState,
    call: Call,
    request: pb::UpdateTeamRequest,
) -> Result<pb::UpdateTeamResponse, AdminError> {
    let id = fields::id("team", &request.team_id)?;
    let name = request
        .name
        .map(|name| fields::text("name", &name, 1..=200));
    let name = name.transpose()?;
    let heads = [
        changed_head("responsable_1", request.responsable_1)?,
        changed_head("responsable_2", request.responsable_2)?,
        changed_head("responsable_3", request.responsable_3)?,
    ];
    if name.is_none() && !heads.iter().any(Edit::is_sent) {
        return Err(AdminError::rule(
            "",
            "At least one of name, responsable_1, responsable_2, responsable_3 is required",
        ));
    }
    let (mut tx, admin) = call.begin(state).await?;
    let before = team(&mut tx, id).await?;
    let [first, second, third] = heads;
    let wanted = Wanted {
        crm_group_id: before.crm_group_id.clone(),
        name: name.unwrap_or_else(|| before.name.clone()),
        responsable_1: first.over(before.responsable_1.as_deref()),
        responsable_2: second.over(before.responsable_2.as_deref()),
        responsable_3: third.over(before.responsable_3.as_deref()),
    };
    let (_, renamed) = teams::upsert(&mut tx, &[wanted]).await?;
    announce::changed(&mut tx, &renamed, Reason::Teams).await?;
    let after = team(&mut tx, id).await?;
    let (told_before, told_after) = (told(&before), told(&after));
    let target = target(&after);
    admin
        .note(
            &mut tx,
            "team.updated",
            target,
            Some(told_before),
            Some(told_after),
        )
        .await?;
    tx.commit().await?;
    Ok(pb::UpdateTeamResponse {
        team: Some(views::team(after)),
    })
}

/// Deletes a team; one with members only by force.
#[tracing::instrument(name = "rpc.admin.delete_team", skip_all, err(level = "debug"))]
pub async fn delete(
    state: &AppState,
    call: Call,
    request: pb::DeleteTeamRequest,
) -> Result<pb::DeleteTeamResponse, AdminError> {
    let id = fields::id("team", &request.team_id)?;
    let (mut tx, admin) = call.begin(state).await?;
    let before = team(&mut tx, id).await?;
    let members = teams::members_of(&mut tx, &[id]).await?;
    if !(members.is_empty() || request.force) {
        return Err(AdminError::rule(
            "",
            "Team has members; remove members first or pass ?force=true",
        ));
    }
    teams::delete(&mut tx, id).await?;
    announce::changed(&mut tx, &members, Reason::Teams).await?;
    let mut told = told(&before);
    told["members"] = json!(members.iter().map(ToString::to_string).collect::<Vec<_>>());
    admin
        .note(&mut tx, "team.deleted", target(&before), Some(told), None)
        .await?;
    tx.commit().await?;
    Ok(pb::DeleteTeamResponse {
        deleted: true,
        team: Some(views::team_ref(&before)),
    })
}

/// Adds a member; one who is in it already is a success too.
#[tracing::instrument(name = "rpc.admin.add_team_member", skip_all, err(level = "debug"))]
pub async fn add_member(
    state: &AppState,
    call: Call,
    request: pb::AddTeamMemberRequest,
) -> Result<pb::AddTeamMemberResponse, AdminError> {
    let id = fields::id("team", &request.team_id)?;
    let user = fields::id("user", &request.user_id)?;
    let (mut tx, admin) = call.begin(state).await?;
    let team = team(&mut tx, id).await?;
    let account = accounts::one(&mut tx, user)
        .await?
        .ok_or_else(|| AdminError::not_found("User", user))?;
    if teams::add_member(&mut tx, id, user, "manual").await? {
        announce::changed(&mut tx, &[user], Reason::Teams).await?;
        let after = json!({ "user_id": user.to_string(), "email": account.email });
        admin
            .note(
                &mut tx,
                "team.member_added",
                target(&team),
                None,
                Some(after),
            )
            .await?;
    }
    tx.commit().await?;
    Ok(pb::AddTeamMemberResponse {
        added: true,
        team: Some(views::team_ref(&team)),
        user: Some(views::linked(account.into())),
    })
}

/// Removes a member; nobody to remove is a success too.
#[tracing::instrument(name = "rpc.admin.remove_team_member", skip_all, err(level = "debug"))]
pub async fn remove_member(
    state: &AppState,
    call: Call,
    request: pb::RemoveTeamMemberRequest,
) -> Result<pb::RemoveTeamMemberResponse, AdminError> {
    let id = fields::id("team", &request.team_id)?;
    let user = fields::id("user", &request.user_id)?;
    let (mut tx, admin) = call.begin(state).await?;
    if teams::remove_member(&mut tx, id, user).await? {
        announce::changed(&mut tx, &[user], Reason::Teams).await?;
        let team = team(&mut tx, id).await?;
        let before = json!({ "user_id": user.to_string() });
        admin
            .note(
                &mut tx,
                "team.member_removed",
                target(&team),
                Some(before),
                None,
            )
            .await?;
    }
    tx.commit().await?;
    Ok(pb::RemoveTeamMemberResponse { removed: true })
}

async fn team(conn: &mut PgConnection, id: i64) -> Result<Team, AdminError> {
    teams::one(conn, id)
        .await?
        .ok_or_else(|| AdminError::not_found("Team", id))
}

fn head(path: &str, value: Option<String>) -> Result<Option<String>, AdminError> {
    let value = value.map(|value| fields::text(path, &value, 0..=200));
    Ok(value.transpose()?)
}

fn changed_head(path: &str, sent: Option<pb::NullableText>) -> Result<Edit, AdminError> {
    match sent {
        Some(sent) => Ok(Edit::To(head(path, sent.value)?)),
        None => Ok(Edit::Unsent),
    }
}

/// What the trail keeps of a team.
fn told(team: &Team) -> Value {
    json!({
        "crm_group_id": team.crm_group_id,
        "name": team.name,
        "responsable_1": team.responsable_1,
        "responsable_2": team.responsable_2,
        "responsable_3": team.responsable_3,
    })
}

fn target(team: &Team) -> Target {
    Target::one("team", team.id, &team.name)
}
