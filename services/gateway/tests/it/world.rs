//! What stands behind the gateway in these tests: every service on one port, answering as told.

use secrecy::ExposeSecret;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};
use tonic::{Request, Status};
use vigie_identity::tokens::{Realm, Signer, SigningKey};
use vigie_identity::{Clock, Grant, Principal, PrincipalKind, Scope};
use vigie_service::grpc::Origin;
use vigie_service::{ErrorCode, WireError};

pub const API_TOKEN: &str = "machine-token";
/// Every permission that routes ask for.
const KEYS: [&str; 10] = [
    "fiches",
    "recordings",
    "transcriptions",
    "audits",
    "audit-configs",
    "automation",
    "realtime",
    "admin.users",
    "admin.roles",
    "admin.permissions",
];
pub const REFRESH_TOKEN: &str = "refresh-token-of-the-session";

/// A refusal of a service.
pub fn refused(code: ErrorCode, message: &str) -> Status {
    WireError::new(code, message).into()
}

/// A call that a service got.
#[derive(Debug, Clone)]
pub struct Call {
    pub rpc: &'static str,
    pub user: Option<String>,
    pub origin: Origin,
}

#[derive(Default)]
pub struct Script {
    pub calls: Vec<Call>,
    /// RPCs that fail.
    pub failures: HashMap<&'static str, WireError>,
    /// The last request of an RPC, as debug text.
    pub requests: HashMap<&'static str, String>,
    /// Tickets that were not taken yet.
    pub tickets: HashMap<String, Vec<String>>,
    /// The last body that made a schedule.
    pub schedule: String,
    /// The last range of days that was wanted.
    pub range: Option<vigie_contracts::fiche::v1::ListByDateRangeRequest>,
    /// Where the recordings of a fiche lie.
    pub recording_url: String,
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
        let origin = Origin::of(request);
        script.calls.push(Call { rpc, user, origin });
        match script.failures.get(rpc) {
            Some(error) => Err(error.clone().into()),
            None => Ok(()),
        }
    }

    /// Keeps what an RPC was asked.
    pub fn note(&self, rpc: &'static str, request: &impl std::fmt::Debug) {
        let request = format!("{request:?}");
        self.script().requests.insert(rpc, request);
    }

    /// What an RPC was last asked.
    pub fn asked(&self, rpc: &str) -> String {
        self.script().requests.get(rpc).cloned().unwrap_or_default()
    }

    /// A token with these grants, read and write, that lives so long.
    pub fn token_for(&self, grants: &[(&str, Scope)], seconds: i64) -> String {
        let user = PrincipalKind::User("42".parse().unwrap());
        self.sign(user, grants, seconds)
    }

    fn sign(&self, kind: PrincipalKind, grants: &[(&str, Scope)], seconds: i64) -> String {
        let now = Clock::system().now();
        let grants = grants.iter().map(|(key, scope)| Grant {
            key: (*key).to_owned(),
            read: true,
            write: true,
            read_scope: *scope,
            write_scope: *scope,
        });
        let principal = Principal {
            session: matches!(kind, PrincipalKind::User(_)).then(|| "s".to_owned()),
            kind,
            email: "claire@vigie.test".to_owned(),
            roles: Vec::new(),
            crm_user_id: None,
            groupes: Vec::new(),
            groupe_names: Vec::new(),
            grants: grants.collect(),
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
        self.token_for(&KEYS.map(|key| (key, scope)), 600)
    }

    /// What a machine's API token is exchanged for.
    pub fn machine_token(&self) -> String {
        let machine = PrincipalKind::Machine("machine".to_owned());
        self.sign(machine, &KEYS.map(|key| (key, Scope::All)), 60)
    }
}
