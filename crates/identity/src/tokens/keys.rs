use super::jwks::{InvalidKey, Jwks};
use crate::Clock;
use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::DecodingKey;
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use tokio::sync::Mutex;
use tonic::async_trait;

/// The keys could not be read.
#[derive(Debug, thiserror::Error)]
#[error("published keys are unavailable: {0}")]
pub struct KeySourceError(pub String);

/// Where published keys come from: auth over gRPC, or auth's own table.
#[async_trait]
pub trait KeySource: Send + Sync + 'static {
    /// Reads the current set.
    async fn fetch(&self) -> Result<Jwks, KeySourceError>;
}

/// Shortest time between two fetches for unknown key ids: a flood of forged ids asks auth no more often.
const UNKNOWN: TimeDelta = TimeDelta::seconds(5);
/// Shortest time between two fetches while there is no key at all.
const FAILED: TimeDelta = TimeDelta::seconds(1);
/// A set older than this is fetched again, so that a withdrawn key goes away.
const STALE: TimeDelta = TimeDelta::minutes(5);

type Keys = HashMap<String, DecodingKey>;

/// The key set, fetched when a token names a key that is not in it, and now and then.
pub(super) struct KeyCache {
    source: Arc<dyn KeySource>,
    clock: Clock,
    keys: RwLock<Arc<Keys>>,
    /// When auth was asked last. Held while asking, so that one asks and the others wait.
    asked: Mutex<Option<DateTime<Utc>>>,
}

impl KeyCache {
    pub(super) fn new(source: Arc<dyn KeySource>, clock: Clock) -> Self {
        Self {
            source,
            clock,
            keys: RwLock::default(),
            asked: Mutex::new(None),
        }
    }

    /// The key with this id; `None` when auth does not publish it.
    pub(super) async fn get(&self, kid: &str) -> Result<Option<DecodingKey>, KeySourceError> {
        if self.find(kid).is_some() {
            self.refresh().await;
            return Ok(self.find(kid));
        }
        let mut asked = self.asked.lock().await;
        // Whoever held the lock may have brought the key.
        if let Some(key) = self.find(kid) {
            return Ok(Some(key));
        }
        let pause = if self.current().is_empty() {
            FAILED
        } else {
            UNKNOWN
        };
        if self.age(*asked).is_none_or(|age| age >= pause) {
            *asked = Some(self.clock.now());
            self.fetch().await?;
        } else if self.current().is_empty() {
            return Err(KeySourceError("asked a moment ago".to_owned()));
        }
        Ok(self.find(kid))
    }

    /// Fetches a stale set again; one call does, the others go on with what there is.
    async fn refresh(&self) {
        let Ok(mut asked) = self.asked.try_lock() else {
            return;
        };
        if self.age(*asked).is_some_and(|age| age >= STALE) {
            *asked = Some(self.clock.now());
            // Fails only without any key, and there is one.
            let _kept = self.fetch().await;
        }
    }

    /// Replaces the set. While auth is down the cached one serves.
    async fn fetch(&self) -> Result<(), KeySourceError> {
        match self.source.fetch().await {
            Ok(set) => {
                self.replace(&set);
                Ok(())
            }
            Err(error) if self.current().is_empty() => Err(error),
            Err(error) => {
                tracing::warn!(error = %error, "serving the cached keys");
                Ok(())
            }
        }
    }

    fn age(&self, asked: Option<DateTime<Utc>>) -> Option<TimeDelta> {
        asked.map(|at| self.clock.now() - at)
    }

    fn find(&self, kid: &str) -> Option<DecodingKey> {
        self.current().get(kid).cloned()
    }

    fn current(&self) -> Arc<Keys> {
        self.keys
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn replace(&self, set: &Jwks) {
        let mut keys = Keys::new();
        for jwk in &set.keys {
            match jwk.decoding_key() {
                Ok(key) => {
                    keys.insert(jwk.kid.clone(), key);
                }
                Err(InvalidKey { kid }) => tracing::warn!(kid, "published key is not usable"),
            }
        }
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(keys);
    }
}
