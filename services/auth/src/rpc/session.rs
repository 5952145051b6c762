//! What login and refresh answer: a signed access token beside the account.

use crate::app::AppState;
use crate::domain::secret;
use crate::store;
use crate::store::sessions::NewToken;
use crate::store::users::{Account, StoredGrant};
use chrono::{DateTime, TimeDelta, Utc};
use secrecy::{ExposeSecret, SecretString};
use sqlx::PgConnection;
use tonic::Request;
use uuid::Uuid;
use vigie_contracts::auth::v1 as pb;
use vigie_identity::tokens::SigningError;
use vigie_identity::{Caller, Grant, Principal, PrincipalKind, Scope, ServiceName, grants};
use vigie_service::grpc::Origin;

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

/// Longest name of a client that is kept.
const MAX_AGENT_CHARS: usize = 512;

/// A session that was opened or rotated.
pub struct Opened {
    /// The account with its effective grants.
    pub account: (Account, Vec<Grant>),
    /// `sid` of its access tokens.
    pub family: Uuid,
    /// Shown once.
    pub refresh_token: SecretString,
    /// When the refresh token ends.
    pub expires_at: DateTime<Utc>,
}

/// Where a request of a client without credentials comes from. The gateway is believed; from
/// anybody else it is the peer, or each failure could be somebody else's.
pub fn origin<T>(request: &Request<T>, client: Option<&pb::Client>) -> Origin {
    let service = Caller::from_request(request).ok().and_then(|it| it.service);
    if service != Some(ServiceName::Gateway) {
        return Origin {
            address: request.remote_addr().map(|peer| peer.ip()),
            request_id: None,
        };
    }
    let told = client.and_then(|client| client.ip.as_deref()?.parse().ok());
    let origin = Origin::of(request);
    Origin {
        address: told.or(origin.address),
        ..origin
    }
}

/// What a client calls itself, as it is kept.
pub fn agent(client: Option<&pb::Client>) -> Option<String> {
    let agent = client?.user_agent.as_deref()?;
    Some(agent.chars().take(MAX_AGENT_CHARS).collect())
}

/// Opens a session of a user whose row is held. `None` when the account is gone.
pub async fn open(
    state: &AppState,
    conn: &mut PgConnection,
    user: i64,
    (client, origin): (Option<&pb::Client>, &Origin),
) -> sqlx::Result<Option<Opened>> {
    let refresh_token = secret::generate();
    let family = Uuid::new_v4();
    let agent = agent(client);
    let ip = origin.address.map(|address| address.to_string());
    let new = NewToken {
        user_id: user,
        hash: &secret::hash(&refresh_token),
        family_id: family,
        ttl: state.lifetimes.refresh,
        family_ttl: state.lifetimes.session,
        ip: ip.as_deref(),
        user_agent: agent.as_deref(),
    };
    let expires_at = store::sessions::open(conn, &new).await?;
    store::users::touch_login(conn, user).await?;
    Ok(account(conn, user).await?.map(|account| Opened {
        account,
        family,
        refresh_token,
        expires_at,
    }))
}

/// Signs the access token of a session and puts the answer together.
pub fn answer(state: &AppState, opened: Opened) -> Result<pb::Session, SigningError> {
    let (account, grants) = opened.account;
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
        session: Some(opened.family.to_string()),
        version: account.version,
        expires_at,
    };
    let access = state.keys.signer(now).access(&principal, now)?;
    Ok(pb::Session {
        access_token: access.token.expose_secret().to_owned(),
        expires_in_seconds: state.lifetimes.access_seconds,
        user: Some(user(account, &grants)),
        refresh_token: opened.refresh_token.expose_secret().to_owned(),
        // Rounded: the database's clock and ours read milliseconds apart.
        refresh_expires_in_seconds: ((opened.expires_at - now).num_milliseconds() + 500)
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
