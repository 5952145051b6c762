//! Settings of auth (`events-and-config.md` F2).

use crate::domain::email::Email;
use crate::domain::machine::MachineTokens;
use crate::domain::policy;
use crate::domain::sealed::SealingKeys;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use subtle::ConstantTimeEq;
use vigie_identity::ServiceName;
use vigie_identity::tokens::ACCESS_MAX_SECONDS;
use vigie_service::env::{Env, EnvErrors, FromEnv};

/// The first administrator.
pub struct SeedAdmin {
    /// Login.
    pub email: Email,
    /// Password, to be changed.
    pub password: SecretString,
}

/// How long things live.
#[derive(Debug, Clone, Copy)]
pub struct Lifetimes {
    /// Access tokens.
    pub access_seconds: i64,
    /// Refresh tokens, from their last rotation.
    pub refresh: Duration,
    /// Sessions, from the login.
    pub session: Duration,
}

/// Which service may ask for internal tokens, by the hash of its secret.
#[derive(Debug, Clone, Default)]
pub struct InternalClients(HashMap<ServiceName, [u8; 32]>);

impl InternalClients {
    /// Parses `<service>=<SHA-256 hex>` entries.
    pub fn parse(entries: &[String]) -> Option<Self> {
        let parse = |entry: &String| {
            let (service, hash) = entry.split_once('=')?;
            let mut bytes = [0; 32];
            hex::decode_to_slice(hash.trim(), &mut bytes).ok()?;
            Some((service.trim().parse().ok()?, bytes))
        };
        let clients = entries.iter().map(parse).collect::<Option<_>>()?;
        Some(Self(clients))
    }

    /// Whether this is the service's secret; in constant time.
    pub fn accepts(&self, service: ServiceName, secret: &SecretString) -> bool {
        let presented: [u8; 32] = Sha256::digest(secret.expose_secret().as_bytes()).into();
        self.0
            .get(&service)
            .is_some_and(|hash| hash.ct_eq(&presented).into())
    }
}

/// Everything that auth reads from the environment.
pub struct Config {
    /// `AUTH_ACCESS_TTL_SECONDS`, `AUTH_REFRESH_TTL_SECONDS`, `AUTH_SESSION_MAX_SECONDS`.
    pub lifetimes: Lifetimes,
    /// `AUTH_SEED_ADMIN_EMAIL`, `AUTH_SEED_ADMIN_PASSWORD`; both or none.
    pub seed_admin: Option<SeedAdmin>,
    /// `VIGIE_ENCRYPTION_KEY`.
    pub sealing: Arc<SealingKeys>,
    /// `INTERNAL_CLIENTS`.
    pub clients: InternalClients,
    /// `API_AUTH_TOKEN`, `API_AUTH_TOKENS`, `API_AUTH_TOKEN_GRANTS`.
    pub machines: MachineTokens,
    /// Pause between rounds of the sweeper; up to a fifth more is added at random.
    pub sweep_every: Duration,
}

/// Verifiers of tokens count on new keys being read this often (`keys.rs`).
const SWEEP_EVERY: Duration = Duration::from_mins(1);
const ACCESS_SECONDS: i64 = 900;
const REFRESH_SECONDS: u64 = 30 * 24 * 3600;
const SESSION_SECONDS: u64 = 90 * 24 * 3600;

impl FromEnv for Config {
    fn from_env(env: &mut Env) -> Result<Self, EnvErrors> {
        let lifetimes = lifetimes(env);
        let seed_admin = seed_admin(env);
        let sealing = SealingKeys::parse(&env.secret("VIGIE_ENCRYPTION_KEY"));
        if let Err(error) = &sealing {
            env.problem("VIGIE_ENCRYPTION_KEY", error.to_string());
        }
        let clients = InternalClients::parse(&env.csv("INTERNAL_CLIENTS"));
        if clients.as_ref().is_none_or(|clients| clients.0.is_empty()) {
            env.problem(
                "INTERNAL_CLIENTS",
                "must list <service>=<SHA-256 hex of its secret>",
            );
        }
        let mut tokens: Vec<SecretString> = env
            .csv("API_AUTH_TOKENS")
            .into_iter()
            .map(SecretString::from)
            .collect();
        tokens.extend(env.optional_secret("API_AUTH_TOKEN"));
        let machines = MachineTokens::new(&tokens, &env.csv("API_AUTH_TOKEN_GRANTS"));
        if let Err(error) = &machines {
            env.problem("API_AUTH_TOKEN_GRANTS", error.to_string());
        }
        // What could not be read was noted above: the stand-ins never leave this function.
        env.done(Self {
            lifetimes,
            seed_admin,
            sealing: Arc::new(sealing.unwrap_or_default()),
            clients: clients.unwrap_or_default(),
            machines: machines.unwrap_or_default(),
            sweep_every: SWEEP_EVERY,
        })
    }
}

fn lifetimes(env: &mut Env) -> Lifetimes {
    let access_seconds = env.int_min("AUTH_ACCESS_TTL_SECONDS", ACCESS_SECONDS, 1);
    if access_seconds > ACCESS_MAX_SECONDS {
        env.problem(
            "AUTH_ACCESS_TTL_SECONDS",
            format!("must be at most {ACCESS_MAX_SECONDS}"),
        );
    }
    let seconds =
        |env: &mut Env, name, default: u64| Duration::from_secs(env.int_min(name, default, 1));
    Lifetimes {
        access_seconds,
        refresh: seconds(env, "AUTH_REFRESH_TTL_SECONDS", REFRESH_SECONDS),
        session: seconds(env, "AUTH_SESSION_MAX_SECONDS", SESSION_SECONDS),
    }
}

fn seed_admin(env: &mut Env) -> Option<SeedAdmin> {
    let email = env.optional("AUTH_SEED_ADMIN_EMAIL")?;
    let password = env.optional_secret("AUTH_SEED_ADMIN_PASSWORD")?;
    let Some(email) = Email::parse(&email) else {
        env.problem("AUTH_SEED_ADMIN_EMAIL", "must be an e-mail address");
        return None;
    };
    let allowed = policy::new_password(password.expose_secret().to_owned(), Some(email.as_str()));
    if let Err(refused) = allowed {
        env.problem("AUTH_SEED_ADMIN_PASSWORD", refused.to_string());
        return None;
    }
    Some(SeedAdmin { email, password })
}
