//! A realm with one key, a clock that can be moved, and a key source that counts.

use chrono::{DateTime, TimeDelta, Utc};
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use tonic::async_trait;
use vigie_events::ids::UserId;
use vigie_identity::tokens::{
    Jwks, KeySource, KeySourceError, Realm, Signer, SigningKey, Verifier,
};
use vigie_identity::{Clock, Grant, Principal, PrincipalKind, Revocations, Scope};

pub const START: i64 = 1_900_000_000;

/// A clock that tests move.
#[derive(Clone, Default)]
pub struct Hands(Arc<AtomicI64>);

impl Hands {
    pub fn clock(&self) -> Clock {
        let hands = self.clone();
        Clock::from_fn(move || hands.now())
    }

    pub fn now(&self) -> DateTime<Utc> {
        DateTime::from_timestamp(START + self.0.load(Ordering::SeqCst), 0).unwrap()
    }

    pub fn forward(&self, seconds: i64) {
        self.0.fetch_add(seconds, Ordering::SeqCst);
    }
}

/// Keys that tests replace and take away.
#[derive(Default)]
pub struct Published {
    pub keys: Mutex<Option<Jwks>>,
    pub fetches: AtomicUsize,
}

impl Published {
    pub fn set(&self, keys: &[&SigningKey]) {
        let keys = keys.iter().map(|key| key.jwk()).collect();
        *self.keys.lock().unwrap() = Some(Jwks { keys });
    }

    pub fn go_down(&self) {
        *self.keys.lock().unwrap() = None;
    }

    pub fn fetches(&self) -> usize {
        self.fetches.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl KeySource for Published {
    async fn fetch(&self) -> Result<Jwks, KeySourceError> {
        self.fetches.fetch_add(1, Ordering::SeqCst);
        tokio::task::yield_now().await;
        self.keys
            .lock()
            .unwrap()
            .clone()
            .ok_or_else(|| KeySourceError("down".to_owned()))
    }
}

pub struct World {
    pub hands: Hands,
    pub key: SigningKey,
    pub published: Arc<Published>,
    pub signer: Signer,
    pub revocations: Arc<Revocations>,
    pub verifier: Arc<Verifier>,
}

pub fn world() -> World {
    let hands = Hands::default();
    let key = SigningKey::generate().unwrap();
    let published = Arc::new(Published::default());
    published.set(&[&key]);
    let signer = Signer::new(Realm::default(), &key);
    let source = Arc::clone(&published) as Arc<dyn KeySource>;
    let revocations = Arc::new(Revocations::new(hands.clock()));
    let verifier = Arc::new(Verifier::with_revocations(
        Realm::default(),
        source,
        hands.clock(),
        Arc::clone(&revocations),
    ));
    World {
        hands,
        key,
        published,
        signer,
        revocations,
        verifier,
    }
}

impl World {
    pub fn user(&self) -> Principal {
        user(self.hands.now() + TimeDelta::seconds(900))
    }
}

pub fn grant(key: &str, read: Option<Scope>, write: Option<Scope>) -> Grant {
    Grant {
        key: key.to_owned(),
        read: read.is_some(),
        write: write.is_some(),
        read_scope: read.unwrap_or_default(),
        write_scope: write.unwrap_or_default(),
    }
}

pub fn user(expires_at: DateTime<Utc>) -> Principal {
    Principal {
        kind: PrincipalKind::User(UserId::new(42)),
        email: "quality@example.test".to_owned(),
        roles: vec!["operator".to_owned()],
        crm_user_id: Some("349".to_owned()),
        groupes: vec!["Nord".to_owned()],
        groupe_names: vec!["Nord".to_owned(), "Nord (ancien)".to_owned()],
        grants: vec![grant("audits", Some(Scope::Group), Some(Scope::Own))],
        session: Some("family-1".to_owned()),
        version: 3,
        expires_at,
    }
}
