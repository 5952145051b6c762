//! Who calls, and how an answer is read.

use chrono::{DateTime, Utc};
use std::sync::Arc;
use tonic::{Request, Status};
use vigie_events::ids::UserId;
use vigie_identity::{Caller, Grant, Principal, PrincipalKind, Scope};
use vigie_service::WireError;

#[expect(
    clippy::needless_pass_by_value,
    reason = "the shape that `map_err` takes"
)]
pub fn wire(status: Status) -> WireError {
    WireError::from(&status)
}

/// A request as the auth layer hands it over.
pub fn by<T>(caller: &Caller, message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.extensions_mut().insert(caller.clone());
    request
}

pub fn admin() -> Caller {
    user(1, Scope::All, &[])
}

/// A user with this scope on schedules and fiches.
pub fn user(id: i64, scope: Scope, groupes: &[&str]) -> Caller {
    let grant = |key: &str| Grant {
        key: key.to_owned(),
        read: true,
        write: true,
        read_scope: scope,
        write_scope: scope,
    };
    let principal = Principal {
        kind: PrincipalKind::User(UserId::new(id)),
        email: format!("user{id}@example.org"),
        roles: Vec::new(),
        crm_user_id: Some(id.to_string()),
        groupes: groupes.iter().map(ToString::to_string).collect(),
        groupe_names: Vec::new(),
        grants: vec![grant("automation"), grant("fiches")],
        session: None,
        version: 1,
        expires_at: DateTime::<Utc>::MAX_UTC,
    };
    Caller {
        principal: Some(Arc::new(principal)),
        service: None,
        token: Some("user-token".to_owned().into()),
    }
}
