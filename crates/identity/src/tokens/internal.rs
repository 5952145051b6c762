use crate::{Clock, ServiceName};
use chrono::{DateTime, TimeDelta, Utc};
use secrecy::SecretString;
use std::collections::HashMap;
use std::sync::{Arc, PoisonError};
use std::time::Duration;
use tokio::sync::Mutex;
use tonic::async_trait;

/// No internal token could be had.
#[derive(Debug, Clone, thiserror::Error)]
#[error("no internal token: {0}")]
pub struct InternalTokensError(pub String);

/// A fresh internal token.
pub struct IssuedToken {
    /// The token.
    pub token: SecretString,
    /// How long it lives from now.
    pub expires_in: Duration,
}

/// Where internal tokens come from: auth over gRPC, or auth's own signer.
#[async_trait]
pub trait InternalTokenSource: Send + Sync + 'static {
    /// Asks for a token of this service towards `audience`.
    async fn issue(&self, audience: ServiceName) -> Result<IssuedToken, InternalTokensError>;
}

/// A token is renewed this long before it ends.
const EARLY: TimeDelta = TimeDelta::seconds(60);

struct Held {
    token: SecretString,
    renew_at: DateTime<Utc>,
}

type Slot = Arc<Mutex<Option<Held>>>;

/// The internal tokens of one service, one for each service that it calls.
pub struct InternalTokens {
    source: Arc<dyn InternalTokenSource>,
    clock: Clock,
    slots: std::sync::Mutex<HashMap<ServiceName, Slot>>,
}

impl InternalTokens {
    /// An empty cache over `source`.
    pub fn new(source: Arc<dyn InternalTokenSource>, clock: Clock) -> Self {
        Self {
            source,
            clock,
            slots: std::sync::Mutex::default(),
        }
    }

    /// A token for calls to `audience`. Callers that come together wait for one request to auth.
    pub async fn get(&self, audience: ServiceName) -> Result<SecretString, InternalTokensError> {
        let slot = self.slot(audience);
        let mut held = slot.lock().await;
        let now = self.clock.now();
        if let Some(held) = held.as_ref().filter(|held| held.renew_at > now) {
            return Ok(held.token.clone());
        }
        let issued = self.source.issue(audience).await?;
        let life = TimeDelta::from_std(issued.expires_in).unwrap_or(TimeDelta::zero());
        // A token shorter than the margin is still used for half of its life.
        let renew_at = now + (life - EARLY).max(life / 2);
        *held = Some(Held {
            token: issued.token.clone(),
            renew_at,
        });
        Ok(issued.token)
    }

    fn slot(&self, audience: ServiceName) -> Slot {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(slots.entry(audience).or_default())
    }
}
