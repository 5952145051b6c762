//! What verifying an access token costs: `cargo run --release -p vigie-identity --example verify_cost`.
//! Prints microseconds a token, remembered and new, with 10,000 revocations known.

#![expect(clippy::print_stdout, reason = "the result")]

use chrono::TimeDelta;
use secrecy::ExposeSecret;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;
use tonic::async_trait;
use vigie_events::auth::{PrincipalChange, PrincipalChanged};
use vigie_events::ids::UserId;
use vigie_identity::tokens::{
    Jwks, KeySource, KeySourceError, Realm, Signer, SigningKey, Verifier,
};
use vigie_identity::{Clock, Grant, Principal, PrincipalKind, Revocations, Scope};

const REMEMBERED: u32 = 200_000;
const NEW: u32 = 2_000;
const KEYS: [&str; 12] = [
    "admin.permissions",
    "admin.roles",
    "admin.users",
    "audit-configs",
    "audits",
    "automation",
    "chat",
    "fiches",
    "products",
    "realtime",
    "recordings",
    "transcriptions",
];

struct Published(Jwks);

#[async_trait]
impl KeySource for Published {
    async fn fetch(&self) -> Result<Jwks, KeySourceError> {
        Ok(self.0.clone())
    }
}

/// An administrator: the largest usual token.
fn admin(clock: &Clock) -> Principal {
    let grant = |key: &str| Grant {
        key: key.to_owned(),
        read: true,
        write: true,
        read_scope: Scope::All,
        write_scope: Scope::All,
    };
    Principal {
        kind: PrincipalKind::User(UserId::new(42)),
        email: "quality@example.test".to_owned(),
        roles: vec!["admin".to_owned()],
        crm_user_id: Some("349".to_owned()),
        groupes: vec!["Nord".to_owned(), "Sud".to_owned()],
        groupe_names: vec!["Nord".to_owned(), "Sud".to_owned()],
        grants: KEYS.into_iter().map(grant).collect(),
        session: Some("0d7e5b0e-5d0f-4c51-9d1e-7e0a2f6f3a11".to_owned()),
        version: 3,
        expires_at: clock.now() + TimeDelta::seconds(900),
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let clock = Clock::system();
    let key = SigningKey::generate()?;
    let revocations = Arc::new(Revocations::new(clock.clone()));
    for user in 100..10_100 {
        revocations.note(&PrincipalChanged {
            user_id: UserId::new(user),
            version: 2,
            sid: None,
            reason: PrincipalChange::Roles,
        });
    }
    let source = Arc::new(Published(Jwks {
        keys: vec![key.jwk()],
    }));
    let verifier = Verifier::with_revocations(Realm::default(), source, clock.clone(), revocations);
    let signer = Signer::new(Realm::default(), &key);
    let sign = || signer.access(&admin(&clock), clock.now());
    let tokens = (0..NEW).map(|_| sign()).collect::<Result<Vec<_>, _>>()?;
    let bytes = tokens.first().map(|it| it.token.expose_secret().len());
    // Brings the keys.
    verifier.access(sign()?.token.expose_secret()).await?;

    let started = Instant::now();
    for token in &tokens {
        black_box(verifier.access(token.token.expose_secret()).await?);
    }
    let new = started.elapsed() / NEW;
    let token = sign()?.token;
    verifier.access(token.expose_secret()).await?;
    let started = Instant::now();
    for _ in 0..REMEMBERED {
        black_box(verifier.access(token.expose_secret()).await?);
    }
    let remembered = started.elapsed() / REMEMBERED;
    println!(
        "token of {} bytes: new {:.2} us, remembered {:.2} us",
        bytes.unwrap_or_default(),
        new.as_secs_f64() * 1e6,
        remembered.as_secs_f64() * 1e6
    );
    Ok(())
}
