//! Messages for who runs the platform (`events-and-config.md` D6).

use crate::{Event, Kind, Message, MessageId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// State of a circuit breaker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CircuitState {
    /// Nothing is sent.
    Open,
    /// One try is made.
    HalfOpen,
    /// As usual.
    Closed,
}

/// `ops/provider.circuit`: the breaker of a provider has changed its state.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct ProviderCircuit {
    /// Which.
    pub provider: String,
    /// Its state now.
    pub state: CircuitState,
    /// Why.
    pub cause: String,
}

impl ProviderCircuit {
    /// `circuit-<provider>-<epochMs>`.
    pub fn message(self, epoch_ms: i64) -> Message<Self> {
        let id = MessageId::new(format!("circuit-{}-{epoch_ms}", self.provider));
        Message::new(id, self)
    }
}

impl Event for ProviderCircuit {
    const NAME: &'static str = "ops/provider.circuit";
    const KIND: Kind = Kind::Fact;
    const ABOUT: &'static str = "The circuit breaker of a provider has changed its state.";

    fn entity(&self) -> Vec<String> {
        vec![self.provider.clone()]
    }
}
