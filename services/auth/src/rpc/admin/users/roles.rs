//! Roles given to accounts.

use super::super::AdminError;
use super::super::call::Admin;
use crate::domain::admin::fields;
use crate::rpc::session::merged;
use crate::store::accounts;
use crate::store::roles::{self, Role};
use sqlx::PgConnection;
use vigie_contracts::auth::v1 as pb;

/// The role of a new account for which none is named.
pub const DEFAULT: &str = "viewer";

/// The named role keys, if any are named.
pub fn parse(named: Option<pb::Texts>) -> Result<Option<Vec<String>>, AdminError> {
    let keys = named.map(|keys| fields::role_keys(&keys.values));
    Ok(keys.transpose()?)
}

/// The roles with these keys. A key that stands twice counts as unknown, as it always did.
pub async fn resolve(conn: &mut PgConnection, keys: &[String]) -> Result<Vec<Role>, AdminError> {
    let found = roles::by_keys(conn, keys).await?;
    if found.len() == keys.len() {
        return Ok(found);
    }
    Err(AdminError::rule("role_keys", "Unknown role key(s)"))
}

/// Gives an account these roles instead of the ones it has. Returns whether that changes any.
pub async fn replace(
    conn: &mut PgConnection,
    admin: &Admin,
    user: i64,
    held: &[String],
    wanted: &[Role],
) -> Result<bool, AdminError> {
    let added: Vec<i64> = wanted
        .iter()
        .filter(|role| !held.contains(&role.key))
        .map(|role| role.id)
        .collect();
    let removed = held
        .iter()
        .any(|key| wanted.iter().all(|role| role.key != *key));
    if !removed && added.is_empty() {
        return Ok(false);
    }
    let grants = roles::grants(conn, &added).await?;
    admin.may_give(&merged(grants.into_iter().map(Into::into).collect()))?;
    if removed {
        admin.may_reduce(conn, user).await?;
    }
    let ids: Vec<i64> = wanted.iter().map(|role| role.id).collect();
    accounts::set_roles(conn, user, &ids).await?;
    Ok(true)
}
