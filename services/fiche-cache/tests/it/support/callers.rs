//! Who asks.

use chrono::Utc;
use std::sync::Arc;
use tonic::Request;
use vigie_events::ids::UserId;
use vigie_identity::{Caller, Grant, Principal, PrincipalKind, Scope, ServiceName};

pub fn of<T>(caller: &Caller, message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.extensions_mut().insert(caller.clone());
    request
}

/// A user with every permission in one scope.
pub fn user(scope: Scope, groupe: &str, crm_user: &str) -> Caller {
    let grant = |key: &str| Grant {
        key: key.to_owned(),
        read: true,
        write: true,
        read_scope: scope,
        write_scope: scope,
    };
    let keys = ["fiches", "recordings", "audits", "transcriptions"];
    with_grants(keys.map(grant).to_vec(), groupe, crm_user)
}

pub fn with_grants(grants: Vec<Grant>, groupe: &str, crm_user: &str) -> Caller {
    let principal = Principal {
        kind: PrincipalKind::User(UserId::new(1)),
        email: "q@vigie.test".to_owned(),
        roles: Vec::new(),
        crm_user_id: Some(crm_user.to_owned()),
        groupes: vec![groupe.to_owned()],
        groupe_names: Vec::new(),
        grants,
        session: Some("s".to_owned()),
        version: 1,
        expires_at: Utc::now(),
    };
    Caller {
        principal: Some(Arc::new(principal)),
        service: Some(ServiceName::Gateway),
        token: None,
    }
}

pub fn everyone() -> Caller {
    user(Scope::All, "", "")
}

pub fn service(name: ServiceName) -> Caller {
    Caller {
        principal: None,
        service: Some(name),
        token: None,
    }
}
