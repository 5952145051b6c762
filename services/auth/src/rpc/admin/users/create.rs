use super::super::call::Call;
use super::super::{AdminError, password};
use super::roles;
use crate::app::AppState;
use crate::domain::admin::fields::{self, Edit, Refused};
use crate::domain::email::Email;
use crate::domain::session::UserStatus;
use crate::store::accounts::{self, New};
use vigie_contracts::auth::v1 as pb;

/// Creates an account that may log in.
#[tracing::instrument(name = "rpc.admin.create_user", skip_all, err(level = "debug"))]
pub async fn create(
    state: &AppState,
    call: Call,
    request: pb::CreateUserRequest,
) -> Result<pb::CreateUserResponse, AdminError> {
    let email = Email::parse(&request.email)
        .ok_or_else(|| Refused::new("email", "email must be an e-mail address"))?;
    let password = password::new(request.password, Some(email.as_str()))?;
    let keys = roles::parse(request.role_keys)?.unwrap_or_else(|| vec![roles::DEFAULT.to_owned()]);
    let crm_user_id = crm_user_id(request.crm_user_id)?.over(None);
    let hash = state.passwords.hash(password).await?;

    let (mut tx, admin) = call.begin(state).await?;
    let wanted = roles::resolve(&mut tx, &keys).await?;
    let new = New {
        email: email.as_str(),
        password_hash: Some(&hash),
        status: UserStatus::Active,
        crm_user_id: crm_user_id.as_deref(),
    };
    let id = accounts::insert(&mut tx, &new).await?;
    roles::replace(&mut tx, &admin, id, &[], &wanted).await?;
    let account = super::account(&mut tx, id).await?;
    let (target, after) = (super::target(&account), super::told(&account));
    admin
        .note(&mut tx, "user.created", target, None, Some(after))
        .await?;
    let user = super::view(&mut tx, id).await?;
    tx.commit().await?;
    Ok(pb::CreateUserResponse { user: Some(user) })
}

/// A CRM user to link, or none.
pub(super) fn crm_user_id(sent: Option<pb::NullableText>) -> Result<Edit, AdminError> {
    let Some(sent) = sent else {
        return Ok(Edit::Unsent);
    };
    let id = sent.value.map(|id| fields::filled("crm_user_id", &id));
    Ok(Edit::To(id.transpose()?))
}
