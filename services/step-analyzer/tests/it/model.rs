//! A model that behaves or misbehaves on demand.

use crate::support::{config, transcript};
use anyhow::Result;
use vigie_scorecard::{ExcerptRules, ToolLimits};
use vigie_simulators::{Options, Simulators};
use vigie_step_analyzer::domain::judgement::{JudgeError, Judgement, Question};
use vigie_step_analyzer::engine::OpenAi;
use vigie_upstream::llm::{LlmClient, LlmConfig};

/// A simulated model and the engine that asks it.
pub struct Model {
    simulators: Simulators,
    engine: OpenAi,
}

impl Model {
    /// Both, with short waits.
    pub async fn start() -> Result<Self> {
        Self::start_with(ToolLimits::default()).await
    }

    /// The same with other limits of transcript tools.
    pub async fn start_with(limits: ToolLimits) -> Result<Self> {
        let simulators = Simulators::start(Options::default()).await?;
        let mut config = LlmConfig::new(format!("{}/v1", simulators.llm_url), "gpt-sim");
        config.retry.base = std::time::Duration::from_millis(1);
        config.retry.cap = std::time::Duration::from_millis(1);
        let engine =
            OpenAi::new(LlmClient::new(config)?, ExcerptRules::default()).with_limits(limits);
        Ok(Self { simulators, engine })
    }

    /// Makes the model misbehave.
    pub async fn fault(&self, fault: serde_json::Value) -> Result<()> {
        let url = format!("{}/__faults", self.simulators.llm_url);
        reqwest::Client::new()
            .post(url)
            .json(&fault)
            .send()
            .await?
            .error_for_status()?;
        Ok(())
    }

    /// Completions asked for so far.
    pub async fn calls(&self) -> Result<u64> {
        let url = format!("{}/__calls", self.simulators.llm_url);
        let calls: serde_json::Value = reqwest::get(url).await?.json().await?;
        Ok(calls["counts"]["total"]
            .as_u64()
            .or(calls["total"].as_u64())
            .unwrap_or_default())
    }

    /// Judges the first step of a call.
    pub async fn judge(&self) -> Result<Judgement, JudgeError> {
        self.judge_by(false).await
    }

    /// The same by transcript tools.
    pub async fn judge_by_tools(&self) -> Result<Judgement, JudgeError> {
        self.judge_by(true).await
    }

    async fn judge_by(&self, use_tools: bool) -> Result<Judgement, JudgeError> {
        let (config, transcript) = (config(), transcript("vente-conforme"));
        let question = Question {
            config: &config,
            step: &config.steps[0],
            transcript: &transcript,
            use_tools,
            call_key: "key",
        };
        self.engine.judge(question).await
    }
}
