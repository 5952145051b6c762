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
const REFETCH_SECONDS: i64 = 5;

type Keys = HashMap<String, DecodingKey>;

/// The key set, fetched when a token names a key that is not in it.
pub(super) struct KeyCache {
    source: Arc<dyn KeySource>,
    clock: Clock,
    keys: RwLock<Arc<Keys>>,
    fetched: Mutex<Option<DateTime<Utc>>>,
}

impl KeyCache {
    pub(super) fn new(source: Arc<dyn KeySource>, clock: Clock) -> Self {
        Self {
            source,
            clock,
            keys: RwLock::default(),
            fetched: Mutex::new(None),
        }
    }

    /// The key with this id; `None` when auth does not publish it.
    pub(super) async fn get(&self, kid: &str) -> Result<Option<DecodingKey>, KeySourceError> {
        if let Some(key) = self.current().get(kid) {
            return Ok(Some(key.clone()));
        }
        // Held while fetching: everyone who misses waits for one fetch and then looks again.
        let mut fetched = self.fetched.lock().await;
        if let Some(key) = self.current().get(kid) {
            return Ok(Some(key.clone()));
        }
        let now = self.clock.now();
        if fetched.is_some_and(|at| now - at < TimeDelta::seconds(REFETCH_SECONDS)) {
            return Ok(None);
        }
        match self.source.fetch().await {
            Ok(set) => {
                *fetched = Some(now);
                self.replace(&set);
                Ok(self.current().get(kid).cloned())
            }
            // With keys at hand, an unknown id is most likely forged: do not ask again at once.
            Err(error) if !self.current().is_empty() => {
                *fetched = Some(now);
                tracing::warn!(error = %error, "serving the cached keys");
                Ok(None)
            }
            Err(error) => Err(error),
        }
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
