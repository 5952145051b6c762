//! Service tokens: named machine callers (W15).

use super::call::Call;
use super::{AdminError, roles, views};
use crate::app::AppState;
use crate::domain::admin::fields::{self, Refused};
use crate::domain::admin::grants::{self, NamedGrant};
use crate::domain::machine;
use crate::domain::secret;
use crate::store::service_tokens;
use crate::store::trail::Target;
use secrecy::ExposeSecret;
use serde_json::json;
use vigie_contracts::auth::v1 as pb;
use vigie_identity::grants::{StoredGrant, merge};

/// Every service token, newest first.
#[tracing::instrument(name = "rpc.admin.list_service_tokens", skip_all, err(level = "debug"))]
pub async fn list(state: &AppState) -> Result<pb::ListServiceTokensResponse, AdminError> {
    let rows = service_tokens::all(&mut *state.pool.acquire().await?).await?;
    Ok(pb::ListServiceTokensResponse {
        count: views::count(&rows),
        service_tokens: rows.into_iter().map(views::service_token).collect(),
    })
}

/// Makes a token. It can do nothing but what is named here, and never more than its maker.
#[tracing::instrument(
    name = "rpc.admin.create_service_token",
    skip_all,
    err(level = "debug")
)]
pub async fn create(
    state: &AppState,
    call: Call,
    request: pb::CreateServiceTokenRequest,
) -> Result<pb::CreateServiceTokenResponse, AdminError> {
    let name = fields::text("name", &request.name, 1..=200)?;
    let wanted = grants::parse(&roles::from_request(request.permission_grants))?;
    let expires_at = request.expires_at.as_deref();
    let expires_at = expires_at.map(|at| fields::moment("expires_at", at));
    let expires_at = expires_at.transpose()?;
    if expires_at.is_some_and(|at| at <= state.clock.now()) {
        return Err(Refused::new("expires_at", "expires_at must be in the future").into());
    }

    let (mut tx, admin) = call.begin(state).await?;
    roles::known(&mut tx, &wanted).await?;
    admin.may_give(&merge(wanted.iter().cloned()))?;
    let token = machine::new_service_token();
    let grants: Vec<_> = wanted.into_iter().map(stored).collect();
    let row = service_tokens::insert(
        &mut tx,
        &name,
        &secret::hash(&token),
        &grants,
        admin.actor().id(),
        expires_at,
    )
    .await?;
    let view = views::service_token(row);
    let after = json!({
        "name": view.name,
        "permission_grants": grants,
        "expires_at": view.expires_at,
    });
    let target = Target::one("service_token", &view.id, &view.name);
    admin
        .note(&mut tx, "service_token.created", target, None, Some(after))
        .await?;
    tx.commit().await?;
    Ok(pb::CreateServiceTokenResponse {
        token: token.expose_secret().to_owned(),
        service_token: Some(view),
    })
}

/// Ends a token; what it was exchanged for lives at most a minute more.
#[tracing::instrument(
    name = "rpc.admin.revoke_service_token",
    skip_all,
    err(level = "debug")
)]
pub async fn revoke(
    state: &AppState,
    call: Call,
    request: pb::RevokeServiceTokenRequest,
) -> Result<pb::RevokeServiceTokenResponse, AdminError> {
    let id = fields::id("service token", &request.service_token_id)?;
    let (mut tx, admin) = call.begin(state).await?;
    let revoked = service_tokens::revoke(&mut tx, id)
        .await?
        .ok_or_else(|| AdminError::not_found("Service token", id))?;
    if revoked.now {
        let target = Target::one("service_token", id, &revoked.name);
        admin
            .note(&mut tx, "service_token.revoked", target, None, None)
            .await?;
    }
    tx.commit().await?;
    Ok(pb::RevokeServiceTokenResponse { revoked: true })
}

fn stored(grant: StoredGrant) -> NamedGrant {
    NamedGrant {
        key: grant.key,
        read: grant.read,
        write: grant.write,
        scope: grant.scope.as_str().to_owned(),
    }
}
