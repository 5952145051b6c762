//! Accounts, one file an operation.

mod create;
mod import;
mod links;
mod list;
mod roles;
mod update;

pub use create::create;
pub use import::import;
pub use links::{invite, log_out, reset_link};
pub use list::list;
pub use update::update;

use super::AdminError;
use super::views;
use crate::domain::admin::status;
use crate::store::accounts::{self, Account};
use crate::store::trail::Target;
use crate::store::users;
use serde_json::{Value, json};
use sqlx::PgConnection;
use vigie_contracts::auth::v1 as pb;

/// The account as it is now.
async fn account(conn: &mut PgConnection, id: i64) -> Result<Account, AdminError> {
    accounts::one(conn, id)
        .await?
        .ok_or_else(|| AdminError::not_found("User", id))
}

/// The account, which nobody else changes until the transaction ends: no rotation under way slips
/// past the end of its sessions.
async fn locked(conn: &mut PgConnection, id: i64) -> Result<Account, AdminError> {
    users::lock(conn, id).await?;
    account(conn, id).await
}

/// The account as the contract shows it now.
async fn view(conn: &mut PgConnection, id: i64) -> Result<pb::AdminUser, AdminError> {
    Ok(views::user(account(conn, id).await?))
}

/// What the trail keeps of an account.
fn told(account: &Account) -> Value {
    json!({
        "email": account.email,
        "status": status::name(account.status),
        "roles": account.roles,
        "crm_user_id": account.crm_user_id,
    })
}

fn target(account: &Account) -> Target {
    Target::one("user", account.id, &account.email)
}
