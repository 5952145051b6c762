//! What stands behind the gateway in these tests: every service on one port, answering as told.

use secrecy::ExposeSecret;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};
use tonic::{Request, Status};
use vigie_identity::tokens::{Realm, Signer, SigningKey};
use vigie_identity::{Clock, Grant, Principal, PrincipalKind, Scope};
use vigie_service::{ErrorCode, WireError};

pub const API_TOKEN: &str = "machine-token";
pub const REFRESH_TOKEN: &str = "refresh-token-of-the-session";

/// A call that a service got.
#[derive(Debug, Clone)]
pub struct Call {
    pub rpc: &'static str,
    pub user: Option<String>,
}

#[derive(Default)]
pub struct Script {
    pub calls: Vec<Call>,
    /// RPCs that fail.
    pub failures: HashMap<&'static str, WireError>,
    /// Tickets that were not taken yet.
    pub tickets: HashMap<String, Vec<String>>,
    /// The last body that made a schedule.
    pub schedule: String,
    /// What the last login or refresh knew of the client.
    pub client_ip: Option<String>,
    /// Audits and fiches that a caller of less than all may watch.
    pub watchable: Vec<String>,
}

pub struct World {
    pub key: SigningKey,
    pub signer: Signer,
    script: Mutex<Script>,
}

impl World {
    pub fn new() -> Arc<Self> {
        let key = SigningKey::generate().unwrap();
        Arc::new(Self {
            signer: Signer::new(Realm::default(), &key),
            key,
            script: Mutex::default(),
        })
    }

    pub fn script(&self) -> MutexGuard<'_, Script> {
        self.script.lock().unwrap()
    }

    /// Lets an RPC fail from now on.
    pub fn fail(&self, rpc: &'static str, code: ErrorCode, message: &str) {
        self.script()
            .failures
            .insert(rpc, WireError::new(code, message));
    }

    /// How often an RPC was called.
    pub fn count(&self, rpc: &str) -> usize {
        self.script()
            .calls
            .iter()
            .filter(|call| call.rpc == rpc)
            .count()
    }

    /// Notes a call, and fails it if told so.
    pub fn enter<T>(&self, rpc: &'static str, request: &Request<T>) -> Result<(), Status> {
        let user = request.metadata().get("authorization");
        let user = user.map(|value| value.to_str().unwrap().to_owned());
        let internal = request.metadata().contains_key("x-vigie-internal");
        assert!(internal, "{rpc} was called without an internal token");
        let mut script = self.script();
        script.calls.push(Call { rpc, user });
        match script.failures.get(rpc) {
            Some(error) => Err(error.clone().into()),
            None => Ok(()),
        }
    }

    /// A token with these grants, read and write, that lives so long.
    pub fn token_for(&self, grants: &[(&str, Scope)], seconds: i64) -> String {
        let now = Clock::system().now();
        let grants = grants.iter().map(|(key, scope)| Grant {
            key: (*key).to_owned(),
            read: true,
            write: true,
            read_scope: *scope,
            write_scope: *scope,
        });
        let principal = Principal {
            kind: PrincipalKind::User("42".parse().unwrap()),
            email: "claire@vigie.test".to_owned(),
            roles: Vec::new(),
            crm_user_id: None,
            groupes: Vec::new(),
            groupe_names: Vec::new(),
            grants: grants.collect(),
            session: Some("s".to_owned()),
            version: 1,
            expires_at: now + chrono::TimeDelta::seconds(seconds),
        };
        let token = self.signer.access(&principal, now).unwrap().token;
        token.expose_secret().to_owned()
    }

    /// A token that may do everything.
    pub fn token(&self) -> String {
        self.token_of(Scope::All)
    }

    /// A token with every grant, of this reach.
    pub fn token_of(&self, scope: Scope) -> String {
        let keys = [
            "fiches",
            "recordings",
            "transcriptions",
            "audits",
            "audit-configs",
            "automation",
            "realtime",
        ];
        self.token_for(&keys.map(|key| (key, scope)), 600)
    }
}
