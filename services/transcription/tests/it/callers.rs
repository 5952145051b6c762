//! Who calls.

use chrono::{DateTime, Utc};
use std::sync::Arc;
use tonic::{Request, Status};
use vigie_events::ids::UserId;
use vigie_identity::{Caller, Grant, Principal, PrincipalKind, Scope, ServiceName};
use vigie_service::{ErrorCode, WireError};

/// A user with this grant.
pub fn user(scope: Scope, write: bool) -> Caller {
    numbered(12, scope, write)
}

/// The same, another one.
pub fn numbered(id: i64, scope: Scope, write: bool) -> Caller {
    holding("transcriptions", id, scope, write)
}

/// Somebody who reads fiches, and the gateway's pages of them.
pub fn reader_of_fiches(scope: Scope) -> Caller {
    holding("fiches", 12, scope, false)
}

fn holding(key: &str, id: i64, scope: Scope, write: bool) -> Caller {
    let grant = Grant {
        key: key.to_owned(),
        read: true,
        write,
        read_scope: scope,
        write_scope: scope,
    };
    let principal = Principal {
        kind: PrincipalKind::User(UserId::new(id)),
        email: "a@b.test".to_owned(),
        roles: Vec::new(),
        crm_user_id: None,
        groupes: vec!["Equipe Ouest".to_owned()],
        groupe_names: Vec::new(),
        grants: vec![grant],
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

pub fn code(status: &Status) -> ErrorCode {
    WireError::from(status).code
}
