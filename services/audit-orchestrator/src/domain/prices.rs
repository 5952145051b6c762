//! What model calls cost: `MODEL_PRICES`.

use serde::Deserialize;
use std::collections::HashMap;
use vigie_events::audit::ModelCall;

/// Price of a model, per million tokens.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
struct TokenPrice {
    input: f64,
    cached_input: Option<f64>,
    output: f64,
}

/// Prices by model. Entries of other kinds (speech, by the second) are not ours.
#[derive(Debug, Clone, Default)]
pub struct ModelPrices(HashMap<String, TokenPrice>);

impl ModelPrices {
    /// Reads the setting.
    pub fn parse(text: &str) -> Result<Self, serde_json::Error> {
        let models: HashMap<String, serde_json::Value> = serde_json::from_str(text)?;
        let prices = models
            .into_iter()
            .filter(|(_, price)| price.get("second").is_none());
        let prices: Result<_, _> = prices
            .map(|(model, price)| serde_json::from_value(price).map(|price| (model, price)))
            .collect();
        prices.map(Self)
    }

    /// Millionths of the currency that a call cost; `None` for a model without a price.
    pub fn cost_micros(&self, call: &ModelCall) -> Option<i64> {
        let price = self.0.get(&call.model)?;
        let cached = call.cached_tokens.clamp(0, call.prompt_tokens.max(0));
        let fresh = call.prompt_tokens - cached;
        // Prices are per million tokens and costs in millionths: the factors cancel out.
        let cost = tokens(fresh) * price.input
            + tokens(cached) * price.cached_input.unwrap_or(price.input)
            + tokens(call.completion_tokens) * price.output;
        #[expect(clippy::cast_possible_truncation, reason = "rounded; `as` saturates")]
        Some(cost.round() as i64)
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "token counts are far below 2^52"
)]
fn tokens(count: i64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cached_tokens_have_their_own_price() {
        let prices = ModelPrices::parse(
            r#"{"m": {"input": 2.0, "cached_input": 0.5, "output": 8}, "scribe": {"second": 0.0001}}"#,
        )
        .unwrap();
        let call = ModelCall {
            engine: "openai".to_owned(),
            model: "m".to_owned(),
            prompt_tokens: 1000,
            cached_tokens: 400,
            completion_tokens: 100,
            latency_ms: 1,
            ok: true,
        };
        assert_eq!(prices.cost_micros(&call), Some(1200 + 200 + 800));
        let unknown = ModelCall {
            model: "other".to_owned(),
            ..call
        };
        assert_eq!(prices.cost_micros(&unknown), None);
        assert!(ModelPrices::parse(r#"{"m": {"input": 1}}"#).is_err());
    }
}
