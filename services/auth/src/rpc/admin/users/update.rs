use super::super::announce::{self, Reason};
use super::super::call::{Admin, Call, LastAdminGuard};
use super::super::{AdminError, password};
use super::{create, roles};
use crate::app::AppState;
use crate::domain::admin::fields::{self, Edit};
use crate::domain::admin::status;
use crate::domain::session::UserStatus;
use crate::store::accounts::{self, Account};
use crate::store::{links, sessions};
use serde_json::json;
use sqlx::PgConnection;
use vigie_contracts::auth::v1 as pb;

/// What is to change; at least one of them.
struct Changes {
    status: Option<UserStatus>,
    password_hash: Option<String>,
    role_keys: Option<Vec<String>>,
    crm_user_id: Edit,
}

/// Changes an account. The whole change stands or none of it.
#[tracing::instrument(name = "rpc.admin.update_user", skip_all, err(level = "debug"))]
pub async fn update(
    state: &AppState,
    call: Call,
    request: pb::UpdateUserRequest,
) -> Result<pb::UpdateUserResponse, AdminError> {
    let id = fields::id("user", &request.user_id)?;
    let changes = read(state, id, request).await?;

    let (mut tx, admin) = call.begin(state).await?;
    let before = super::locked(&mut tx, id).await?;
    let guard = LastAdminGuard::before(&mut tx).await?;
    let reason = apply(&mut tx, &admin, &before, &changes).await?;
    guard.check(&mut tx).await?;
    if let Some(reason) = reason {
        announce::changed(&mut tx, &[id], reason).await?;
    }
    let after = super::account(&mut tx, id).await?;
    let mut told = super::told(&after);
    if changes.password_hash.is_some() {
        told["password_changed"] = json!(true);
    }
    let (target, told_before) = (super::target(&before), super::told(&before));
    admin
        .note(
            &mut tx,
            "user.updated",
            target,
            Some(told_before),
            Some(told),
        )
        .await?;
    let user = super::view(&mut tx, id).await?;
    tx.commit().await?;
    Ok(pb::UpdateUserResponse { user: Some(user) })
}

async fn read(
    state: &AppState,
    id: i64,
    request: pb::UpdateUserRequest,
) -> Result<Changes, AdminError> {
    let crm_user_id = create::crm_user_id(request.crm_user_id)?;
    let named = request.status.is_some() || request.password.is_some();
    if !named && request.role_keys.is_none() && !crm_user_id.is_sent() {
        return Err(AdminError::rule(
            "",
            "At least one of status, password, role_keys is required",
        ));
    }
    let status = request.status.map(|name| {
        status::parse(&name)
            .ok_or_else(|| AdminError::rule("status", "status must be INVITED, ACTIVE or DISABLED"))
    });
    let (status, role_keys) = (status.transpose()?, roles::parse(request.role_keys)?);
    let password_hash = match request.password {
        Some(text) => {
            let owner = accounts::one(&mut *state.pool.acquire().await?, id).await?;
            let email = owner.as_ref().map(|account| account.email.as_str());
            Some(state.passwords.hash(password::new(text, email)?).await?)
        }
        None => None,
    };
    Ok(Changes {
        status,
        password_hash,
        role_keys,
        crm_user_id,
    })
}

/// Applies the changes. Returns why tokens already issued must be refused, if they must.
async fn apply(
    conn: &mut PgConnection,
    admin: &Admin,
    before: &Account,
    changes: &Changes,
) -> Result<Option<Reason>, AdminError> {
    let id = before.id;
    let mut reason = None;
    if let Edit::To(crm_user_id) = &changes.crm_user_id
        && *crm_user_id != before.crm_user_id
    {
        accounts::set_crm_user(conn, id, crm_user_id.as_deref()).await?;
        reason = Some(Reason::Teams);
    }
    if let Some(hash) = &changes.password_hash {
        admin.may_take_over(conn, id).await?;
        accounts::set_password(conn, id, Some(hash)).await?;
        sessions::end_all(conn, id, None).await?;
        links::withdraw(conn, id).await?;
    }
    if let Some(keys) = &changes.role_keys {
        let wanted = roles::resolve(conn, keys).await?;
        if roles::replace(conn, admin, id, &before.roles, &wanted).await? {
            reason = Some(Reason::Roles);
        }
    }
    if changes.password_hash.is_some() {
        reason = Some(Reason::Password);
    }
    if let Some(status) = changes.status
        && status != before.status
    {
        if before.status == UserStatus::Active {
            admin.may_reduce(conn, id).await?;
            sessions::end_all(conn, id, None).await?;
            reason = Some(Reason::Disabled);
        }
        accounts::set_status(conn, id, status).await?;
    }
    Ok(reason)
}
