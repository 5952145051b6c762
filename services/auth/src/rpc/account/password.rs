//! A new password, by who knows the current one.

use super::AccountError;
use super::own::Own;
use crate::app::AppState;
use crate::domain::password::{NEW_PASSWORD_CHARS, Verdict};
use crate::domain::policy;
use crate::revocation;
use crate::rpc::throttle::Attempt;
use crate::store;
use secrecy::SecretString;
use serde_json::json;
use vigie_contracts::auth::v1 as pb;
use vigie_events::auth::PrincipalChange;

const WRONG: AccountError = AccountError::Refused("Invalid current password");

/// Checks the current password, sets the new one, and ends every other session. The caller's own
/// goes on, its access token too.
#[tracing::instrument(name = "rpc.account.change_password", skip_all, err(level = "debug"))]
pub async fn change(
    state: &AppState,
    own: &Own,
    request: pb::ChangePasswordRequest,
) -> Result<pb::ChangePasswordResponse, AccountError> {
    let before = own.lock(&mut *state.pool.begin().await?).await?;
    let length = request.current_password.chars().count();
    if length == 0 || length > *NEW_PASSWORD_CHARS.end() {
        return Err(AccountError::Invalid {
            field: "current_password",
            problem: "must have 1 to 200 characters",
        });
    }
    if request.current_password == request.new_password {
        return Err(AccountError::Invalid {
            field: "new_password",
            problem: "must differ from the current one",
        });
    }
    let current = SecretString::from(request.current_password);
    let new = new_password("new_password", request.new_password, &before.email)?;

    let attempt = Attempt::password(&before.email, &own.origin);
    attempt.admit(state).await?;
    let slot = state.passwords.slot().await?;
    attempt.admit(state).await?;
    let verdict = slot.verify(current, before.password_hash.clone()).await?;
    if verdict == Verdict::Wrong {
        attempt.count(state).await?;
        return Err(WRONG);
    }
    let hash = slot.hash(new).await?;
    drop(slot);

    let mut tx = state.db.begin().await?;
    let held = own.lock(&mut tx).await?;
    if held.password_hash != before.password_hash {
        return Err(WRONG);
    }
    store::accounts::set_password(&mut tx, own.user, Some(&hash)).await?;
    store::links::withdraw(&mut tx, own.user).await?;
    let ended = store::sessions::end_all(&mut tx, own.user, own.sid).await?;
    let whose = (own.user, held.version);
    revocation::end_sessions(&mut tx, whose, &ended, PrincipalChange::Password).await?;
    attempt.succeeded(&mut tx).await?;
    let after = json!({ "sessions_ended": ended.len() });
    own.note(&mut tx, &held.email, "password.changed", Some(after))
        .await?;
    tx.commit().await?;
    Ok(pb::ChangePasswordResponse { changed: true })
}

/// A password that may be set.
pub fn new_password(
    field: &'static str,
    text: String,
    email: &str,
) -> Result<SecretString, AccountError> {
    policy::new_password(text, Some(email)).map_err(|problem| AccountError::Weak { field, problem })
}
