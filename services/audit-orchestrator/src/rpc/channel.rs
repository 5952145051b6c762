//! `CheckChannel`: whether the caller may watch an audit (`events-and-config.md` E7).

use crate::app::AppState;
use crate::rpc::internal;
use crate::store;
use tonic::Status;
use vigie_contracts::audit::v1::{CheckChannelRequest, CheckChannelResponse};
use vigie_identity::{Caller, Guard, ServiceName};

const REALTIME: Guard = Guard::parse("realtime.auth");
const AUDITS: Guard = Guard::parse("audits.read");

/// Decides for the gateway. An unknown audit is watched by those who see all.
pub async fn check_channel(
    state: &AppState,
    caller: &Caller,
    request: &CheckChannelRequest,
) -> Result<CheckChannelResponse, Status> {
    caller.require_service(&[ServiceName::Gateway])?;
    caller.require(REALTIME)?;
    let scope = caller.require(AUDITS)?;
    if scope.all() {
        // Nothing to look up: the audit need not exist yet.
        return Ok(CheckChannelResponse { allowed: true });
    }
    let mut conn = state.db.acquire().await.map_err(internal)?;
    let fiche = store::list::fiche_of(&mut conn, &request.audit_key)
        .await
        .map_err(internal)?;
    let allowed = match fiche {
        Some(fiche) => store::fiche::in_scope(&mut conn, &fiche, &scope)
            .await
            .map_err(internal)?,
        None => false,
    };
    Ok(CheckChannelResponse { allowed })
}
