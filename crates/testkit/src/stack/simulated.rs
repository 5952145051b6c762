//! The simulators' control: faults on demand, and what was asked of them.

use super::Stack;
use crate::api::http_client;
use anyhow::{Context, Result};
use serde_json::Value;

/// One of the stand-ins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Simulator {
    /// The CRM gateway.
    Crm,
    /// ElevenLabs.
    Speech,
    /// The language model.
    Model,
    /// Pusher.
    Pusher,
}

impl Stack {
    /// Adds a fault: `{"kind": "latency", "latency_ms": 200}` and the like.
    pub async fn fault(&self, simulator: Simulator, rule: &Value) -> Result<()> {
        let url = self.control(simulator, "__faults");
        http_client()?
            .post(url)
            .json(rule)
            .send()
            .await?
            .error_for_status()
            .map(drop)?;
        Ok(())
    }

    /// Forgets all faults of a simulator.
    pub async fn heal(&self, simulator: Simulator) -> Result<()> {
        let url = self.control(simulator, "__faults");
        http_client()?
            .delete(url)
            .send()
            .await?
            .error_for_status()
            .map(drop)?;
        Ok(())
    }

    /// What was asked of a simulator: `total`, `peak_in_flight`, `by_key`, `calls`.
    pub async fn calls(&self, simulator: Simulator) -> Result<Value> {
        let url = self.control(simulator, "__calls");
        let answer = http_client()?.get(url).send().await?.error_for_status()?;
        answer.json().await.context("the simulator's record")
    }

    fn control(&self, simulator: Simulator, what: &str) -> String {
        let urls = self.state().simulators;
        let base = match simulator {
            Simulator::Crm => urls.crm_url,
            Simulator::Speech => urls.stt_url,
            Simulator::Model => urls.llm_url,
            Simulator::Pusher => urls.pusher_url,
        };
        format!("{base}/{what}")
    }
}
