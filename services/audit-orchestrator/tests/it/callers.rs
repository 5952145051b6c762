//! Who calls, and what they are told.

use chrono::{DateTime, Utc};
use std::sync::Arc;
use tonic::{Request, Status};
use vigie_events::ids::UserId;
use vigie_identity::{Caller, Grant, Principal, PrincipalKind, Scope, ServiceName};
use vigie_service::{ErrorCode, WireError};

/// A user behind the gateway with grants on audits and configurations.
pub fn user(scope: Scope, write: bool) -> Caller {
    let grant = |key: &str| Grant {
        key: key.to_owned(),
        read: true,
        write,
        read_scope: scope,
        write_scope: scope,
    };
    let principal = Principal {
        kind: PrincipalKind::User(UserId::new(12)),
        email: "a@b.test".to_owned(),
        roles: Vec::new(),
        crm_user_id: None,
        groupes: vec!["Equipe Ouest".to_owned()],
        groupe_names: Vec::new(),
        grants: ["audits", "audit-configs", "realtime"].map(grant).to_vec(),
        session: None,
        version: 1,
        expires_at: DateTime::<Utc>::MAX_UTC,
    };
    Caller {
        principal: Some(Arc::new(principal)),
        service: Some(ServiceName::Gateway),
        token: None,
    }
}

pub fn service(name: ServiceName) -> Caller {
    Caller {
        service: Some(name),
        ..Caller::default()
    }
}

pub fn by<T>(caller: Caller, message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.extensions_mut().insert(caller);
    request
}

pub fn wire(status: &Status) -> (ErrorCode, String) {
    let error = WireError::from(status);
    (error.code, error.message)
}
