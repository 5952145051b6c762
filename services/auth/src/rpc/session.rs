//! What login and refresh answer: a signed access token beside the account.

use crate::app::AppState;
use crate::store;
use crate::store::users::{Account, StoredGrant};
use chrono::{DateTime, TimeDelta, Utc};
use secrecy::{ExposeSecret, SecretString};
use sqlx::PgConnection;
use uuid::Uuid;
use vigie_contracts::auth::v1 as pb;
use vigie_identity::tokens::SigningError;
use vigie_identity::{Grant, Principal, PrincipalKind, Scope, grants};

/// The effective grants of stored ones. An unknown scope is the narrowest.
pub fn merged(rows: Vec<StoredGrant>) -> Vec<Grant> {
    grants::merge(rows.into_iter().map(|row| grants::StoredGrant {
        key: row.key,
        read: row.can_read,
        write: row.can_write,
        scope: row.scope.parse().unwrap_or(Scope::Own),
    }))
}

/// The account with its effective grants, or `None` when it is gone.
pub async fn account(
    conn: &mut PgConnection,
    id: i64,
) -> sqlx::Result<Option<(Account, Vec<Grant>)>> {
    let Some(account) = store::users::account(conn, id).await? else {
        return Ok(None);
    };
    let grants = store::users::grants(conn, id).await?;
    Ok(Some((account, merged(grants))))
}

/// Signs the access token of a session and puts the answer together.
pub fn answer(
    state: &AppState,
    (account, grants): (Account, Vec<Grant>),
    family: Uuid,
    refresh_token: &SecretString,
    refresh_expires_at: DateTime<Utc>,
) -> Result<pb::Session, SigningError> {
    let now = state.clock.now();
    let expires_at = now + TimeDelta::seconds(state.lifetimes.access_seconds);
    let principal = Principal {
        kind: PrincipalKind::User(account.id),
        email: account.email.clone(),
        roles: account.roles.clone(),
        crm_user_id: account.crm_user_id.clone(),
        groupes: account.groupes.clone(),
        groupe_names: account.groupe_names.clone(),
        grants: grants.clone(),
        session: Some(family.to_string()),
        version: account.version,
        expires_at,
    };
    let access = state.keys.signer.access(&principal, now)?;
    Ok(pb::Session {
        access_token: access.token.expose_secret().to_owned(),
        expires_in_seconds: state.lifetimes.access_seconds,
        user: Some(user(account, &grants)),
        refresh_token: refresh_token.expose_secret().to_owned(),
        // Rounded: the database's clock and ours read milliseconds apart.
        refresh_expires_in_seconds: ((refresh_expires_at - now).num_milliseconds() + 500)
            .div_euclid(1000)
            .max(0),
    })
}

/// The account as the contract shows it (identity.md 2.1).
pub fn user(account: Account, grants: &[Grant]) -> pb::User {
    let permissions = grants.iter().map(|grant| pb::Grant {
        key: grant.key.clone(),
        read: grant.read,
        write: grant.write,
        read_scope: grant.read_scope.as_str().to_owned(),
        write_scope: grant.write_scope.as_str().to_owned(),
    });
    pb::User {
        id: account.id.to_string(),
        email: account.email,
        roles: account.roles,
        crm_user_id: account.crm_user_id,
        groupes: account.groupes,
        permissions: permissions.collect(),
        must_change_password: account.must_change_password,
    }
}
